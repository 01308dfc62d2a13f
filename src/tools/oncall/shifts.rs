//! `get_shifts`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::Resource;
use pagerduty_api::operations::escalation_policies::LIST_ESCALATION_POLICIES;
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::schedules::{GET_SCHEDULE, GET_SCHEDULE_V3};
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::files::{Entry, Format};
use super::read::{self, Duty, Named, Policy, shown, spoken};
use super::times::{Local, Zone, number_of_hours};
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Person, Schedule, Team, User};
use crate::params::{Choice, Ids, Moment, Range, When, Word};
use crate::reply::Reply;
use crate::shifts::{Period, Shift, joined, merged, overlaps};
use crate::tools::gather::side_by_side;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};

/// Returns shifts, as rows or as a file.
pub(super) const GET_SHIFTS: Tool = Tool::new::<Params>(
    "get_shifts",
    About {
        title: "My on-call shifts and calendar",
        description: "When am I on call: my shifts or others', past or next, clashes; calendar export.",
        hint: "when am i on call my shifts shift calendar export ics next",
    },
    &[&LIST_ON_CALLS, &GET_CURRENT_USER, &LIST_ESCALATION_POLICIES, &GET_SCHEDULE, &GET_SCHEDULE_V3, &GET_USER],
    |cx, arguments| run(cx, arguments, get_shifts),
);

/// The formats of the answer.
#[derive(Clone, Copy, Debug)]
struct Formats;

impl Choice for Formats {
    const WORDS: &'static [&'static str] = &["json", "ics", "csv"];
}

crate::params! {
    struct Params {
        "Default me"
        user_ids: Ids<User>,
        "Default all"
        team_ids: Ids<Team>,
        "Default all"
        schedule_ids: Ids<Schedule>,
        "ISO 8601, local without an offset; default now"
        since: Option<When>,
        "Default 30 days on"
        until: Option<When>,
        "IANA name; default mine"
        time_zone: Option<Zone>,
        "Default json"
        format: Word<Formats>,
    }
}

const SHIFTS: Resource = Resource { noun: "shift", one: "shift", many: "shifts", pages: &[] };
const FILES: Resource = Resource { noun: "file", one: "file", many: "files", pages: &[] };

/// The days that are covered unless the caller gives an end.
const DAYS: i32 = 30;

/// The days around the range in which a shift may begin or end. PagerDuty cuts the shifts of a schedule at the bounds of
/// the range, and a calendar needs the same times of a shift each time.
const AROUND: i32 = 31;

/// The most schedules that are read for one answer.
const MAX_SCHEDULES: usize = 50;

/// The parameters that make an answer shorter.
const NARROW: &str = "user_ids, schedule_ids, since and until";

async fn get_shifts(cx: Context, params: Params) -> Result<Reply> {
    let zone = params.time_zone.as_ref();
    let read = Local::read(&cx, zone, [params.since, params.until]).await?;
    let [since, until] = read.moments;
    let range = Range::of_shifts(since, until, DAYS)?;
    let (local, found) = tokio::join!(read.local(&cx, zone), find(&cx, &params, range));
    let mut found = found?;
    found.warnings.extend(read.remarks);
    let period = Period::new(range.0.instant(), range.1.instant()).unwrap_or(Period::ALWAYS);
    let (shifts, clashes) = found.shifts(&params, period, &local);
    let mut reply = match Format::named(params.format.get()) {
        None => {
            let rows = shifts.iter().map(|shift| Object::from_members(shift.shown(&local))).collect();
            cx.composed(&SHIFTS, rows, NARROW)
        }
        Some(format) => file(&cx, format, &shifts, &local, period),
    };
    reply.set("since", local.iso(period.start()));
    reply.set("until", local.iso(period.end()));
    reply.set("time_zone", local.name());
    reply.set("hours", number_of_hours(on_call(&shifts, period)));
    if !clashes.is_empty() {
        reply.set("clashes", clashes);
    }
    if !found.always.is_empty() {
        reply.set("always_on_call", found.always.iter().cloned().collect::<Vec<_>>());
    }
    Ok(reply.warned(found.warnings))
}

/// Returns the time that users are on call within the range. Shifts of a user that overlap count once.
fn on_call(shifts: &[Shown], range: Period) -> SignedDuration {
    let mut users: BTreeMap<&str, Vec<Period>> = BTreeMap::new();
    for shift in shifts {
        users.entry(&shift.user.id).or_default().extend(shift.period.clip(range));
    }
    users.into_values().flat_map(merged).map(Period::length).sum()
}

/// Returns the shifts as a file, cut where the budget of the answer ends.
fn file(cx: &Context, format: Format, shifts: &[Shown], local: &Local, range: Period) -> Reply {
    let (zone, now) = (local.name(), Timestamp::now());
    let mut budget = cx.budget();
    let texts = shifts.iter().map(|shift| format.shift(&shift.entry(local, range), zone, now));
    let texts: Vec<_> = texts.take_while(|text| budget.take_text(text)).collect();
    let (name, media_type) = format.file();
    let mut row = Map::new();
    row.insert("name".to_owned(), name.into());
    row.insert("media_type".to_owned(), media_type.into());
    row.insert("text".to_owned(), format!("{}{}{}", format.head(zone), texts.concat(), format.tail()).into());
    let mut reply = cx.composed(&FILES, vec![Object::from_members(row)], NARROW);
    reply.set("shifts", texts.len());
    if texts.len() < shifts.len() {
        let (some, all) = (texts.len(), shifts.len());
        reply.warn(format!(
            "The answer is full: {some} of {all} shifts are in the file. For the others, pass {NARROW}."
        ));
    }
    reply
}

/// A user on a schedule, by their IDs.
type Key = (String, String);

/// Everything that was read.
#[derive(Default)]
struct Found {
    shifts: Vec<Shift<Key>>,
    people: HashMap<String, Person>,
    schedules: HashMap<String, Named>,
    /// The levels of policies that each schedule is on.
    policies: BTreeMap<String, BTreeSet<String>>,
    /// The users who are on a level without a schedule.
    always: BTreeSet<String>,
    warnings: Vec<String>,
    /// The number of schedules that were read by ID.
    read: usize,
}

/// Reads the shifts that the parameters name: where by teams and schedules, or else of users.
async fn find(cx: &Context, params: &Params, range: (Moment, Moment)) -> Result<Found> {
    let (teams, schedules) = (params.team_ids.as_slice(), params.schedule_ids.as_slice());
    let users = async {
        match (params.user_ids.as_slice(), teams.is_empty() && schedules.is_empty()) {
            (_, false) => Ok(None),
            ([], true) => {
                let me = cx.api.me().await?;
                let query = Query::new().with_all("user_ids", std::slice::from_ref(&me.id));
                read::duties(cx, query, range).await.map(Some)
            }
            (users, true) => read::duties(cx, Query::new().with_given("user_ids", users), range).await.map(Some),
        }
    };
    let of_teams = async {
        if teams.is_empty() {
            return Ok(None);
        }
        let policies = read::policies_of(cx, teams).await?;
        let ids: Vec<_> = policies.iter().filter_map(Policy::id).collect();
        read::duties_of(cx, &ids, range).await.map(Some)
    };
    let (users, of_teams, rendered) = tokio::join!(users, of_teams, rendered(cx, schedules, range));
    let (mut found, of_teams) = match (rendered, of_teams) {
        (Ok(found), Err(error)) if found.read > 0 => {
            let warning = format!("The shifts of the teams could not be fetched: {error}");
            (Found { warnings: [found.warnings, vec![warning]].concat(), ..found }, None)
        }
        (Err(error), Ok(Some(of_teams))) => {
            let warning = format!("The schedules could not be fetched: {error}");
            (Found { warnings: vec![warning], ..Found::default() }, Some(of_teams))
        }
        (found, of_teams) => (found?, of_teams?),
    };
    if let Some((duties, warning)) = users? {
        found.add(duties);
        found.warnings.extend(warning);
    }
    if let Some((duties, warnings, _)) = of_teams {
        found.add(duties);
        found.warnings.extend(warnings);
    }
    Ok(found)
}

/// Reads schedules side by side. A schedule that cannot be read becomes a warning, unless none can be read.
async fn rendered(cx: &Context, ids: &[Id<Schedule>], (since, until): (Moment, Moment)) -> Result<Found> {
    let mut found = Found::default();
    if ids.len() > MAX_SCHEDULES {
        found.warnings.push(format!("Only the first {MAX_SCHEDULES} of {} schedules were read.", ids.len()));
    }
    let ids = ids.get(..ids.len().min(MAX_SCHEDULES)).unwrap_or_default();
    let (since, until) = Range::wider(since, until, AROUND);
    let read = side_by_side(cx, ids.iter().map(|id| cx.api.rendered(id, since, until))).await;
    let (mut schedules, mut failure) = (Vec::new(), None);
    for (id, outcome) in ids.iter().zip(read) {
        match outcome {
            Ok(rendered) => schedules.push(rendered),
            Err(error) => {
                found.warnings.push(format!("Schedule {id} could not be fetched: {error}"));
                failure = failure.or(Some(error));
            }
        }
    }
    if let Some(error) = failure.filter(|_| schedules.is_empty()) {
        return Err(error);
    }
    found.read = schedules.len();
    found.warnings.extend(cx.api.name_turns(&mut schedules).await);
    for schedule in schedules {
        let named = Named { id: schedule.id.clone(), name: schedule.name.clone() };
        let Some(turns) = schedule.turns else {
            found.warnings.push(format!("PagerDuty did not render {}, so its shifts are missing.", named.label()));
            continue;
        };
        if schedule.unreadable > 0 {
            let count = schedule.unreadable;
            found.warnings.push(format!("{count} shifts of {} could not be read and are left out.", named.label()));
        }
        for turn in turns {
            let period = Period::open(Some(turn.start), turn.end);
            if let Some((period, user)) = period.zip(turn.user) {
                found.shifts.push(Shift::new(period, (user.id.clone(), schedule.id.clone())));
                found.people.insert(user.id.clone(), user);
            }
        }
        found.schedules.insert(schedule.id, named);
    }
    Ok(found)
}

impl Found {
    /// Adds on-calls. A user who is on a level directly has no shifts.
    fn add(&mut self, duties: Vec<Shift<Duty>>) {
        for Shift { period, of } in duties {
            let place = format!("{}, level {}", of.policy.label(), of.level);
            match of.schedule {
                Some(schedule) => {
                    self.policies.entry(schedule.id.clone()).or_default().insert(place);
                    self.shifts.push(Shift::new(period, (of.user.id.clone(), schedule.id.clone())));
                    self.schedules.entry(schedule.id.clone()).or_insert(schedule);
                }
                None => {
                    self.always.insert(format!("{}: {place}", spoken(&of.user)));
                }
            }
            self.people.entry(of.user.id.clone()).or_insert(of.user);
        }
    }

    /// Returns the shifts of the wanted users that overlap the range, and the clashes as sentences.
    fn shifts(&self, params: &Params, range: Period, local: &Local) -> (Vec<Shown>, Vec<String>) {
        let users = params.user_ids.as_slice();
        let is_wanted = |shift: &Shift<Key>| users.is_empty() || users.iter().any(|user| user.as_str() == shift.of.0);
        let shifts: Vec<_> = self.shifts.iter().filter(|shift| is_wanted(shift)).cloned().collect();
        let mut shifts = joined(shifts);
        shifts.retain(|shift| shift.period.clip(range).is_some());
        let clashing = overlaps(&shifts, |one, other| one.0 == other.0 && one.1 != other.1);
        let person = |id: &str| self.people.get(id).cloned().unwrap_or_default();
        let schedule = |id: &str| self.schedules.get(id).cloned().unwrap_or_default();
        let mut sentences = Vec::new();
        let mut clashes: HashMap<(Key, Period), Vec<String>> = HashMap::new();
        for (one, other, common) in clashing {
            let when = format!("{} ({})", local.span(common), local.length(common));
            let (first, second) = (schedule(&one.of.1), schedule(&other.of.1));
            let (first, second) = (first.label(), second.label());
            let name = spoken(&person(&one.of.0));
            sentences.push(format!("{name} is on {first} and {second} at once: {when}."));
            clashes.entry((one.of.clone(), one.period)).or_default().push(format!("{second}, {when}"));
            clashes.entry((other.of.clone(), other.period)).or_default().push(format!("{first}, {when}"));
        }
        let shown = |shift: Shift<Key>| Shown {
            user: person(&shift.of.0),
            schedule: schedule(&shift.of.1),
            policies: self.policies.get(&shift.of.1).into_iter().flatten().cloned().collect(),
            clashes: clashes.remove(&(shift.of.clone(), shift.period)).unwrap_or_default(),
            period: shift.period,
        };
        (shifts.into_iter().map(shown).collect(), sentences)
    }
}

/// A shift with everything that the answer says about it.
struct Shown {
    period: Period,
    user: Person,
    schedule: Named,
    policies: Vec<String>,
    clashes: Vec<String>,
}

impl Shown {
    fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("user".to_owned(), shown(&self.user).into());
        row.insert("schedule".to_owned(), self.schedule.shown());
        row.insert("start".to_owned(), local.iso(self.period.start()).into());
        if self.period.end() != Timestamp::MAX {
            row.insert("end".to_owned(), local.iso(self.period.end()).into());
            row.insert("hours".to_owned(), number_of_hours(self.period.length()).into());
        }
        let (name, schedule) = (spoken(&self.user), self.schedule.label());
        row.insert("line".to_owned(), format!("{name}, {schedule}: {}", time(self.period, local)).into());
        for (name, texts) in [("policies", &self.policies), ("clashes", &self.clashes)] {
            if !texts.is_empty() {
                row.insert(name.to_owned(), texts.clone().into());
            }
        }
        row
    }

    /// Returns the shift for a file. A shift without an end ends with the range.
    fn entry(&self, local: &Local, range: Period) -> Entry {
        let ends = Period::new(self.period.start(), range.end()).filter(|_| self.period.end() == Timestamp::MAX);
        let period = ends.unwrap_or(self.period);
        Entry {
            period,
            user_id: self.user.id.clone(),
            user: spoken(&self.user),
            schedule_id: self.schedule.id.clone(),
            schedule: self.schedule.label().to_owned(),
            policies: self.policies.clone(),
            clashes: self.clashes.clone(),
            local: time(period, local),
            start: local.iso(period.start()),
            end: local.iso(period.end()),
            hours: number_of_hours(period.length()),
        }
    }
}

/// Returns a period for people, with the elapsed hours.
fn time(period: Period, local: &Local) -> String {
    if period.end() == Timestamp::MAX {
        return format!("from {}, without an end", local.text(period.start()));
    }
    format!("{} ({})", local.span(period), local.length(period))
}
