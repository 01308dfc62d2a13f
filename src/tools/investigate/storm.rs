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
use tokio::sync::SetOnce;

use super::{alerts, dependencies};
use crate::budget::Budget;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Incident, Model, Service, Team};
use crate::pagination::{End, ListRequest};
use crate::params::{Ids, Limit, Range, When, given};
use crate::reply::Reply;
use crate::tools::gather::{in_time, side_by_side};
use crate::tools::incidents::mine;
use crate::tools::oncall::read::{Named, text};
use crate::tools::subject::Subject;
use crate::tools::times::{Local, length};
use crate::tools::tool::{About, run};
use crate::tools::words::{self, list};
use crate::tools::{Context, Tool};
use groups::{Group, Item, cause, groups};

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

/// The most services of a group that its sentence names.
const MAX_NAMED: usize = 3;

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
    let range = Range::of_incidents(since, None)?;
    let query = |scope: Query| {
        let query = scope.with_all("statuses", &["triggered", "acknowledged"]).with("sort_by", Some("created_at:desc"));
        // Without a range, PagerDuty lists those of the last month only.
        let all = (!range.given()).then_some("all");
        query.with("since", range.since).with("until", range.until).with("date_range", all)
    };
    let (found, local) = tokio::join!(open(&cx, query(scope), &mut warnings), read.local(&cx, None));
    let mut open = found?;
    let own = open.len();
    let supports = read_parts(&cx, &mut open, &mut warnings).await;
    let (causes, missing) = causes(&cx, &open, &supports, query).await;
    open.extend(causes);
    warnings.extend(missing);
    let items: Vec<_> = open.iter().map(Item::from).collect();
    let length = SignedDuration::from_mins(i64::try_from(window).unwrap_or(i64::MAX));
    let mut found = groups(&items, &supports, length);
    found.retain(|group| group.members.iter().any(|place| *place < own));
    let added: usize = found.iter().flat_map(|group| &group.members).filter(|place| **place >= own).count();
    let rows = found.iter().map(|group| Object::from_members(row(group, &open, &supports, &local)));
    let mut reply = cx.composed(&GROUPS, rows.collect(), "team_ids or service_ids");
    reply.set("open_incidents", own);
    if added > 0 {
        reply.set("added_from_dependencies", added);
    }
    reply.set("window_minutes", window);
    local.name_in(&mut reply);
    Ok(reply.warned(warnings))
}

/// Reads the dependencies of the services, and the first alert of some incidents. A part that fails becomes a warning.
async fn read_parts(cx: &Context, open: &mut [Open], warnings: &mut Vec<String>) -> Vec<(String, String)> {
    let ids: BTreeSet<_> = open.iter().filter_map(Open::service_id).collect();
    let ids: Vec<Id<Service>> = ids.into_iter().filter_map(Id::parse).collect();
    let samples = samples(open);
    let until = SetOnce::new_with(Some(cx.api.grace()));
    let dependencies = in_time(async { Ok(Box::pin(dependencies::below(cx, &ids)).await) }, &until);
    let of_samples = samples.iter().filter_map(|place| open.get(*place));
    let alerts = of_samples.map(|one| in_time(alerts::read(cx, &one.subject.id, 1), &until));
    let (dependencies, alerts) = tokio::join!(dependencies, side_by_side(cx, alerts));
    let supports = match dependencies {
        Ok((supports, missing)) => {
            warnings.extend(missing);
            supports
        }
        Err(error) => {
            warnings.push(format!("Dependencies could not be fetched: {error}"));
            Vec::new()
        }
    };
    let (mut failed, mut unread) = (None, 0);
    for (place, outcome) in samples.into_iter().zip(alerts) {
        match (open.get_mut(place), outcome) {
            (Some(one), Ok(read)) => one.alert = read.into_iter().next(),
            (_, Err(error)) => {
                unread += 1;
                failed = failed.or(Some(error));
            }
            (None, Ok(_)) => {}
        }
    }
    warnings.extend(failed.map(|error| format!("The alerts of {unread} incidents could not be read: {error}")));
    supports
}

/// Reads the open incidents of other services that the services of these incidents depend on: the cause may belong to
/// another team.
async fn causes(
    cx: &Context,
    known: &[Open],
    supports: &[(String, String)],
    query: impl Fn(Query) -> Query,
) -> (Vec<Open>, Vec<String>) {
    let services: BTreeSet<_> = known.iter().filter_map(Open::service_id).collect();
    let others: BTreeSet<_> =
        supports.iter().map(|(one, _)| one.as_str()).filter(|one| !services.contains(one)).collect();
    let others: Vec<_> = others.into_iter().collect();
    if others.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut warnings = Vec::new();
    let until = SetOnce::new_with(Some(cx.api.grace()));
    let read = open(cx, query(Query::new().with_all("service_ids", &others)), &mut warnings);
    let outcome = in_time(read, &until).await;
    match outcome {
        Ok(open) => (open, warnings),
        Err(error) => {
            let message = format!("The incidents of services that these depend on could not be read: {error}");
            (Vec::new(), vec![message])
        }
    }
}

impl Open {
    fn service_id(&self) -> Option<&str> {
        self.subject.service.as_ref().map(|service| service.id.as_str())
    }
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
            urgency: open.subject.urgency.clone(),
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
    row.extend(merge(&members, cause).map(|merge| ("proposed_merge".to_owned(), merge)));
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

/// Returns the merge that a group would become: all into the one on the service that is the cause, or else into the most
/// urgent one, and of several into the oldest. PagerDuty does not merge some incidents.
fn merge(members: &[&Open], cause: Option<&Named>) -> Option<Value> {
    let mut mergeable: Vec<_> = members.iter().filter(|one| one.is_mergeable).collect();
    let is_cause = |one: &Open| cause.is_some_and(|cause| one.service_id() == Some(&cause.id));
    mergeable.sort_by_key(|one| (!is_cause(one), one.subject.urgency.as_deref() != Some("high")));
    let mut ids = mergeable.iter().map(|one| one.subject.id.as_str());
    let target = ids.next()?;
    let sources: Vec<_> = ids.collect();
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
    let mut names: Vec<_> = services.keys().map(|service| service.label().into_owned()).collect();
    if names.len() > MAX_NAMED {
        let more = names.split_off(MAX_NAMED).len();
        names.push(format!("{more} more services"));
    }
    if !names.is_empty() {
        let _ = write!(line, ", on {}", list(&names));
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
    line = words::sentence(line);
    if members.len() > 1 {
        let reasons: Vec<_> = group.reasons.iter().map(|reason| reason.words().to_owned()).collect();
        let _ = write!(line, " In common: {}.", list(&reasons));
    }
    if let Some(cause) = cause {
        let others = if services.len() == 2 { "the other depends" } else { "the others depend" };
        let _ = write!(line, " Probable cause: {}, which {others} on.", cause.label());
    }
    line
}
