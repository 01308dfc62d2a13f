//! The answer of `override_oncall`: each period with its outcome, and who is on call before and after.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tokio::time::timeout_at;

use super::plan::{Plan, Slot, Step, after};
use super::{Board, known};
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Cover, NewCover, Person, Place, Schedule, User};
use crate::params::Moment;
use crate::reply::Reply;
use crate::shifts::{Period, Shift};
use crate::tools::Context;
use crate::tools::oncall::read::{self, Duty, Named, shown};
use crate::tools::times::Local;

/// The most turns in `before` and in `after` of a period.
const MAX_TURNS: usize = 30;

/// The warning if the schedule could not be read after a change.
pub(in crate::tools::oncall) const UNREAD: &str =
    "The schedule could not be read after the change, so who is on call now is not shown. get_schedules shows it.";

/// The user's time on call on another schedule.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clash {
    user: String,
    period: Period,
    schedule: Named,
}

/// One period that a user takes.
pub(super) struct Entry {
    /// The line of `shifts`.
    pub line: Option<String>,
    pub period: Period,
    pub user: Person,
    pub plan: Plan,
    from_now: bool,
    /// The outcome of each step, once it was sent.
    sent: Vec<Option<Result<String, String>>>,
    /// A line with a period that overlaps this one.
    other: Option<String>,
    clashes: Vec<(Named, Period)>,
    /// Overrides by others that hold parts of the period after the change.
    pub overtaking: Vec<Slot>,
}

impl Entry {
    pub fn new(line: Option<String>, period: Period, user: Person, plan: Plan, from_now: bool) -> Self {
        let sent = vec![None; plan.steps.len()];
        Self { line, period, user, plan, from_now, sent, other: None, clashes: Vec::new(), overtaking: Vec::new() }
    }

    /// Returns what to send for the steps in the places of `is_now`.
    pub fn covers(&self, is_now: impl Fn(&Place) -> bool) -> Vec<NewCover> {
        let steps = self.plan.steps.iter().filter(|step| is_now(&step.place));
        let cover = |step: &super::plan::Step| NewCover {
            start: step.period.start(),
            end: step.period.end(),
            user: self.user.id.clone(),
            place: step.place.clone(),
            from_now: self.from_now && step.period.start() == self.period.start(),
        };
        steps.map(cover).collect()
    }

    /// Takes the outcomes of the steps that were sent.
    pub fn take(
        &mut self,
        is_now: impl Fn(&Place) -> bool,
        outcomes: &mut impl Iterator<Item = Result<String, String>>,
    ) {
        for (step, sent) in self.plan.steps.iter().zip(&mut self.sent) {
            if is_now(&step.place) {
                *sent = outcomes.next();
            }
        }
    }

    /// Records the reason why the steps were not applied.
    pub fn fail(&mut self, is_now: impl Fn(&Place) -> bool, error: &Error) {
        for (step, sent) in self.plan.steps.iter().zip(&mut self.sent) {
            if is_now(&step.place) {
                *sent = Some(Err(error.to_string()));
            }
        }
    }

    /// Returns whether a step was applied.
    pub fn has_applied(&self) -> bool {
        self.sent.iter().flatten().any(Result::is_ok)
    }

    /// Returns why a step was not applied.
    pub fn failure(&self) -> Option<String> {
        self.sent.iter().flatten().find_map(|sent| sent.clone().err())
    }

    /// Finds the overrides that another request made at the same time, and that PagerDuty prefers to the applied steps.
    pub fn find_overtaking(&mut self, after: &Board) {
        let steps = self.plan.steps.iter().zip(&self.sent).filter(|(_, sent)| matches!(sent, Some(Ok(_))));
        let over = |(step, _): (&Step, _)| {
            let wins = |slot: &Slot| slot.is_override() && !slot.is_of(&self.user.id) && step.is_hidden_by(slot);
            let on = after.within(step.period);
            let is_shared =
                |slot: &Slot| on.iter().any(|own| own.is_of(&self.user.id) && own.period.clip(slot.period).is_some());
            on.iter().filter(|slot| wins(slot) && !is_shared(slot)).cloned().collect::<Vec<_>>()
        };
        self.overtaking = steps.flat_map(over).collect();
    }

    /// Adds the user's time on other schedules within the period.
    pub fn add_clashes(&mut self, clashes: &[Clash]) {
        let own = clashes.iter().filter(|clash| clash.user == self.user.id);
        self.clashes =
            own.filter_map(|clash| Some((clash.schedule.clone(), clash.period.clip(self.period)?))).collect();
    }

    /// Returns the error for a period that cannot be taken as given.
    pub fn refusal(&self, board: &Board, replaces: Option<&Id<User>>) -> Option<Error> {
        let local = board.local();
        if !self.plan.unclear.is_empty() {
            let mut seen = BTreeSet::new();
            let each = self.plan.unclear.iter().filter_map(|slot| Some((slot.user.as_ref()?, slot.period)));
            let each = each.filter(|(user, _)| seen.insert(user.id.clone()));
            let each: Vec<_> = each.map(|(user, period)| format!("{}, {}", named(user), local.span(period))).collect();
            let message = format!("replaces_id is missing: several users are on call then ({})", each.join("; "));
            return Some(Error::new(Code::MissingParameter, message).hint(
                "Pass replaces_id with the user whose shift is taken, or extra=true to be on call with them. Nothing was \
                 changed.",
            ));
        }
        if let Some(slot) = self.plan.unplaced.first() {
            let span = local.span(slot.period);
            let message = format!("PagerDuty does not say which rotation the turn of {span} belongs to");
            return Some(
                Error::new(Code::UnexpectedResponse, message)
                    .hint("Pass extra=true to add a shift, or change it on PagerDuty's website. Nothing was changed."),
            );
        }
        let replaces = replaces.filter(|_| self.plan.steps.is_empty() && self.plan.conflicts.is_empty())?;
        if self.plan.left.is_empty() || !self.plan.held.is_empty() {
            return None;
        }
        let on: Vec<_> = board.within(self.period).iter().filter_map(|slot| slot.user.as_ref().map(named)).collect();
        let on: BTreeSet<_> = on.into_iter().collect();
        let on = if on.is_empty() { "none".to_owned() } else { on.into_iter().collect::<Vec<_>>().join(", ") };
        let message = format!("replaces_id is {:?}, and that user is not on call then", replaces.as_str());
        Some(
            Error::new(Code::InvalidParameter, message)
                .hint(format!("Leave replaces_id out, or pass a user who is on call then: {on}. Nothing was changed.")),
        )
    }

    /// Returns why nothing can be sent for the period.
    pub fn blocked(&self, board: &Board, replaces: Option<&Id<User>>) -> Option<String> {
        if let Some(error) = self.refusal(board, replaces) {
            return Some(format!("{}. {}", error.message(), error.hint_text().unwrap_or_default()));
        }
        if let Some(other) = &self.other {
            return Some(format!("It overlaps the line {other:?}."));
        }
        let users = users(&self.plan.conflicts)?;
        Some(format!("An override of {users} is in the way. {}, or take other times.", ask_before_canceling(&users)))
    }

    /// Returns the period for the answer. `outcome` is that of a period without a problem and with something to do.
    pub fn members(&self, board: &Board, outcome: &str, problem: Option<String>) -> Map<String, Value> {
        let local = board.local();
        let mut members = Map::new();
        let mut set = |name: &str, value: Value| {
            members.insert(name.to_owned(), value);
        };
        if let Some(line) = &self.line {
            set("line", line.as_str().into());
        }
        let conflicts = if self.overtaking.is_empty() { &self.plan.conflicts } else { &self.overtaking };
        let is_blocked = problem.is_some();
        let overtaken = || {
            let users = users(&self.overtaking)?;
            Some(format!(
                "It was added, but an override of {users}, made at the same time, wins. {}, or remove the one that was added.",
                ask_before_canceling(&users)
            ))
        };
        let problem = problem.or_else(overtaken);
        let outcome = match (&problem, self.failure()) {
            (Some(_), _) => "conflict",
            (None, Some(_)) if self.has_applied() => "partial",
            (None, Some(_)) => "not_applied",
            (None, None) if self.plan.steps.is_empty() => "already_so",
            (None, None) => outcome,
        };
        set("outcome", outcome.into());
        set("user", shown(&self.user).into());
        set("start", local.iso(self.period.start()).into());
        set("end", local.iso(self.period.end()).into());
        set("start_utc", self.period.start().to_string().into());
        set("end_utc", self.period.end().to_string().into());
        if let Some(why) = problem {
            set("problem", why.into());
        }
        let conflicts: Vec<_> = conflicts.iter().map(|slot| turn(slot, &local, "override_id")).collect();
        if !conflicts.is_empty() {
            set("conflicts", conflicts.into());
        }
        let clash = |(schedule, period): &(Named, Period)| json!({"schedule": schedule.shown(), "start": local.iso(period.start()), "end": local.iso(period.end())});
        if !self.clashes.is_empty() {
            set("clashes", self.clashes.iter().map(clash).collect());
        }
        let steps = self.plan.steps.iter().zip(&self.sent);
        let steps: Vec<_> = steps.map(|(step, sent)| step_members(board, step, sent.as_ref())).collect();
        if !steps.is_empty() && !is_blocked {
            set("overrides", steps.into());
        }
        members
    }

    /// Returns the warnings about the period.
    pub fn warnings(&self, local: &Local) -> Vec<String> {
        let mut warnings = Vec::new();
        for (schedule, period) in &self.clashes {
            let (name, span) = (schedule.label(), local.span(*period));
            warnings.push(format!("{} is also on call for {name} then: {span}.", named(&self.user)));
        }
        if !self.plan.steps.is_empty() || !self.plan.held.is_empty() {
            let left: Vec<_> = self.plan.left.iter().map(|period| local.span(*period)).collect();
            if !left.is_empty() {
                warnings
                    .push(format!("The user to replace is not on call all the time; unchanged: {}.", left.join("; ")));
            }
        }
        warnings
    }
}

fn step_members(board: &Board, step: &super::plan::Step, sent: Option<&Result<String, String>>) -> Value {
    let local = board.local();
    let (kind, replaced) = match &step.place {
        Place::Extra => ("custom_shift", None),
        Place::Layers => ("override", None),
        Place::Rotation { member, .. } | Place::CustomShift { member, .. } => ("override", Some(member)),
    };
    let mut members = Map::new();
    match sent {
        Some(Ok(id)) => drop(members.insert("id".to_owned(), id.as_str().into())),
        Some(Err(why)) => drop(members.insert("not_applied".to_owned(), why.as_str().into())),
        None => {}
    }
    members.insert("kind".to_owned(), kind.into());
    members.insert("start".to_owned(), local.iso(step.period.start()).into());
    members.insert("end".to_owned(), local.iso(step.period.end()).into());
    if let Some(id) = replaced {
        let user = board.slots.iter().filter_map(|slot| slot.user.as_ref()).find(|user| user.id == *id);
        members.insert("replaces".to_owned(), user.map_or_else(|| json!({"id": id}), |user| shown(user).into()));
    }
    members.into()
}

/// Marks lines whose periods overlap an earlier line: of two overrides, the last one would win.
pub(super) fn between_lines(entries: &mut [Entry]) {
    let lines: Vec<_> = entries.iter().map(|entry| (entry.line.clone(), entry.period)).collect();
    for (index, entry) in entries.iter_mut().enumerate() {
        let earlier = lines.iter().take(index).find(|(_, period)| period.clip(entry.period).is_some());
        entry.other = earlier.and_then(|(line, _)| line.clone());
    }
}

/// Returns the warning if nothing is known about the users.
pub(super) fn unchecked(error: &Error) -> String {
    format!("The users and their other schedules could not be checked: {error}")
}

/// Returns the users' time on call on other schedules, and a warning if it is not known.
pub(super) async fn elsewhere(
    cx: &Context,
    schedule: &Id<Schedule>,
    users: &[Id<User>],
    range: Period,
) -> (Vec<Clash>, Option<String>) {
    let query = Query::new().with_all("user_ids", users);
    let (duties, warning) = match read::duties(cx, query, (Moment::at(range.start()), Moment::at(range.end()))).await {
        Ok(read) => read,
        Err(error) => {
            return (Vec::new(), Some(format!("Other schedules could not be checked for clashes: {error}")));
        }
    };
    let clash = |duty: Shift<Duty>| {
        let schedule = duty.of.schedule.filter(|other| other.id != schedule.as_str())?;
        Some(Clash { user: duty.of.user.id, period: duty.period, schedule })
    };
    let mut clashes: Vec<_> = duties.into_iter().filter_map(clash).collect();
    // A schedule on several levels or policies has an entry for each.
    clashes.sort();
    clashes.dedup();
    (clashes, warning)
}

/// Returns the beginning of every answer.
pub(in crate::tools::oncall) fn head(board: &Board, outcome: &str) -> Map<String, Value> {
    let schedule = &board.rendered;
    let mut head = Map::new();
    head.insert("outcome".to_owned(), outcome.into());
    head.insert(
        "schedule".to_owned(),
        json!({"id": schedule.id, "name": schedule.name, "kind": schedule.kind.as_str(), "time_zone": board.local().name()}),
    );
    head
}

/// Returns the answer if nothing was sent.
pub(super) fn unsent(board: &Board, entries: &[Entry], dry_run: bool, replaces: Option<&Id<User>>) -> Reply {
    let problems: Vec<_> = entries.iter().map(|entry| entry.blocked(board, replaces)).collect();
    let outcome = if problems.iter().any(Option::is_some) {
        "conflict"
    } else if entries.iter().all(|entry| entry.plan.steps.is_empty()) {
        "already_so"
    } else {
        "dry_run"
    };
    let local = board.local();
    let mut warnings = board.warnings.clone();
    let mut head = head(board, outcome);
    head.insert("sent".to_owned(), false.into());
    let of = |(entry, problem): (&Entry, Option<String>)| {
        let mut members = entry.members(board, if dry_run { "dry_run" } else { "not_sent" }, problem);
        let before = board.within(entry.period);
        members.insert("before".to_owned(), turns(&before, &local));
        if outcome == "dry_run" {
            let planned = after(&before, &entry.plan.steps, &entry.user);
            members.insert("after".to_owned(), turns(&planned, &local));
        }
        members
    };
    let members = entries.iter().zip(problems).map(of).collect();
    warnings.extend(entries.iter().flat_map(|entry| entry.warnings(&local)));
    Reply::flat(joined(head, members)).warned(warnings)
}

/// Returns the answer after the changes were sent. `reread` is the schedule after them.
pub(super) fn sent(board: &Board, reread: Option<&Board>, entries: &[Entry], earlier: bool) -> Reply {
    let failed = entries.iter().any(|entry| entry.failure().is_some());
    let outcome = if entries.iter().any(|entry| !entry.overtaking.is_empty()) {
        "conflict"
    } else if failed {
        "partial"
    } else if earlier {
        "already_so"
    } else {
        "applied"
    };
    let local = board.local();
    let mut warnings = board.warnings.clone();
    let mut behind = false;
    let of = |entry: &Entry| {
        let mut members = entry.members(board, outcome, None);
        let before = board.within(entry.period);
        members.insert("before".to_owned(), turns(&before, &local));
        let after = match reread {
            Some(reread) => reread.within(entry.period),
            None => after(&before, &entry.plan.steps, &entry.user),
        };
        // Every step that was applied makes a turn of the user.
        behind |= entry.overtaking.is_empty()
            && !entry.plan.steps.iter().zip(&entry.sent).all(|(step, sent)| {
                let is_shown = |slot: &Slot| {
                    slot.user.as_ref().is_some_and(|user| user.id == entry.user.id)
                        && slot.period.clip(step.period).is_some()
                };
                !matches!(sent, Some(Ok(_))) || after.iter().any(is_shown)
            });
        members.insert("after".to_owned(), turns(&after, &local));
        members
    };
    let members: Vec<_> = entries.iter().map(of).collect();
    match reread {
        None => warnings.push("The schedule could not be read after the change: `after` is computed.".to_owned()),
        Some(reread) => {
            warnings.extend(reread.warnings.iter().filter(|warning| !board.warnings.contains(warning)).cloned());
        }
    }
    if behind {
        warnings.push(
            "PagerDuty does not show the whole change yet. get_schedules with since and until shows it.".to_owned(),
        );
    }
    warnings.extend(entries.iter().flat_map(|entry| entry.warnings(&local)));
    if failed {
        warnings.push(
            "Some parts were not applied: call again with those only, or take the others back with cancel_override."
                .to_owned(),
        );
    }
    Reply::flat(joined(head(board, outcome), members)).warned(warnings)
}

/// Reads a schedule after a change, within the time that is left.
pub(in crate::tools::oncall) async fn again(cx: &Context, id: &Id<Schedule>, range: Period) -> Option<Board> {
    timeout_at(cx.api.grace(), Board::read(cx, id, range)).await.ok()?.ok()
}

/// Returns one period beside the head, or several as lines.
fn joined(mut head: Map<String, Value>, mut entries: Vec<Map<String, Value>>) -> Map<String, Value> {
    if let [only] = entries.as_mut_slice()
        && !only.contains_key("line")
    {
        only.shift_remove("outcome");
        head.extend(std::mem::take(only));
    } else {
        head.insert("lines".to_owned(), entries.into_iter().map(Value::Object).collect());
    }
    head
}

/// Returns turns for the answer.
pub(in crate::tools::oncall) fn turns(slots: &[Slot], local: &Local) -> Value {
    let mut shown: Vec<_> = slots.iter().take(MAX_TURNS).map(|slot| turn(slot, local, "source_id")).collect();
    if slots.len() > MAX_TURNS {
        shown.push(json!({"omitted": slots.len() - MAX_TURNS}));
    }
    shown.into()
}

/// Returns a turn for the answer, with the ID of its source under `id`.
fn turn(slot: &Slot, local: &Local, id: &str) -> Value {
    let mut members = Map::new();
    members.insert("start".to_owned(), local.iso(slot.period.start()).into());
    members.insert("end".to_owned(), local.iso(slot.period.end()).into());
    members.insert("user".to_owned(), slot.user.as_ref().map_or(Value::Null, |user| shown(user).into()));
    if let Some(source) = &slot.source {
        members.insert("source".to_owned(), source.kind.as_str().into());
        members.extend(source.id.as_ref().map(|source| (id.to_owned(), source.as_str().into())));
    }
    members.into()
}

/// Returns a user in words.
pub(in crate::tools::oncall) fn named(user: &Person) -> String {
    match &user.name {
        Some(name) => format!("{name} ({})", user.id),
        None => user.id.clone(),
    }
}

/// Returns the users of turns in words, or `None` if there are no turns.
fn users(slots: &[Slot]) -> Option<String> {
    let users: BTreeSet<_> = slots.iter().filter_map(|slot| slot.user.as_ref().map(named)).collect();
    let users: Vec<_> = users.into_iter().collect();
    (!slots.is_empty()).then(|| if users.is_empty() { "another user".to_owned() } else { users.join(" and ") })
}

/// Returns the next step for an override of another user.
fn ask_before_canceling(users: &str) -> String {
    format!("Ask {users} or the user you work for before you cancel it with cancel_override")
}

/// Returns the members of the answer for a custom shift that others have taken over.
pub(in crate::tools::oncall) fn taken_over(upon: &[Cover], local: &Local) -> Map<String, Value> {
    let slots: Vec<_> = upon.iter().filter_map(known::slot).collect();
    let users = users(&slots).unwrap_or_default();
    let problem = format!(
        "Overrides of this custom shift by {users} would be removed with it. {}, then cancel this one.",
        ask_before_canceling(&users)
    );
    let conflicts: Value = slots.iter().map(|slot| turn(slot, local, "override_id")).collect();
    [("problem".to_owned(), problem.into()), ("conflicts".to_owned(), conflicts)].into_iter().collect()
}
