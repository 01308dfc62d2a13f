//! `cancel_override`: removes an override or custom shift, so that the rotation holds again.

use jiff::Timestamp;
use pagerduty_api::operations::schedules::{
    DELETE_CUSTOM_SHIFT, DELETE_OVERRIDE, DELETE_SCHEDULE_OVERRIDE, GET_CUSTOM_SHIFT, GET_OVERRIDE, GET_SCHEDULE,
    GET_SCHEDULE_V3, LIST_CUSTOM_SHIFTS, LIST_OVERRIDES, LIST_SCHEDULE_OVERRIDES,
};
use pagerduty_api::operations::users::GET_USER;
use serde_json::{Map, Value};

use super::super::{About, Context, Tool, run};
use super::cover::report::{self, UNREAD};
use super::cover::{Board, known, now};
use crate::client::CoverKind;
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{Cover, Schedule};
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
        &LIST_OVERRIDES,
        &LIST_CUSTOM_SHIFTS,
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

async fn cancel_override(cx: Context, params: Params) -> Result<Reply> {
    let Params { schedule_id, override_id, dry_run } = &params;
    let _held = if dry_run.is_on() { None } else { Some(cx.api.hold_schedule(schedule_id).await) };
    let board = Board::read(&cx, schedule_id, known::soon()?).await?;
    let Some((kind, cover)) = known::find(&cx, &board, override_id).await? else {
        if cx.api.has_removed(schedule_id, override_id) {
            return Ok(already(&board, override_id, "It was canceled before."));
        }
        return Err(known::missing(&cx, &board, override_id).await);
    };
    let now = now();
    let Some(range) = Period::open(cover.start.max(Some(now)), cover.end).map(known::renderable) else {
        return Ok(already(&board, override_id, "It is over, and what has passed cannot be changed."));
    };
    let upon = async { if kind == CoverKind::Extra { known::upon(&cx, &board, &cover).await } else { Ok(Vec::new()) } };
    let (before, upon) = tokio::try_join!(Board::read(&cx, schedule_id, range), upon)?;
    let local = before.local();
    let outcome = match (upon.is_empty(), dry_run.is_on()) {
        (false, _) => "conflict",
        (true, true) => "dry_run",
        (true, false) => "applied",
    };
    let mut warnings = before.warnings.clone();
    let mut fields = report::head(&before, outcome);
    fields.extend(removed(override_id, kind));
    let at = |at: Option<Timestamp>| at.map_or(Value::Null, |at| local.iso(at).into());
    fields.insert("start".to_owned(), at(cover.start));
    fields.insert("end".to_owned(), at(cover.end));
    fields.insert("before".to_owned(), report::turns(&before.within(range), &local));
    if outcome != "applied" {
        fields.insert("sent".to_owned(), false.into());
    }
    if !upon.is_empty() {
        fields.extend(report::taken_over(&upon, &local));
        return Ok(Reply::flat(fields).warned(warnings));
    }
    if cover.start.is_some_and(|start| start < now) {
        let begun =
            if dry_run.is_on() { "It is running, so it would end now." } else { "It was running, so it ends now." };
        warnings.push(format!("{begun} The past part stays."));
    }
    if dry_run.is_on() {
        return Ok(Reply::flat(fields).warned(warnings));
    }
    match cx.api.remove_cover(schedule_id, kind, override_id, cover.end).await {
        Ok(warning) => warnings.extend(warning),
        Err(error) if error.code() == Code::NotFound => {
            return Ok(already(&before, override_id, "It was canceled just now by another call."));
        }
        Err(error) => return Err(error),
    }
    match report::again(&cx, schedule_id, range).await {
        Some(after) => {
            fields.insert("after".to_owned(), report::turns(&after.within(range), &local));
            warnings.extend(after.warnings.into_iter().filter(|warning| !before.warnings.contains(warning)));
        }
        None => warnings.push(UNREAD.to_owned()),
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
