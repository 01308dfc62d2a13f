//! `get_timeline`: the log of an incident or of the account in words.

mod log;
mod phrases;

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::log_entries::{GET_LOG_ENTRY, LIST_INCIDENT_LOG_ENTRIES, LIST_LOG_ENTRIES, LOG_ENTRIES};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_rows::object::Object;
use serde_json::{Map, json};

use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, LogEntry, Model, Team};
use crate::params::{Extras, Flag, Ids, Include, Limit, Moment, Offset, Range, When, given};
use crate::reply::{NAME_FIELDS, Reply};
use crate::tools::scope::id_excludes;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};

pub(in crate::tools) use log::{Entry, Log, entry as entry_of, joined, of_account, of_incident, of_incident_apart};
use log::{entry, read};

/// Returns the events of an incident or of the account, oldest first.
pub(super) const GET_TIMELINE: Tool = Tool::new::<Params>(
    "get_timeline",
    About {
        title: "Timeline for a postmortem",
        description: "Timeline or log of an incident or the account: who did what when, for a postmortem.",
        hint: "timeline post mortem postmortem log history events order acknowledged step",
    },
    &[&LIST_LOG_ENTRIES, &LIST_INCIDENT_LOG_ENTRIES, &GET_LOG_ENTRY, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, get_timeline),
);

/// The names in `include` that are no fields of PagerDuty.
#[derive(Clone, Debug)]
struct Line;

const LINE: &str = "line";

impl Extras for Line {
    const NAMES: &'static [&'static str] = &[LINE];
}

crate::params! {
    struct Params {
        "ID or number; none: the account"
        incident_id: Option<Id<Incident>>,
        "One entry with its raw event"
        entry_id: Option<Id<LogEntry>>,
        "Account: default mine"
        team_ids: Ids<Team>,
        "ISO 8601, local without an offset; account: default 24 h before until"
        since: Option<When>,
        "Default now"
        until: Option<When>,
        "Without notifications"
        overview: Flag<false>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<LogEntry, Line>,
    }
}

/// The time before the end of a timeline of the account, if its start is not given.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The fields of an event that a single entry has by default, too: the data of its sender.
const RAW: [&str; 3] = ["channel", "event_details", "contexts"];

async fn get_timeline(cx: Context, params: Params) -> Result<Reply> {
    if let Some(id) = &params.entry_id {
        let filters = given!(params, [incident_id, team_ids, since, until]);
        let ignored = id_excludes("entry_id", &filters, &given!(params, [overview, limit, offset]))?;
        return Ok(one(&cx, id, &params.include).await?.warned(ignored));
    }
    let times = Local::read(&cx, None, [params.since, params.until]).await?;
    let [since, until] = times.moments;
    // Refuses a start after the end.
    Range::of_incidents(since, until)?;
    let query = Query::new().with("is_overview", params.overview.is_on().then_some(true));
    let query = if params.incident_id.is_some() {
        let account_only = given!(params, [team_ids]);
        if account_only.iter().any(|(_, is_given)| *is_given) {
            let message = "incident_id cannot be combined with team_ids";
            return Err(Error::new(Code::ConflictingParameters, message).hint("Pass one of them."));
        }
        query.with("since", since).with("until", until)
    } else {
        let end = until.map_or_else(Timestamp::now, Moment::instant);
        let start = since.unwrap_or_else(|| Moment::at(end - DAY));
        of_teams(&cx, &params, query).await?.with("since", Some(start)).with("until", until)
    };
    let selection = params.include.selection();
    let (local, log) = tokio::join!(times.local(&cx, None), read(&cx, params.incident_id.as_ref(), query, &selection));
    let Log { entries, is_cut, warning } = log?;
    let (count, first) = (entries.len(), entries.first().map(|entry| entry.at));
    // Equal events differ in fields that are requested by name.
    let mut events = if params.include.asked().next().is_none() { joined(entries) } else { entries };
    if params.incident_id.is_none() {
        events.iter_mut().for_each(Entry::name_incident);
    }
    let start = params.offset.map_or(0, Offset::get);
    let shows_incident = params.incident_id.is_none();
    let shown = events.iter().skip(start).take(params.limit.map_or(Limit::DEFAULT, Limit::get));
    let rows: Vec<_> = shown.map(|entry| row(entry, &local, &params.include, shows_incident)).collect();
    let mut reply = cx.composed(&LOG_ENTRIES, rows, "overview, since and until, or limit");
    let next = start + reply.count();
    reply.set("has_more", next < events.len());
    if next < events.len() {
        reply.set("next_offset", next);
    }
    let incident = events.iter().find_map(|entry| entry.incident.as_ref()).filter(|_| !shows_incident);
    if let Some((id, title)) = incident {
        reply.set("incident", json!({"id": id, "summary": title}));
    }
    local.name_in(&mut reply);
    if let Some(first) = first.filter(|_| is_cut) {
        let first = local.iso(first);
        reply.warn(format!(
            "Only the newest {count} entries were read, from {first} on. For earlier ones, pass until={first}."
        ));
    }
    Ok(reply.warned(times.remarks).warned(warning))
}

/// Adds the teams to the query for the account: the given ones, or those of the current user.
async fn of_teams(cx: &Context, params: &Params, query: Query) -> Result<Query> {
    let given = params.team_ids.as_slice();
    if !given.is_empty() {
        return Ok(query.with_given("team_ids", given));
    }
    let is_all = cx.options.whole_account;
    match cx.api.me().await {
        Ok(me) if !me.teams.is_empty() => Ok(query.with_all("team_ids", &me.teams)),
        Ok(_) if is_all => Ok(query),
        Ok(_) => {
            Err(Error::new(Code::NoTeams, "the current user belongs to no team").hint("Pass incident_id or team_ids."))
        }
        Err(error) if error.code() == Code::NoUserContext && is_all => Ok(query),
        Err(error) if error.code() == Code::NoUserContext => Err(error.hint("Pass incident_id or team_ids.")),
        Err(error) => Err(error),
    }
}

/// Returns one entry with the data of its sender.
async fn one(cx: &Context, id: &Id<LogEntry>, include: &Include<LogEntry, Line>) -> Result<Reply> {
    let mut selection = include.selection();
    if include.asked().next().is_none() {
        let all = LogEntry::DEFAULT.iter().copied().chain(RAW.iter().filter_map(|name| LogEntry::field(name)));
        selection = pagerduty_rows::fields::Selection::new(all.collect(), LogEntry::FACTS);
    }
    let query = Query::new().with_all("include", &["channels"]);
    let (local, found) = tokio::join!(Local::of(cx, None), cx.api.one(id, query, &selection));
    let found = found?;
    let plain = found.shown.clone();
    let shown = entry(found).map_or(plain, |entry| row(&entry, &local, include, true));
    let mut reply = Reply::one(&LOG_ENTRIES, shown, cx.budget(), NAME_FIELDS);
    local.name_in(&mut reply);
    Ok(reply)
}

/// Returns an event as a row: the selected fields with the time in the zone of the answer, and the event in words.
fn row(entry: &Entry, local: &Local, include: &Include<LogEntry, Line>, shows_incident: bool) -> Object {
    let mut shown = entry.shown.members();
    let mut members = Map::new();
    if let Some(at) = shown.get_mut("created_at") {
        *at = local.iso(entry.at).into();
        members.extend(shown.shift_remove_entry("created_at"));
    }
    members.insert(LINE.to_owned(), entry.line.as_str().into());
    if entry.count > 1 {
        members.insert("count".to_owned(), entry.count.into());
        members.insert("until".to_owned(), local.iso(entry.last).into());
    }
    // The line names a service. Its ID is the same in most rows.
    if entry.agent.as_ref().is_some_and(|agent| !agent.is_user) && !include.names("agent") {
        shown.shift_remove("agent");
    }
    if !shows_incident && !include.names("incident") {
        shown.shift_remove("incident");
    }
    members.extend(shown);
    Object::from_members(include.arrange(members, &["count", "until"]))
}
