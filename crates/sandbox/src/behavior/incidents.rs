//! Incidents: <https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents>.

use std::cmp::Ordering;

use jiff::Span;
use serde_json::{Map, Value, json};

use super::{custom_fields, responders};
use crate::account::{Account, Body, Event, Incident, Involvement, Status, Urgency};
use crate::call::Call;
use crate::documents::{Document, text};
use crate::kinds::{ESCALATION_POLICY, INCIDENT, PRIORITY, SERVICE, TEAM, USER};
use crate::params::Params;
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::time::{Range, earlier, later};
use crate::view::{View, with};

type Filter = fn(&Account, &Incident, &[&str]) -> bool;

const FILTERS: &[(&str, Filter)] = &[
    ("incident_key", |_, incident, wanted| wanted.contains(&incident.key.as_str())),
    ("service_ids[]", |_, incident, wanted| wanted.contains(&incident.service.as_str())),
    ("team_ids[]", |account, incident, wanted| {
        account.team_of(&incident.service).is_some_and(|team| wanted.contains(&team))
    }),
    // A resolved incident has no assignments, so this never finds one.
    ("user_ids[]", |_, incident, wanted| {
        incident.assignments.iter().any(|assignment| wanted.contains(&assignment.user.as_str()))
    }),
    ("statuses[]", |_, incident, wanted| wanted.contains(&incident.status.name())),
    ("urgencies[]", |_, incident, wanted| wanted.contains(&incident.urgency.name())),
    ("priority_ids[]", |_, incident, wanted| {
        incident.priority.as_deref().is_some_and(|priority| wanted.contains(&priority))
    }),
];

/// Answers `GET /incidents`, oldest first by default.
pub fn list(account: &Account, call: &Call) -> Answer {
    let range = range(account, &call.params)?;
    let asked = FILTERS.iter().map(|(name, filter)| (call.params.all(name), filter));
    let asked: Vec<_> = asked.filter(|(wanted, _)| !wanted.is_empty()).collect();
    let listed = account.incidents.iter().filter(|incident| {
        range.is_none_or(|range| range.contains(incident.created_at))
            && asked.iter().all(|(wanted, filter)| filter(account, incident, wanted))
    });
    let mut incidents: Vec<&Incident> = listed.collect();
    sort(&mut incidents, &call.params)?;
    let includes = call.includes();
    // The body and custom fields come with a single incident only.
    let includes: Vec<&str> =
        includes.into_iter().filter(|include| !["body", "custom_fields"].contains(include)).collect();
    let view = call.view(account, &includes);
    reply::list("incidents", &incidents, &call.params, |incident| shown(incident, view))
}

/// Answers `GET /incidents/{id}`, by ID or number.
pub fn show(account: &Account, call: &Call) -> Answer {
    let incident = account.incident_by_id_or_number(&call.id).or_404()?;
    reply::one("incident", &shown(incident, call.view(account, &call.includes())))
}

/// Returns the range of the list: the last month by default, six months at most, and no limit for `date_range=all`.
fn range(account: &Account, params: &Params) -> Result<Option<Range>, Problem> {
    if params.one("date_range") == Some("all") {
        return Ok(None);
    }
    let month = Span::new().months(1);
    let now = account.clock.now();
    // An incident created in this second is in the last month.
    let last_month = Range { since: earlier(now, month), until: later(now, Span::new().seconds(1)) };
    let range = params.range(account, month)?.unwrap_or(last_month);
    if range.until > later(range.since, Span::new().months(6)) {
        return Err(Problem::invalid("The range between since and until must not exceed 6 months."));
    }
    Ok(Some(range))
}

type Order = fn(&Incident, &Incident) -> Ordering;

const ORDERS: &[(&str, Order)] = &[
    ("incident_number", |one, other| one.number.cmp(&other.number)),
    ("created_at", |one, other| one.created_at.cmp(&other.created_at)),
    ("resolved_at", |one, other| one.resolved_at.cmp(&other.resolved_at)),
    ("urgency", |one, other| one.urgency.cmp(&other.urgency)),
];

/// Sorts by up to two fields, as in `sort_by=urgency:desc,created_at`.
fn sort(incidents: &mut [&Incident], params: &Params) -> Result<(), Problem> {
    let given = ["sort_by", "sort_by[]"].into_iter().flat_map(|name| params.all(name));
    let keys: Vec<&str> = given.flat_map(|keys| keys.split(',')).collect();
    if keys.len() > 2 {
        return Err(Problem::invalid("sort_by takes at most two fields."));
    }
    // The sort is stable, so the field that matters most comes last.
    for key in keys.into_iter().rev() {
        let (field, direction) = key.split_once(':').unwrap_or((key, "asc"));
        let order = ORDERS.iter().find(|(name, _)| *name == field).map(|(_, order)| order);
        match (order, direction) {
            (Some(order), "asc") => incidents.sort_by(|one, other| order(one, other)),
            (Some(order), "desc") => incidents.sort_by(|one, other| order(other, one)),
            _ => return Err(Problem::invalid(format!("sort_by cannot be {key}."))),
        }
    }
    Ok(())
}

/// Returns an incident as PagerDuty shows it.
pub fn shown(incident: &Incident, view: View<'_>) -> Document {
    let people = |include| if view.includes("users") { "users" } else { include };
    let involved = |list: &[Involvement], role: &str, include| -> Value {
        let entry =
            |one: &Involvement| json!({"at": one.at.to_string(), role: view.link(&USER, &one.user, people(include))});
        list.iter().map(entry).collect()
    };
    let service = view.account.service_of(incident);
    let agent = &incident.changed_by;
    let pending = view.account.pending_actions(incident).into_iter();
    let pending = pending.map(|(at, action)| json!({"type": action.name(), "at": at.to_string()}));
    let priority = incident.priority.as_deref().and_then(|id| view.account.documents.get(&PRIORITY, id));
    let mut shown = with(
        view.head(&INCIDENT, INCIDENT.name, &incident.id, &incident.summary),
        json!({
            "incident_number": incident.number,
            "title": incident.title,
            "description": incident.title,
            "created_at": incident.created_at.to_string(),
            "updated_at": incident.updated_at.to_string(),
            "status": incident.status,
            "incident_key": incident.key,
            "service": view.link(&SERVICE, &incident.service, "services"),
            "assignments": involved(&incident.assignments, "assignee", "assignees"),
            "assigned_via": "escalation_policy",
            "last_status_change_at": incident.changed_at.to_string(),
            "resolved_at": incident.resolved_at.map(|at| at.to_string()),
            "first_trigger_log_entry": view.log_entry(incident, &incident.log_entry),
            "alert_counts": alert_counts(incident),
            "is_mergeable": incident.status != Status::Resolved && incident.merged_into.is_none(),
            "incident_type": {"name": incident.kind},
            "escalation_policy": view.link(&ESCALATION_POLICY, &incident.policy, "escalation_policies"),
            "teams": view.account.team_of(&incident.service).map(|team| view.link(&TEAM, team, "teams")).into_iter().collect::<Value>(),
            "pending_actions": pending.collect::<Value>(),
            "acknowledgements": involved(&incident.acknowledgements, "acknowledger", "acknowledgers"),
            "last_status_change_by": view.link(agent.kind, &agent.id, people("agents")),
            "priority": priority.map(|priority| view.whole(&PRIORITY, priority)),
            "resolve_reason": merged_into(incident, view),
            "incidents_responders": responders::responders(incident, view),
            "responder_requests": responders::requests(incident, view),
            "urgency": incident.urgency,
        }),
    );
    let bridge = incident.bridge.as_ref().filter(|_| view.includes("conference_bridge")).map(|bridge| json!(bridge));
    let body = if view.includes("body") { body(incident, service, view.account) } else { None };
    let custom_fields = view.includes("custom_fields").then(|| custom_fields::shown(incident));
    let optional = [("conference_bridge", bridge), ("body", body), ("custom_fields", custom_fields)].into_iter();
    shown.extend(optional.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    shown
}

/// Returns the reason for the resolution of an incident that was merged into another one.
fn merged_into(incident: &Incident, view: View<'_>) -> Value {
    let target = incident.merged_into.as_deref().and_then(|id| view.account.incident(id));
    let reference = target.map(|target| view.reference(&INCIDENT, &target.id, &target.summary));
    reference.map_or(Value::Null, |incident| json!({"type": "merge_resolve_reason", "incident": incident}))
}

fn alert_counts(incident: &Incident) -> Value {
    let triggered = incident.alerts.iter().filter(|alert| alert.is_open()).count();
    json!({"all": incident.alerts.len(), "triggered": triggered, "resolved": incident.alerts.len() - triggered})
}

fn body(incident: &Incident, service: Option<&Document>, account: &Account) -> Option<Value> {
    let details = match &incident.body {
        Body::Event(event) => json!({"__pd_cef_payload": payload(incident, event, service)}),
        Body::Alert => {
            let common = incident.alerts.first().map(|alert| alert.event(account, incident).common(alert));
            json!({"__pd_cef_payload": common})
        }
        Body::Text(text) => text.as_str().into(),
        Body::Empty => Value::Null,
        Body::Absent => return None,
    };
    Some(json!({"type": "incident_body", "details": details}))
}

/// Returns an alert in the common event format, as the events API leaves it with the incident.
///
/// See <https://support.pagerduty.com/docs/pd-cef>.
fn payload(incident: &Incident, event: &Event, service: Option<&Document>) -> Value {
    let details =
        std::iter::once(("title", &incident.title)).chain(event.details.iter().map(|(name, text)| (*name, text)));
    let details: Map<String, Value> = details.map(|(name, text)| (name.to_owned(), text.as_str().into())).collect();
    json!({
        "client": event.client,
        "client_url": event.client_url,
        "contexts": [{"type": "link", "href": event.client_url, "text": event.client}],
        "creation_time": incident.created_at.to_string(),
        "dedup_key": incident.key,
        "description": incident.title,
        "details": details,
        "event_class": event.class,
        "severity": if incident.urgency == Urgency::High { "critical" } else { "warning" },
        "source_component": service.map(|service| text(service, "name")),
        "source_origin": event.client,
        "version": "1.0",
    })
}
