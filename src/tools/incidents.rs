//! `get_incidents`, and the three tools that act on one.

use futures_util::future::OptionFuture;
use serde_json::{Map, Value};
use tokio::sync::SetOnce;
use tokio::time::{Instant, sleep_until};

use super::scope::{context_excludes, id_excludes, needs_one_of};
use super::{About, Access, Context, Tool, Toolset, listed, run};
use crate::client::resources::{INCIDENTS, NOTES};
use crate::client::{NewStatus, Query};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Request, Service, Status, Team};
use crate::pagination::Listing;
use crate::params::{
    Choices, Content, Extras, Flag, Ids, Include, Limit, MOST_IDS, Moment, Offset, Range, Statuses, Urgencies,
};
use crate::reply::{NAME_FIELDS, Reply};

/// One incident with what is known about it, or a list.
pub(super) const GET_INCIDENTS: Tool = Tool::read::<Params>(
    "get_incidents",
    Toolset::Incidents,
    About {
        title: "Find or list incidents and outages",
        description: "Find incidents (outages, alerts people are paged for), newest first: those of my teams, of given services or teams, or \
                      one by ID or number with its alert's details. Statuses: triggered (nobody on it), acknowledged, resolved.",
        hint: "list incidents pages outages open triggered high urgency assigned mine",
    },
    |cx, arguments| run(cx, arguments, get_incidents),
);

/// Says that somebody is on it.
pub(super) const ACKNOWLEDGE_INCIDENT: Tool = Tool::new::<ChangeParams>(
    "acknowledge_incident",
    Toolset::Incidents,
    About {
        title: "Acknowledge (ack) an incident",
        description: "Acknowledge (ack) an incident: the user takes it, paging and escalation stop. Only when the user asks.",
        hint: "ack acknowledge take page stop paging",
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
        title: "Resolve (close) an incident",
        description: "Resolve (close) an incident: the problem is over. Cannot be undone here. Only when the user asks.",
        hint: "resolve close fixed done mark resolved",
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
    About {
        title: "Add a note (comment) to an incident",
        description: "Add a note (comment) to an incident, for all its responders to read.",
        hint: "note comment write log leave tried",
    },
    Access::Write,
    false,
    |cx, arguments| run(cx, arguments, add_incident_note),
);

/// What one incident can be asked for besides its fields: each is a request of its own.
const EXTRAS: [&str; 3] = ["past_incidents", "related_incidents", "notes"];

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

/// The filters of a list, which an ID excludes.
const FILTERS: &[&str] = &["service_ids", "team_ids", "statuses", "urgencies", "since", "until"];

impl Params {
    /// Which of [`EXTRAS`] are asked for, by their switch or by name.
    fn extras(&self) -> [bool; 3] {
        let switches = [self.include_past_incidents, self.include_related_incidents, self.include_notes];
        let mut asked = switches.map(Flag::is_on);
        for (asked, name) in asked.iter_mut().zip(EXTRAS) {
            *asked |= self.include.names(name);
        }
        asked
    }
}

async fn get_incidents(cx: Context, params: Params) -> Result<Reply> {
    match params.incident_id.clone() {
        Some(id) => {
            let ignored = id_excludes(&params, "incident_id", FILTERS)?;
            Ok(show(cx, &id, &params).await?.warned(ignored))
        }
        None => list(cx, &params).await,
    }
}

/// One incident, its extras fetched beside it. An extra that fails is a warning: the incident itself is what matters.
async fn show(cx: Context, id: &Id<Incident>, params: &Params) -> Result<Reply> {
    let extras @ [past, related, notes] = params.extras();
    let selection = params.include.selection();
    // The extras take only IDs. For a number, the incident itself has to come first and say which.
    let (id, known) = if extras.contains(&true) && id.is_number() {
        let (id, row) = cx.api.incident_by_number(id, &selection).await?;
        (id, Some(row))
    } else {
        (id.clone(), None)
    };
    let until = SetOnce::new();
    let incident = async {
        let row = match known {
            Some(row) => row,
            None => cx.api.one(&id, Query::new(), &selection).await?,
        };
        let _ = until.set(cx.api.grace());
        Ok(row)
    };
    let extras = async {
        Ok(tokio::join!(
            OptionFuture::from(past.then(|| beside(cx.api.past_incidents(&id), &until))),
            OptionFuture::from(related.then(|| beside(cx.api.related_incidents(&id), &until))),
            OptionFuture::from(notes.then(|| beside(cx.api.notes(&id), &until))),
        ))
    };
    // Without the incident nobody waits for its extras.
    let (incident, (past, related, notes)) = tokio::try_join!(incident, extras)?;
    let mut shown = incident.shown;
    let mut budget = cx.budget();
    budget.take(&shown);
    let (mut counts, mut warnings) = (Vec::new(), Vec::new());
    for (name, extra) in EXTRAS.into_iter().zip([past, related, notes]) {
        match extra {
            None => {}
            Some(Ok(rows)) if rows.is_empty() => {}
            Some(Ok(rows)) => {
                let count = rows.len();
                let fitting: Vec<_> = rows.into_iter().take_while(|row| budget.take(row)).map(Value::Object).collect();
                if fitting.len() < count {
                    warnings.push(format!("The answer is full: {} of {count} {name} are here.", fitting.len()));
                }
                counts.push((format!("{name}_count"), count));
                shown.insert(name.to_owned(), fitting.into());
            }
            Some(Err(error)) => warnings.push(format!("{name} could not be fetched: {error}")),
        }
    }
    let shown = params.include.arrange(shown, &EXTRAS);
    let mut reply = cx.object(&INCIDENTS, shown, &params.include, Request::One, NAME_FIELDS);
    for (name, count) in counts {
        reply.set(&name, count);
    }
    for warning in warnings {
        reply.warn(warning);
    }
    Ok(reply)
}

/// Waits for additional data, at most until `until` once the incident is there: data that never comes must not delay
/// the incident.
async fn beside<T>(extra: impl Future<Output = Result<T>>, until: &SetOnce<Instant>) -> Result<T> {
    let over = async { sleep_until(*until.wait().await).await };
    tokio::select! {
        biased;
        answer = extra => answer,
        () = over => Err(Error::new(Code::Timeout, "there was no answer soon after the incident's; asking again may help")),
    }
}

async fn list(cx: Context, params: &Params) -> Result<Reply> {
    if let Some((name, _)) = EXTRAS.into_iter().zip(params.extras()).find(|(_, asked)| *asked) {
        return Err(Error::new(Code::MissingParameter, format!("{name} can only be had with incident_id"))
            .hint(format!("List the incidents first, then ask for the {name} of one of them by its ID.")));
    }
    let range = Range::of_incidents(params.since, params.until)?;
    let mut warnings = Vec::new();
    let scope = if params.current_user_context.is_on() {
        context_excludes(params, &["service_ids", "team_ids"])?;
        mine(&cx, &mut warnings).await?
    } else {
        needs_one_of(&cx, params, &["service_ids", "team_ids"])?;
        let by_service = Query::new().with_given("service_ids", params.service_ids.as_slice());
        by_service.with_given("team_ids", params.team_ids.as_slice())
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
             resolved incidents, so none of those are here. For others pass current_user_context=false with service_ids."
                .to_owned(),
        );
        return Ok(Query::new().with_all("user_ids", std::slice::from_ref(&me.id)));
    }
    // Of more than a request can name, only that there are more is of use.
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
    let changed = cx.api.set_status(&id, status, from, &params.include.selection()).await?;
    let reply = cx.object(&INCIDENTS, changed.row.shown, &params.include, Request::Change, NAME_FIELDS);
    Ok(reply.warned(changed.warning))
}

async fn add_incident_note(cx: Context, params: NoteParams) -> Result<Reply> {
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), cx.api.author())?;
    let changed = cx.api.add_note(&id, params.content.as_str(), from).await?;
    Ok(Reply::one(&NOTES, changed.row.shown, cx.budget(), "The note was added.").warned(changed.warning))
}
