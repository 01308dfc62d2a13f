//! `get_incidents`, and the three tools that change an incident.

use futures_util::future::BoxFuture;
use pagerduty_api::operations::incidents::{
    CREATE_INCIDENT_NOTE, GET_INCIDENT, GET_PAST_INCIDENTS, GET_RELATED_INCIDENTS, INCIDENTS, LIST_INCIDENT_NOTES,
    LIST_INCIDENTS, NOTES, UPDATE_INCIDENT,
};
use pagerduty_api::operations::services::LIST_SERVICES;
use pagerduty_api::operations::users::{GET_CURRENT_USER, LIST_USERS};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::gather::gather;
use super::scope::{context_excludes, id_excludes, needs_one_of};
use super::{About, Context, Tool, Toolset, listed, run};
use crate::client::{NewStatus, Query};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Service, Shape, Status, Team};
use crate::pagination::Listing;
use crate::params::{
    Choices, Content, Extras, Flag, Ids, Include, Limit, MOST_IDS, Moment, Offset, Range, Statuses, Urgencies, given,
};
use crate::reply::{NAME_FIELDS, Reply};

/// The tools about incidents.
pub(super) const SET: Toolset = Toolset {
    name: "incidents",
    title: "Incidents",
    about: "Incidents and their notes.",
    default: true,
    instructions: "",
    tools: &[&GET_INCIDENTS, &ACKNOWLEDGE_INCIDENT, &RESOLVE_INCIDENT, &ADD_INCIDENT_NOTE],
};

/// Returns one incident with its details, or a list.
pub(super) const GET_INCIDENTS: Tool = Tool::new::<Params>(
    "get_incidents",
    About {
        title: "Find or list incidents and outages",
        description: "Find incidents (outages, alerts people are paged for), newest first: those of my teams, of given services or teams, or \
                      one by ID or number with its alert's details. Statuses: triggered (nobody on it), acknowledged, resolved.",
        hint: "list incidents pages outages open triggered high urgency assigned mine",
    },
    &[
        &LIST_INCIDENTS,
        &GET_INCIDENT,
        &GET_CURRENT_USER,
        &LIST_SERVICES,
        &GET_PAST_INCIDENTS,
        &GET_RELATED_INCIDENTS,
        &LIST_INCIDENT_NOTES,
    ],
    |cx, arguments| run(cx, arguments, get_incidents),
);

/// Sets the status to acknowledged.
pub(super) const ACKNOWLEDGE_INCIDENT: Tool = Tool::new::<ChangeParams>(
    "acknowledge_incident",
    About {
        title: "Acknowledge (ack) an incident",
        description: "Acknowledge (ack) an incident: the user takes it, paging and escalation stop. Only when the user asks.",
        hint: "ack acknowledge take page stop paging",
    },
    &[&UPDATE_INCIDENT, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, |cx, params| change(cx, params, NewStatus::Acknowledged)),
);

/// Sets the status to resolved. PagerDuty does not reopen the incident for a later alert, so this is destructive.
pub(super) const RESOLVE_INCIDENT: Tool = Tool::new::<ChangeParams>(
    "resolve_incident",
    About {
        title: "Resolve (close) an incident",
        description: "Resolve (close) an incident: the problem is over. Cannot be undone here. Only when the user asks.",
        hint: "resolve close fixed done mark resolved",
    },
    &[&UPDATE_INCIDENT, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, |cx, params| change(cx, params, NewStatus::Resolved)),
)
.destructive();

/// Adds a note. Two calls add two notes.
pub(super) const ADD_INCIDENT_NOTE: Tool = Tool::new::<NoteParams>(
    "add_incident_note",
    About {
        title: "Add a note (comment) to an incident",
        description: "Add a note (comment) to an incident, for all its responders to read.",
        hint: "note comment write log leave tried",
    },
    &[&CREATE_INCIDENT_NOTE, &GET_INCIDENT, &GET_CURRENT_USER, &LIST_INCIDENT_NOTES, &LIST_USERS],
    |cx, arguments| run(cx, arguments, add_incident_note),
);

const PAST_INCIDENTS: &str = "past_incidents";
const RELATED_INCIDENTS: &str = "related_incidents";

/// The additional parts of one incident. Each needs a separate request.
const EXTRAS: [&str; 3] = [PAST_INCIDENTS, RELATED_INCIDENTS, "notes"];

/// The extras, as names that `include` takes.
#[derive(Clone, Debug)]
pub struct IncidentExtras;

impl Extras for IncidentExtras {
    const NAMES: &'static [&'static str] = &EXTRAS;
}

/// The extras of a change: none, because they come only with [`GET_INCIDENTS`] by ID.
#[derive(Clone, Debug)]
pub struct ChangeExtras;

impl Extras for ChangeExtras {
    const NAMES: &'static [&'static str] = &[];
    const ELSEWHERE: &'static [&'static str] = &EXTRAS;
}

crate::params! {
    struct Params {
        "One by ID or number, without other filters"
        incident_id: Option<Id<Incident>>,
        "true: of my teams and their services; false: pass service_ids or team_ids"
        current_user_context: Flag<true>,
        "Service IDs, with current_user_context=false"
        service_ids: Ids<Service>,
        "Team IDs, with current_user_context=false"
        team_ids: Ids<Team>,
        "Default: all"
        statuses: Choices<Statuses>,
        "Default: all"
        urgencies: Choices<Urgencies>,
        "ISO 8601, UTC unless it has an offset; default a month before until"
        since: Option<Moment>,
        "Default now; at most 180 days after since"
        until: Option<Moment>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Add similar incidents of the past; needs incident_id"
        include_past_incidents: Flag<false>,
        "Add related incidents on other services; needs incident_id"
        include_related_incidents: Flag<false>,
        "Add the responders' notes; needs incident_id"
        include_notes: Flag<false>,
        "Only these fields; +name adds to the default ones"
        include: Include<Incident, IncidentExtras>,
    }
}

crate::params! {
    struct ChangeParams {
        "ID or number"
        incident_id: Id<Incident>,
        "Only these fields; +name adds to the default ones"
        include: Include<Incident, ChangeExtras>,
    }
}

crate::params! {
    struct NoteParams {
        "ID or number"
        incident_id: Id<Incident>,
        "Text of the note"
        content: Content,
    }
}

impl Params {
    /// Returns the requested [`EXTRAS`], named by their switch or in `include`.
    fn extras(&self) -> Vec<&'static str> {
        let switches = [self.include_past_incidents, self.include_related_incidents, self.include_notes];
        let requested = EXTRAS.into_iter().zip(switches).filter(|(name, on)| on.is_on() || self.include.names(name));
        requested.map(|(name, _)| name).collect()
    }
}

async fn get_incidents(cx: Context, params: Params) -> Result<Reply> {
    let Some(id) = &params.incident_id else { return list(cx, &params).await };
    let filters = given!(params, [service_ids, team_ids, statuses, urgencies, since, until]);
    let ignored = id_excludes("incident_id", &filters, &given!(params, [limit, offset]))?;
    Ok(show(cx, id, &params).await?.warned(ignored))
}

/// Returns one incident with its extras, which are fetched beside it.
async fn show(cx: Context, id: &Id<Incident>, params: &Params) -> Result<Reply> {
    let extras = params.extras();
    // Nothing is added to the incident and no field is chosen, so it is shown as it was read.
    if extras.is_empty() && params.include.asked().next().is_none() {
        return cx.show(id, Query::new(), &params.include, NAME_FIELDS).await;
    }
    let selection = params.include.selection();
    // The extras accept only IDs. For a number, the incident has to be read first.
    let (id, known) = if !extras.is_empty() && id.is_number() {
        let (id, row) = cx.api.incident_by_number(id, &selection).await?;
        (id, Some(row))
    } else {
        (id.clone(), None)
    };
    let incident = async {
        match known {
            Some(row) => Ok(row),
            None => cx.api.one(&id, Query::new(), &selection).await,
        }
    };
    let parts = extras.into_iter().map(|extra| (extra, rows(&cx, &id, extra))).collect();
    let (incident, parts) = gather(&cx, incident, parts).await?;
    let mut budget = cx.budget();
    budget.take(&incident.shown);
    let mut shown = incident.shown.members();
    let summary = parts.attach(&mut shown, &mut budget);
    let shown = Object::from_members(params.include.arrange(shown, &EXTRAS));
    Ok(summary.report(cx.object(&INCIDENTS, shown, &params.include, Shape::One, NAME_FIELDS)))
}

/// Returns the rows of an extra.
fn rows<'r>(cx: &'r Context, id: &'r Id<Incident>, extra: &str) -> BoxFuture<'r, Result<Vec<Object>>> {
    match extra {
        PAST_INCIDENTS => Box::pin(cx.api.past_incidents(id, None)),
        RELATED_INCIDENTS => Box::pin(cx.api.related_incidents(id)),
        _ => Box::pin(cx.api.notes(id)),
    }
}

async fn list(cx: Context, params: &Params) -> Result<Reply> {
    if let Some(name) = params.extras().first() {
        return Err(Error::new(Code::MissingParameter, format!("{name} needs incident_id"))
            .hint(format!("List the incidents first, then request the {name} of one of them by its ID.")));
    }
    let range = Range::of_incidents(params.since, params.until)?;
    let mut warnings = Vec::new();
    let scope = if params.current_user_context.is_on() {
        context_excludes(&given!(params, [service_ids, team_ids]))?;
        mine(&cx, &mut warnings).await?
    } else {
        needs_one_of(&cx, &given!(params, [service_ids, team_ids])).map_err(|error| {
            let hint = error.hint_text().map(str::to_owned).unwrap_or_default();
            error.hint(format!("{hint} search_incidents, in the toolset investigate, searches the whole account."))
        })?;
        let by_service = Query::new().with_given("service_ids", params.service_ids.as_slice());
        by_service.with_given("team_ids", params.team_ids.as_slice())
    };
    let query = scope
        // PagerDuty's default order begins with the oldest incidents, which matter least to a responder.
        .with("sort_by", Some("created_at:desc"))
        .with_all("statuses", params.statuses.words())
        .with_all("urgencies", params.urgencies.words())
        .with("since", range.since)
        .with("until", range.until);
    let want = cx.want(params.limit, params.offset);
    let listing = cx.api.list::<Incident>(query, want, &params.include.selection()).await?;
    warnings.extend(params.statuses.warning("statuses"));
    warnings.extend(params.urgencies.warning("urgencies"));
    if let Some((since, until)) =
        range.since.zip(range.until).filter(|(since, _)| params.since.is_some_and(|asked| asked < *since))
    {
        warnings.push(format!(
            "Without until, the newest 180 days were searched: from {since} to {until}. Pass since and until for earlier ones."
        ));
    }
    let counts = count(&listing);
    let mut reply = listed(&INCIDENTS, listing, &params.include, "statuses, urgencies, service_ids, since and until");
    for (name, count) in counts {
        reply.set(name, count);
    }
    Ok(reply.warned(warnings))
}

/// Returns the query for the incidents of the user's teams and their services, or without teams for those assigned to the
/// user.
pub(super) async fn mine(cx: &Context, warnings: &mut Vec<String>) -> Result<Query> {
    let me = cx.api.me().await?;
    if me.teams.is_empty() {
        warnings.push(
            "The current user belongs to no team, so these are the incidents assigned to them. Resolved incidents \
             have no assignee in PagerDuty, so none of them are here. For others pass current_user_context=false with service_ids."
                .to_owned(),
        );
        return Ok(Query::new().with_all("user_ids", std::slice::from_ref(&me.id)));
    }
    // More IDs than a request can name cannot be sent, so no more than that are fetched.
    let services = cx.api.services_of(&me.teams, MOST_IDS).await?;
    let query = Query::new().with_all("team_ids", &me.teams);
    if services.more || services.ids.len() > MOST_IDS {
        warnings.push(format!(
            "The user's teams have more than {MOST_IDS} services, which is what one request can name, so incidents were \
             searched by team alone."
        ));
        return Ok(query);
    }
    Ok(query.with_all("service_ids", &services.ids))
}

/// Returns the counts in the metadata of a list: incidents by status, resolved by a service, and about missing data.
fn count(listing: &Listing<Incident>) -> [(&'static str, Value); 3] {
    let count = |of: &dyn Fn(&Incident) -> bool| Value::from(listing.rows.iter().filter(|row| of(&row.facts)).count());
    let statuses =
        [("triggered", Status::Triggered), ("acknowledged", Status::Acknowledged), ("resolved", Status::Resolved)];
    let statuses: Map<_, _> = statuses
        .iter()
        .map(|(name, status)| ((*name).to_owned(), count(&|incident| incident.status.as_ref() == Some(status))))
        .collect();
    [
        ("status_counts", statuses.into()),
        ("autoresolve_count", count(&Incident::is_autoresolved)),
        ("no_data_count", count(&Incident::is_no_data)),
    ]
}

async fn change(cx: Context, params: ChangeParams, status: NewStatus) -> Result<Reply> {
    // The author and the ID do not depend on each other.
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), cx.api.author())?;
    let changed = cx.api.set_status(&id, status, from, &params.include.selection()).await?;
    let reply = cx.object(&INCIDENTS, changed.shown, &params.include, Shape::Change, NAME_FIELDS);
    Ok(reply.warned(changed.warning))
}

async fn add_incident_note(cx: Context, params: NoteParams) -> Result<Reply> {
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), cx.api.author())?;
    let changed = cx.api.add_note(&id, params.content.as_str(), from).await?;
    Ok(Reply::one(&NOTES, changed.shown, cx.budget(), "The note was added.").warned(changed.warning))
}
