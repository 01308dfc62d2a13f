//! Changes an existing override or custom shift of a schedule of shifts.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::input::checked;
use super::plan::{Changed, Plan};
use super::report::Entry;
use super::{Board, Params, around, known, now, refuse_deleted, report};
use crate::client::CoverChange;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Cover, Person, Place, ScheduleKind, User};
use crate::params::{When, given};
use crate::reply::Reply;
use crate::shifts::{Period, gaps};
use crate::tools::Context;
use crate::tools::gather::beside;

pub(super) async fn change(cx: &Context, params: &Params) -> Result<Reply> {
    let id = id(params)?;
    let now = now();
    let _held = if params.dry_run.is_on() { None } else { Some(cx.api.hold_schedule(&params.schedule_id).await) };
    let span = around([params.start, params.end].into_iter().flatten().chain([When::Now]), now)?;
    let board = Board::read(cx, &params.schedule_id, span).await?;
    refuse_layers(&board)?;
    let Some((kind, cover)) = known::find(cx, &board, id).await? else {
        return Err(known::missing(cx, &board, id).await);
    };
    let Times { start, end, from, until, remarks } = Times::of(params, &board, (id, &cover), now)?;
    let to = difference(params, &cover, start, end);
    let period = Period::new(from, until).unwrap_or(span);
    let whole = Period::new(earlier(cover.start, from), later(cover.end, until)).map_or(span, known::renderable);
    let holder = to.user.clone().or_else(|| cover.user.as_ref().map(|user| user.id.clone())).unwrap_or_default();
    let users: Vec<_> = Id::<User>::parse(&holder).into_iter().collect();
    let involved = users.iter().cloned().chain(cover.member.as_deref().and_then(Id::parse)).collect::<Vec<_>>();
    let ahead = Period::new(from.max(now), until).unwrap_or(period);
    let read = async {
        let in_the_way = known::in_the_way(cx, &board, (kind, &cover), &to, ahead);
        tokio::try_join!(Board::read(cx, &params.schedule_id, whole), in_the_way)
    };
    let about_users =
        async { tokio::join!(report::elsewhere(cx, &params.schedule_id, &users, ahead), cx.api.people(involved)) };
    let (read, about_users) = beside(cx, Box::pin(read), Box::pin(about_users)).await;
    let (before, conflicts) = read?;
    let ((clashes, unread), (people, unnamed)) =
        about_users.unwrap_or_else(|error| ((Vec::new(), Some(report::unchecked(&error))), Default::default()));
    let person =
        |id: &str| people.get(id).cloned().unwrap_or_else(|| Person { id: id.to_owned(), ..Person::default() });
    let user = person(&holder);
    if !to.is_nothing() {
        refuse_deleted(&user)?;
    }
    let member = cover.member.as_deref().map(person);
    let change = Changed { id: id.as_str(), place: known::place(&cover), period, user: &user, member };
    let (steps, planned) = change.apply(&before.within(whole));
    let local = before.local();
    if let (true, Some(member)) = (steps.is_empty() && conflicts.is_empty(), &change.member) {
        let message =
            format!("override {id} replaces {}, who is not on call {}", report::named(member), local.span(period));
        return Err(Error::new(Code::InvalidParameter, message)
            .hint("Call override_oncall without override_id for that time. Nothing was changed."));
    }
    let left = gaps(period, steps.iter().map(|step| step.period));
    let plan = Plan {
        steps,
        conflicts,
        left: if change.place == Place::Extra { Vec::new() } else { left },
        ..Plan::default()
    };
    let mut entry = Entry::new(None, period, user.clone(), plan, false);
    entry.add_clashes(&clashes);
    let problem = entry.blocked(&before, None);
    let is_sent = problem.is_none() && !to.is_nothing() && !params.dry_run.is_on();
    let warning = if is_sent { cx.api.change_cover(&params.schedule_id, kind, id, to.clone()).await? } else { None };
    let outcome = match (to.is_nothing(), is_sent) {
        (true, _) => "already_so",
        (false, true) => "applied",
        (false, false) => "dry_run",
    };
    let after = if is_sent { report::again(cx, &params.schedule_id, whole).await } else { None };
    let is_blocked = problem.is_some();
    let mut fields = report::head(&before, outcome);
    fields.extend(entry.members(&before, outcome, problem));
    if !is_sent {
        fields.insert("sent".to_owned(), false.into());
    }
    if !is_blocked {
        fields.insert("overrides".to_owned(), json!([{"id": id.as_str(), "kind": kind.as_str()}]));
    }
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
        None if is_sent => warnings.push(report::UNREAD.to_owned()),
        None if !is_blocked && !to.is_nothing() => {
            fields.insert("after".to_owned(), report::turns(&planned, &local));
        }
        None => {}
    }
    warnings.extend(entry.warnings(&local).into_iter().chain(unread).chain(unnamed).chain(remarks).chain(warning));
    Ok(Reply::flat(fields).warned(warnings))
}

fn refuse_layers(board: &Board) -> Result<()> {
    if board.kind() != ScheduleKind::Layers {
        return Ok(());
    }
    let message = format!("schedule {} is layer-based, and PagerDuty cannot change its overrides", board.rendered.id);
    Err(Error::new(Code::InvalidParameter, message)
        .hint("Remove it with cancel_override, then call override_oncall without override_id. Nothing was changed."))
}

/// The times of a change.
struct Times {
    /// The new start, if one is given.
    start: Option<Timestamp>,
    /// The new end, if one is given.
    end: Option<Timestamp>,
    /// The start after the change.
    from: Timestamp,
    /// The end after the change.
    until: Timestamp,
    /// Remarks on times that the clock shows twice or never.
    remarks: Vec<String>,
}

impl Times {
    fn of(params: &Params, board: &Board, (id, cover): (&Id<Cover>, &Cover), now: Timestamp) -> Result<Self> {
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
        Ok(Self { start, end, from, until, remarks })
    }
}

/// Returns the ID of the override to change, if the parameters say what to change.
fn id(params: &Params) -> Result<&Id<Cover>> {
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
    Ok(id)
}

/// Returns what to change, without what is so already.
fn difference(params: &Params, cover: &Cover, start: Option<Timestamp>, end: Option<Timestamp>) -> CoverChange {
    let user = params.user_id.as_ref().map(ToString::to_string);
    CoverChange {
        start: start.filter(|at| cover.start != Some(*at)),
        end: end.filter(|at| cover.end != Some(*at)),
        user: user.filter(|id| cover.user.as_ref().is_none_or(|user| user.id != *id)),
    }
}

fn earlier(known: Option<Timestamp>, new: Timestamp) -> Timestamp {
    known.map_or(new, |known| known.min(new))
}

fn later(known: Option<Timestamp>, new: Timestamp) -> Timestamp {
    known.map_or(new, |known| known.max(new))
}
