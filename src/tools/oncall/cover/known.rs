//! Finds the overrides and custom shifts of a schedule.

use std::collections::HashMap;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::plan::Slot;
use super::{Board, LONGEST, now};
use crate::client::{CoverChange, CoverKind};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Cover, Model, Person, Place, ScheduleKind, Source, SourceKind, User};
use crate::shifts::Period;
use crate::tools::Context;

/// The ranges of [`LONGEST`] after now in which an override is searched for by its ID: about two years.
const RANGES: i32 = 4;

/// The most overrides that an error lists.
const MAX_LISTED: usize = 10;

/// Returns the override or custom shift with this ID, and its kind.
///
/// PagerDuty cannot read a single override of a schedule of layers, so those of a range are listed.
pub(in crate::tools::oncall) async fn find(
    cx: &Context,
    board: &Board,
    id: &Id<Cover>,
) -> Result<Option<(CoverKind, Cover)>> {
    if board.kind() == ScheduleKind::Shifts {
        return cx.api.cover(&board.id, id).await;
    }
    let found = |known: Vec<Cover>| known.into_iter().find(|cover| cover.id() == Some(id.as_str()));
    let now = now();
    let listed = |start: Timestamp| cx.api.covers(&board.id, CoverKind::Layers, start, start + LONGEST);
    if let Some(cover) = found(listed(now).await?) {
        return Ok(Some((CoverKind::Layers, cover)));
    }
    // The override may be over, or far ahead.
    let starts = [now - LONGEST].into_iter().chain((1..RANGES).map(|place| now + LONGEST * place));
    for known in join_all(starts.map(listed)).await {
        if let Some(cover) = found(known?) {
            return Ok(Some((CoverKind::Layers, cover)));
        }
    }
    Ok(None)
}

/// Returns the error for an ID that no override of the schedule has. It lists the overrides that the schedule has.
pub(in crate::tools::oncall) async fn missing(cx: &Context, board: &Board, id: &Id<Cover>) -> Error {
    let schedule = &board.rendered;
    let name = schedule.name.as_deref().unwrap_or_default();
    let message = format!("schedule {name:?} ({}) has no override or custom shift {:?}", schedule.id, id.as_str());
    let error = Error::new(Code::NotFound, message);
    let now = now();
    let Some(soon) = Period::new(now, now + LONGEST) else { return error };
    match covers(cx, board, soon).await {
        Ok(known) if known.is_empty() => {
            error.hint(format!("It has none now or in the next {} days. Nothing was changed.", LONGEST.as_hours() / 24))
        }
        Ok(mut known) => {
            known.sort_by_key(|(_, cover)| cover.start);
            let people = people(cx, known.iter().take(MAX_LISTED).map(|(_, cover)| cover)).await;
            let listed: Vec<_> =
                known.iter().take(MAX_LISTED).map(|(kind, cover)| line(board, *kind, cover, &people)).collect();
            let more = known.len().saturating_sub(MAX_LISTED);
            let more = if more > 0 { format!("; and {more} later") } else { String::new() };
            error.hint(format!("Pass one of these: {}{more}. Nothing was changed.", listed.join("; ")))
        }
        Err(error_of_list) => {
            error.hint(format!("Nothing was changed. Its overrides could not be listed: {}", error_of_list.message()))
        }
    }
}

/// Returns the overrides of other users that change a custom shift from now on. They are removed with it.
pub(in crate::tools::oncall) async fn upon(cx: &Context, board: &Board, shift: &Cover) -> Result<Vec<Cover>> {
    let now = now();
    let Some(period) = Period::open(shift.start.max(Some(now)), shift.end.or(Some(now + LONGEST))) else {
        return Ok(Vec::new());
    };
    let mut known = cx.api.covers(&board.id, CoverKind::Shifts, period.start(), period.end()).await?;
    known.retain(|cover| cover.custom_shift_id.is_some() && cover.custom_shift_id == shift.id);
    known.sort_by_key(|cover| cover.start);
    name(cx, &mut known).await;
    Ok(known)
}

/// Returns the overrides that keep an override or custom shift from being changed: those of the same member in the period
/// that it would have, and those that change a custom shift outside of its new times, or while its user changes.
pub(super) async fn in_the_way(
    cx: &Context,
    board: &Board,
    (kind, cover): (CoverKind, &Cover),
    to: &CoverChange,
    period: Period,
) -> Result<Vec<Slot>> {
    if to.is_nothing() {
        return Ok(Vec::new());
    }
    if kind == CoverKind::Extra {
        let stays = |slot: &Slot| slot.period.clip(period) == Some(slot.period) && to.user.is_none();
        return Ok(upon(cx, board, cover).await?.iter().filter_map(slot).filter(|slot| !stays(slot)).collect());
    }
    let mut known = cx.api.covers(&board.id, CoverKind::Shifts, period.start(), period.end()).await?;
    known.retain(|other| other.id != cover.id && place(other) == place(cover));
    name(cx, &mut known).await;
    Ok(known.iter().filter_map(slot).filter(|slot| slot.period.clip(period).is_some()).collect())
}

/// Returns the place of an override or custom shift of a schedule of shifts.
pub(super) fn place(cover: &Cover) -> Place {
    let member = cover.member.clone().unwrap_or_default();
    match (&cover.rotation_id, &cover.custom_shift_id) {
        (Some(id), _) => Place::Rotation { id: id.clone(), member },
        (None, Some(id)) => Place::CustomShift { id: id.clone(), member },
        (None, None) => Place::Extra,
    }
}

/// Returns the turn of an override.
pub(super) fn slot(cover: &Cover) -> Option<Slot> {
    let period = Period::open(cover.start, cover.end)?;
    let (kind, id) = (SourceKind::Override, cover.id.clone());
    let source = Source { kind, id, rotation_id: None, custom_shift_id: None };
    Some(Slot { period, user: cover.user.clone(), source: Some(source) })
}

/// Adds the names of the users.
async fn name(cx: &Context, covers: &mut [Cover]) {
    let people = people(cx, &*covers).await;
    for user in covers.iter_mut().filter_map(|cover| cover.user.as_mut()) {
        if let Some(known) = people.get(&user.id) {
            *user = known.clone();
        }
    }
}

/// Returns the overrides and custom shifts of a range.
async fn covers(cx: &Context, board: &Board, range: Period) -> Result<Vec<(CoverKind, Cover)>> {
    let kinds: &[CoverKind] = match board.kind() {
        ScheduleKind::Layers => &[CoverKind::Layers],
        ScheduleKind::Shifts => &[CoverKind::Shifts, CoverKind::Extra],
    };
    let mut all = Vec::new();
    let lists = kinds.iter().map(|kind| cx.api.covers(&board.id, *kind, range.start(), range.end()));
    for (kind, list) in kinds.iter().zip(join_all(lists).await) {
        all.extend(list?.into_iter().map(|cover| (*kind, cover)));
    }
    Ok(all)
}

async fn people<'c>(cx: &Context, covers: impl IntoIterator<Item = &'c Cover>) -> HashMap<String, Person> {
    let ids = covers.into_iter().filter_map(|cover| Id::<User>::parse(&cover.user.as_ref()?.id));
    cx.api.people(ids.collect::<Vec<_>>()).await.0
}

fn line(board: &Board, kind: CoverKind, cover: &Cover, people: &HashMap<String, Person>) -> String {
    let user = cover.user.as_ref().map(|user| super::report::named(people.get(&user.id).unwrap_or(user)));
    let span = Period::open(cover.start, cover.end).map(|period| board.local().span(period));
    let kind = if kind == CoverKind::Extra { "custom shift of " } else { "" };
    let user = user.unwrap_or_else(|| "an unknown user".to_owned());
    let id = cover.id.as_deref().unwrap_or_default();
    format!("{id} ({kind}{user}, {})", span.unwrap_or_default())
}

/// Returns the part of a period that is rendered at once.
pub(in crate::tools::oncall) fn renderable(period: Period) -> Period {
    let until = period.start().checked_add(LONGEST).unwrap_or(period.end());
    Period::new(period.start(), period.end().min(until)).unwrap_or(period)
}

/// Returns the time in which a schedule is read for its kind and its time zone only.
pub(in crate::tools::oncall) fn soon() -> Result<Period> {
    let now = now();
    Period::new(now, now + SignedDuration::from_hours(1))
        .ok_or_else(|| Error::new(Code::Internal, "the period is empty"))
}
