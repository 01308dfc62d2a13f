//! `get_incidents`, and the three tools that act on one.

use futures_util::future::OptionFuture;
use serde_json::{Map, Value};

use super::scope::{context_excludes, id_excludes, needs_one_of};
use super::{About, Access, Context, Tool, Toolset, run};
use crate::client::resources::{INCIDENTS, NOTES};
use crate::client::{NewStatus, Query};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Service, Status, Team};
use crate::pagination::Listing;
use crate::params::{Choices, Content, Extras, Flag, Ids, Include, Limit, Moment, Offset, Range, Statuses, Urgencies};
use crate::reply::Reply;

/// One incident with what is known about it, or a list.
pub(super) const GET_INCIDENTS: Tool = Tool::read::<Params>(
    "get_incidents",
    Toolset::Incidents,
    About {
        title: "Get incidents",
        description: "Find incidents (alerts people are paged for), newest first: those of my teams, of given services or teams, or one by \
                      ID or number with its alert's details. Statuses: triggered (nobody on it), acknowledged, resolved.",
    },
    |cx, arguments| run(cx, arguments, get_incidents),
);

/// Says that somebody is on it.
pub(super) const ACKNOWLEDGE_INCIDENT: Tool = Tool::new::<ChangeParams>(
    "acknowledge_incident",
    Toolset::Incidents,
    About {
        title: "Acknowledge incident",
        description: "Acknowledge an incident: the user takes it, and paging stops. Only when the user asks for it.",
    },
    Access::Write,
    true,
    |cx, arguments| run(cx, arguments, |cx, params| change(cx, params, NewStatus::Acknowledged)),
);

/// Says that it is over. PagerDuty does not reopen it for a later alert, hence destructive.
pub(super) const RESOLVE_INCIDENT: Tool = Tool::new::<ChangeParams>(
    "resolve_incident",
    Toolset::Incidents,
    About {
        title: "Resolve incident",
        description: "Resolve an incident: the problem is over. Cannot be undone here. Only when the user asks for it.",
    },
    Access::Destructive,
    // The second time is refused as ALREADY_RESOLVED, and changes nothing.
    true,
    |cx, arguments| run(cx, arguments, |cx, params| change(cx, params, NewStatus::Resolved)),
);

/// Adds a note. Twice is two notes.
pub(super) const ADD_INCIDENT_NOTE: Tool = Tool::new::<NoteParams>(
    "add_incident_note",
    Toolset::Incidents,
    About { title: "Add incident note", description: "Add a note to an incident, for all its responders to read." },
    Access::Write,
    false,
    |cx, arguments| run(cx, arguments, add_incident_note),
);

/// What `include` may name besides fields: each is a request of its own.
#[derive(Clone, Debug)]
pub struct IncidentExtras;

impl Extras for IncidentExtras {
    const NAMES: &'static [&'static str] = &["past_incidents", "related_incidents", "notes"];
}

crate::params! {
    struct Params {
        "One by ID or number, without other filters"
        incident_id: Option<Id<Incident>>,
        "true: of my teams and their services; false: pass service_ids or team_ids"
        current_user_context: Flag<true>,
        "Service IDs"
        service_ids: Ids<Service>,
        "Team IDs"
        team_ids: Ids<Team>,
        "Default: all"
        statuses: Choices<Statuses>,
        "Default: all"
        urgencies: Choices<Urgencies>,
        "ISO 8601, default a month ago"
        since: Option<Moment>,
        "ISO 8601, default now; at most 180 days after since"
        until: Option<Moment>,
        "Max results, default 100"
        limit: Option<Limit>,
        "To go on: next_offset of the answer before"
        offset: Option<Offset>,
        "Add similar incidents of the past; needs incident_id"
        include_past_incidents: Flag<false>,
        "Add related incidents on other services; needs incident_id"
        include_related_incidents: Flag<false>,
        "Add the responders' notes; needs incident_id"
        include_notes: Flag<false>,
        "Return only these fields, instead of the default ones"
        include: Include<Incident, IncidentExtras>,
    }
}

crate::params! {
    struct ChangeParams {
        "ID or number"
        incident_id: Id<Incident>,
        "Return only these fields, instead of the default ones"
        include: Include<Incident>,
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

/// The filters of a list, which an ID excludes.
const FILTERS: &[&str] = &["service_ids", "team_ids", "statuses", "urgencies", "since", "until", "limit", "offset"];

/// Beyond so many service IDs the query string would outgrow what servers take; their teams say the same.
const MOST_SERVICES: usize = 200;

async fn get_incidents(cx: Context, params: Params) -> Result<Reply> {
    match params.incident_id.clone() {
        Some(id) => {
            id_excludes(&params, "incident_id", FILTERS)?;
            show(cx, &id, &params).await
        }
        None => list(cx, &params).await,
    }
}

/// One incident, its extras fetched beside it. An extra that fails is a warning: the incident itself is what matters.
async fn show(cx: Context, id: &Id<Incident>, params: &Params) -> Result<Reply> {
    let selection = params.include.selection();
    let wanted = |name: &str, flag: Flag<false>| flag.is_on() || params.include.names(name);
    let past = wanted("past_incidents", params.include_past_incidents);
    let related = wanted("related_incidents", params.include_related_incidents);
    let notes = wanted("notes", params.include_notes);
    // The extras take only IDs, so a number is looked up first.
    let id = if past || related || notes { cx.api.incident_id(id).await? } else { id.clone() };
    let (incident, past, related, notes) = tokio::join!(
        cx.api.one(&id, Query::new(), &selection),
        OptionFuture::from(past.then(|| cx.api.past_incidents(&id))),
        OptionFuture::from(related.then(|| cx.api.related_incidents(&id))),
        OptionFuture::from(notes.then(|| cx.api.notes(&id))),
    );
    let mut shown = incident?.shown;
    let mut counts = Map::new();
    let mut warnings = Vec::new();
    for (name, extra) in [("past_incidents", past), ("related_incidents", related), ("notes", notes)] {
        match extra {
            None => {}
            Some(Ok(rows)) if rows.is_empty() => {}
            Some(Ok(rows)) => {
                counts.insert(format!("{name}_count"), rows.len().into());
                shown.insert(name.to_owned(), rows.into_iter().map(Value::Object).collect());
            }
            Some(Err(error)) => warnings.push(format!("{name} could not be fetched: {error}")),
        }
    }
    let mut reply = Reply::one(&INCIDENTS, params.include.arrange(shown, IncidentExtras::NAMES));
    for (name, count) in counts {
        reply.set(&name, count);
    }
    for warning in warnings {
        reply.warn(warning);
    }
    Ok(reply)
}

async fn list(cx: Context, params: &Params) -> Result<Reply> {
    let extras = [
        ("include_past_incidents", params.include_past_incidents.is_on() || params.include.names("past_incidents")),
        (
            "include_related_incidents",
            params.include_related_incidents.is_on() || params.include.names("related_incidents"),
        ),
        ("include_notes", params.include_notes.is_on() || params.include.names("notes")),
    ];
    if let Some((name, _)) = extras.iter().find(|(_, asked)| *asked) {
        return Err(Error::new(Code::MissingParameter, format!("{name} needs incident_id")).hint(
            "List the incidents first, then ask for the notes or the similar incidents of one of them by its ID.",
        ));
    }
    let range = Range::new(params.since, params.until)?.until_now();
    let mut warnings = Vec::new();
    let scope = if params.current_user_context.is_on() {
        context_excludes(params, &["service_ids", "team_ids"])?;
        mine(&cx, &mut warnings).await?
    } else {
        needs_one_of(params, &["service_ids", "team_ids"])?;
        let by_service = Query::new().with_all("service_ids", params.service_ids.as_slice());
        by_service.with_all("team_ids", params.team_ids.as_slice())
    };
    let query = scope
        // By itself PagerDuty begins with the oldest, and at three in the morning nobody asks for last month's.
        .with("sort_by", Some("created_at:desc"))
        .with_all("statuses", params.statuses.words())
        .with_all("urgencies", params.urgencies.words())
        .with("since", range.since)
        .with("until", range.until);
    let want = cx.want(params.limit, params.offset);
    let listing = cx.api.list::<Incident>(query, want, &params.include.selection()).await?;
    warnings.extend(params.statuses.warning("statuses"));
    warnings.extend(params.urgencies.warning("urgencies"));
    if let Some(since) = params.since.filter(|_| params.until.is_none())
        && let Some(until) = range.until.filter(|until| until.is_past())
    {
        warnings.push(format!(
            "Without until, 180 days were searched: from {since} to {until}. Pass since and until for later ones."
        ));
    }
    for field in ["body_details", "client_url", "body", "custom_fields"] {
        if params.include.names(field) {
            warnings.push(format!("{field} only comes with one incident: pass incident_id."));
        }
    }
    let counts = count(&listing);
    let mut reply = Reply::list(&INCIDENTS, listing, "statuses, urgencies, service_ids, since and until");
    for (name, count) in counts {
        reply.set(name, count);
    }
    for warning in warnings {
        reply.warn(warning);
    }
    Ok(reply)
}

/// The incidents of the user's teams and their services; without teams, those assigned to the user.
async fn mine(cx: &Context, warnings: &mut Vec<String>) -> Result<Query> {
    let me = cx.api.me().await?;
    if me.teams.is_empty() {
        warnings.push(
            "The current user belongs to no team, so these are the incidents assigned to them. PagerDuty assigns nobody to \
             resolved incidents, so none of those are here."
                .to_owned(),
        );
        return Ok(Query::new().with_all("user_ids", &[me.id]));
    }
    let services = cx.api.services_of(&me.teams).await?;
    let query = Query::new().with_all("team_ids", &me.teams);
    Ok(if services.len() > MOST_SERVICES { query } else { query.with_all("service_ids", &services) })
}

/// What lists of incidents add to the metadata: how many of those returned are in which status, were resolved by a
/// service, or say that data is missing.
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
    // Who writes and what is written to do not depend on each other.
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), cx.api.author())?;
    let row = cx.api.set_status(&id, status, from, &params.include.selection()).await?;
    Ok(Reply::one(&INCIDENTS, row.shown))
}

async fn add_incident_note(cx: Context, params: NoteParams) -> Result<Reply> {
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), cx.api.author())?;
    let row = cx.api.add_note(&id, params.content.as_str(), from).await?;
    Ok(Reply::one(&NOTES, row.shown))
}
