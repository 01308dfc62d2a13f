//! Log entries: <https://developer.pagerduty.com/api-reference/367018adcd77e-list-log-entries-for-an-incident>.

use serde_json::{Map, Value, json};

use super::alerts;
use crate::account::{Account, Incident};
use crate::alerts::Alert;
use crate::call::Call;
use crate::documents::{Document, text};
use crate::kinds::{ESCALATION_POLICY, INCIDENT, PRIORITY, SERVICE, TEAM, USER};
use crate::log::{LogEntry, LogEvent};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::time::Zone;
use crate::view::{View, with};

/// Answers `GET /incidents/{id}/log_entries`, newest first.
pub fn of_incident(account: &Account, call: &Call) -> Answer {
    let incident = account.incident_by_id_or_number(&call.id).or_404()?;
    list(account, call, std::iter::once(incident))
}

/// Answers `GET /log_entries`: those of all incidents, newest first.
pub fn of_account(account: &Account, call: &Call) -> Answer {
    let teams = call.params.all("team_ids[]");
    let of_teams = |incident: &&Incident| {
        teams.is_empty() || account.team_of(&incident.service).is_some_and(|team| teams.contains(&team))
    };
    list(account, call, account.incidents.iter().filter(of_teams))
}

/// Answers `GET /log_entries/{id}`. The entries that alerts begin with are in no list.
pub fn show(account: &Account, call: &Call) -> Answer {
    let zone = zone(call)?;
    let includes = call.includes();
    let view = call.view(account, &includes);
    let now = account.clock.now();
    let shown = account.incidents.iter().find_map(|incident| {
        let entry = incident.log_until(now).iter().find(|entry| entry.id == call.id);
        let entry = entry.map(|entry| shown(incident, entry, view, &zone));
        entry.or_else(|| {
            let alert = incident.alerts.iter().find(|alert| alert.log_entry == call.id)?;
            Some(shown_of_alert(incident, alert, view, &zone))
        })
    });
    reply::one("log_entry", &shown.or_404()?)
}

fn list<'a>(account: &'a Account, call: &Call, incidents: impl Iterator<Item = &'a Incident>) -> Answer {
    let zone = zone(call)?;
    let (since, until) = call.params.bounds(account)?;
    let overview = call.params.is_true("is_overview");
    let now = account.clock.now();
    let entries = incidents.flat_map(|incident| incident.log_until(now).iter().map(move |entry| (incident, entry)));
    let listed = entries.filter(|(_, entry)| {
        since.is_none_or(|since| entry.at >= since)
            && until.is_none_or(|until| entry.at < until)
            && (!overview || entry.event.is_in_overview())
    });
    let mut listed: Vec<_> = listed.collect();
    // Of two entries of one second, the later one comes first, too.
    listed.sort_by_key(|(_, entry)| entry.at);
    listed.reverse();
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("log_entries", &listed, &call.params, |(incident, entry)| shown(incident, entry, view, &zone))
}

/// Returns the zone of the times in the answer, which is UTC by default.
fn zone(call: &Call) -> Result<Zone, Problem> {
    call.params.one("time_zone").map_or_else(|| Ok(Zone::utc()), Zone::named).map_err(Problem::invalid)
}

/// Returns an entry as PagerDuty shows it.
pub fn shown(incident: &Incident, entry: &LogEntry, view: View<'_>, zone: &Zone) -> Document {
    let agent = view.named(entry.agent.kind, &entry.agent.id);
    let by = text(&agent, "summary").to_owned();
    let Told { kind, summary, fields } = told(incident, entry, &by, view);
    let first = incident.alerts.first().filter(|_| entry.id == incident.log_entry);
    let channel = channel(incident, entry, first, view);
    let mut shown = head(incident, &entry.id, kind, &summary, view);
    shown.extend(about(incident, view));
    shown.extend([
        ("created_at".to_owned(), written(entry.at, zone)),
        ("agent".to_owned(), agent.into()),
        ("channel".to_owned(), channel),
        ("contexts".to_owned(), first.map_or(json!([]), |alert| alert.event(view.account, incident).contexts().into())),
    ]);
    shown.extend(fields);
    shown
}

/// Returns the entry that an alert begins with.
fn shown_of_alert(incident: &Incident, alert: &Alert, view: View<'_>, zone: &Zone) -> Document {
    let event = alert.event(view.account, incident);
    let mut shown = head(incident, &alert.log_entry, "trigger_log_entry", THROUGH_API, view);
    shown.extend(about(incident, view));
    let rest = json!({
        "created_at": written(alert.at, zone),
        "agent": view.named(&SERVICE, &incident.service),
        "channel": alerts::channel(alert, &event, view.includes("channels")),
        "contexts": event.contexts(),
        "event_details": {"description": event.summary()},
    });
    with(shown, rest)
}

pub const THROUGH_API: &str = "Triggered through the API";

fn written(at: jiff::Timestamp, zone: &Zone) -> Value {
    if zone.name == "Etc/UTC" { at.to_string().into() } else { zone.write(at).into() }
}

fn head(incident: &Incident, id: &str, kind: &str, summary: &str, view: View<'_>) -> Document {
    let mut shown = view.log_entry(incident, id);
    shown.extend([("type".to_owned(), kind.into()), ("summary".to_owned(), summary.into())]);
    shown
}

/// Returns the objects that an entry is about.
fn about(incident: &Incident, view: View<'_>) -> Map<String, Value> {
    let teams = view.account.team_of(&incident.service).map(|team| view.link(&TEAM, team, "teams"));
    let whole = || super::incidents::shown(incident, View::new(view.account, view.base, &[])).into();
    let reference = || view.reference(&INCIDENT, &incident.id, &incident.summary).into();
    let incident_shown: Value = if view.includes("incidents") { whole() } else { reference() };
    let fields = [
        ("incident", incident_shown),
        ("service", view.link(&SERVICE, &incident.service, "services")),
        ("teams", teams.into_iter().collect()),
        ("event_details", json!({})),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The parts of an entry that depend on its event.
struct Told {
    kind: &'static str,
    summary: String,
    fields: Map<String, Value>,
}

fn told(incident: &Incident, entry: &LogEntry, by: &str, view: View<'_>) -> Told {
    let name = |id: &str| text(&view.named(&USER, id), "summary").to_owned();
    let names = |users: &[String]| users.iter().map(|user| name(user)).collect::<Vec<_>>().join(", ");
    let people = |users: &[String]| users.iter().map(|user| view.named(&USER, user)).collect::<Vec<_>>();
    let summary_of = |kind, id: &str| text(&view.named(kind, id), "summary").to_owned();
    let (kind, summary, fields) = match &entry.event {
        LogEvent::Trigger => {
            let description =
                incident.alerts.first().map(|alert| alert.event(view.account, incident).summary().to_owned());
            let fields = json!({"event_details": {"description": description}});
            ("trigger_log_entry", THROUGH_API.to_owned(), fields)
        }
        LogEvent::Assign(users) => {
            let fields = json!({"assignees": people(users)});
            ("assign_log_entry", format!("Assigned to {}", names(users)), fields)
        }
        LogEvent::Escalate(users) => {
            let how = if entry.agent.kind.name == USER.name { format!("by {by}") } else { "due to timeout".to_owned() };
            let fields = json!({"assignees": people(users)});
            ("escalate_log_entry", format!("Escalated to {} {how}", names(users)), fields)
        }
        LogEvent::Delegate { policy, users } => {
            let policy = summary_of(&ESCALATION_POLICY, policy);
            let fields = json!({"assignees": people(users)});
            ("delegate_log_entry", format!("Delegated to {policy} by {by}"), fields)
        }
        LogEvent::RepeatPath => {
            ("repeat_escalation_path_log_entry", "Escalation policy repeats from the first level".to_owned(), json!({}))
        }
        LogEvent::ExhaustPath => {
            ("exhaust_escalation_path_log_entry", "Reached the end of the escalation policy".to_owned(), json!({}))
        }
        LogEvent::Notify { user, method, .. } => {
            let by = if *method == "push" { "push notification" } else { *method };
            let fields = json!({"user": view.named(&USER, user)});
            ("notify_log_entry", format!("Notified {} by {by}", name(user)), fields)
        }
        LogEvent::Acknowledge(timeout) => {
            let fields = json!({"acknowledgement_timeout": timeout});
            ("acknowledge_log_entry", format!("Acknowledged by {by}"), fields)
        }
        LogEvent::Unacknowledge if entry.agent.kind.name == USER.name => {
            ("unacknowledge_log_entry", format!("Unacknowledged by {by}"), json!({}))
        }
        LogEvent::Unacknowledge => ("unacknowledge_log_entry", "Unacknowledged due to timeout".to_owned(), json!({})),
        LogEvent::Snooze(seconds) => {
            let until = crate::time::later(entry.at, jiff::Span::new().seconds(*seconds)).to_string();
            let fields = json!({"changed_actions": [{"type": "unacknowledge", "at": until}]});
            ("snooze_log_entry", format!("Snoozed by {by}"), fields)
        }
        LogEvent::Annotate(_) => ("annotate_log_entry", format!("Note added by {by}"), json!({})),
        LogEvent::StatusUpdate(message) => {
            ("status_update_log_entry", format!("Status update by {by}"), json!({"message": message}))
        }
        LogEvent::Request { users, message } => {
            let responders: Vec<_> = users
                .iter()
                .map(|user| json!({"state": "pending", "user": view.named(&USER, user), "message": message}))
                .collect();
            let fields = json!({"responders": responders, "message": message});
            ("responder_request_log_entry", format!("{by} requested {} to join", names(users)), fields)
        }
        LogEvent::CancelRequest => {
            ("responder_cancel_log_entry", format!("{by} took back a request to join"), json!({}))
        }
        LogEvent::Join => ("responder_accept_log_entry", format!("{by} joined the incident"), json!({})),
        LogEvent::Resolve if entry.agent.kind.name == USER.name => {
            ("resolve_log_entry", format!("Resolved by {by}"), json!({}))
        }
        LogEvent::Resolve => ("resolve_log_entry", "Resolved through the API".to_owned(), json!({})),
        LogEvent::Urgency(urgency) => {
            ("urgency_change_log_entry", format!("Urgency changed to {} by {by}", urgency.name()), json!({}))
        }
        LogEvent::Priority { from, to } => {
            let name = |id: &Option<String>| id.as_deref().map_or("None".to_owned(), |id| summary_of(&PRIORITY, id));
            let summary = format!("Priority changed from \"{}\" to \"{}\" by {by}", name(from), name(to));
            ("priority_change_log_entry", summary, json!({}))
        }
        LogEvent::Field { name, to, .. } => {
            let line = format!("Updated {name} to {}", plain(to));
            ("field_value_change_log_entry", format!("{line} by {by}"), json!({"changeset": [line]}))
        }
        LogEvent::CustomField { name, to, .. } => {
            let line = format!("Updated {name} to {}", plain(to));
            ("custom_field_value_change_log_entry", format!("{line} by {by}"), json!({"changeset": [line]}))
        }
    };
    let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
    Told { kind, summary, fields }
}

/// Returns a value as text, without the quotes of a string.
fn plain(value: &Value) -> String {
    if value.is_null() { "None".to_owned() } else { value.as_str().map_or_else(|| value.to_string(), str::to_owned) }
}

/// Returns the channel of an entry. Most of it comes with `include[]=channels` only.
fn channel(incident: &Incident, entry: &LogEntry, first: Option<&Alert>, view: View<'_>) -> Value {
    let whole = view.includes("channels");
    let by_user = entry.agent.kind.name == USER.name;
    let via = entry.via.channel();
    match &entry.event {
        LogEvent::Trigger => match first {
            Some(alert) => alerts::channel(alert, &alert.event(view.account, incident), whole),
            None => json!({"type": if by_user { via } else { "api" }}),
        },
        LogEvent::Notify { method, address, .. } => {
            json!({"type": "auto", "notification": {"type": method, "address": address, "status": "success"}})
        }
        LogEvent::Annotate(content) => json!({"type": "note", "summary": content}),
        LogEvent::Snooze(seconds) => json!({"type": via, "duration": seconds}),
        LogEvent::Priority { from, to } => {
            let priority = |id: &Option<String>| id.as_deref().map(|id| view.named(&PRIORITY, id));
            json!({"type": via, "old_priority": priority(from), "new_priority": priority(to)})
        }
        LogEvent::Field { name, from, to } if whole => {
            let field = json!({"name": name, "value": to, "old_value": from, "namespace": "incidents"});
            json!({"type": via, "changeset": {"application_fields": [field]}})
        }
        LogEvent::CustomField { name, from, to } if whole => {
            let field = json!({"name": name, "value": to, "old_value": from, "namespace": "incidents"});
            json!({"type": via, "changeset": {"customer_fields": [field]}})
        }
        LogEvent::Escalate(_) | LogEvent::Unacknowledge if !by_user => json!({"type": "timeout"}),
        LogEvent::Resolve if !by_user => json!({"type": "api"}),
        _ if by_user => json!({"type": via}),
        _ => json!({"type": "auto"}),
    }
}
