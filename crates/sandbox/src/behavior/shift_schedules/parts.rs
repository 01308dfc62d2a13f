//! The operations for the parts of a shift-based schedule that have a start and an end: custom shifts and overrides.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{custom_shifts, list_of, overrides, turns, typed, zone};
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, text};
use crate::kinds::{SHIFT_SCHEDULE, USER};
use crate::reply::{self, Answer, OrNotFound, Problem, Written};
use crate::time::Zone;
use crate::view::with;

/// A kind of part.
#[derive(Debug)]
pub struct Part {
    /// The key of one in an answer.
    pub one: &'static str,
    /// The key of several, their field in the schedule and their collection in the API.
    pub many: &'static str,
    /// The value of `type`.
    pub kind: &'static str,
    /// Reads a new part from a request.
    pub create: fn(&Context<'_>) -> Result<Document, Problem>,
    /// Reads the changed part from a request.
    pub update: fn(&Context<'_>, stored: &Document) -> Result<Document, Problem>,
    /// Removes a part, or ends it.
    pub delete: fn(schedule: &mut Document, id: &str, now: Timestamp) -> Result<(), Problem>,
}

/// All kinds of parts.
pub const PARTS: &[&Part] = &[&custom_shifts::CUSTOM_SHIFTS, &overrides::OVERRIDES];

/// A part in a request, and what it has to fit.
pub struct Context<'a> {
    pub account: &'a Account,
    /// The schedule, with the parts that come before it in the request.
    pub schedule: &'a Document,
    pub given: &'a Document,
    pub part: &'static Part,
    /// The ID of the part, or of the one to be created.
    pub id: &'a str,
}

impl Context<'_> {
    /// Returns the error for a field of the part.
    pub fn refused(&self, field: &str, reason: impl Into<String>) -> Problem {
        Problem::field(format!("{}.{field}", self.part.one), reason)
    }

    /// Returns a time in the request, as it is stored.
    pub fn time(&self, field: &str) -> Result<Value, Problem> {
        let zone = Zone::named(text(self.schedule, "time_zone")).unwrap_or_else(|_| Zone::utc());
        let at = zone.read(text(self.given, field));
        at.map(|at| at.to_string().into()).ok_or_else(|| self.refused(field, "must be an ISO 8601 time"))
    }

    /// Returns a member in the request, as it is stored. Its user has to exist.
    pub fn member(&self, field: &str, member: Option<&Value>) -> Result<Value, Problem> {
        let kind = member.and_then(|member| member.get("type")?.as_str());
        match (kind, turns::user_of(member)) {
            (Some("empty_member"), _) => Ok(super::member(None)),
            (Some("user_member"), Some(user)) if self.account.documents.get(&USER, user).is_some() => {
                Ok(super::member(Some(user)))
            }
            (Some("user_member"), _) => Err(self.refused(field, "must have the user_id of a user of the account")),
            _ => Err(self.refused(field, "must have the type user_member or empty_member")),
        }
    }

    /// Refuses a part that does not end after its start.
    pub fn in_order(&self, part: Document) -> Result<Document, Problem> {
        let (start, end) = turns::times(&Value::Object(part.clone()));
        if start < end { Ok(part) } else { Err(self.refused("end_time", "must be after start_time")) }
    }
}

/// Answers `GET /v3/schedules/{id}/PARTS`, whose range is required.
pub fn list(part: &'static Part, account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let range = call.params.required_range(account)?;
    let within = |one: &&Value| {
        let (start, end) = turns::times(one);
        range.overlaps(start, end)
    };
    let found: Vec<&Value> = entries(schedule, part.many).iter().filter(within).collect();
    let overflow = call.params.is_true("overflow");
    let view = PartView::new(part, schedule, call)?;
    reply::list(part.many, &found, &call.params, |one| {
        let (start, end) = turns::times(one);
        view.shown(one, if overflow { (start, end) } else { range.clip(start, end) })
    })
}

/// Answers `GET /v3/schedules/{id}/PARTS/{part_id}`.
pub fn show(part: &'static Part, account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let found = find(part, schedule, call.part())?;
    let view = PartView::new(part, schedule, call)?;
    reply::one(part.one, &view.shown(found, turns::times(found)))
}

/// Answers `POST /v3/schedules/{id}/PARTS`. If one is refused, none is created.
pub fn create(part: &'static Part, account: &mut Account, call: &Call) -> Written {
    let by = call.author(account)?;
    let mut schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?.clone();
    let body = call.body()?;
    let given = body.get(part.many).and_then(Value::as_array).filter(|given| !given.is_empty());
    let given = given.ok_or_else(|| Problem::field(part.many, "must be a list with at least one object"))?;
    let before = entries(&schedule, part.many).len();
    for (given, id) in given.iter().zip(account.new_part_ids()) {
        let given = given.as_object().ok_or_else(|| Problem::field(part.one, "must be an object"))?;
        let context = Context { account, schedule: &schedule, given, part, id: &id };
        if text(given, "type") != part.kind {
            return Err(context.refused("type", format!("must be {}", part.kind)));
        }
        let mut created = Document::from_iter([("id".to_owned(), id.as_str().into())]);
        created.extend((part.create)(&context)?);
        list_of(&mut schedule, part.many)?.push(created.into());
    }
    account.rewrite(&SHIFT_SCHEDULE, schedule, by)?;
    let schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?;
    let created = entries(schedule, part.many).iter().skip(before);
    let view = PartView::new(part, schedule, call)?;
    let created = created.map(|one| view.shown(one, turns::times(one)));
    Ok((StatusCode::CREATED, reply::all(part.many, created)?))
}

/// Answers `PUT /v3/schedules/{id}/PARTS/{part_id}`. Omitted fields are unchanged.
pub fn update(part: &'static Part, account: &mut Account, call: &Call) -> Written {
    let by = call.author(account)?;
    let mut schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?.clone();
    let stored = find(part, &schedule, call.part())?.as_object().or_404()?.clone();
    let body = call.body()?;
    let given = body.get(part.one).and_then(Value::as_object);
    let given = given.ok_or_else(|| Problem::field(part.one, "must be an object"))?;
    let context = Context { account, schedule: &schedule, given, part, id: call.part() };
    let changed = (part.update)(&context, &stored)?;
    for one in list_of(&mut schedule, part.many)?.iter_mut().filter(|one| id_of(one) == call.part()) {
        *one = changed.clone().into();
    }
    account.rewrite(&SHIFT_SCHEDULE, schedule, by)?;
    Ok((StatusCode::OK, show(part, account, call)?))
}

/// Answers `DELETE /v3/schedules/{id}/PARTS/{part_id}`.
pub fn delete(part: &'static Part, account: &mut Account, call: &Call) -> Written {
    let by = call.author(account)?;
    let mut schedule = account.documents.get(&SHIFT_SCHEDULE, &call.id).or_404()?.clone();
    find(part, &schedule, call.part())?;
    (part.delete)(&mut schedule, call.part(), account.clock.now())?;
    account.rewrite(&SHIFT_SCHEDULE, schedule, by)?;
    Ok((StatusCode::NO_CONTENT, Vec::new()))
}

fn find<'a>(part: &Part, schedule: &'a Document, id: &str) -> Result<&'a Value, Problem> {
    entries(schedule, part.many).iter().find(|one| id_of(one) == id).or_404()
}

/// The data that the parts of a schedule are written from.
struct PartView<'a> {
    part: &'static Part,
    schedule: &'a str,
    zone: Zone,
    base: &'a str,
}

impl<'a> PartView<'a> {
    fn new(part: &'static Part, schedule: &'a Document, call: &'a Call) -> Result<Self, Problem> {
        Ok(Self { part, schedule: text(schedule, "id"), zone: zone(schedule, call)?, base: &call.base })
    }

    /// Returns a part as PagerDuty shows it, with these times.
    fn shown(&self, stored: &Value, (start, end): (Timestamp, Timestamp)) -> Option<Document> {
        let Self { part, schedule, zone, base } = self;
        let url = format!("{base}/v3/schedules/{schedule}/{}/{}", part.many, id_of(stored));
        let times = json!({"start_time": zone.write(start), "end_time": zone.write(end), "self": url});
        Some(with(typed(part.kind, stored.as_object()?), times))
    }
}
