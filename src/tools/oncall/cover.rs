//! `override_oncall`: a user takes on-call time on a schedule of either kind.
//!
//! The schedule is read first, so that the answer shows who is on call before and after, and a request that is already
//! fulfilled sends nothing. Another user's override is never replaced: PagerDuty lets the last override of a schedule of
//! layers win, and the hidden one would come back when the new one is canceled.

mod change;
mod input;
pub(super) mod known;
mod plan;
pub(super) mod report;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::schedules::{
    CREATE_CUSTOM_SHIFTS, CREATE_OVERRIDES, CREATE_SCHEDULE_OVERRIDE, GET_CUSTOM_SHIFT, GET_OVERRIDE, GET_SCHEDULE,
    GET_SCHEDULE_V3, LIST_CUSTOM_SHIFTS, LIST_OVERRIDES, LIST_SCHEDULE_OVERRIDES, UPDATE_CUSTOM_SHIFT, UPDATE_OVERRIDE,
};
use pagerduty_api::operations::users::{GET_USER, LIST_USERS};

use super::super::{About, Context, Tool, run};
use crate::client::CoverKind;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Cover, NewCover, Person, Place, Rendered, Schedule, ScheduleKind, User};
use crate::params::{Flag, Moment, When, given};
use crate::reply::Reply;
use crate::shifts::Period;
use crate::tools::gather::beside;
use crate::tools::resolve;
use crate::tools::times::Local;
use input::{Lines, checked};
use plan::{Slot, Wish, plan};
use report::Entry;

/// Lets a user take on-call time.
pub(super) const OVERRIDE_ONCALL: Tool = Tool::new::<Params>(
    "override_oncall",
    About {
        title: "Take, cover or swap a shift (override)",
        description: "Take, cover or swap a shift: override who is on call. Shows before and after. Only when the user asks.",
        hint: "override take cover swap shift tonight substitute holiday replace on call oncall schedule",
    },
    &[
        &CREATE_SCHEDULE_OVERRIDE,
        &CREATE_OVERRIDES,
        &CREATE_CUSTOM_SHIFTS,
        &UPDATE_OVERRIDE,
        &UPDATE_CUSTOM_SHIFT,
        &GET_SCHEDULE,
        &GET_SCHEDULE_V3,
        &LIST_SCHEDULE_OVERRIDES,
        &LIST_OVERRIDES,
        &LIST_CUSTOM_SHIFTS,
        &GET_OVERRIDE,
        &GET_CUSTOM_SHIFT,
        &LIST_ON_CALLS,
        &GET_USER,
        &LIST_USERS,
    ],
    |cx, arguments| run(cx, arguments, override_oncall),
);

crate::params! {
    struct Params {
        "Schedule of either kind"
        schedule_id: Id<Schedule>,
        "ISO 8601 or now; without an offset in the schedule's time zone"
        start: Option<When>,
        "Like start"
        end: Option<When>,
        "User who takes it"
        user_id: Option<Id<User>>,
        "User to replace, if several are on call"
        replaces_id: Option<Id<User>>,
        "Many at once instead of start, end, user_id; each '2026-12-24 08:00 / 2026-12-25 08:00: ada@example.com'"
        shifts: Lines,
        "Change this override (kind shifts only)"
        override_id: Option<Id<Cover>>,
        "Add a shift beside the others (kind shifts only)"
        extra: Flag<false>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// The time around a period that is rendered: no two time zones differ by more, so that a local time is in it.
const AROUND: SignedDuration = SignedDuration::from_hours(27);

/// The longest time that PagerDuty renders at once.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 180);

/// A period to take, as given.
struct Asked {
    start: When,
    end: When,
    user: Id<User>,
    /// The line of `shifts`.
    line: Option<String>,
}

async fn override_oncall(cx: Context, params: Params) -> Result<Reply> {
    if params.override_id.is_some() {
        return change::change(&cx, &params).await;
    }
    let (asked, remarks) = asked(&cx, &params).await?;
    check_replaced(&params, &asked)?;
    let now = now();
    for one in &asked {
        early(one, now)?;
    }
    let _held = if params.dry_run.is_on() { None } else { Some(cx.api.hold_schedule(&params.schedule_id).await) };
    let range = around(asked.iter().flat_map(|one| [one.start, one.end]), now)?;
    let mut users: Vec<_> = asked.iter().map(|one| one.user.clone()).collect();
    users.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    users.dedup();
    let board = Board::read(&cx, &params.schedule_id, range);
    let about_users = async {
        tokio::join!(report::elsewhere(&cx, &params.schedule_id, &users, range), cx.api.people(users.clone()))
    };
    let (board, about_users) = beside(&cx, Box::pin(board), Box::pin(about_users)).await;
    let mut board = board?;
    let ((clashes, unread), (people, unnamed)) =
        about_users.unwrap_or_else(|error| ((Vec::new(), Some(report::unchecked(&error))), Default::default()));
    board.warnings.extend(remarks.into_iter().chain(unread).chain(unnamed));

    let mut entries = Vec::with_capacity(asked.len());
    for one in &asked {
        let (start, first) = one.start.resolve(board.zone.as_ref(), now)?;
        let (end, second) = one.end.resolve(board.zone.as_ref(), now)?;
        board.warnings.extend(first.into_iter().chain(second));
        let start = checked(start, end, now)?;
        let user = people.get(one.user.as_str()).cloned();
        let user = user.unwrap_or_else(|| Person { id: one.user.to_string(), ..Person::default() });
        refuse_deleted(&user)?;
        let Some(period) = Period::new(start, end) else { continue };
        let wish = Wish {
            period,
            user: &user.id,
            replaces: params.replaces_id.as_ref().map(Id::as_str),
            extra: params.extra.is_on(),
        };
        let plan = plan(board.kind(), &board.slots, wish);
        let from_now = start == now;
        entries.push(Entry::new(one.line.clone(), period, user, plan, from_now));
    }
    if params.extra.is_on() && board.kind() == ScheduleKind::Layers {
        let message =
            format!("extra is true, and schedule {} is layer-based: one user is on call at a time", board.rendered.id);
        return Err(Error::new(Code::InvalidParameter, message).hint("Leave extra out to take over the time."));
    }
    report::between_lines(&mut entries);
    for entry in &mut entries {
        entry.add_clashes(&clashes);
    }
    let conflicts = entries.iter_mut().flat_map(|entry| &mut entry.plan.conflicts).collect();
    board.name_overrides(&cx, conflicts, range).await;
    if let [only] = entries.as_slice()
        && only.line.is_none()
        && let Some(error) = only.refusal(&board, params.replaces_id.as_ref())
    {
        return Err(error);
    }
    let blocked = entries.iter().any(|entry| entry.blocked(&board, params.replaces_id.as_ref()).is_some());
    let nothing = entries.iter().all(|entry| entry.plan.steps.is_empty());
    if blocked || nothing || params.dry_run.is_on() {
        return Ok(report::unsent(&board, &entries, params.dry_run.is_on(), params.replaces_id.as_ref()));
    }
    apply(&cx, &params, board, entries, &asked, range).await
}

/// Returns the periods to take, and remarks on the users.
async fn asked(cx: &Context, params: &Params) -> Result<(Vec<Asked>, Vec<String>)> {
    let single = given!(params, [start, end, user_id]);
    if params.shifts.0.is_empty() {
        if let (Some(start), Some(end), Some(user)) = (params.start, params.end, &params.user_id) {
            return Ok((vec![Asked { start, end, user: user.clone(), line: None }], Vec::new()));
        }
        let missing: Vec<_> = single.iter().filter(|(_, given)| !given).map(|(name, _)| *name).collect();
        let verb = if missing.len() == 1 { "is" } else { "are" };
        return Err(Error::new(Code::MissingParameter, format!("{} {verb} missing", missing.join(" and ")))
            .hint("Pass start, end and user_id for one period, or shifts for several."));
    }
    if let Some((name, _)) = single.iter().find(|(_, given)| *given) {
        return Err(Error::new(Code::ConflictingParameters, format!("shifts and {name} contradict each other"))
            .hint("Pass start, end and user_id for one period, or shifts for several."));
    }
    let lines = &params.shifts.0;
    let texts: Vec<_> = lines.iter().map(|line| line.user.clone()).collect();
    let (users, remarks) = resolve::ids::<User>(cx, "shifts", &texts).await?;
    let asked = lines.iter().zip(users).map(|(line, user)| Asked {
        start: line.start,
        end: line.end,
        user,
        line: Some(line.text.clone()),
    });
    Ok((asked.collect(), remarks))
}

/// Refuses a user to replace who contradicts the other arguments.
fn check_replaced(params: &Params, asked: &[Asked]) -> Result<()> {
    let Some(replaced) = &params.replaces_id else { return Ok(()) };
    let contradiction = if params.extra.is_on() {
        "extra=true replaces no user, but replaces_id is given"
    } else if asked.iter().any(|one| one.user == *replaced) {
        "replaces_id is the user who takes the shift"
    } else {
        return Ok(());
    };
    Err(Error::new(Code::ConflictingParameters, contradiction)
        .hint("Pass replaces_id only for another user whose shift is taken."))
}

/// Refuses a period that is reversed or over, as far as that is known without the schedule's time zone.
fn early(one: &Asked, now: Timestamp) -> Result<()> {
    let is_known = |when| !matches!(when, When::Local(_));
    if is_known(one.start) && is_known(one.end) {
        checked(one.start.roughly(now), one.end.roughly(now), now)?;
    } else if let (When::Local(start), When::Local(end)) = (one.start, one.end)
        && start >= end
    {
        return Err(Error::new(Code::InvalidTimeRange, format!("start {start} is not before end {end}"))
            .hint("Pass a start that is before end."));
    } else if one.end.roughly(now) < now - AROUND {
        return Err(Error::new(Code::InvalidTimeRange, "the period is in the past".to_owned())
            .hint("Pass a period that is still to come. Nothing was changed."));
    }
    Ok(())
}

fn refuse_deleted(user: &Person) -> Result<()> {
    if !user.deleted {
        return Ok(());
    }
    let message = format!("user {} was deleted and cannot be on call", user.id);
    Err(Error::new(Code::InvalidParameter, message).hint("get_users lists the users."))
}

/// Returns the range that has all times in it, in any time zone.
fn around(times: impl Iterator<Item = When>, now: Timestamp) -> Result<Period> {
    let times: Vec<_> = times.map(|when| when.roughly(now)).collect();
    let first = times.iter().min().copied().unwrap_or(now).checked_sub(AROUND);
    let last = times.iter().max().copied().unwrap_or(now).checked_add(AROUND);
    let range = first.ok().zip(last.ok()).and_then(|(first, last)| Period::new(first, last));
    range.filter(|range| range.length() <= LONGEST).ok_or_else(|| {
        let days = LONGEST.as_hours() / 24 - 3;
        Error::new(
            Code::InvalidTimeRange,
            format!("the time from the first start to the last end is longer than {days} days"),
        )
        .hint("Make several calls.")
    })
}

/// Returns the time to the second, as PagerDuty keeps it.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A schedule as it was read.
pub(super) struct Board {
    id: Id<Schedule>,
    /// The schedule, with the names of its users.
    pub rendered: Rendered,
    /// Its time zone, if the name is known.
    zone: Option<TimeZone>,
    /// The turns in the range.
    slots: Vec<Slot>,
    /// The warnings so far.
    pub warnings: Vec<String>,
}

impl Board {
    /// Reads a schedule over a range.
    pub async fn read(cx: &Context, id: &Id<Schedule>, range: Period) -> Result<Self> {
        let mut rendered = cx.api.rendered(id, Moment::at(range.start()), Moment::at(range.end())).await?;
        let mut warnings = cx.api.name_turns([&mut rendered]).await;
        let Some(turns) = &rendered.turns else {
            let message = format!("PagerDuty did not render schedule {id}, so it is not known who is on call");
            return Err(Error::new(Code::UnexpectedResponse, message).hint("Nothing was changed. Try again."));
        };
        if rendered.unreadable > 0 {
            warnings.push(format!("{} turns of the schedule could not be read.", rendered.unreadable));
        }
        let slots = Slot::clipped(turns, range);
        let zone = rendered.time_zone.as_deref().and_then(|name| pagerduty_calendar::zone(name).ok());
        Ok(Self { id: id.clone(), rendered, zone, slots, warnings })
    }

    /// Returns the kind of the schedule.
    pub fn kind(&self) -> ScheduleKind {
        self.rendered.kind
    }

    /// Returns the clock of the schedule.
    pub fn local(&self) -> Local {
        Local::in_zone(self.rendered.time_zone.as_deref())
    }

    /// Returns the turns within a period.
    pub fn within(&self, period: Period) -> Vec<Slot> {
        let slots = self.slots.iter();
        slots.filter_map(|slot| Some(Slot { period: slot.period.clip(period)?, ..slot.clone() })).collect()
    }

    /// Adds the IDs of the overrides that turns come from, which those of a schedule of layers do not have.
    async fn name_overrides(&mut self, cx: &Context, slots: Vec<&mut Slot>, range: Period) {
        if self.kind() != ScheduleKind::Layers || slots.is_empty() {
            return;
        }
        let known = cx.api.covers(&self.id, CoverKind::Layers, range.start(), range.end()).await;
        let known = match known {
            Ok(known) => known,
            Err(error) => return self.warnings.push(format!("The overrides could not be listed: {error}")),
        };
        for slot in slots {
            let overlaps = |cover: &&Cover| {
                let period = Period::open(cover.start, cover.end);
                let same = cover.user.as_ref().map(|user| &user.id) == slot.user.as_ref().map(|user| &user.id);
                same && period.and_then(|period| period.clip(slot.period)).is_some()
            };
            let id = known.iter().find(overlaps).and_then(|cover| cover.id.clone());
            if let Some(source) = &mut slot.source {
                source.id = id;
            }
        }
    }
}

/// Sends the changes: first the overrides, then the custom shifts, which have a separate endpoint.
async fn apply(
    cx: &Context,
    params: &Params,
    mut board: Board,
    mut entries: Vec<Entry>,
    asked: &[Asked],
    range: Period,
) -> Result<Reply> {
    let key = |one: &Asked| format!("{:?} {:?} {}", one.start, one.end, one.user);
    let replaces = params.replaces_id.as_ref().map(Id::as_str).unwrap_or_default();
    let key = format!("{} {replaces} {}", asked.iter().map(key).collect::<Vec<_>>().join(","), params.extra.is_on());
    let mut earlier = true;
    for extra in [false, true] {
        let is_now = |place: &Place| (*place == Place::Extra) == extra;
        let new: Vec<NewCover> = entries.iter().flat_map(|entry| entry.covers(is_now)).collect();
        if new.is_empty() {
            continue;
        }
        match cx.api.add_covers(&params.schedule_id, &new, &key).await {
            Ok(added) => {
                earlier &= added.earlier;
                board.warnings.extend(added.warning);
                let mut outcomes = added.outcomes.into_iter();
                for entry in &mut entries {
                    entry.take(is_now, &mut outcomes);
                }
            }
            // The changes that were sent before it hold, so the answer says which part does not.
            Err(error) if entries.iter().any(Entry::has_applied) => {
                for entry in &mut entries {
                    entry.fail(is_now, &error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    if !entries.iter().any(Entry::has_applied) {
        let why = entries.iter().find_map(Entry::failure).unwrap_or_default();
        return Err(Error::new(Code::ApiError, format!("PagerDuty refused the override: {why}"))
            .hint("Nothing was changed. Check the period and the user."));
    }
    let mut after = report::again(cx, &params.schedule_id, range).await;
    if let Some(after) = &mut after {
        for entry in &mut entries {
            entry.find_overtaking(after);
        }
        let overtaking = entries.iter_mut().flat_map(|entry| &mut entry.overtaking).collect();
        after.name_overrides(cx, overtaking, range).await;
    }
    Ok(report::sent(&board, after.as_ref(), &entries, earlier))
}
