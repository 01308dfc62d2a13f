//! `get_changes`, and the changes of an incident or service for other tools.

use std::fmt::Write;

use jiff::Timestamp;
use pagerduty_api::operations::changes::{
    CHANGE_EVENTS, GET_CHANGE_EVENT, LIST_CHANGE_EVENTS, LIST_INCIDENT_RELATED_CHANGE_EVENTS,
    LIST_SERVICE_CHANGE_EVENTS,
};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_rows::fields::{Selection, plain};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use crate::budget::Budget;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Change, Incident, Integration, Model, Row, Service, Shape, Team};
use crate::pagination::{End, ListRequest, Listing, cut};
use crate::params::{Extras, Given, Ids, Include, Limit, Moment, Offset, Range, When, given};
use crate::reply::{NAME_FIELDS, Reply};
use crate::tools::gather::beside;
use crate::tools::scope::id_excludes;
use crate::tools::times::{Local, length};
use crate::tools::tool::{About, run};
use crate::tools::words::{list, name, quoted, sentence};
use crate::tools::{Context, Tool};

/// Returns change events, the newest first.
pub(super) const GET_CHANGES: Tool = Tool::new::<Params>(
    "get_changes",
    About {
        title: "Recent changes and deployments",
        description: "Recent deploys, releases and config changes of an incident, service or team: what changed.",
        hint: "changed changes change deploy deploys deployed deployment deployments release rollout commit recent before outage",
    },
    &[
        &LIST_CHANGE_EVENTS,
        &GET_CHANGE_EVENT,
        &LIST_SERVICE_CHANGE_EVENTS,
        &LIST_INCIDENT_RELATED_CHANGE_EVENTS,
        &GET_INCIDENT,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, get_changes),
);

/// The parts of a row that the tool composes.
#[derive(Clone, Debug)]
pub struct ChangeParts;

impl Extras for ChangeParts {
    const NAMES: &'static [&'static str] = &["line"];
}

crate::params! {
    struct Params {
        "Those related to it"
        incident_id: Option<Id<Incident>>,
        "Or those of a service"
        service_id: Option<Id<Service>>,
        "Or one"
        change_id: Option<Id<Change>>,
        "Or of teams; default mine"
        team_ids: Ids<Team>,
        "Reported by these"
        integration_ids: Ids<Integration>,
        "ISO 8601"
        since: Option<When>,
        "Default now"
        until: Option<When>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<Change, ChangeParts>,
    }
}

/// Reads the changes that PagerDuty relates to an incident.
pub(in crate::tools) async fn of_incident(cx: &Context, incident: &Id<Incident>) -> Result<Vec<Change>> {
    let operation = &LIST_INCIDENT_RELATED_CHANGE_EVENTS;
    let page = cx.api.page_below::<Change, _>(operation, incident, Query::new(), &Change::facts_only()).await?;
    Ok(page.rows.into_iter().filter_map(|row| row.ok().map(|row| row.facts)).collect())
}

/// Reads the newest changes of a service in a range.
pub(in crate::tools) async fn of_service(
    cx: &Context,
    service: &Id<Service>,
    (since, until): (Moment, Moment),
    limit: usize,
) -> Result<Vec<Change>> {
    let query = Query::new().with("since", Some(since)).with("until", Some(until));
    let wanted = ListRequest { limit, offset: 0, budget: Budget::unlimited() };
    let operation = &LIST_SERVICE_CHANGE_EVENTS;
    let listing = cx.api.pages_below::<Change, _>(operation, service, query, wanted, &Change::facts_only()).await?;
    Ok(listing.rows.into_iter().map(|row| row.facts).collect())
}

async fn get_changes(cx: Context, params: Params) -> Result<Reply> {
    let filters = given!(params, [incident_id, service_id, team_ids, integration_ids, since, until]);
    if let Some(id) = &params.change_id {
        let ignored = id_excludes("change_id", &filters, &given!(params, [limit, offset]))?;
        let selection = params.include.selection();
        let (row, local) = tokio::join!(cx.api.one(id, Query::new(), &selection), Local::of(&cx, None));
        let shown = Object::from_members(composed(&row?, &params.include, &local, None));
        let mut reply = cx.object(&CHANGE_EVENTS, shown, &params.include, Shape::One, NAME_FIELDS).warned(ignored);
        local.name_in(&mut reply);
        return Ok(reply);
    }
    let read = Local::read(&cx, None, [params.since, params.until]).await?;
    let [since, until] = read.moments;
    let range = Range::of_changes(since, until)?;
    let wanted = cx.want(params.limit, params.offset);
    let (found, local) = tokio::join!(find(&cx, &params, range, wanted.clone()), read.local(&cx, None));
    let Found { mut listing, incident_at, warnings } = found?;
    let mut budget = wanted.budget;
    for (place, row) in listing.rows.iter_mut().enumerate() {
        row.shown = Object::from_members(composed(row, &params.include, &local, incident_at));
        if !budget.take(&row.shown) && place > 0 {
            listing.end = End::Budget(wanted.offset + place);
            listing.rows.truncate(place);
            break;
        }
    }
    let missing = params.include.warnings(Shape::List, listing.rows.iter().map(|row| &row.shown));
    let mut reply = Reply::list(&CHANGE_EVENTS, listing, "since, until or limit");
    local.name_in(&mut reply);
    Ok(reply.warned(warnings).warned(read.remarks).warned(missing))
}

/// The changes that were read.
struct Found {
    listing: Listing<Change>,
    /// The start of the incident that they are related to.
    incident_at: Option<Timestamp>,
    warnings: Vec<String>,
}

async fn find(cx: &Context, params: &Params, range: Range, wanted: ListRequest) -> Result<Found> {
    let selection = params.include.selection();
    let all = ListRequest { budget: Budget::unlimited(), ..wanted };
    if let Some(incident) = &params.incident_id {
        excludes("incident_id", &given!(params, [service_id, team_ids, integration_ids, since, until]))?;
        let id = cx.api.incident_id(incident).await?;
        let related = cx.api.page_below(&LIST_INCIDENT_RELATED_CHANGE_EVENTS, &id, Query::new(), &selection);
        let (page, at) = beside(cx, related, created_at(cx, &id)).await;
        let (incident_at, warning) = match at.and_then(|at| at) {
            Ok(at) => (at, None),
            Err(error) => (None, Some(format!("The time of the incident could not be read: {error}"))),
        };
        return Ok(Found { listing: cut(all, page?), incident_at, warnings: warning.into_iter().collect() });
    }
    let query = Query::new()
        .with("since", range.since)
        .with("until", range.until)
        .with_given("integration_ids", params.integration_ids.as_slice());
    if let Some(service) = &params.service_id {
        let query = query.with_given("team_ids", params.team_ids.as_slice());
        let listing = cx.api.pages_below(&LIST_SERVICE_CHANGE_EVENTS, service, query, all, &selection).await?;
        return Ok(Found { listing, incident_at: None, warnings: Vec::new() });
    }
    let mut warnings = Vec::new();
    let query = if !params.team_ids.as_slice().is_empty() {
        query.with_given("team_ids", params.team_ids.as_slice())
    } else if !params.integration_ids.as_slice().is_empty() {
        query
    } else {
        let me = cx.api.me().await?;
        if me.teams.is_empty() {
            warnings.push("The current user belongs to no team, so these are changes of the whole account.".to_owned());
        }
        query.with_all("team_ids", &me.teams)
    };
    let listing = cx.api.list(query, all, &selection).await?;
    Ok(Found { listing, incident_at: None, warnings })
}

/// Refuses filters that a parameter decides.
fn excludes(name: &str, filters: Given<'_>) -> Result<()> {
    match filters.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((filter, _)) => {
            Err(Error::new(Code::ConflictingParameters, format!("{name} cannot be combined with {filter}"))
                .hint(format!("Pass one of them, or in several calls. {name} has the changes that PagerDuty relates.")))
        }
    }
}

/// Returns the time at which an incident was created.
async fn created_at(cx: &Context, id: &Id<Incident>) -> Result<Option<Timestamp>> {
    let selection = Selection::new(vec![plain("created_at")], Incident::FACTS);
    let row = cx.api.one(id, Query::new(), &selection).await?;
    Ok(row.shown.members().get("created_at").and_then(|at| at.as_str()?.parse().ok()))
}

/// Returns a row: the fields that were requested, then the composed parts.
fn composed(
    row: &Row<Change>,
    include: &Include<Change, ChangeParts>,
    local: &Local,
    incident_at: Option<Timestamp>,
) -> Map<String, Value> {
    let mut members = row.shown.members();
    let change = &row.facts;
    if let (Some(shown), Some(at)) = (members.get_mut("timestamp"), change.timestamp) {
        *shown = local.iso(at).into();
    }
    if include.has_composed("line") {
        members.insert("line".to_owned(), line(change, local, incident_at).into());
    }
    include.arrange(members, ChangeParts::NAMES)
}

/// The most characters of a quotation in a line.
const MOST: usize = 160;

/// Returns a change in a sentence. `incident_at` is the start of the incident that it is shown for.
pub(in crate::tools) fn line(change: &Change, local: &Local, incident_at: Option<Timestamp>) -> String {
    let mut line = match change.timestamp {
        Some(at) => format!("{}: ", local.text(at)),
        None => "Time not said: ".to_owned(),
    };
    line +=
        &change.summary.as_deref().map_or_else(|| "a change without a summary".to_owned(), |text| quoted(text, MOST));
    if let Some(source) = &change.source {
        let _ = write!(line, ", reported by {}", quoted(source, MOST));
    }
    let services: Vec<_> =
        change.services.iter().filter_map(|service| service.name()).map(|text| name(text).into_owned()).collect();
    if !services.is_empty() {
        let _ = write!(line, ", on {}", list(&services));
    }
    if let Some((at, incident)) = change.timestamp.zip(incident_at) {
        let between = incident.duration_since(at);
        let when = if between.is_negative() { "after" } else { "before" };
        let _ = write!(line, ", {} {when} the incident", length(between.abs()));
    }
    match change.reason.as_deref() {
        Some("most_recent") => line += " (the most recent change of the service)",
        Some("related_service") => line += " (a change of a related service)",
        Some("intelligent") => line += " (related by PagerDuty's machine learning)",
        _ => {}
    }
    sentence(line)
}
