//! Past and related incidents, which PagerDuty finds by their content and the sandbox by the alarm that raised them:
//! <https://developer.pagerduty.com/api-reference/a47605517c19a-api-concepts#past_incidents>.

use std::cmp::Reverse;

use jiff::{Span, Timestamp};
use serde::Serialize;

use super::account::{Account, Incident, Service};
use super::call::Call;
use super::reply::{self, Answer, Problem};
use super::time::{Range, earlier, utc};
use super::wire::{Either, Head, Link};

/// The few fields PagerDuty gives of an incident it compares with another.
#[derive(Serialize)]
struct Brief<'a> {
    id: &'a str,
    #[serde(serialize_with = "utc")]
    created_at: Timestamp,
    #[serde(rename = "self")]
    api: String,
    title: &'a str,
}

impl<'a> Brief<'a> {
    fn new(incident: &'a Incident, base: &str) -> Self {
        Self {
            id: &incident.id,
            created_at: incident.created_at,
            api: Head::reference(incident, base).api,
            title: &incident.title,
        }
    }
}

#[derive(Serialize)]
struct PastIncidents<'a> {
    #[serde(rename = "past_incidents")]
    incidents: Vec<PastIncident<'a>>,
    total: Option<usize>,
    limit: usize,
}

#[derive(Serialize)]
struct PastIncident<'a> {
    incident: Brief<'a>,
    score: f64,
}

/// `GET /incidents/{id}/past_incidents`: those of the same service in the six months before, the most similar first.
pub fn past(account: &Account, call: &Call) -> Answer {
    call.caller.may_compare_incidents()?;
    let incident = account.incident(&call.id)?;
    let limit = call.params.one("limit").map_or(Ok(5), str::parse);
    let limit = limit.ok().filter(|limit| (1..=999).contains(limit));
    let limit = limit.ok_or_else(|| Problem::invalid("limit must be between 1 and 999."))?;
    let before = Range { since: earlier(incident.created_at, Span::new().months(6)), until: incident.created_at };
    let mut past: Vec<(u32, &Incident)> = account
        .incidents_of(&incident.service)
        .filter(|other| before.contains(other.created_at) && other.id != incident.id)
        .map(|other| (similarity(incident, other), other))
        .filter(|(score, _)| *score > 0)
        .collect();
    past.sort_by_key(|(score, other)| Reverse((*score, other.created_at)));
    let total = call.params.is_true("total").then_some(past.len());
    let past = past.into_iter().take(limit);
    let incidents = past
        .map(|(score, incident)| PastIncident {
            incident: Brief::new(incident, &call.base),
            score: f64::from(score) / 100.0,
        })
        .collect();
    reply::written(&PastIncidents { incidents, total, limit })
}

/// In hundredths: the same alarm counts most, then the urgency, then the hour of the day. Zero is not similar.
fn similarity(one: &Incident, other: &Incident) -> u32 {
    let hour = |incident: &Incident| incident.created_at.as_second().rem_euclid(86_400) / 3_600;
    let points = [
        (one.alarm == other.alarm, 4_100),
        (one.alarm == other.alarm && one.title == other.title, 580),
        (one.urgency == other.urgency, 310),
        (hour(one) == hour(other), 102),
    ];
    points.iter().filter(|(applies, _)| *applies).map(|(_, points)| points).sum()
}

#[derive(Serialize)]
struct RelatedIncident<'a> {
    incident: Either<Brief<'a>, Link<'a, Incident>>,
    relationships: Vec<Relationship<'a>>,
}

#[derive(Serialize)]
struct Relationship<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    metadata: Either<MachineLearning, Dependency<'a>>,
}

#[derive(Serialize)]
struct MachineLearning {
    grouping_classification: &'static str,
    user_feedback: Feedback,
}

#[derive(Serialize)]
struct Feedback {
    positive_feedback_count: u32,
    negative_feedback_count: u32,
}

#[derive(Serialize)]
struct Dependency<'a> {
    dependent_services: [DependentService<'a>; 1],
    supporting_services: [DependentService<'a>; 1],
}

#[derive(Serialize)]
struct DependentService<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "self")]
    api: String,
}

impl<'a> DependentService<'a> {
    fn new(service: &'a Service, base: &str) -> Self {
        Self { id: &service.id, kind: "technical_service_reference", api: Head::reference(service, base).api }
    }
}

/// How many related incidents PagerDuty names.
const MOST_RELATED: usize = 20;

/// `GET /incidents/{id}/related_incidents`: those of other services around the same time, the most recent first.
pub fn related(account: &Account, call: &Call) -> Answer {
    call.caller.may_compare_incidents()?;
    let incident = account.incident(&call.id)?;
    let whole = call.params.all("additional_details[]").contains(&"incident");
    let view = call.view(account, &[]);
    let around = Range { since: incident.created_at, until: incident.created_at }.widened(Span::new().hours(12));
    let related =
        account.incidents.iter().rev().filter(|other| around.contains(other.created_at)).filter_map(|other| {
            let relationships = relationships(incident, other, &call.base);
            let incident =
                if whole { Either::Right(view.whole(other)) } else { Either::Left(Brief::new(other, &call.base)) };
            (!relationships.is_empty()).then_some(RelatedIncident { incident, relationships })
        });
    reply::all("related_incidents", related.take(MOST_RELATED))
}

/// Why `other`, which is about another service, has to do with `incident`: the same alarm went off, or the two services
/// belong to one team.
fn relationships<'a>(incident: &'a Incident, other: &'a Incident, base: &str) -> Vec<Relationship<'a>> {
    let (one, another) = (incident.service.as_ref(), other.service.as_ref());
    if one.id == another.id {
        return Vec::new();
    }
    let alike = (incident.alarm == other.alarm).then_some(Relationship {
        kind: "machine_learning_inferred",
        metadata: Either::Left(MachineLearning {
            grouping_classification: "similar_contents",
            user_feedback: Feedback { positive_feedback_count: other.alerts, negative_feedback_count: 0 },
        }),
    });
    let same_team = one.team.as_ref().zip(another.team.as_ref()).is_some_and(|(team, other)| team.id == other.id);
    let dependent = same_team.then(|| Relationship {
        kind: "service_dependency",
        metadata: Either::Right(Dependency {
            dependent_services: [DependentService::new(one, base)],
            supporting_services: [DependentService::new(another, base)],
        }),
    });
    alike.into_iter().chain(dependent).collect()
}
