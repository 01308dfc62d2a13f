//! `cancel_override`: removes an override or custom shift, so that the rotation holds again.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::schedules::{
    DELETE_CUSTOM_SHIFT, DELETE_OVERRIDE, DELETE_SCHEDULE_OVERRIDE, GET_CUSTOM_SHIFT, GET_OVERRIDE, GET_SCHEDULE,
    GET_SCHEDULE_V3, LIST_SCHEDULE_OVERRIDES,
};
use pagerduty_api::operations::users::GET_USER;
use serde_json::{Map, Value};

use super::super::{About, Context, Tool, run};
use super::cover::report::{self, UNREAD};
use super::cover::{Board, now};
use crate::client::CoverKind;
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{Cover, Model, Schedule, ScheduleKind};
use crate::params::Flag;
use crate::reply::Reply;
use crate::shifts::Period;

/// Removes an override.
pub(super) const CANCEL_OVERRIDE: Tool = Tool::new::<Params>(
    "cancel_override",
    About {
        title: "Remove an override (cover)",
        description: "Remove an override (cover); the rotation holds again. Only when the user asks.",
        hint: "cancel remove delete undo override cover swap shift rotation again",
    },
    &[
        &DELETE_SCHEDULE_OVERRIDE,
        &DELETE_OVERRIDE,
        &DELETE_CUSTOM_SHIFT,
        &GET_SCHEDULE,
        &GET_SCHEDULE_V3,
        &LIST_SCHEDULE_OVERRIDES,
        &GET_OVERRIDE,
        &GET_CUSTOM_SHIFT,
        &GET_USER,
    ],
    |cx, arguments| run(cx, arguments, cancel_override),
)
.destructive();

crate::params! {
    struct Params {
        "Schedule of either kind"
        schedule_id: Id<Schedule>,
        "Override or custom shift"
        override_id: Id<Cover>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// The time in which an override of a schedule of layers is searched for by its ID: PagerDuty cannot read a single one.
const SEARCHED: SignedDuration = SignedDuration::from_hours(24 * 180);

async fn cancel_override(cx: Context, params: Params) -> Result<Reply> {
    let Params { schedule_id, override_id, dry_run } = &params;
    let now = now();
    // The kind of the schedule, and its time zone.
    let soon = period(now, now + SignedDuration::from_hours(1))?;
    let board = Board::read(&cx, schedule_id, soon).await?;
    let (kind, cover) = match board.kind() {
        ScheduleKind::Layers => {
            let known = cx.api.covers(schedule_id, CoverKind::Layers, now, now + SEARCHED).await?;
            let found = known.into_iter().find(|cover| cover.id() == Some(override_id.as_str()));
            (CoverKind::Layers, found)
        }
        ScheduleKind::Shifts => match cx.api.cover(schedule_id, override_id).await? {
            Some((kind, cover)) => (kind, Some(cover)),
            None => return Ok(already(&board, override_id, "There is no such override or custom shift any more.")),
        },
    };
    let range = cover.as_ref().and_then(|cover| Period::open(cover.start.max(Some(now)), cover.end));
    if cover.is_some() && range.is_none() {
        return Ok(already(&board, override_id, "It is over, and what has passed cannot be changed."));
    }
    let is_running = cover.as_ref().and_then(|cover| cover.start).is_some_and(|start| start < now);
    let before = match range {
        Some(range) => Board::read(&cx, schedule_id, range).await?,
        None if dry_run.is_on() => {
            return Ok(already(&board, override_id, "It is not among the overrides of the next 180 days."));
        }
        None => board,
    };
    let mut warnings = before.warnings.clone();
    if is_running {
        let end = if dry_run.is_on() { "would end" } else { "ended" };
        warnings.push(format!("It has begun, so it {end} now; what has passed stays."));
    }
    let local = before.local();
    let mut fields = report::head(&before, if dry_run.is_on() { "dry_run" } else { "applied" });
    fields.extend(removed(override_id, kind));
    if let Some(cover) = &cover {
        let at = |at: Option<Timestamp>| at.map_or(Value::Null, |at| local.iso(at).into());
        fields.insert("start".to_owned(), at(cover.start));
        fields.insert("end".to_owned(), at(cover.end));
    }
    if let Some(range) = range {
        fields.insert("before".to_owned(), report::turns(&before.within(range), &local));
    }
    if dry_run.is_on() {
        fields.insert("sent".to_owned(), false.into());
        return Ok(Reply::flat(fields).warned(warnings));
    }
    match cx.api.remove_cover(schedule_id, kind, override_id).await {
        Ok(warning) => warnings.extend(warning),
        Err(error) if error.code() == Code::NotFound => {
            return Ok(already(&before, override_id, "There is no such override any more."));
        }
        Err(error) => return Err(error),
    }
    if let Some(range) = range {
        match report::again(&cx, schedule_id, range).await {
            Some(after) => {
                fields.insert("after".to_owned(), report::turns(&after.within(range), &local));
                warnings.extend(after.warnings.into_iter().filter(|warning| !before.warnings.contains(warning)));
            }
            None => warnings.push(UNREAD.to_owned()),
        }
    }
    Ok(Reply::flat(fields).warned(warnings))
}

fn removed(id: &Id<Cover>, kind: CoverKind) -> Map<String, Value> {
    let members = [("override_id", Value::from(id.as_str())), ("kind", kind.as_str().into())];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the answer if there is nothing to remove.
fn already(board: &Board, id: &Id<Cover>, why: &str) -> Reply {
    let mut fields = report::head(board, "already_so");
    fields.insert("override_id".to_owned(), id.as_str().into());
    fields.insert("sent".to_owned(), false.into());
    Reply::flat(fields).warned(board.warnings.iter().cloned().chain([why.to_owned()]))
}

/// Returns the period between two times of which the first comes first.
fn period(start: Timestamp, end: Timestamp) -> Result<Period> {
    Period::new(start, end).ok_or_else(|| crate::error::Error::new(Code::Internal, "the period is empty"))
}
