//! Incidents: <https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents>.

use std::cmp::Ordering;

use jiff::{Span, Timestamp};
use serde::{Serialize, Serializer};

use super::account::{Account, Body, Event, Incident, Policy, Priority, Service, Status, Team, Urgency, User};
use super::call::Call;
use super::params::{Filter, Params, select};
use super::reply::{self, Answer, Problem};
use super::time::{Range, earlier, later, maybe_utc, utc};
use super::wire::{Either, Head, Link, View, Whole, team_list};

const FILTERS: &[Filter<Incident>] = &[
    ("incident_key", |incident, wanted| wanted.contains(&incident.key.as_str())),
    ("service_ids[]", |incident, wanted| wanted.contains(&incident.service.id.as_str())),
    ("team_ids[]", |incident, wanted| {
        team_list(incident.service.team.as_ref()).any(|team| wanted.contains(&team.id.as_str()))
    }),
    // Nobody is assigned to a resolved incident, so this never finds one.
    ("user_ids[]", |incident, wanted| {
        incident.assignments.iter().any(|assignment| wanted.contains(&assignment.user.id.as_str()))
    }),
    ("statuses[]", |incident, wanted| wanted.contains(&incident.status.name())),
    ("urgencies[]", |incident, wanted| wanted.contains(&incident.urgency.name())),
    ("priority_ids[]", |incident, wanted| {
        incident.priority.as_ref().is_some_and(|priority| wanted.contains(&priority.id.as_str()))
    }),
];

/// `GET /incidents`, oldest first unless told otherwise.
pub fn list(account: &Account, call: &Call) -> Answer {
    let range = range(account, &call.params)?;
    let in_range =
        account.incidents.iter().filter(|incident| range.is_none_or(|range| range.contains(incident.created_at)));
    let mut incidents = select(in_range, FILTERS, &call.params);
    sort(&mut incidents, &call.params)?;
    let includes = call.includes();
    // The body comes with a single incident only.
    let includes: Vec<&str> = includes.into_iter().filter(|include| *include != "body").collect();
    let view = call.view(account, &includes);
    reply::list("incidents", &incidents, &call.params, |incident| view.whole(*incident))
}

/// `GET /incidents/{id}`, by ID or number.
pub fn show(account: &Account, call: &Call) -> Answer {
    let incident = account.incident_by_id_or_number(&call.id)?;
    reply::one("incident", &call.view(account, &call.includes()).whole(incident))
}

/// The last month unless told otherwise, six months at most, and everything for `date_range=all`.
fn range(account: &Account, params: &Params) -> Result<Option<Range>, Problem> {
    if params.one("date_range") == Some("all") {
        return Ok(None);
    }
    let month = Span::new().months(1);
    let now = account.clock.now();
    // What has been created this very second is in the last month.
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

#[derive(Serialize)]
struct IncidentFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    incident_number: u32,
    title: &'a str,
    description: &'a str,
    #[serde(serialize_with = "utc")]
    created_at: Timestamp,
    #[serde(serialize_with = "utc")]
    updated_at: Timestamp,
    status: Status,
    incident_key: &'a str,
    service: Link<'a, Service>,
    assignments: Vec<Assignment<'a>>,
    assigned_via: &'a str,
    #[serde(serialize_with = "utc")]
    last_status_change_at: Timestamp,
    #[serde(serialize_with = "maybe_utc")]
    resolved_at: Option<Timestamp>,
    first_trigger_log_entry: Head<'a>,
    alert_counts: AlertCounts,
    is_mergeable: bool,
    incident_type: IncidentType<'a>,
    escalation_policy: Link<'a, Policy>,
    teams: Vec<Link<'a, Team>>,
    pending_actions: Vec<PendingAction>,
    acknowledgements: Vec<Acknowledgement<'a>>,
    last_status_change_by: Either<Link<'a, User>, Link<'a, Service>>,
    priority: Option<PriorityFields<'a>>,
    /// Says which incident it was merged into, and the sandbox does not merge.
    resolve_reason: Option<()>,
    incidents_responders: [(); 0],
    responder_requests: [(); 0],
    urgency: Urgency,
    #[serde(skip_serializing_if = "Option::is_none")]
    conference_bridge: Option<ConferenceBridge<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<BodyFields<'a>>,
}

#[derive(Serialize)]
struct Assignment<'a> {
    #[serde(serialize_with = "utc")]
    at: Timestamp,
    assignee: Link<'a, User>,
}

#[derive(Serialize)]
struct Acknowledgement<'a> {
    #[serde(serialize_with = "utc")]
    at: Timestamp,
    acknowledger: Link<'a, User>,
}

#[derive(Serialize)]
struct AlertCounts {
    all: u32,
    triggered: u32,
    resolved: u32,
}

#[derive(Serialize)]
struct IncidentType<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct PendingAction {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(serialize_with = "utc")]
    at: Timestamp,
}

#[derive(Serialize)]
struct PriorityFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    name: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct ConferenceBridge<'a> {
    conference_number: &'a str,
    conference_url: &'a str,
}

#[derive(Serialize)]
struct BodyFields<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    details: Either<Option<&'a str>, EventDetails<'a>>,
}

#[derive(Serialize)]
struct EventDetails<'a> {
    #[serde(rename = "__pd_cef_payload")]
    payload: Payload<'a>,
}

/// An alert in the common event format, as the events API leaves it with the incident.
///
/// See <https://support.pagerduty.com/docs/pd-cef>.
#[derive(Serialize)]
struct Payload<'a> {
    client: &'a str,
    client_url: &'a str,
    contexts: [Context<'a>; 1],
    #[serde(serialize_with = "utc")]
    creation_time: Timestamp,
    dedup_key: &'a str,
    description: &'a str,
    details: Details<'a>,
    event_class: &'a str,
    severity: &'static str,
    source_component: &'a str,
    source_origin: &'a str,
    version: &'static str,
}

#[derive(Serialize)]
struct Context<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    href: &'a str,
    text: &'a str,
}

/// What the monitor said, under names of its own.
struct Details<'a> {
    title: &'a str,
    rest: &'a [(&'static str, String)],
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let rest = self.rest.iter().map(|(name, text)| (*name, text.as_str()));
        to.collect_map(std::iter::once(("title", self.title)).chain(rest))
    }
}

impl Incident {
    fn alert_counts(&self) -> AlertCounts {
        let resolved = if self.status == Status::Resolved { self.alerts } else { self.alerts / 3 };
        AlertCounts { all: self.alerts, triggered: self.alerts - resolved, resolved }
    }

    /// What PagerDuty is going to do on its own: the sandbox announces it and does not do it.
    fn pending_actions(&self) -> Vec<PendingAction> {
        let after = |at, seconds| later(at, Span::new().seconds(seconds));
        let unacknowledge =
            PendingAction { kind: "unacknowledge", at: after(self.changed_at, Service::ACKNOWLEDGEMENT_TIMEOUT) };
        let resolve = PendingAction { kind: "resolve", at: after(self.changed_at, Service::AUTO_RESOLVE_TIMEOUT) };
        match self.status {
            Status::Triggered => vec![resolve],
            Status::Acknowledged => vec![unacknowledge, resolve],
            Status::Resolved => Vec::new(),
        }
    }

    fn conference_bridge(&self) -> Option<ConferenceBridge<'_>> {
        let bridge = self.bridge.as_ref()?;
        Some(ConferenceBridge { conference_number: &bridge.number, conference_url: &bridge.url })
    }

    fn payload<'a>(&'a self, event: &'a Event) -> Payload<'a> {
        Payload {
            client: event.client,
            client_url: &event.client_url,
            contexts: [Context { kind: "link", href: &event.client_url, text: event.client }],
            creation_time: self.created_at,
            dedup_key: &self.key,
            description: &self.title,
            details: Details { title: &self.title, rest: &event.details },
            event_class: event.class,
            severity: if self.urgency == Urgency::High { "critical" } else { "warning" },
            source_component: self.service.name,
            source_origin: event.client,
            version: "1.0",
        }
    }

    fn body(&self) -> Option<BodyFields<'_>> {
        let details = match &self.body {
            Body::Event(event) => Either::Right(EventDetails { payload: self.payload(event) }),
            Body::Text(text) => Either::Left(Some(text.as_str())),
            Body::Empty => Either::Left(None),
            Body::Absent => return None,
        };
        Some(BodyFields { kind: "incident_body", details })
    }
}

impl Whole for Incident {
    fn write<S: Serializer>(&self, view: View<'_>, to: S) -> Result<S::Ok, S::Error> {
        let people = |include| if view.includes("users") { "users" } else { include };
        let assignments = self.assignments.iter().map(|assignment| Assignment {
            at: assignment.at,
            assignee: view.link(assignment.user.as_ref(), people("assignees")),
        });
        let acknowledgements = self.acknowledgements.iter().map(|acknowledgement| Acknowledgement {
            at: acknowledgement.at,
            acknowledger: view.link(acknowledgement.user.as_ref(), people("acknowledgers")),
        });
        IncidentFields {
            head: Head::whole(self, view.base),
            incident_number: self.number,
            title: &self.title,
            description: &self.title,
            created_at: self.created_at,
            updated_at: self.updated_at,
            status: self.status,
            incident_key: &self.key,
            service: view.link(self.service.as_ref(), "services"),
            assignments: assignments.collect(),
            assigned_via: "escalation_policy",
            last_status_change_at: self.changed_at,
            resolved_at: self.resolved_at,
            first_trigger_log_entry: Head::log_entry(self, view.base),
            alert_counts: self.alert_counts(),
            is_mergeable: self.status != Status::Resolved,
            incident_type: IncidentType { name: self.kind },
            escalation_policy: view.link(self.policy.as_ref(), "escalation_policies"),
            teams: view.links(team_list(self.service.team.as_ref()), "teams"),
            pending_actions: self.pending_actions(),
            acknowledgements: acknowledgements.collect(),
            last_status_change_by: view.agent(&self.changed_by, people("agents")),
            priority: self.priority.as_deref().map(|given| priority(given, view.base)),
            resolve_reason: None,
            incidents_responders: [],
            responder_requests: [],
            urgency: self.urgency,
            conference_bridge: if view.includes("conference_bridge") { self.conference_bridge() } else { None },
            body: if view.includes("body") { self.body() } else { None },
        }
        .serialize(to)
    }
}

fn priority<'a>(priority: &'a Priority, base: &str) -> PriorityFields<'a> {
    PriorityFields { head: Head::whole(priority, base), name: priority.name, description: priority.description }
}
