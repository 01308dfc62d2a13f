//! `get_handoff`: the report for the user who is on call next.

mod turnover;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::escalation_policies::LIST_ESCALATION_POLICIES;
use pagerduty_api::operations::incidents::{LIST_INCIDENT_NOTES, LIST_INCIDENTS};
use pagerduty_api::operations::schedules::{GET_SCHEDULE, GET_SCHEDULE_V3};
use pagerduty_api::operations::services::LIST_SERVICES;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use pagerduty_rows::fields::{Field, Selection, plain};
use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;
use tokio::time::Instant;

use super::read::{self, Named, shown, spoken};
use crate::budget::Budget;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, Rendered, Schedule, Service, Team};
use crate::pagination::{End, ListRequest};
use crate::params::{Ids, Moment, Range, When, shorten};
use crate::reply::Reply;
use crate::shifts::Period;
use crate::tools::gather::{in_time, side_by_side};
use crate::tools::subject::{Subject, time};
use crate::tools::times::{Local, Zone, age};
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};
use turnover::{Turnover, turnover};

/// Returns the report of a shift.
pub(super) const GET_HANDOFF: Tool = Tool::new::<Params>(
    "get_handoff",
    About {
        title: "Shift handoff (handover) summary",
        description: "Shift handover (handoff) summary for the next person: who takes over when, what is open with its last note, \
                      what happened, what returns from snooze.",
        hint: "handoff handover shift report summary next person end of shift open incidents",
    },
    &[
        &LIST_INCIDENTS,
        &GET_CURRENT_USER,
        &LIST_ESCALATION_POLICIES,
        &GET_SCHEDULE,
        &GET_SCHEDULE_V3,
        &GET_USER,
        &LIST_INCIDENT_NOTES,
        &LIST_SERVICES,
    ],
    |cx, arguments| run(cx, arguments, get_handoff),
);

crate::params! {
    struct Params {
        "Default mine"
        team_ids: Ids<Team>,
        "Default all of the teams"
        schedule_ids: Ids<Schedule>,
        "ISO 8601, local without an offset; default start of the shift, at most 24 h back"
        since: Option<When>,
        "Default now"
        until: Option<When>,
        "IANA name; default mine"
        time_zone: Option<Zone>,
    }
}

/// The time before the end of the report in which the shift may have begun.
const SHIFT: SignedDuration = SignedDuration::from_hours(24);

/// The time in which the next change of users is searched for.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 14);

/// The time before the report in which an incident that was resolved during it may have been created.
const BEFORE: SignedDuration = SignedDuration::from_hours(24 * 7);

const MAX_SCHEDULES: usize = 20;
/// The most incidents whose notes are read.
const MAX_NOTED: usize = 15;
/// The most resolved incidents that are shown one by one.
const MAX_RESOLVED: usize = 25;

const SERVICE: &[Field] = &[plain("id"), plain("name"), plain("status")];

/// The range and the teams of a report.
struct Scope {
    teams: Vec<Id<Team>>,
    /// The end of the report.
    until: Timestamp,
    /// The start, if it is given.
    since: Option<Timestamp>,
    local: Local,
}

async fn get_handoff(cx: Context, params: Params) -> Result<Reply> {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let zone = params.time_zone.as_ref();
    let read = Local::read(&cx, zone, [params.since, params.until]).await?;
    let [since, until] = read.moments.map(|moment| moment.map(Moment::instant));
    let until = until.unwrap_or(now);
    Range::of_schedule(Some(Moment::at(since.unwrap_or(until - SHIFT))), Some(Moment::at(until)))?;
    let local = read.local(&cx, zone).await;
    let mut scope = Scope { teams: params.team_ids.as_slice().to_vec(), until, since, local };
    let late = SetOnce::new();
    // The incidents are those of the schedules' teams.
    let early = if scope.teams.is_empty() && !params.schedule_ids.as_slice().is_empty() {
        let turns = schedules(&cx, &scope, &params, &late).await?;
        let teams: BTreeSet<_> = turns.0.iter().flat_map(|schedule| &schedule.teams).collect();
        scope.teams = teams.into_iter().filter_map(|id| Id::parse(id)).collect();
        Some(turns)
    } else {
        if scope.teams.is_empty() {
            scope.teams = mine(&cx).await?;
        }
        None
    };
    let open = async {
        let open = open(&cx, &scope).await;
        let _ = late.set(cx.api.grace());
        open
    };
    let (open, turns, resolved, services) = tokio::join!(
        open,
        async {
            match early {
                Some(turns) => Ok(turns),
                None => schedules(&cx, &scope, &params, &late).await,
            }
        },
        in_time(resolved(&cx, &scope), &late),
        in_time(silenced(&cx, &scope), &late),
    );
    let reply = report(&cx, &scope, open, turns, resolved, services)?;
    Ok(reply.warned(scope.local.warning()).warned(read.remarks))
}

/// Returns the current user's teams.
async fn mine(cx: &Context) -> Result<Vec<Id<Team>>> {
    match cx.api.me().await {
        Ok(me) if !me.teams.is_empty() => Ok(me.teams.clone()),
        Ok(_) => {
            Err(Error::new(Code::NoTeams, "the current user belongs to no team").hint("Pass team_ids or schedule_ids."))
        }
        Err(error) if error.code() == Code::NoUserContext => Err(error.hint("Pass team_ids or schedule_ids.")),
        Err(error) => Err(error),
    }
}

/// A part of the report: its rows, and warnings.
type Part<T> = Result<(Vec<T>, Vec<String>)>;

/// Reads the schedules of the teams' policies, or the given ones, around the end of the report.
async fn schedules(cx: &Context, scope: &Scope, params: &Params, late: &SetOnce<Instant>) -> Part<Rendered> {
    let mut warnings = Vec::new();
    let mut ids: Vec<Id<Schedule>> = params.schedule_ids.as_slice().to_vec();
    if ids.is_empty() {
        let mut seen = BTreeSet::new();
        let policies = in_time(read::policies_of(cx, &scope.teams), late).await?;
        let targets = policies.iter().flat_map(|policy| &policy.levels).flat_map(|level| &level.targets);
        let targets = targets.filter(|target| target.is_schedule && !target.deleted);
        ids.extend(
            targets
                .filter(|target| seen.insert(target.named.id.clone()))
                .filter_map(|target| Id::parse(&target.named.id)),
        );
    }
    if ids.len() > MAX_SCHEDULES {
        warnings
            .push(format!("Only the first {MAX_SCHEDULES} of {} schedules were read: pass schedule_ids.", ids.len()));
        ids.truncate(MAX_SCHEDULES);
    }
    let (start, end) = (Moment::at(scope.until - SHIFT), Moment::at(scope.until + AHEAD));
    let read = side_by_side(cx, ids.iter().map(|id| cx.api.rendered(id, start, end))).await;
    let mut rendered = Vec::with_capacity(read.len());
    for (id, one) in ids.iter().zip(read) {
        match one {
            Ok(one) if one.turns.is_some() => rendered.push(one),
            Ok(_) => warnings.push(format!("PagerDuty did not render schedule {id}.")),
            Err(error) => warnings.push(format!("Schedule {id} could not be read: {error}")),
        }
    }
    warnings.extend(cx.api.name_turns(&mut rendered).await);
    Ok((rendered, warnings))
}

/// Reads the incidents of the teams with these filters, newest first.
async fn incidents(cx: &Context, scope: &Scope, query: Query) -> Part<Subject> {
    if scope.teams.is_empty() {
        return Ok((
            Vec::new(),
            vec!["Incidents were not read, since the schedules have no team: pass team_ids.".to_owned()],
        ));
    }
    let query = query.with_all("team_ids", &scope.teams).with("sort_by", Some("created_at:desc"));
    let most = ListRequest { limit: 200, ..ListRequest::all() };
    let listing = cx.api.list::<Incident>(query, most, &Subject::selection()).await?;
    let more = listing.end != End::Complete;
    let warning = more.then(|| "There are more than 200 incidents: only the newest were read.".to_owned());
    let incidents = listing.rows.iter().filter_map(|row| Subject::from_row(&row.shown));
    Ok((incidents.collect(), warning.into_iter().collect()))
}

/// An open incident.
struct Open {
    subject: Subject,
    last_note: Option<Value>,
}

/// Reads the open incidents, the most urgent first, and the last note of the first ones.
async fn open(cx: &Context, scope: &Scope) -> Part<Open> {
    let query = Query::new().with_all("statuses", &["triggered", "acknowledged"]);
    // Without a range, PagerDuty lists those of the last month only.
    let query = query.with("date_range", Some("all"));
    let (mut rows, mut warnings) = incidents(cx, scope, query).await?;
    rows.sort_by_key(|row| (!row.is_high(), row.status.as_deref() != Some("triggered")));
    let mut rows: Vec<_> = rows.into_iter().map(|subject| Open { subject, last_note: None }).collect();
    let late = SetOnce::new_with(Some(cx.api.grace()));
    let notes = rows.iter().take(MAX_NOTED).map(|row| in_time(cx.api.notes(&row.subject.id), &late));
    let notes = join_all(notes).await;
    let mut failure = None;
    for (row, notes) in rows.iter_mut().zip(notes) {
        match notes {
            Ok(notes) => row.last_note = notes.last().map(|note| last_note(&note.members().into(), &scope.local)),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    warnings.extend(failure.map(|error| format!("Some notes could not be read: {error}")));
    if rows.len() > MAX_NOTED {
        warnings.push(format!("The last note is shown for the first {MAX_NOTED} of {} open incidents.", rows.len()));
    }
    Ok((rows, warnings))
}

/// The most characters of a note.
const MAX_NOTE: usize = 300;

fn last_note(note: &Value, local: &Local) -> Value {
    let text = note.get("content").and_then(Value::as_str).unwrap_or_default();
    let mut short: String = text.chars().take(MAX_NOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    let by = note.get("user").and_then(|user| user.get("name").or_else(|| user.get("summary")));
    json!({"text": short, "by": by, "at": time(note, "created_at").map(|at| local.iso(at))})
}

/// Reads the incidents that were resolved, also ones that were created some days before the report.
async fn resolved(cx: &Context, scope: &Scope) -> Part<Subject> {
    let since = scope.since.unwrap_or(scope.until - SHIFT) - BEFORE;
    let query = Query::new().with_all("statuses", &["resolved"]);
    let query = query.with("since", Some(since)).with("until", Some(scope.until));
    incidents(cx, scope, query).await
}

/// Reads the services that make no incidents now.
async fn silenced(cx: &Context, scope: &Scope) -> Part<Value> {
    if scope.teams.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let query = Query::new().with_all("team_ids", &scope.teams);
    let selection = Selection::new(SERVICE.to_vec(), Service::FACTS);
    let listing = cx.api.list::<Service>(query, ListRequest::all(), &selection).await?;
    let rows = listing.rows.iter().map(|row| row.shown.members());
    let silent = rows.filter(|row| {
        row.get("status").and_then(Value::as_str).is_some_and(|status| ["maintenance", "disabled"].contains(&status))
    });
    Ok((silent.map(Value::Object).collect(), Vec::new()))
}

fn report(
    cx: &Context,
    scope: &Scope,
    open: Part<Open>,
    turns: Part<Rendered>,
    resolved: Part<Subject>,
    services: Part<Value>,
) -> Result<Reply> {
    let Scope { until, local, .. } = scope;
    let open = match (open, &turns, &resolved) {
        // Nothing is known, so the reason is the answer.
        (Err(error), Err(_), Err(_)) => return Err(error),
        (open, ..) => open,
    };
    let mut answer = Answer { fields: Map::new(), budget: cx.budget(), warnings: Vec::new() };
    let rendered = answer.part("The schedules", turns);
    let found: Vec<_> = rendered.iter().map(|one| (one, next(one, *until))).collect();
    let begun = found.iter().filter_map(|(_, turnover)| turnover.since).min();
    let since = scope.since.unwrap_or_else(|| begun.unwrap_or(*until - SHIFT).max(*until - SHIFT));
    answer.fields.insert("since".to_owned(), local.iso(since).into());
    answer.fields.insert("until".to_owned(), local.iso(*until).into());
    answer.fields.insert("time_zone".to_owned(), local.name().into());

    let mut handovers: Vec<_> = found;
    handovers.sort_by_key(|(_, turnover)| turnover.at.unwrap_or(Timestamp::MAX));
    answer.rows("handovers", handovers.iter().map(|(one, turnover)| handover(one, turnover, *until, local)));

    let (knows_open, knows_resolved) = (open.is_ok(), resolved.is_ok());
    let open = answer.part("The open incidents", open);
    answer.rows("open", open.iter().map(|row| incident(row, *until, local)));
    let returns = open.iter().filter_map(|row| returning(&row.subject, *until, local));
    answer.rows("returns", returns);

    let resolved = answer.part("The resolved incidents", resolved);
    let resolved: Vec<_> = resolved.into_iter().filter(|row| row.resolved_at.is_some_and(|at| at >= since)).collect();
    let silent = |row: &Subject| row.changed_by.as_ref().is_none_or(|by| !by.is_user);
    let by_itself = resolved.iter().filter(|row| silent(row)).count();
    let still_open = open.iter().filter(|row| row.subject.created_at.is_some_and(|at| at >= since)).count();
    let counts = [
        ("resolved", resolved.len(), knows_resolved),
        ("resolved_by_service", by_itself, knows_resolved),
        ("opened_and_still_open", still_open, knows_open),
    ];
    let happened: Map<_, _> = counts
        .into_iter()
        .filter(|(_, _, is_known)| *is_known)
        .map(|(name, count, _)| (name.to_owned(), count.into()))
        .collect();
    if !happened.is_empty() {
        answer.fields.insert("happened".to_owned(), happened.into());
    }
    let mut told = resolved.iter().collect::<Vec<_>>();
    told.sort_by_key(|row| (!row.is_high(), silent(row)));
    if told.len() > MAX_RESOLVED {
        answer.warnings.push(format!("{MAX_RESOLVED} of {} resolved incidents are shown.", told.len()));
    }
    answer.rows("resolved", told.iter().take(MAX_RESOLVED).map(|row| ended(row, local)));
    let services = answer.part("The services", services);
    answer.rows("silenced_services", services.into_iter());
    Ok(Reply::flat(answer.fields).warned(answer.warnings))
}

/// A report that is being composed.
struct Answer {
    fields: Map<String, Value>,
    budget: Budget,
    warnings: Vec<String>,
}

impl Answer {
    /// Returns the rows of a part. A part that failed becomes a warning.
    fn part<T>(&mut self, what: &str, part: Part<T>) -> Vec<T> {
        match part {
            Ok((rows, warnings)) => {
                self.warnings.extend(warnings);
                rows
            }
            Err(error) => {
                self.warnings.push(format!("{what} could not be read: {error}"));
                Vec::new()
            }
        }
    }

    /// Adds rows as far as they fit.
    fn rows(&mut self, name: &str, rows: impl Iterator<Item = Value>) {
        let rows: Vec<_> = rows.collect();
        let fits = |row: &&Value| self.budget.take_text(&row.to_string());
        let fitting: Vec<_> = rows.iter().take_while(fits).cloned().collect();
        if fitting.len() < rows.len() {
            let (some, all) = (fitting.len(), rows.len());
            self.warnings
                .push(format!("The answer is full: {some} of {all} rows of {name} are here. Pass fewer teams."));
        }
        if !fitting.is_empty() {
            self.fields.insert(name.to_owned(), fitting.into());
        }
    }
}

fn next(rendered: &Rendered, until: Timestamp) -> Turnover {
    let range = Period::new(until - SHIFT, until + AHEAD);
    let turns = rendered.turns.as_deref().unwrap_or_default();
    range.map(|range| turnover(turns, until, range)).unwrap_or_default()
}

fn handover(rendered: &Rendered, turnover: &Turnover, now: Timestamp, local: &Local) -> Value {
    let users = |users: &[crate::models::Person]| users.iter().map(shown).map(Value::Object).collect::<Value>();
    let mut members = Map::new();
    let schedule = Named { id: rendered.id.clone(), name: rendered.name.clone() };
    members.insert("schedule".to_owned(), schedule.shown());
    members.insert("from".to_owned(), users(&turnover.from));
    members.extend(turnover.since.map(|at| ("on_call_since".to_owned(), local.iso(at).into())));
    let note = match turnover.at {
        Some(at) => {
            members.insert("at".to_owned(), local.iso(at).into());
            members.insert("in".to_owned(), age(at.duration_since(now)).into());
            members.insert("to".to_owned(), users(&turnover.to));
            let resumes = turnover.resumes.map(|at| format!(" until {}", local.text(at))).unwrap_or_default();
            turnover.to.is_empty().then(|| format!("No user is on call then{resumes}."))
        }
        None if turnover.from.is_empty() => Some("No user is on call in the next two weeks.".to_owned()),
        None => Some("There is no change in the next two weeks.".to_owned()),
    };
    let gone: Vec<_> = turnover.to.iter().filter(|user| user.deleted).map(spoken).collect();
    let gone = (!gone.is_empty()).then(|| format!("Pages will reach no person: {}.", gone.join(", ")));
    members.extend(note.or(gone).map(|note| ("note".to_owned(), note.into())));
    members.into()
}

/// Returns an open incident for the report.
fn incident(row: &Open, now: Timestamp, local: &Local) -> Value {
    let Open { subject, last_note } = row;
    let mut members = head(subject);
    members.insert("status".to_owned(), subject.status.as_deref().into());
    if let Some(at) = subject.created_at {
        members.insert("created_at".to_owned(), local.iso(at).into());
        members.insert("age".to_owned(), age(now.duration_since(at)).into());
    }
    let assignees: Vec<_> = subject.assigned.iter().map(|holder| spoken(&holder.user)).collect();
    if !assignees.is_empty() {
        members.insert("assigned_to".to_owned(), assignees.into());
    }
    members.extend(last_note.clone().map(|note| ("last_note".to_owned(), note)));
    members.into()
}

/// Returns an acknowledged incident that pages again by itself: when it was snoozed, or when its service limits the time.
fn returning(subject: &Subject, now: Timestamp, local: &Local) -> Option<Value> {
    let at = subject.pages_again_at.filter(|at| *at > now)?;
    let mut members = head(subject);
    members.insert("pages_again_at".to_owned(), local.iso(at).into());
    Some(members.into())
}

/// Returns a resolved incident for the report.
fn ended(subject: &Subject, local: &Local) -> Value {
    let mut members = head(subject);
    members.extend(subject.resolved_at.map(|at| ("resolved_at".to_owned(), local.iso(at).into())));
    members.extend(subject.lasted().map(|lasted| ("lasted".to_owned(), age(lasted).into())));
    let by = subject.changed_by.as_ref().map(|by| by.named.label());
    members.extend(by.map(|by| ("resolved_by".to_owned(), by.into())));
    members.into()
}

/// Returns the fields that name an incident.
fn head(subject: &Subject) -> Map<String, Value> {
    let mut members = Map::from_iter([("id".to_owned(), subject.id.as_str().into())]);
    members.extend(subject.number.map(|number| ("number".to_owned(), number.into())));
    members.extend(subject.urgency.as_deref().map(|urgency| ("urgency".to_owned(), urgency.into())));
    members.insert("title".to_owned(), shorten(&subject.title).into());
    members.extend(subject.service.as_ref().map(|service| ("service".to_owned(), service.label().into())));
    members
}
