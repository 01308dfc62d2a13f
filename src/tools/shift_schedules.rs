//! Combines shift-based and layer-based schedules: PagerDuty has a separate endpoint for each kind, and a caller should
//! not have to know which kind a schedule is.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use pagerduty_api::operations::schedules::SCHEDULES;
use pagerduty_api::operations::users::USERS;
use pagerduty_rows::decode::Unreadable;
use pagerduty_rows::fields::{Selection, plain};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};
use tokio::time::timeout_at;

use super::{Context, listed};
use crate::client::{MAX_PEOPLE, Query, may_be_other_kind};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Model, Page, Row, Schedule, ScheduleKind, Shape, ShiftSchedule, User};
use crate::pagination::{self, End, ListRequest, Listing};
use crate::params::{Include, Range};
use crate::reply::{NAME_FIELDS, Reply};

/// The next step if a schedule over a range is too large.
const SHORTEN_RANGE: &str = "Shorten the range with since and until, or name the fields you need in include.";

/// Returns one schedule of either kind. For a shift-based schedule, PagerDuty's first endpoint answers 400 or 404.
pub(super) async fn show(cx: &Context, id: &Id<Schedule>, range: Range, include: &Include<Schedule>) -> Result<Reply> {
    let kinds = cx.api.schedule_kinds();
    if kinds.of(id) == Some(ScheduleKind::Shifts) {
        match show_shifts(cx, id, range, include).await {
            Err(error) if may_be_other_kind(&error) => {}
            outcome => return outcome,
        }
    }
    let query = Query::new().with("since", range.since).with("until", range.until);
    let shorten = if range.given() { SHORTEN_RANGE } else { NAME_FIELDS };
    let unknown = match cx.show(id, query, include, shorten).await {
        Err(error) if may_be_other_kind(&error) => error,
        outcome => {
            if outcome.is_ok() {
                kinds.keep(id, ScheduleKind::Layers);
            }
            return outcome;
        }
    };
    show_shifts(cx, id, range, include).await.map_err(|error| if may_be_other_kind(&error) { unknown } else { error })
}

/// Returns one shift-based schedule.
async fn show_shifts(cx: &Context, id: &Id<Schedule>, range: Range, include: &Include<Schedule>) -> Result<Reply> {
    let shorten = if range.given() { SHORTEN_RANGE } else { NAME_FIELDS };
    let mut shown = read(cx, id, range, include.asked()).await?;
    let mut warnings = Vec::new();
    name_users(cx, &mut shown, &mut warnings).await;
    let shown = Object::from_members(chosen(shown, include));
    Ok(cx.object(&SCHEDULES, shown, include, Shape::One, shorten).warned(warnings))
}

/// Returns a list of both kinds: layer-based schedules in PagerDuty's order, then shift-based ones. If one kind is
/// unavailable, a warning names it.
pub(super) async fn list(
    cx: &Context,
    name: Option<&str>,
    want: ListRequest,
    include: &Include<Schedule>,
) -> Result<Reply> {
    // The place of the whole list is remembered besides that of its part in layers: a deleted schedule of either kind
    // moves the rows after it.
    let (list, start) = (format!("schedules of both kinds?query={}", name.unwrap_or_default()), want.offset);
    let given = cx.api.places().before(&list, start);
    let (listing, warning) = combined(cx, name, want, given, include).await?;
    cx.api.places().record(list, start, &listing);
    Ok(listed(&SCHEDULES, listing, include, "query").warned(warning))
}

/// Returns the rows of both kinds and a warning. `given` are the keys of the rows before the wanted offset.
async fn combined(
    cx: &Context,
    name: Option<&str>,
    want: ListRequest,
    given: Vec<String>,
    include: &Include<Schedule>,
) -> Result<(Listing<Schedule>, Option<String>)> {
    let (layers, shifts) = both(cx, name, &want, include).await;
    let mut shifts = match shifts {
        Ok(shifts) => shifts,
        Err(error) => {
            let lacks = "; a gateway in front of PagerDuty may lack the path /v3/schedules";
            let lacks = if error.http_status() == Some(404) { lacks } else { "" };
            let missing = format!("Shift-based schedules could not be listed and are missing here: {error}{lacks}");
            return Ok((layers?, Some(missing)));
        }
    };
    let layers = match layers {
        Err(error) if shifts.is_empty() || want.offset > 0 => return Err(error),
        Err(error) => {
            let listing = pagination::cut(want, whole(shifts));
            let missing = format!("Only shift-based schedules are here; the others could not be listed: {error}");
            return Ok((listing, Some(missing)));
        }
        Ok(layers) if layers.end != End::Complete || shifts.is_empty() => return Ok((layers, None)),
        Ok(layers) => layers,
    };
    let came = layers.rows.len() + layers.left_out.len();
    let total = if came == 0 && want.offset > 0 { cx.api.count_schedules(name).await? } else { layers.next };
    let rows = shifts.iter().map(|row| row.as_ref().ok());
    let skipped = pagination::resume(&rows, want.offset.saturating_sub(total), &given);
    shifts.drain(..skipped.min(shifts.len()));
    let start = (total + skipped).saturating_sub(came);
    let (moved, lacks_rows) = (layers.moved, came > 0 && layers.lacks_rows);
    let mut rows = layers.into_rows();
    rows.append(&mut shifts);
    let all = pagination::cut_from(start, want, given, rows);
    // The layers alone may have ended before the offset.
    let (moved, lacks_rows) = (all.moved || moved, all.lacks_rows || lacks_rows);
    Ok((Listing { moved, lacks_rows, ..all }, None))
}

/// Rows of a list, and the reasons why others cannot be read.
type Rows = Vec<Result<Row<Schedule>, Unreadable>>;

/// Reads both kinds at the same time. The wait for shift-based schedules ends soon after the others have arrived.
async fn both(
    cx: &Context,
    name: Option<&str>,
    want: &ListRequest,
    include: &Include<Schedule>,
) -> (Result<Listing<Schedule>>, Result<Rows>) {
    let (sent, came) = tokio::sync::oneshot::channel();
    let layers = async {
        let query = Query::new().with("query", name);
        let layers = cx.api.list::<Schedule>(query, want.clone(), &include.selection()).await;
        let _ = sent.send(cx.api.grace());
        layers
    };
    let all = selection(include.asked());
    let shifts = cx.api.list::<ShiftSchedule>(Query::new(), ListRequest::all(), &all);
    let shifts = async {
        tokio::pin!(shifts);
        let until = tokio::select! {
            biased;
            listing = &mut shifts => return listing,
            until = came => until,
        };
        let late = || Error::new(Code::Timeout, "there was no response soon after that of the others");
        match until {
            Ok(until) => timeout_at(until, shifts).await.unwrap_or_else(|_| Err(late())),
            Err(_) => shifts.await,
        }
    };
    let (layers, shifts) = tokio::join!(layers, shifts);
    let shifts = shifts.map(|listing| named(listing, name, include));
    for id in shifts.iter().flatten().filter_map(|row| row.as_ref().ok()?.facts.id().and_then(Id::<Schedule>::parse)) {
        cx.api.schedule_kinds().keep(&id, ScheduleKind::Shifts);
    }
    (layers, shifts)
}

/// Returns the shift-based schedules that have `name` in their name, as rows of a list. They are filtered here because
/// PagerDuty's documentation contradicts itself about filtering. Rows that cannot be read stay: their names are unknown.
fn named(listing: Listing<ShiftSchedule>, name: Option<&str>, include: &Include<Schedule>) -> Rows {
    let wanted = name.map(str::to_lowercase);
    let matches = |row: &Row<ShiftSchedule>| {
        wanted.as_ref().is_none_or(|wanted| row.facts.name().is_some_and(|name| name.to_lowercase().contains(wanted)))
    };
    let row = |row: Row<ShiftSchedule>| {
        let facts = Schedule::with_id(row.facts.id());
        let shown = with_name(row.shown.members(), row.facts.name());
        Row { facts, shown: Object::from_members(chosen(shown, include)) }
    };
    let rows = listing.into_rows().into_iter().filter(|row| row.as_ref().is_ok_and(matches) || row.is_err());
    rows.map(|found| found.map(row)).collect()
}

fn whole(rows: Rows) -> Page<Schedule> {
    Page { rows, more: false, total: None }
}

/// Returns the users on call on a shift-based schedule over a range. `unknown` is the error of the endpoint for
/// layer-based schedules.
pub(super) async fn users(
    cx: &Context,
    id: &Id<Schedule>,
    range: Range,
    want: ListRequest,
    include: &Include<User>,
    unknown: Error,
) -> Result<Reply> {
    let shown = read(cx, id, range, std::iter::empty()).await;
    let shown = shown.map_err(|error| if may_be_other_kind(&error) { unknown } else { error })?;
    let ids = assigned(&shown);
    let selection = include.selection();
    let rows = join_all(ids.iter().take(MAX_PEOPLE).map(|id| cx.api.one::<User>(id, Query::new(), &selection))).await;
    let mut warnings: Vec<_> = too_many(ids.len()).into_iter().collect();
    let mut page = Page { rows: Vec::with_capacity(rows.len()), more: false, total: None };
    for (id, row) in ids.iter().zip(rows) {
        match row {
            Ok(row) => page.rows.push(Ok(row)),
            Err(error) if error.code() == Code::NotFound => {
                warnings.push(format!("User {id} is on call there and does not exist any more."));
            }
            Err(error) => {
                warnings.push(format!("User {id} is on call there and could not be fetched: {error}"));
            }
        }
    }
    if !shown.contains_key("final_schedule") {
        warnings.push("PagerDuty did not render this schedule, so it is not known who is on call.".to_owned());
    }
    Ok(listed(&USERS, pagination::cut(want, page), include, "since and until").warned(warnings))
}

/// Reads a shift-based schedule.
async fn read(
    cx: &Context,
    id: &Id<Schedule>,
    range: Range,
    asked: impl Iterator<Item = &str>,
) -> Result<Map<String, Value>> {
    let selection = selection(asked);
    let query = Query::new().with("since", range.since).with("until", range.until);
    let row = cx.api.one(&id.cast::<ShiftSchedule>(), query, &selection).await?;
    cx.api.schedule_kinds().keep(id, ScheduleKind::Shifts);
    Ok(with_name(row.shown.members(), row.facts.name()))
}

/// The default fields, and those asked for.
fn selection<'n>(asked: impl Iterator<Item = &'n str>) -> Selection<'n> {
    let asked = asked.filter(|name| ShiftSchedule::DEFAULT.iter().all(|field| field.name != *name)).map(plain);
    Selection::new(ShiftSchedule::DEFAULT.iter().copied().chain(asked).collect(), ShiftSchedule::FACTS)
}

/// Puts the name after the ID and under `summary` as well, and the kind under the same key in lists and alone.
fn with_name(mut shown: Map<String, Value>, name: Option<&str>) -> Map<String, Value> {
    if let Some(name) = name {
        shown.insert("summary".to_owned(), name.into());
    }
    if let Some(kind) = shown.get_mut("type") {
        *kind = "schedule_v3".into();
    }
    shown.insert("kind".to_owned(), ScheduleKind::Shifts.as_str().into());
    if let Some(name) = name.filter(|_| !shown.contains_key("name")) {
        shown.shift_insert(usize::from(shown.contains_key("id")), "name".to_owned(), name.into());
    }
    shown
}

/// Returns the fields that `include` names, or the default ones, of which the summary only repeats the name.
fn chosen(mut shown: Map<String, Value>, include: &Include<Schedule>) -> Map<String, Value> {
    if !include.names("summary") {
        shown.shift_remove("summary");
    }
    include.chosen(shown, ShiftSchedule::DEFAULT.iter().map(|field| field.name), &[])
}

/// Returns the users of the final schedule and of its overrides.
fn entries(shown: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let lists = shown.iter_mut().filter_map(|(name, value)| match name.as_str() {
        "final_schedule" => value.get_mut("rendered_schedule_entries")?.as_array_mut(),
        "overrides" => value.as_array_mut(),
        _ => None,
    });
    lists.flatten().filter_map(|entry| entry.get_mut("user")?.as_object_mut())
}

/// Returns the users of the final schedule, each once.
fn assigned(shown: &Map<String, Value>) -> Vec<Id<User>> {
    let mut seen = BTreeSet::new();
    let mut shown = shown.clone();
    let ids = entries(&mut shown).filter_map(|user| user.get("id")?.as_str().map(str::to_owned));
    ids.filter(|id| seen.insert(id.clone())).filter_map(|id| Id::parse(&id)).collect()
}

/// Adds the names of the users of the final schedule, which PagerDuty gives as IDs only.
async fn name_users(cx: &Context, shown: &mut Map<String, Value>, warnings: &mut Vec<String>) {
    let (people, missing) = cx.api.people(assigned(shown)).await;
    warnings.extend(missing);
    for user in entries(shown) {
        let person = user.get("id").and_then(Value::as_str).and_then(|id| people.get(id));
        if let Some(name) = person.and_then(|person| person.name.as_deref()) {
            user.insert("summary".to_owned(), name.into());
        }
        if person.is_some_and(|person| person.deleted) {
            user.insert("deleted".to_owned(), true.into());
        }
    }
}

fn too_many(users: usize) -> Option<String> {
    (users > MAX_PEOPLE).then(|| {
        format!("{users} users are on call in the range, and only the first {MAX_PEOPLE} were looked up: narrow it.")
    })
}
