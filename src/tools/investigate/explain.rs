//! `explain_page`: why an incident paged a user, and what happens next.

mod next;

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::escalation_policies::GET_ESCALATION_POLICY;
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::schedules::{GET_SCHEDULE, GET_SCHEDULE_V3};
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;

use super::subject::Subject;
use super::timeline::{Entry, of_incident_apart};
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{Incident, Person, SourceKind, User};
use crate::params::Moment;
use crate::reply::Reply;
use crate::shifts::Shift;
use crate::tools::gather::{beside, in_time};
use crate::tools::oncall::read::{Duty, Policy, shown, spoken};
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};

pub(in crate::tools) use next::{Next, next_steps, shown_steps};

/// Explains the page of a user.
pub(super) const EXPLAIN_PAGE: Tool = Tool::new::<Params>(
    "explain_page",
    About {
        title: "Why was I paged, and who is next",
        description: "Why was I paged (woken up), and what happens next: who gets paged without an answer.",
        hint: "why did i get was i paged woken up who gets paged next no answer escalates",
    },
    &[
        &GET_INCIDENT,
        &LIST_INCIDENT_LOG_ENTRIES,
        &GET_ESCALATION_POLICY,
        &LIST_ON_CALLS,
        &GET_SERVICE,
        &GET_SCHEDULE,
        &GET_SCHEDULE_V3,
        &GET_CURRENT_USER,
        &GET_USER,
    ],
    |cx, arguments| run(cx, arguments, explain_page),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Default me"
        user_id: Option<Id<User>>,
    }
}

/// The types of entries that give an incident to users.
const GIVES: &[&str] = &["assign", "reassign", "escalate", "delegate", "responder_request"];

async fn explain_page(cx: Context, params: Params) -> Result<Reply> {
    let id = cx.api.incident_id(&params.incident_id).await?;
    let late = SetOnce::new();
    let subject = async {
        let subject = Subject::read(&cx, &id).await;
        let _ = late.set(cx.api.grace());
        subject
    };
    let local = async { Ok(Local::of(&cx, None).await) };
    let (subject, log, user, local) = tokio::join!(
        subject,
        in_time(of_incident_apart(&cx, &id), &late),
        in_time(user(&cx, params.user_id.as_ref()), &late),
        in_time(local, &late),
    );
    let subject = subject?;
    let now = cx.api.now_there();
    let mut warnings = Vec::new();
    let local = local.unwrap_or_else(|_| Local::in_zone(None));
    let log = log.unwrap_or_else(|error| {
        warnings.push(format!("The log of the incident could not be read: {error}"));
        Vec::new()
    });
    let user = user.unwrap_or_else(|error| {
        warnings.push(format!("The current user could not be read: {error}"));
        None
    });
    let user = user.or_else(|| subject.assigned.first().map(|holder| holder.user.clone()));
    let page = user.as_ref().and_then(|user| Page::of(user, &log, &subject));
    let repeats = log.iter().filter(|entry| entry.kind == "repeat_escalation_path").count();
    let since = page.as_ref().map(|page| page.at);
    let ((), next) = beside(&cx, async {}, Box::pin(next_steps(&cx, &subject, repeats, since))).await;
    let next = next.and_then(|next| next).unwrap_or_else(|error| {
        warnings.push(format!("The escalation could not be read: {error}"));
        Next::default()
    });
    let mut fields = Map::new();
    fields.insert("incident".to_owned(), incident(&subject, &local));
    if let Some(user) = &user {
        fields.insert("user".to_owned(), shown(user).into());
        let (why, missing) = Box::pin(why(&cx, user, page.as_ref(), &next, &local)).await;
        warnings.extend(missing);
        fields.insert("why".to_owned(), why);
        let pages: Vec<_> =
            notices(user, &log).map(|entry| json!({"at": local.iso(entry.at), "by": entry.method})).collect();
        fields.insert("pages".to_owned(), pages.into());
    } else {
        warnings.push("It is not known whose page this is about: pass user_id.".to_owned());
    }
    fields.insert("next".to_owned(), shown_steps(&next, &local, now));
    if next.steps.is_empty() && (next.policy.is_some() || subject.policy.is_none()) {
        fields.insert("then".to_owned(), Next::nothing(&subject).into());
    }
    if let Some(text) = next.on_acknowledgement(&subject) {
        fields.insert("if_acknowledged".to_owned(), text.into());
    }
    fields.insert("time_zone".to_owned(), local.name().into());
    Ok(Reply::flat(fields).warned(warnings).warned(next.warnings))
}

/// Returns the user of the parameters, or else the current one. An account-level key has none.
async fn user(cx: &Context, id: Option<&Id<User>>) -> Result<Option<Person>> {
    let Some(id) = id else {
        return match cx.api.me().await {
            Ok(me) => Ok(Some(Person { id: me.id.to_string(), name: Some(me.name.clone()), ..Person::default() })),
            Err(error) if error.code() == Code::NoUserContext => Ok(None),
            Err(error) => Err(error),
        };
    };
    let (mut people, _) = cx.api.people([id.clone()]).await;
    Ok(Some(people.remove(id.as_str()).unwrap_or_else(|| Person { id: id.to_string(), ..Person::default() })))
}

fn incident(subject: &Subject, local: &Local) -> Value {
    let mut members = Map::new();
    members.insert("id".to_owned(), subject.id.as_str().into());
    members.extend(subject.number.map(|number| ("number".to_owned(), number.into())));
    members.insert("title".to_owned(), subject.title.as_str().into());
    let texts = [("status", &subject.status), ("urgency", &subject.urgency)];
    members.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?.into()))));
    members.extend(subject.service.as_ref().map(|service| ("service".to_owned(), service.shown())));
    members.extend(subject.created_at.map(|at| ("created_at".to_owned(), local.iso(at).into())));
    let assigned = subject.assigned.iter().map(|holder| Value::Object(shown(&holder.user)));
    members.insert("assigned_to".to_owned(), assigned.collect());
    members.into()
}

/// Returns the notifications of a user.
fn notices<'e>(user: &'e Person, log: &'e [Entry]) -> impl Iterator<Item = &'e Entry> {
    log.iter().filter(|entry| entry.kind == "notify" && is_about(entry, user))
}

fn is_about(entry: &Entry, user: &Person) -> bool {
    entry.users.iter().any(|other| other.id == user.id)
}

/// The event that gave an incident to a user.
struct Page {
    at: Timestamp,
    kind: String,
    /// The name of the user who caused it, if a user did.
    by: Option<String>,
    /// Set if the user did not have the incident before, and nothing but a notification is known.
    is_guess: bool,
}

impl Page {
    /// Returns the latest event that gave the incident to a user.
    fn of(user: &Person, log: &[Entry], subject: &Subject) -> Option<Self> {
        let given = log.iter().rev().find(|entry| GIVES.contains(&entry.kind.as_str()) && is_about(entry, user));
        if let Some(entry) = given {
            let by = entry.agent.as_ref().filter(|agent| agent.is_user);
            let by = by.map(|agent| agent.name.clone().unwrap_or_else(|| agent.id.clone()));
            return Some(Self { at: entry.at, kind: entry.kind.clone(), by, is_guess: false });
        }
        let assigned = subject.assigned.iter().find(|holder| holder.user.id == user.id).and_then(|holder| holder.at);
        let at = assigned.or_else(|| notices(user, log).next().map(|entry| entry.at))?;
        Some(Self { at, kind: "assign".to_owned(), by: None, is_guess: true })
    }
}

/// Returns the reason of a page, and a warning if a part of it is missing.
async fn why(cx: &Context, user: &Person, page: Option<&Page>, next: &Next, local: &Local) -> (Value, Option<String>) {
    let name = spoken(user);
    let Some(page) = page else {
        return (json!({"line": format!("{name} was not paged for this incident.")}), None);
    };
    let is_theirs = |duty: &&Shift<Duty>| duty.of.user.id == user.id && duty.period.contains(page.at);
    let duty = next.duties.iter().filter(is_theirs).min_by_key(|duty| duty.of.level);
    let mut why = Map::new();
    why.insert("at".to_owned(), local.iso(page.at).into());
    let given = match (page.kind.as_str(), &page.by) {
        ("responder_request", Some(by)) => format!("{by} asked {name} to join"),
        ("responder_request", None) => format!("{name} received a request to join"),
        ("escalate", None) => format!("It escalated to {name} after a time-out"),
        ("escalate", Some(by)) => format!("{by} escalated it to {name}"),
        (_, Some(by)) if duty.is_none() => format!("{by} assigned it to {name}"),
        _ => format!("It was assigned to {name}"),
    };
    let mut line = format!("{given} ({})", local.text(page.at));
    let Some(duty) = duty else {
        let reason = if page.is_guess || page.by.is_none() { ", who was on no level of its policy then" } else { "" };
        why.insert("line".to_owned(), format!("{line}{reason}.").into());
        return (why.into(), None);
    };
    let policy = next.policy.as_ref().map_or(&duty.of.policy, |Policy { named, .. }| named);
    let _ = write!(line, ", on call at level {} of {}", duty.of.level, policy.label());
    why.insert("level".to_owned(), duty.of.level.into());
    why.insert("policy".to_owned(), policy.shown());
    let mut missing = None;
    let mut until = Some(duty.period.end());
    if let Some(schedule) = &duty.of.schedule {
        why.insert("schedule".to_owned(), schedule.shown());
        let _ = write!(line, " by the schedule {}", schedule.label());
        match Box::pin(source(cx, &schedule.id, user, page.at)).await {
            Ok(Some((kind, end))) => {
                why.insert("source".to_owned(), kind.as_str().into());
                if kind == SourceKind::Override {
                    line += ", as an override";
                    until = end.or(until);
                }
            }
            Ok(None) => {}
            Err(error) => missing = Some(format!("Schedule {} could not be read: {error}", schedule.id)),
        }
    } else {
        why.insert("source".to_owned(), "direct".into());
        line += ", who is on it directly";
    }
    if let Some(end) = until.filter(|end| *end != Timestamp::MAX) {
        why.insert("until".to_owned(), local.iso(end).into());
        let _ = write!(line, ", until {}", local.text(end));
    }
    why.insert("line".to_owned(), format!("{line}.").into());
    (why.into(), missing)
}

/// The time around a page over which a schedule is rendered, so that the end of an override is in it.
const AROUND: SignedDuration = SignedDuration::from_hours(24);

/// Returns the part of a schedule that a user's turn comes from, and the end of the turn if it is known.
async fn source(
    cx: &Context,
    schedule: &str,
    user: &Person,
    at: Timestamp,
) -> Result<Option<(SourceKind, Option<Timestamp>)>> {
    let Some(id) = Id::parse(schedule) else { return Ok(None) };
    let rendered = cx.api.rendered(&id, Moment::at(at - AROUND), Moment::at(at + AROUND));
    let ((), rendered) = Box::pin(beside(cx, async {}, rendered)).await;
    let turns = rendered??.turns.unwrap_or_default();
    let turn = turns.into_iter().find(|turn| {
        turn.user_id() == Some(user.id.as_str()) && turn.start <= at && turn.end.is_none_or(|end| at < end)
    });
    // PagerDuty cuts turns at the end of the range.
    let end = |end: Timestamp| (end < at + AROUND).then_some(end);
    Ok(turn.and_then(|turn| Some((turn.source?.kind, turn.end.and_then(end)))))
}
