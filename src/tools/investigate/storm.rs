//! `get_storm`.

mod groups;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use jiff::SignedDuration;
use pagerduty_api::Resource;
use pagerduty_api::operations::alerts::LIST_INCIDENT_ALERTS;
use pagerduty_api::operations::dependencies::GET_TECHNICAL_SERVICE_DEPENDENCIES;
use pagerduty_api::operations::incidents::LIST_INCIDENTS;
use pagerduty_api::operations::services::LIST_SERVICES;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_payloads::{Kind, pattern};
use pagerduty_rows::fields::{Field, Selection, line, plain, reference};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};

use super::subject::{Subject, length};
use super::{alerts, dependencies};
use crate::budget::Budget;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::models::{Alert, Incident, Model, Service, Team};
use crate::pagination::{End, ListRequest};
use crate::params::{Ids, Limit, When, given};
use crate::reply::Reply;
use crate::tools::gather::side_by_side;
use crate::tools::incidents::mine;
use crate::tools::oncall::read::{Named, text};
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};
use groups::{Group, Item, Reason, cause, groups};

/// Returns the open incidents by probable cause, with a merge for each.
pub(super) const GET_STORM: Tool = Tool::new::<Params>(
    "get_storm",
    About {
        title: "Alert storm: group many pages",
        description: "Too many pages (alert storm, flood): groups open incidents by common cause, proposes merges.",
        hint: "too many pages alert storm flood group cause common once",
    },
    &[&LIST_INCIDENTS, &GET_CURRENT_USER, &LIST_SERVICES, &LIST_INCIDENT_ALERTS, &GET_TECHNICAL_SERVICE_DEPENDENCIES],
    |cx, arguments| run(cx, arguments, get_storm),
);

crate::params! {
    struct Params {
        "Default: my teams and their services"
        team_ids: Ids<Team>,
        "Services"
        service_ids: Ids<Service>,
        "Created after; ISO 8601; default: all that are open"
        since: Option<When>,
        "Starts this close may have one cause; default 30"
        window_minutes: Option<Limit>,
    }
}

/// The rows of the answer.
const GROUPS: Resource = Resource { noun: "group", one: "group", many: "groups", pages: &[] };

/// The default of `window_minutes`, and the most.
const WINDOW: usize = 30;
const MAX_WINDOW: usize = 24 * 60;

/// The most open incidents that are compared.
const MAX_INCIDENTS: usize = 300;

/// The most incidents whose first alert is read.
const MAX_SAMPLES: usize = 40;

/// The most incidents of a group that are listed one by one.
const MAX_LISTED: usize = 10;

/// The fields that are read of an incident.
const FIELDS: &[Field] = &[
    plain("id"),
    plain("incident_number"),
    plain("incident_key"),
    plain("is_mergeable"),
    line("title"),
    plain("status"),
    plain("urgency"),
    plain("created_at"),
    reference("service"),
    reference("priority"),
];

/// An open incident.
struct Open {
    subject: Subject,
    key: Option<String>,
    is_mergeable: bool,
    /// Its first alert, if it was read.
    alert: Option<Alert>,
}

async fn get_storm(cx: Context, params: Params) -> Result<Reply> {
    let window = params.window_minutes.map_or(WINDOW, Limit::get);
    if window > MAX_WINDOW {
        let message = format!("window_minutes is {window}, more than {MAX_WINDOW}");
        return Err(Error::new(Code::InvalidParameter, message).hint(format!("Pass at most {MAX_WINDOW}.")));
    }
    let read = Local::read(&cx, None, [params.since]).await?;
    let [since] = read.moments;
    let mut warnings = read.remarks.clone();
    let scope = if given!(params, [team_ids, service_ids]).iter().any(|(_, given)| *given) {
        let query = Query::new().with_given("team_ids", params.team_ids.as_slice());
        query.with_given("service_ids", params.service_ids.as_slice())
    } else {
        mine(&cx, &mut warnings).await?
    };
    let query = scope.with_all("statuses", &["triggered", "acknowledged"]).with("sort_by", Some("created_at:desc"));
    let query = match since {
        Some(since) => query.with("since", Some(since)),
        // Without a range, PagerDuty lists those of the last month only.
        None => query.with("date_range", Some("all")),
    };
    let (open, local) = tokio::join!(open(&cx, query, &mut warnings), read.local(&cx, None));
    let mut open = open?;
    let services: BTreeSet<_> = open.iter().filter_map(|one| one.subject.service.as_ref()).collect();
    let ids: Vec<_> = services.iter().filter_map(|service| crate::ids::Id::parse(&service.id)).collect();
    let samples = samples(&open);
    let alerts = async {
        let read = samples.iter().filter_map(|place| open.get(*place)).map(|one| alerts::read(&cx, &one.subject.id, 1));
        side_by_side(&cx, read).await
    };
    let ((supports, missing), alerts) = tokio::join!(
        async { if ids.len() > 1 { dependencies::between(&cx, &ids).await } else { (Vec::new(), Vec::new()) } },
        alerts
    );
    warnings.extend(missing);
    let mut failed = None;
    let mut unread = 0;
    for (place, outcome) in samples.into_iter().zip(alerts) {
        match outcome {
            Ok(read) => open.get_mut(place).into_iter().for_each(|one| one.alert = read.first().cloned()),
            Err(error) => {
                unread += 1;
                failed = failed.or(Some(error));
            }
        }
    }
    warnings.extend(failed.map(|error| format!("The alerts of {unread} incidents could not be read: {error}")));
    let items: Vec<_> = open.iter().map(Item::from).collect();
    let length = SignedDuration::from_mins(i64::try_from(window).unwrap_or(i64::MAX));
    let found = groups(&items, &supports, length);
    let rows = found.iter().map(|group| Object::from_members(row(group, &open, &supports, &local)));
    let mut reply = cx.composed(&GROUPS, rows.collect(), "team_ids or service_ids");
    reply.set("open_incidents", open.len());
    reply.set("window_minutes", window);
    reply.set("time_zone", local.name());
    Ok(reply.warned(warnings))
}

/// Reads the open incidents, the newest first.
async fn open(cx: &Context, query: Query, warnings: &mut Vec<String>) -> Result<Vec<Open>> {
    let selection = Selection::new(FIELDS.to_vec(), Incident::FACTS);
    let wanted = ListRequest { limit: MAX_INCIDENTS, offset: 0, budget: Budget::unlimited() };
    let listing = cx.api.list::<Incident>(query, wanted, &selection).await?;
    if listing.end != End::Complete {
        warnings.push(format!("There are more open incidents: only the newest {MAX_INCIDENTS} were compared. Pass team_ids or service_ids."));
    }
    let open = listing.rows.iter().filter_map(|row| {
        let members = row.shown.members();
        let value = Value::Object(members.clone());
        Some(Open {
            key: text(&value, "incident_key"),
            is_mergeable: value.get("is_mergeable").and_then(Value::as_bool).unwrap_or(true),
            subject: Subject::from_members(members)?,
            alert: None,
        })
    });
    Ok(open.collect())
}

/// Returns the places of the incidents whose first alert is read: one for each service and title pattern.
fn samples(open: &[Open]) -> Vec<usize> {
    let mut known = BTreeSet::new();
    let is_new = |one: &Open| {
        let service = one.subject.service.as_ref().map(|service| service.id.clone());
        known.insert((service, pattern(&one.subject.title)))
    };
    let places: Vec<_> = open.iter().map(is_new).enumerate().filter(|(_, is_new)| *is_new).collect();
    places.into_iter().map(|(place, _)| place).take(MAX_SAMPLES).collect()
}

impl From<&Open> for Item {
    fn from(open: &Open) -> Self {
        let fact = |kind| open.alert.as_ref().and_then(|alert| alert.payload.value(kind)).map(str::to_owned);
        let title = &open.subject.title;
        Self {
            service: open.subject.service.as_ref().map(|service| service.id.clone()),
            at: open.subject.created_at,
            key: open.key.clone().filter(|key| !key.is_empty()),
            pattern: pattern(title),
            check: fact(Kind::Name),
            host: fact(Kind::Host),
        }
    }
}

/// Returns a group for the answer.
fn row(group: &Group, open: &[Open], supports: &[(String, String)], local: &Local) -> Map<String, Value> {
    let members: Vec<_> = group.members.iter().filter_map(|place| open.get(*place)).collect();
    let mut counts: BTreeMap<&Named, usize> = BTreeMap::new();
    for service in members.iter().filter_map(|one| one.subject.service.as_ref()) {
        *counts.entry(service).or_default() += 1;
    }
    let ids: BTreeSet<_> = counts.keys().map(|service| service.id.as_str()).collect();
    let names: HashMap<_, _> = counts.keys().map(|service| (service.id.as_str(), *service)).collect();
    let cause = cause(&ids, supports).and_then(|id| names.get(id).copied());
    let acknowledged = members.iter().filter(|one| one.subject.status.as_deref() == Some("acknowledged")).count();
    let alert = members.iter().find_map(|one| one.alert.as_ref());

    let mut row = Map::new();
    row.insert("line".to_owned(), sentence(&members, group, &counts, cause, acknowledged, local).into());
    if members.len() > 1 {
        row.insert("reasons".to_owned(), group.reasons.iter().map(|reason| reason.name()).collect::<Value>());
    }
    row.insert("count".to_owned(), members.len().into());
    row.insert("acknowledged".to_owned(), acknowledged.into());
    row.extend(cause.map(|cause| ("probable_cause".to_owned(), cause.shown())));
    let services =
        counts.iter().map(|(service, count)| json!({"id": service.id, "name": service.name, "count": count}));
    row.insert("services".to_owned(), services.collect());
    let listed = members.iter().take(MAX_LISTED).map(|one| incident(&one.subject, local));
    row.insert("incidents".to_owned(), listed.collect());
    if members.len() > MAX_LISTED {
        row.insert("more_incidents".to_owned(), (members.len() - MAX_LISTED).into());
    }
    row.extend(alert.map(|alert| ("first_alert".to_owned(), alerts::line(alert, local).into())));
    row.extend(merge(&members).map(|merge| ("proposed_merge".to_owned(), merge)));
    row
}

/// Returns an incident of a group.
fn incident(subject: &Subject, local: &Local) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), subject.id.as_str().into());
    shown.extend(subject.number.map(|number| ("incident_number".to_owned(), number.into())));
    shown.insert("title".to_owned(), subject.title.as_str().into());
    shown.extend(subject.service.as_ref().map(|service| ("service".to_owned(), service.label().into())));
    shown.extend(subject.status.as_deref().map(|status| ("status".to_owned(), status.into())));
    shown.extend(subject.created_at.map(|at| ("created_at".to_owned(), local.iso(at).into())));
    shown.into()
}

/// Returns the merge that a group would become: all into the oldest one. PagerDuty does not merge some incidents.
fn merge(members: &[&Open]) -> Option<Value> {
    let mut mergeable = members.iter().filter(|one| one.is_mergeable).map(|one| one.subject.id.as_str());
    let target = mergeable.next()?;
    let sources: Vec<_> = mergeable.collect();
    (!sources.is_empty()).then(|| json!({"target_id": target, "source_ids": sources}))
}

/// Returns a group in words.
fn sentence(
    members: &[&Open],
    group: &Group,
    services: &BTreeMap<&Named, usize>,
    cause: Option<&Named>,
    acknowledged: usize,
    local: &Local,
) -> String {
    let subjects = || members.iter().map(|one| &one.subject);
    let label = subjects().next().map(Subject::label).unwrap_or_default();
    let mut line = match members.len() {
        0 | 1 => label,
        count => format!("{count} incidents: {label} and {} more", count - 1),
    };
    let mut names = services.keys().map(|service| service.label());
    let first: Vec<_> = names.by_ref().take(3).collect();
    let more = names.count();
    if !first.is_empty() {
        let _ = write!(line, ", on {}", first.join(", "));
    }
    if more > 0 {
        let _ = write!(line, " and {more} more services");
    }
    let starts = || subjects().filter_map(|subject| subject.created_at);
    if let Some((start, end)) = starts().min().zip(starts().max()) {
        let _ = write!(line, "; since {}", local.text(start));
        if end > start {
            let _ = write!(line, ", the last one {} later", length(end.duration_since(start)));
        }
    }
    if acknowledged > 0 && members.len() > 1 {
        let _ = write!(line, "; {acknowledged} acknowledged");
    } else if acknowledged > 0 {
        line += "; acknowledged";
    }
    line.push('.');
    if members.len() > 1 {
        let reasons: Vec<_> = group.reasons.iter().copied().map(Reason::words).collect();
        let _ = write!(line, " In common: {}.", reasons.join(", "));
    }
    if let Some(cause) = cause {
        let _ = write!(line, " Probable cause: {}, which the others depend on.", cause.label());
    }
    line
}
