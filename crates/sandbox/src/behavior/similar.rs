//! Past and related incidents, which PagerDuty finds by their content and the sandbox by the alarm that raised them:
//! <https://developer.pagerduty.com/api-reference/a47605517c19a-api-concepts#past_incidents>.

use std::cmp::Reverse;

use jiff::{SignedDuration, Span};
use serde_json::{Value, json};

use super::dependencies::depends;
use super::incidents;
use crate::account::{Account, Incident};
use crate::call::Call;
use crate::kinds::{INCIDENT, SERVICE};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::time::{Range, earlier, later};
use crate::view::View;

/// Returns the few fields that PagerDuty gives of an incident that it compares with another.
fn brief(incident: &Incident, view: View<'_>) -> Value {
    json!({
        "id": incident.id,
        "created_at": incident.created_at.to_string(),
        "self": view.url(&INCIDENT, &incident.id),
        "title": incident.title,
    })
}

/// Answers `GET /incidents/{id}/past_incidents`: the incidents of the same service in the six months before, the most
/// similar first.
pub fn past(account: &Account, call: &Call) -> Answer {
    call.caller.may_compare_incidents()?;
    let incident = account.incident(&call.id).or_404()?;
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
    let view = call.view(account, &[]);
    let past = past
        .into_iter()
        .take(limit)
        .map(|(score, incident)| json!({"incident": brief(incident, view), "score": f64::from(score) / 100.0}));
    reply::written(&json!({"past_incidents": past.collect::<Value>(), "total": total, "limit": limit}))
}

/// Answers `GET /incidents/{id}/outlier_incident`: how often incidents of the same alarm occur on the service, in the four
/// months before unless `since` says otherwise.
pub fn outlier(account: &Account, call: &Call) -> Answer {
    call.caller.may_compare_incidents()?;
    let incident = account.incident(&call.id).or_404()?;
    let until = later(incident.created_at, Span::new().seconds(1));
    let since = call.params.bounds(account)?.0.unwrap_or_else(|| earlier(until, Span::new().months(4)));
    let range = Range { since, until };
    let (mut all, mut alike) = (0_u32, 0_u32);
    for other in account.incidents_of(&incident.service).filter(|other| range.contains(other.created_at)) {
        all += 1;
        alike += u32::from(other.alarm == incident.alarm);
    }
    let frequency = f64::from(alike) / f64::from(all.max(1));
    let category = match alike {
        ..=1 => "anomaly",
        _ if frequency < 0.1 => "rare",
        _ => "frequent",
    };
    let whole = call.params.all("additional_details[]").contains(&"incident");
    let view = call.view(account, &[]);
    let mut shown = if whole { incidents::shown(incident, view).into() } else { brief(incident, view) };
    let occurrence = json!({"count": alike, "frequency": (frequency * 100.0).round() / 100.0, "category": category,
        "since": since.to_string(), "until": until.to_string()});
    if let Some(members) = shown.as_object_mut() {
        members.insert("occurrence".to_owned(), occurrence);
    }
    let id = format!("PTEMPL{:02}", incident.alarm);
    let template = json!({"id": id, "cluster_id": format!("PCLUST{:02}", incident.alarm),
        "mined_text": pattern(&incident.title)});
    reply::one("outlier_incident", &json!({"incident": shown, "incident_template": template}))
}

/// Returns a title with its varying words replaced, as PagerDuty does.
fn pattern(title: &str) -> String {
    let varies = |word: &str| word.contains(|letter: char| letter.is_ascii_digit());
    title.split(' ').map(|word| if varies(word) { "<*>" } else { word }).collect::<Vec<_>>().join(" ")
}

/// Returns the similarity of two incidents in hundredths: the same alarm counts most, then the urgency, then the hour of
/// the day. Zero is not similar.
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

/// The maximum number of related incidents that PagerDuty returns.
const MAX_RELATED: usize = 20;

/// Answers `GET /incidents/{id}/related_incidents`: incidents of other services around the same time, the most recent
/// first.
pub fn related(account: &Account, call: &Call) -> Answer {
    call.caller.may_compare_incidents()?;
    let incident = account.incident(&call.id).or_404()?;
    let whole = call.params.all("additional_details[]").contains(&"incident");
    let view = call.view(account, &[]);
    let around =
        Range { since: incident.created_at, until: incident.created_at }.widened(SignedDuration::from_hours(12));
    let related =
        account.incidents.iter().rev().filter(|other| around.contains(other.created_at)).filter_map(|other| {
            let relationships = relationships(incident, other, view);
            let incident = if whole { incidents::shown(other, view).into() } else { brief(other, view) };
            (!relationships.is_empty()).then(|| json!({"incident": incident, "relationships": relationships}))
        });
    reply::all("related_incidents", related.take(MAX_RELATED))
}

/// Returns the relationships of `other`, which is about another service, to `incident`: both were raised by the same
/// alarm, or one service depends on the other, which services of one team are taken to do.
fn relationships(incident: &Incident, other: &Incident, view: View<'_>) -> Vec<Value> {
    let (one, another) = (&incident.service, &other.service);
    if one == another {
        return Vec::new();
    }
    let alike = (incident.alarm == other.alarm).then(|| {
        let feedback = json!({"positive_feedback_count": other.alerts.len(), "negative_feedback_count": 0});
        let metadata = json!({"grouping_classification": "similar_contents", "user_feedback": feedback});
        json!({"type": "machine_learning_inferred", "metadata": metadata})
    });
    let team = view.account.team_of(one).zip(view.account.team_of(another));
    let service = |id| json!([{"id": id, "type": "technical_service_reference", "self": view.url(&SERVICE, id)}]);
    let is_supporting = depends(view.account, another, one);
    let is_dependent = depends(view.account, one, another) || team.is_some_and(|(team, other)| team == other);
    let dependent = (is_supporting || is_dependent).then(|| {
        let (dependent, supporting) = if is_supporting { (another, one) } else { (one, another) };
        let metadata = json!({"dependent_services": service(dependent), "supporting_services": service(supporting)});
        json!({"type": "service_dependency", "metadata": metadata})
    });
    alike.into_iter().chain(dependent).collect()
}
