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

use super::timeline::{Entry, of_incident_apart};
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{Incident, Person, SourceKind, User};
use crate::params::Moment;
use crate::reply::Reply;
use crate::shifts::Shift;
use crate::tools::gather::{beside, in_time};
use crate::tools::oncall::read::{Duty, Policy, shown, spoken};
use crate::tools::subject::Subject;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::words::name;
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
    let (subject, log, user, local) = tokio::join!(
        subject,
        in_time(of_incident_apart(&cx, &id), &late),
        in_time(user(&cx, params.user_id.as_ref()), &late),
        Local::of(&cx, None),
    );
    let subject = subject?;
    let now = cx.api.now_there();
    let mut warnings = Vec::new();
    let log = log.map_err(|error| warnings.push(format!("The log of the incident could not be read: {error}"))).ok();
    if log.as_ref().is_some_and(|log| log.is_cut) {
        warnings.push("Only the newest entries of the log were read: earlier pages are missing.".to_owned());
    }
    warnings.extend(log.as_ref().and_then(|log| log.warning.clone()));
    let entries = log.as_ref().map_or(&[][..], |log| log.entries.as_slice());
    let user = user.unwrap_or_else(|error| {
        warnings.push(format!("The current user could not be read: {error}"));
        None
    });
    let user = user.or_else(|| subject.assigned.first().map(|holder| holder.user.clone()));
    let page = user.as_ref().and_then(|user| Page::of(user, entries, &subject));
    let repeats = || entries.iter().filter(|entry| entry.kind == "repeat_escalation_path").count();
    let repeats = log.as_ref().map(|_| repeats());
    let since = page.as_ref().map(|page| page.at);
    let ((), next) = beside(&cx, async {}, Box::pin(next_steps(&cx, &subject, repeats, since))).await;
    let next = next.and_then(|next| next).unwrap_or_else(|error| {
        warnings.push(format!("The escalation could not be read: {error}"));
        Next::default()
    });
    let mut fields = Map::new();
    let state = state(&subject, entries, &local, now);
    fields.extend(state.map(|state| ("state".to_owned(), state.into())));
    fields.insert("incident".to_owned(), incident(&subject, &local));
    if let Some(user) = &user {
        fields.insert("user".to_owned(), shown(user).into());
        if let Some(page) = &page {
            let (why, missing) = Box::pin(why(&cx, user, page, &next, &local)).await;
            warnings.extend(missing);
            fields.insert("why".to_owned(), why);
        } else if log.as_ref().is_some_and(|log| !log.is_cut) {
            let line = format!("{} was not paged for this incident.", spoken(user));
            fields.insert("why".to_owned(), json!({ "line": line }));
        }
        if log.is_some() {
            let pages: Vec<_> =
                notices(user, entries).map(|entry| json!({"at": local.iso(entry.at), "by": entry.method})).collect();
            fields.insert("pages".to_owned(), pages.into());
        }
    } else {
        warnings.push("It is not known whose page this is about: pass user_id.".to_owned());
    }
    fields.insert("next".to_owned(), shown_steps(&next, &local, now));
    if next.pages_no_user() && (next.policy.is_some() || subject.policy.is_none()) {
        fields.insert("then".to_owned(), Next::nothing(&subject).into());
    }
    if let Some(text) = next.on_acknowledgement(&subject) {
        fields.insert("if_acknowledged".to_owned(), text.into());
    }
    fields.insert("time_zone".to_owned(), local.name().into());
    Ok(Reply::flat(fields).warned(local.warning()).warned(warnings).warned(next.warnings))
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

/// Returns how the incident stands and by whom, unless its escalation goes on.
fn state(subject: &Subject, log: &[Entry], local: &Local, now: Timestamp) -> Option<String> {
    let state = subject.state(local, now)?;
    let since_reaction = log.iter().rev().take_while(|entry| entry.kind != "unacknowledge");
    let snooze = since_reaction.into_iter().find(|entry| entry.kind == "snooze").filter(|_| !subject.is_resolved());
    let snooze = snooze.map(|entry| match entry.agent.as_ref().and_then(|agent| agent.name.as_deref()) {
        Some(user) => format!(" It was snoozed by {} ({}).", name(user), local.text(entry.at)),
        None => format!(" It was snoozed ({}).", local.text(entry.at)),
    });
    Some(state + &snooze.unwrap_or_default())
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
    how: How,
}

/// The way in which a user got an incident, as far as it is known.
enum How {
    /// By an entry of the log of this type, caused by the user with this name, if by any.
    Given { kind: String, by: Option<String> },
    /// It is assigned to the user. The reason is not known.
    Held,
    /// The user was notified, and nothing else is known.
    Notified,
}

impl Page {
    /// Returns the latest event that gave the incident to a user.
    fn of(user: &Person, log: &[Entry], subject: &Subject) -> Option<Self> {
        let given = log.iter().rev().find(|entry| GIVES.contains(&entry.kind.as_str()) && is_about(entry, user));
        if let Some(entry) = given {
            let by = entry.agent.as_ref().filter(|agent| agent.is_user);
            let by = by.map(|agent| name(agent.name.as_deref().unwrap_or(&agent.id)).into_owned());
            return Some(Self { at: entry.at, how: How::Given { kind: entry.kind.clone(), by } });
        }
        let assigned = subject.assigned.iter().find(|holder| holder.user.id == user.id).and_then(|holder| holder.at);
        let held = assigned.map(|at| Self { at, how: How::Held });
        held.or_else(|| Some(Self { at: notices(user, log).next()?.at, how: How::Notified }))
    }
}

/// Returns the reason of a page, and a warning if a part of it is missing.
async fn why(cx: &Context, user: &Person, page: &Page, next: &Next, local: &Local) -> (Value, Option<String>) {
    let name = spoken(user);
    let is_theirs = |duty: &&Shift<Duty>| duty.of.user.id == user.id && duty.period.contains(page.at);
    let duty = next.duties.iter().filter(is_theirs).min_by_key(|duty| duty.of.level);
    let mut why = Map::new();
    why.insert("at".to_owned(), local.iso(page.at).into());
    let at = local.text(page.at);
    let mut line = match &page.how {
        How::Held => format!("It is assigned to {name} since {at}"),
        How::Notified => format!("{name} was notified ({at})"),
        How::Given { kind, by } => match (kind.as_str(), by) {
            ("responder_request", Some(by)) => format!("{by} asked {name} to join ({at})"),
            ("responder_request", None) => format!("{name} received a request to join ({at})"),
            ("escalate", None) => format!("It escalated to {name} after a time-out ({at})"),
            ("escalate", Some(by)) => format!("{by} escalated it to {name} ({at})"),
            (_, Some(by)) => format!("{by} assigned it to {name} ({at})"),
            _ => format!("It was assigned to {name} ({at})"),
        },
    };
    let Some(duty) = duty else {
        let is_read = next.duties_since.is_some_and(|since| since <= page.at);
        let is_by_user = matches!(&page.how, How::Given { by: Some(_), .. });
        let reason = if is_read && !is_by_user { ", who was on no level of its policy then" } else { "" };
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
