//! Changes an existing override or custom shift of a schedule of shifts.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::input::checked;
use super::{Board, Params, around, known, now, report};
use crate::client::CoverChange;
use crate::error::{Code, Error, Result};
use crate::models::ScheduleKind;
use crate::params::{When, given};
use crate::reply::Reply;
use crate::shifts::Period;
use crate::tools::Context;

pub(super) async fn change(cx: &Context, params: &Params) -> Result<Reply> {
    let Some(id) = &params.override_id else {
        return Err(Error::new(Code::MissingParameter, "override_id is missing").hint("Pass override_id."));
    };
    if let Some((name, _)) = given!(params, [replaces_id, shifts, extra]).iter().find(|(_, given)| *given) {
        return Err(Error::new(Code::ConflictingParameters, format!("override_id and {name} contradict each other"))
            .hint("To change an override, pass only what should change: start, end or user_id."));
    }
    if given!(params, [start, end, user_id]).iter().all(|(_, given)| !given) {
        return Err(Error::new(Code::MissingParameter, "override_id alone changes nothing")
            .hint("Pass what should change: start, end or user_id. cancel_override removes it."));
    }
    let now = now();
    let _held = if params.dry_run.is_on() { None } else { Some(cx.api.hold_schedule(&params.schedule_id).await) };
    let span = around([params.start, params.end].into_iter().flatten().chain([When::Now]), now)?;
    let board = Board::read(cx, &params.schedule_id, span).await?;
    if board.kind() == ScheduleKind::Layers {
        let schedule = &board.rendered.id;
        let message = format!("schedule {schedule} is layer-based, and PagerDuty cannot change its overrides");
        return Err(Error::new(Code::InvalidParameter, message).hint(
            "Remove it with cancel_override, then call override_oncall without override_id. Nothing was changed.",
        ));
    }
    let Some((kind, cover)) = known::find(cx, &board, id).await? else {
        return Err(known::missing(cx, &board, id).await);
    };
    let resolve = |when: Option<When>| when.map(|when| when.resolve(board.zone.as_ref(), now)).transpose();
    let (start, end) = (resolve(params.start)?, resolve(params.end)?);
    let remarks: Vec<_> = [&start, &end].into_iter().flatten().filter_map(|(_, remark)| remark.clone()).collect();
    let (start, end) = (start.map(|(at, _)| at), end.map(|(at, _)| at));
    let (Some(from), Some(until)) = (start.or(cover.start), end.or(cover.end)) else {
        return Err(Error::new(Code::UnexpectedResponse, format!("override {id} has no times"))
            .hint("Nothing was changed. Try again."));
    };
    // A start that does not change may be in the past.
    checked(if start.is_some() { from } else { from.max(now) }, until, now)?;
    let user = params.user_id.as_ref().map(ToString::to_string);
    let to = CoverChange {
        start: start.filter(|at| cover.start != Some(*at)),
        end: end.filter(|at| cover.end != Some(*at)),
        user: user.filter(|id| cover.user.as_ref().is_none_or(|user| user.id != *id)),
    };
    let whole = Period::new(earlier(cover.start, from), later(cover.end, until)).unwrap_or(span);
    let before = Board::read(cx, &params.schedule_id, whole).await?;
    let is_made = to.is_nothing();
    let (outcome, warning) = if is_made {
        ("already_so", None)
    } else if params.dry_run.is_on() {
        ("dry_run", None)
    } else {
        ("applied", cx.api.change_cover(&params.schedule_id, kind, id, to.clone()).await?)
    };
    let after = if outcome == "applied" { report::again(cx, &params.schedule_id, whole).await } else { None };
    let mut fields = report::head(&before, outcome);
    fields.insert("overrides".to_owned(), json!([{"id": id.as_str(), "kind": kind.as_str()}]));
    let local = before.local();
    fields.insert("change".to_owned(), {
        let at = |at: Option<Timestamp>| at.map(|at| Value::from(local.iso(at)));
        json!({"start": at(to.start), "end": at(to.end), "user_id": to.user})
    });
    fields.insert("before".to_owned(), report::turns(&before.within(whole), &local));
    let mut warnings = before.warnings;
    match after {
        Some(after) => {
            fields.insert("after".to_owned(), report::turns(&after.within(whole), &local));
            warnings.extend(after.warnings);
        }
        None if outcome == "applied" => warnings.push(report::UNREAD.to_owned()),
        None => {}
    }
    warnings.extend(remarks.into_iter().chain(warning));
    Ok(Reply::flat(fields).warned(warnings))
}

fn earlier(known: Option<Timestamp>, new: Timestamp) -> Timestamp {
    known.map_or(new, |known| known.min(new))
}

fn later(known: Option<Timestamp>, new: Timestamp) -> Timestamp {
    known.map_or(new, |known| known.max(new))
}
