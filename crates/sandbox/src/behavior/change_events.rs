//! Change events, such as deployments: <https://developer.pagerduty.com/api-reference/cee0aaebc5fed-list-change-events>.

use jiff::{SignedDuration, Span, Timestamp};
use serde_json::{Map, Value, json};

use crate::account::{Account, Incident};
use crate::call::Call;
use crate::documents::{Document, entries, id_of};
use crate::kinds::SERVICE;
use crate::params::{Filter, Params, select};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::time::{Range, earlier};
use crate::view::{View, head, with};

/// A change of a service, as a program reported it.
#[derive(Debug)]
pub struct ChangeEvent {
    pub id: String,
    /// The time at which PagerDuty received it.
    pub at: Timestamp,
    pub service: String,
    pub team: Option<String>,
    pub integration: Option<String>,
    /// The event as the program sent it. Only `summary` is always there.
    pub sent: Map<String, Value>,
}

const FILTERS: &[Filter<ChangeEvent>] = &[
    ("team_ids[]", |change, wanted| change.team.as_deref().is_some_and(|team| wanted.contains(&team))),
    ("integration_ids[]", |change, wanted| change.integration.as_deref().is_some_and(|one| wanted.contains(&one))),
];

/// Answers `GET /change_events`, newest first.
pub fn list(account: &Account, call: &Call) -> Answer {
    listed(account, call, |_| true)
}

/// Answers `GET /services/{id}/change_events`, newest first.
pub fn of_service(account: &Account, call: &Call) -> Answer {
    account.documents.get(&SERVICE, &call.id).or_404()?;
    listed(account, call, |change| change.service == call.id)
}

/// Answers `GET /change_events/{id}`.
pub fn show(account: &Account, call: &Call) -> Answer {
    let change = received(account).find(|change| change.id == call.id).or_404()?;
    reply::one("change_event", &shown(change, call.view(account, &[])))
}

/// Returns the change events, newest first.
fn received(account: &Account) -> impl Iterator<Item = &ChangeEvent> {
    account.changes.iter().rev()
}

fn listed(account: &Account, call: &Call, is_wanted: impl Fn(&ChangeEvent) -> bool) -> Answer {
    let (since, until) = bounds(&call.params)?;
    let in_range = |change: &&ChangeEvent| {
        since.is_none_or(|since| change.at >= since) && until.is_none_or(|until| change.at < until)
    };
    let changes = received(account).filter(in_range).filter(|change| is_wanted(change));
    let changes = select(changes, FILTERS, &call.params);
    let view = call.view(account, &[]);
    reply::list("change_events", &changes, &call.params, |change| shown(change, view))
}

/// Returns the times in `since` and `until`, which have to be in UTC.
fn bounds(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let read = |name| {
        let read = |text: &str| {
            let at = text.parse().ok().filter(|_| text.ends_with('Z') || text.ends_with("+00:00"));
            at.ok_or_else(|| Problem::invalid(format!("{name} must be an ISO 8601 time in UTC.")))
        };
        params.one(name).map(read).transpose()
    };
    Ok((read("since")?, read("until")?))
}

fn shown(change: &ChangeEvent, view: View<'_>) -> Document {
    let summary = change.sent.get("summary").and_then(Value::as_str).unwrap_or_default();
    let url = format!("{}/change_events/{}", view.base, change.id);
    let integration = change.integration.as_deref().and_then(|id| {
        let service = view.account.documents.get(&SERVICE, &change.service)?;
        let integration = entries(service, "integrations").iter().find(|one| id_of(one) == id)?;
        Some(view.part((&SERVICE, service), "integrations", integration, false))
    });
    let mut shown = with(
        head(&change.id, "change_event", summary, url, Value::Null),
        json!({"services": [view.named(&SERVICE, &change.service)], "integration": integration}),
    );
    shown.extend(change.sent.clone());
    shown
}

/// The time before an incident in which a change can be the reason.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// Answers `GET /incidents/{id}/related_change_events`: the changes of the day before the incident, of its service first.
pub fn related(account: &Account, call: &Call) -> Answer {
    let incident = account.incident_by_id_or_number(&call.id).or_404()?;
    let limit = call.params.one("limit").map_or(Ok(25), str::parse::<usize>);
    let limit = limit.map_err(|_| Problem::invalid("limit must be a positive number."))?;
    let since = earlier(incident.created_at, Span::new().seconds(BEFORE.as_secs()));
    let range = Range { since, until: incident.created_at };
    let team = account.team_of(&incident.service);
    let reason = |change: &ChangeEvent| reason(incident, team, change);
    let mut related: Vec<(&str, &ChangeEvent)> = received(account)
        .filter(|change| range.contains(change.at))
        .filter_map(|change| Some((reason(change)?, change)))
        .collect();
    related.sort_by_key(|(reason, _)| *reason != MOST_RECENT);
    let view = call.view(account, &[]);
    let events = related
        .into_iter()
        .take(limit)
        .map(|(reason, change)| with(shown(change, view), json!({"correlation_reason": {"reason": reason}})));
    reply::written(&json!({
        "change_events": events.collect::<Vec<_>>(), "limit": null, "offset": null, "total": null, "more": false,
    }))
}

const MOST_RECENT: &str = "most_recent";

/// Returns the reason for which a change is related to an incident.
fn reason(incident: &Incident, team: Option<&str>, change: &ChangeEvent) -> Option<&'static str> {
    if change.service == incident.service {
        Some(MOST_RECENT)
    } else if team.is_some() && change.team.as_deref() == team {
        Some("related_service")
    } else {
        None
    }
}
