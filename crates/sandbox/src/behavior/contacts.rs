//! The contact methods and notification rules of users:
//! <https://developer.pagerduty.com/api-reference/50d46c0eb020d-list-a-user-s-contact-methods>.
//!
//! Both are lists in the document of their user.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, text};
use crate::kinds::USER;
use crate::reply::{self, Answer, OrNotFound, Problem, Written};
use crate::view::with;

/// A kind of object that exists only inside a user.
#[derive(Debug)]
pub struct Contact {
    /// The key of one in a request and an answer.
    pub one: &'static str,
    /// The key of several, their field in the user and their collection in the API.
    pub many: &'static str,
    /// Reads the fields of a new object, or of the stored one with those of the request in their place.
    read: fn(&Account, user: &Document, given: &Document) -> Result<Document, String>,
}

pub const CONTACTS: &[&Contact] = &[
    &Contact { one: "contact_method", many: "contact_methods", read: contact_method },
    &Contact { one: "notification_rule", many: "notification_rules", read: notification_rule },
];

/// Answers `GET /users/{id}/CONTACTS`.
pub fn list(contact: &'static Contact, account: &Account, call: &Call) -> Answer {
    let user = account.documents.get(&USER, &call.id).or_404()?;
    let view = call.view(account, &[]);
    let all = entries(user, contact.many).iter();
    reply::all(contact.many, all.map(|one| view.part((&USER, user), contact.many, one, true)))
}

/// Answers `GET /users/{id}/CONTACTS/{contact_id}`.
pub fn show(contact: &'static Contact, account: &Account, call: &Call) -> Answer {
    shown(contact, account, call, call.part())
}

/// Answers `POST /users/{id}/CONTACTS`.
pub fn create(contact: &'static Contact, account: &mut Account, call: &Call) -> Written {
    let id = account.new_part_ids().next().or_404()?;
    write(contact, account, call, &id, |all, one| {
        all.push(one);
        Ok(())
    })?;
    Ok((StatusCode::CREATED, shown(contact, account, call, &id)?))
}

/// Answers `PUT /users/{id}/CONTACTS/{contact_id}`. Omitted fields are unchanged.
pub fn update(contact: &'static Contact, account: &mut Account, call: &Call) -> Written {
    write(contact, account, call, call.part(), |all, one| {
        *all.iter_mut().find(|stored| id_of(stored) == call.part()).or_404()? = one;
        Ok(())
    })?;
    Ok((StatusCode::OK, show(contact, account, call)?))
}

/// Answers `DELETE /users/{id}/CONTACTS/{contact_id}`. The rules that use a contact method are deleted with it.
pub fn delete(contact: &'static Contact, account: &mut Account, call: &Call) -> Written {
    let by = call.author(account)?;
    let mut user = account.documents.get(&USER, &call.id).or_404()?.clone();
    find(contact, &user, call.part())?;
    let is_rule = |one: &Value| one.get("contact_method").map(id_of) == Some(call.part());
    for field in CONTACTS.iter().map(|contact| contact.many) {
        if let Some(all) = user.get_mut(field).and_then(Value::as_array_mut) {
            all.retain(|one| id_of(one) != call.part() && !is_rule(one));
        }
    }
    account.rewrite(&USER, user, by)?;
    Ok((StatusCode::NO_CONTENT, Vec::new()))
}

/// Reads an object from a request, with the fields of the stored one if there is one, and writes it to its user.
fn write(
    contact: &Contact,
    account: &mut Account,
    call: &Call,
    id: &str,
    put: impl FnOnce(&mut Vec<Value>, Value) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let by = call.author(account)?;
    let mut user = account.documents.get(&USER, &call.id).or_404()?.clone();
    let mut fields = match entries(&user, contact.many).iter().find(|one| id_of(one) == id) {
        Some(stored) => stored.as_object().cloned().unwrap_or_default(),
        None if id == call.part() => return Err(Problem::not_found()),
        None => Document::new(),
    };
    let kind = text(&fields, "type").to_owned();
    let body = call.body()?;
    let given = body.get(contact.one).and_then(Value::as_object);
    let given =
        given.ok_or_else(|| Problem::invalid(format!("The request body needs an object {:?}.", contact.one)))?;
    fields.extend(given.clone());
    fields.insert("id".to_owned(), id.into());
    if !kind.is_empty() && kind != text(&fields, "type") {
        return Err(Problem::invalid(format!("type is {kind} and cannot change.")));
    }
    let read = (contact.read)(account, &user, &fields).map_err(Problem::invalid)?;
    let all = user.get_mut(contact.many).and_then(Value::as_array_mut).or_404()?;
    put(all, with(Document::from_iter([("id".to_owned(), id.into())]), read.into()).into())?;
    account.rewrite(&USER, user, by)
}

fn find<'a>(contact: &Contact, user: &'a Document, id: &str) -> Result<&'a Value, Problem> {
    entries(user, contact.many).iter().find(|one| id_of(one) == id).or_404()
}

fn shown(contact: &Contact, account: &Account, call: &Call, id: &str) -> Answer {
    let user = account.documents.get(&USER, &call.id).or_404()?;
    let one = find(contact, user, id)?;
    reply::one(contact.one, &call.view(account, &[]).part((&USER, user), contact.many, one, true))
}

fn contact_method(account: &Account, user: &Document, given: &Document) -> Result<Document, String> {
    let (kind, label, address) = (text(given, "type"), text(given, "label"), text(given, "address"));
    if label.trim().is_empty() || address.trim().is_empty() {
        return Err("label and address must be texts that are not empty.".to_owned());
    }
    let is_same = |one: &&Value| {
        let field = |name| one.get(name).and_then(Value::as_str).unwrap_or_default();
        id_of(one) != text(given, "id") && field("type") == kind && field("address").eq_ignore_ascii_case(address)
    };
    if let Some(same) = entries(user, "contact_methods").iter().find(is_same) {
        return Err(format!("User Contact method must be unique: {} has this address.", id_of(same)));
    }
    let rest = match kind {
        "email_contact_method" => {
            let short = given.get("send_short_email").and_then(Value::as_bool).unwrap_or_default();
            json!({"send_short_email": short, "enabled": true})
        }
        "phone_contact_method" | "sms_contact_method" => {
            let code = given.get("country_code").and_then(Value::as_u64).filter(|code| (1..=1999).contains(code));
            let code = code.ok_or("country_code must be a number from 1 to 1999.")?;
            json!({"country_code": code, "enabled": true, "blacklisted": false})
        }
        "push_notification_contact_method" => {
            let device = Some(text(given, "device_type")).filter(|device| ["android", "ios"].contains(device));
            let device = device.ok_or("device_type must be android or ios.")?;
            let created = Some(text(given, "created_at")).filter(|at| !at.is_empty()).map(str::to_owned);
            let created = created.unwrap_or_else(|| account.clock.now().to_string());
            json!({"device_type": device, "sounds": [], "created_at": created, "blacklisted": false})
        }
        _ => {
            let kinds = "email_contact_method, phone_contact_method, sms_contact_method or \
                         push_notification_contact_method";
            return Err(format!("type must be {kinds}, not {kind:?}."));
        }
    };
    let fields = [("type", kind), ("label", label), ("address", address)];
    Ok(with(fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(), rest))
}

fn notification_rule(_: &Account, user: &Document, given: &Document) -> Result<Document, String> {
    let (kind, urgency) = (text(given, "type"), text(given, "urgency"));
    if kind != "assignment_notification_rule" {
        return Err(format!("type must be assignment_notification_rule, not {kind:?}."));
    }
    if !["high", "low"].contains(&urgency) {
        return Err(format!("urgency must be high or low, not {urgency:?}."));
    }
    let delay = given.get("start_delay_in_minutes").and_then(Value::as_u64);
    let delay = delay.ok_or("start_delay_in_minutes must be a number that is not negative.")?;
    let method = given.get("contact_method").map(id_of).unwrap_or_default();
    let method = entries(user, "contact_methods").iter().find(|one| id_of(one) == method);
    let method =
        method.and_then(Value::as_object).ok_or("contact_method must be one of the user's contact methods.")?;
    let rule = json!({
        "type": kind,
        "summary": format!("{delay} minutes: channel {}", text(method, "label")),
        "start_delay_in_minutes": delay,
        "urgency": urgency,
        "contact_method": {"id": text(method, "id"), "type": format!("{}_reference", text(method, "type"))},
    });
    Ok(rule.as_object().cloned().unwrap_or_default())
}
