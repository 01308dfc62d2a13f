//! Status updates of incidents, their subscribers and templates, and the impact that a user states:
//! <https://developer.pagerduty.com/api-reference/8bf8dc8cfa8e9-create-a-status-update-on-an-incident>.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::changes::{Change, Record};
use super::responses::Response;
use crate::account::{Account, Incident};
use crate::call::Call;
use crate::documents::{entries, text};
use crate::kinds::{BUSINESS_SERVICE, TEAM, TEMPLATE, USER};
use crate::log::{LogEvent, person};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::view::WEBSITE;

/// The ID of the account, which subscriptions have.
const ACCOUNT_ID: &str = "PACME01";

/// The most rows of a list of subscribers.
const LIMIT: usize = 100;

/// A user or a team who receives the status updates of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    #[serde(rename = "subscriber_id")]
    pub id: String,
    #[serde(rename = "subscriber_type")]
    pub kind: String,
}

/// A message to the subscribers of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html_message: Option<String>,
}

/// A change that is for other people than the responders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Communication {
    Subscribe(Vec<Subscriber>),
    Update(StatusUpdate),
    Impact { business_service: String, impacted: bool },
}

fn perform(account: &mut Account, call: &Call, by: String, communication: Communication) -> Result<(), Problem> {
    account.incident(&call.id).or_404()?;
    let change = Change { response: Some(Response::Communication(communication)), ..Change::default() };
    account.perform(Record { at: account.clock.now(), by, incident: call.id.clone(), change })
}

/// Answers `GET /incidents/{id}/status_updates/subscribers`.
pub fn subscribers(account: &Account, call: &Call) -> Answer {
    let incident = account.incident(&call.id).or_404()?;
    let shown = |one: &Subscriber| {
        json!({
            "subscriber_id": one.id,
            "subscriber_type": one.kind,
            "has_indirect_subscription": false,
            "subscribed_via": null,
        })
    };
    let all: Vec<_> = incident.subscribers.iter().map(shown).collect();
    let body = json!({
        "subscribers": all.iter().take(LIMIT).collect::<Vec<_>>(),
        "account_id": ACCOUNT_ID,
        "offset": 0,
        "limit": LIMIT,
        "more": all.len() > LIMIT,
        "total": null,
    });
    reply::written(&body)
}

/// Answers `GET /business_services/{id}/subscribers`.
pub fn business_subscribers(account: &Account, call: &Call) -> Answer {
    let service = account.documents.get(&BUSINESS_SERVICE, &call.id).or_404()?;
    let all = entries(service, "subscribers");
    reply::written(&json!({
        "subscribers": all,
        "account_id": ACCOUNT_ID,
        "offset": 0,
        "limit": LIMIT,
        "more": false,
        "total": null,
    }))
}

/// Answers `POST /incidents/{id}/status_updates/subscribers`. It needs no author.
pub fn subscribe(account: &mut Account, call: &Call) -> Answer {
    let by = call.author(account)?;
    let body = call.body()?;
    let wanted = body.get("subscribers").cloned().unwrap_or_default();
    let wanted: Vec<Subscriber> =
        serde_json::from_value(wanted).map_err(|why| Problem::invalid(format!("Subscribers: {why}.")))?;
    if wanted.is_empty() {
        return Err(Problem::invalid("Subscribers cannot be empty."));
    }
    let before = account.incident(&call.id).or_404()?.subscribers.clone();
    perform(account, call, by, Communication::Subscribe(wanted.clone()))?;
    reply::all(
        "subscriptions",
        wanted.iter().map(|one| {
            json!({
                "subscriber_id": one.id,
                "subscriber_type": one.kind,
                "subscribable_id": call.id,
                "subscribable_type": "incident",
                "account_id": ACCOUNT_ID,
                "result": if before.contains(one) { "duplicate" } else { "success" },
            })
        }),
    )
}

/// Answers `POST /incidents/{id}/status_updates`.
pub fn create_status_update(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    let update = serde_json::from_value(call.body()?);
    let update: StatusUpdate = update.map_err(|why| Problem::invalid(format!("Status update: {why}.")))?;
    if update.message.trim().is_empty() {
        return Err(Problem::invalid("Message cannot be empty."));
    }
    if update.subject.is_some() != update.html_message.is_some() {
        return Err(Problem::invalid("Subject and html message are required for a custom email."));
    }
    perform(account, call, by.clone(), Communication::Update(update.clone()))?;
    let incident = account.incident(&call.id).or_404()?;
    let id = format!("PSU{:05}{}", incident.number, incident.status_updates.len());
    let sender = call.view(account, &[]).named(&USER, &by);
    let mut shown = json!({
        "id": id,
        "message": update.message,
        "created_at": account.clock.now().to_string(),
        "sender": sender,
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(update.subject.map(|subject| ("subject".to_owned(), subject.into())));
        fields.extend(update.html_message.map(|html| ("html_message".to_owned(), html.into())));
    }
    reply::one("status_update", &shown)
}

/// Answers `PUT /incidents/{id}/business_services/{business_service_id}/impacts`. It needs no author.
pub fn set_impact(account: &mut Account, call: &Call) -> Answer {
    let by = call.author(account)?;
    let relation = call.body()?.get("relation").and_then(Value::as_str).unwrap_or_default().to_owned();
    let impacted = match relation.as_str() {
        "impacted" => true,
        "not_impacted" => false,
        _ => return Err(Problem::invalid("Relation must be impacted or not_impacted.")),
    };
    account.documents.get(&BUSINESS_SERVICE, call.part()).or_404()?;
    perform(account, call, by, Communication::Impact { business_service: call.part().to_owned(), impacted })?;
    reply::written(&json!({ "relation": relation }))
}

/// Answers `POST /templates/{id}/render`, which changes nothing.
pub fn render(account: &Account, call: &Call) -> Answer {
    let template = account.documents.get(&TEMPLATE, &call.id).or_404()?;
    let body = call.body()?;
    let id = body.get("incident_id").and_then(Value::as_str).unwrap_or_default();
    let incident = account.incident(id).ok_or_else(|| Problem::invalid("Incident Not Found"))?;
    let message = body.get("status_update").and_then(|update| update.get("message")?.as_str()).unwrap_or_default();
    let service = account.service_of(incident).map_or("", |service| text(service, "name"));
    let values = [
        ("incident.title", incident.title.clone()),
        ("incident.number", incident.number.to_string()),
        ("incident.status", incident.status.name().to_owned()),
        ("incident.url", format!("{WEBSITE}/incidents/{}", incident.id)),
        ("incident.service.name", service.to_owned()),
        ("status_update.message", message.to_owned()),
    ];
    let (mut fields, mut warnings) = (serde_json::Map::new(), serde_json::Map::new());
    for name in ["email_subject", "email_body", "message"] {
        let form = template.get("templated_fields").and_then(|fields| fields.get(name)?.as_str()).unwrap_or_default();
        let (filled, unknown) = fill(form, &values);
        fields.insert(name.to_owned(), filled.into());
        if !unknown.is_empty() {
            warnings.insert(name.to_owned(), unknown.into());
        }
    }
    reply::written(&json!({"templated_fields": fields, "warnings": warnings, "errors": []}))
}

/// Returns a text with values in the places of their names, and warnings about names without a value.
fn fill(form: &str, values: &[(&str, String)]) -> (String, Vec<String>) {
    let (mut filled, mut warnings, mut rest) = (String::new(), Vec::new(), form);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        filled.push_str(before);
        match values.iter().find(|(known, _)| *known == name.trim()) {
            Some((_, value)) => filled.push_str(value),
            None => warnings.push(format!("{{{{{}}}}} does not exist.", name.trim())),
        }
        rest = after;
    }
    filled.push_str(rest);
    (filled, warnings)
}

impl Account {
    /// Returns the reason if a communication cannot be made.
    pub fn check_communication(&self, communication: &Communication) -> Result<(), Problem> {
        let Communication::Subscribe(subscribers) = communication else { return Ok(()) };
        let exists = |one: &Subscriber| match one.kind.as_str() {
            "user" => self.documents.get(&USER, &one.id).is_some(),
            "team" => self.documents.get(&TEAM, &one.id).is_some(),
            _ => false,
        };
        let unknown = subscribers.iter().find(|one| !exists(one));
        unknown.map_or(Ok(()), |one| Err(Problem::invalid(format!("Subscriber {} Not Found", one.id))))
    }
}

impl Incident {
    /// Makes a communication that was checked.
    pub fn communicate(&mut self, communication: &Communication, by: &str, at: Timestamp) {
        match communication {
            Communication::Subscribe(subscribers) => {
                for one in subscribers {
                    if !self.subscribers.contains(one) {
                        self.subscribers.push(one.clone());
                    }
                }
            }
            Communication::Update(update) => {
                self.status_updates.push(update.clone());
                self.write(at, person(by), LogEvent::StatusUpdate(update.message.clone()));
            }
            Communication::Impact { business_service, impacted } => {
                self.impacts.insert(business_service.clone(), *impacted);
            }
        }
    }
}
