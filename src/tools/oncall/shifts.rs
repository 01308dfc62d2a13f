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

use super::files::{Cut, Entry, Format};
use super::read::{self, Duty, Named, Policy, shown, spoken};
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Person, Schedule, SourceKind, Team, User};
use crate::params::{Choice, Ids, Moment, Range, When, Word};
use crate::reply::Reply;
use crate::shifts::{Period, Shift, joined, merged, overlaps, united};
use crate::tools::gather::side_by_side;
use crate::tools::times::{Local, Zone, hours, number_of_hours};
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

/// The days around the range for on-calls. They are whole, but one of the same user may touch the first or the last one.
const AROUND_ONCALLS: i32 = 14;

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
    let period = period_of(range);
    let format = Format::named(params.format.get());
    let (shifts, clashes) = found.shifts(&params, format, period, &local);
    let mut reply = match format {
        None => {
            let rows = shifts.iter().map(|shift| Object::from_members(shift.shown(&local))).collect();
            cx.composed(&SHIFTS, rows, NARROW)
        }
        Some(format) => file(&cx, format, &shifts, &local, period),
    };
    reply.set("since", local.iso(period.start()));
    reply.set("until", local.iso(period.end()));
    local.name_in(&mut reply);
    reply.set("hours_in_range", number_of_hours(on_call(&shifts, period)));
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
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    user: String,
    schedule: String,
    /// The override that the shift comes from, if PagerDuty says so.
    override_id: Option<String>,
}

/// Everything that was read.
#[derive(Default)]
struct Found {
    shifts: Vec<Shift<Seat>>,
    people: HashMap<String, Person>,
    schedules: HashMap<String, Named>,
    /// The schedules that were read by ID, with the period over which their shifts are known.
    rendered: HashMap<String, Period>,
    /// The period over which the shifts of all other schedules are known.
    oncalls: Option<Period>,
    /// The levels of policies that each schedule is on.
    policies: BTreeMap<String, BTreeSet<String>>,
    /// The users who are on a level without a schedule.
    always: BTreeSet<String>,
    warnings: Vec<String>,
    /// The number of schedules that were read by ID.
    read: usize,
}

/// Returns the range in which on-calls are read: wider, but not beyond the last day that PagerDuty lists.
fn around(range: (Moment, Moment)) -> (Moment, Moment) {
    let (since, until) = Range::wider(range.0, range.1, AROUND_ONCALLS);
    let last = Range::of_horizon(range.1, AROUND_ONCALLS).map_or(range.1, |(_, last)| last);
    // At the limit, the horizon is a minute and goes beyond it.
    let is_ahead = last.instant().duration_since(range.1.instant()) > SignedDuration::from_mins(1);
    (since, if is_ahead { until.min(last) } else { range.1 })
}

fn period_of((since, until): (Moment, Moment)) -> Period {
    Period::new(since.instant(), until.instant()).unwrap_or(Period::ALWAYS)
}

/// Reads the shifts that the parameters name: where by teams and schedules, or else of users.
async fn find(cx: &Context, params: &Params, range: (Moment, Moment)) -> Result<Found> {
    let (teams, schedules) = (params.team_ids.as_slice(), params.schedule_ids.as_slice());
    let wide = around(range);
    let users = async {
        match (params.user_ids.as_slice(), teams.is_empty() && schedules.is_empty()) {
            (_, false) => Ok(None),
            ([], true) => {
                let me = cx.api.me().await?;
                let query = Query::new().with_all("user_ids", std::slice::from_ref(&me.id));
                read::duties(cx, query, wide).await.map(Some)
            }
            (users, true) => read::duties(cx, Query::new().with_given("user_ids", users), wide).await.map(Some),
        }
    };
    let of_teams = async {
        if teams.is_empty() {
            return Ok(None);
        }
        let policies = read::policies_of(cx, teams).await?;
        let ids: Vec<_> = policies.iter().filter_map(Policy::id).collect();
        read::duties_of(cx, &ids, wide).await.map(Some)
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
    found.oncalls = Some(period_of(wide));
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
    let known = period_of((since, until));
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
                let source = turn.source.filter(|source| source.kind == SourceKind::Override);
                let seat = Seat {
                    user: user.id.clone(),
                    schedule: schedule.id.clone(),
                    override_id: source.and_then(|source| source.id),
                };
                found.shifts.push(Shift::new(period, seat));
                found.people.insert(user.id.clone(), user);
            }
        }
        found.rendered.insert(schedule.id.clone(), known);
        let policies = schedule.policies.iter().filter_map(|policy| policy.name().map(str::to_owned));
        found.policies.insert(schedule.id.clone(), policies.collect());
        found.schedules.insert(schedule.id, named);
    }
    Ok(found)
}

impl Found {
    /// Adds on-calls. A user who is on a level directly has no shifts. The shifts of a schedule that was read by ID are
    /// known already, with their overrides.
    fn add(&mut self, duties: Vec<Shift<Duty>>) {
        for Shift { period, of } in duties {
            let place = format!("{}, level {}", of.policy.label(), of.level);
            match of.schedule {
                Some(schedule) => {
                    let policies = self.policies.entry(schedule.id.clone()).or_default();
                    policies.remove(of.policy.label().as_ref());
                    policies.insert(place);
                    if !self.rendered.contains_key(&schedule.id) {
                        let seat = Seat { user: of.user.id.clone(), schedule: schedule.id.clone(), override_id: None };
                        self.shifts.push(Shift::new(period, seat));
                    }
                    self.schedules.entry(schedule.id.clone()).or_insert(schedule);
                }
                None => {
                    self.always.insert(format!("{}: {place}", spoken(&of.user)));
                }
            }
            self.people.entry(of.user.id.clone()).or_insert(of.user);
        }
    }

    /// Returns which bounds of a period on a schedule may be those of what was read.
    fn cut(&self, schedule: &str, period: Period) -> Cut {
        let Some(known) = self.rendered.get(schedule).copied().or(self.oncalls) else { return Cut::default() };
        let is_open = period.end() == Timestamp::MAX;
        Cut { start: period.start() <= known.start(), end: period.end() >= known.end() && !is_open }
    }

    /// Returns the shifts of the wanted users that overlap the range, and the clashes as sentences.
    ///
    /// A calendar has the shifts as PagerDuty splits them, since only those have the same start in each export.
    fn shifts(
        &self,
        params: &Params,
        format: Option<Format>,
        range: Period,
        local: &Local,
    ) -> (Vec<Shown>, Vec<String>) {
        let users = params.user_ids.as_slice();
        let is_wanted =
            |shift: &Shift<Seat>| users.is_empty() || users.iter().any(|user| *user.as_str() == shift.of.user);
        let known = |shift: Shift<Seat>| {
            let known = self.rendered.get(&shift.of.schedule).copied().or(self.oncalls);
            let start = known.map_or(Timestamp::MIN, Period::start);
            // A shift without a start has begun before all that was read.
            let period =
                if shift.period.start() == Timestamp::MIN { Period::new(start, shift.period.end()) } else { None };
            Shift::new(period.unwrap_or(shift.period), shift.of)
        };
        let turns: Vec<_> = self.shifts.iter().filter(|shift| is_wanted(shift)).cloned().map(known).collect();
        let split = (format == Some(Format::Calendar)).then(|| united(turns.clone()));
        let is_in_range = |shift: &Shift<Seat>| shift.period.clip(range).is_some();
        let whole: Vec<_> = joined(turns).into_iter().filter(is_in_range).collect();
        let clashing = overlaps(&whole, |one, other| one.user == other.user && one.schedule != other.schedule);
        let person = |id: &str| self.people.get(id).cloned().unwrap_or_default();
        let schedule = |id: &str| self.schedules.get(id).cloned().unwrap_or_default();
        let (mut sentences, mut clashes) = (Vec::new(), Vec::new());
        for (one, other, common) in clashing {
            let (cut, cut_too) = (self.cut(&one.of.schedule, common), self.cut(&other.of.schedule, common));
            let when = time(common, Cut { start: cut.start || cut_too.start, end: cut.end || cut_too.end }, local);
            let (first, second) = (schedule(&one.of.schedule), schedule(&other.of.schedule));
            let (first, second) = (first.label(), second.label());
            let name = spoken(&person(&one.of.user));
            sentences.push(format!("{name} is on {first} and {second} at once: {when}."));
            clashes.push((one.of.clone(), common, format!("{second}, {when}")));
            clashes.push((other.of.clone(), common, format!("{first}, {when}")));
        }
        let of_shift = |shift: &Shift<Seat>| {
            let own =
                clashes.iter().filter(|(seat, common, _)| *seat == shift.of && common.clip(shift.period).is_some());
            own.map(|(.., text)| text.clone()).collect()
        };
        let shown = |shift: Shift<Seat>| Shown {
            user: person(&shift.of.user),
            schedule: schedule(&shift.of.schedule),
            policies: self.policies.get(&shift.of.schedule).into_iter().flatten().cloned().collect(),
            clashes: of_shift(&shift),
            cut: self.cut(&shift.of.schedule, shift.period),
            period: shift.period,
            override_id: shift.of.override_id,
        };
        let shifts = split.unwrap_or_else(|| whole.clone());
        (shifts.into_iter().filter(is_in_range).map(shown).collect(), sentences)
    }
}

/// A shift with everything that the answer says about it.
struct Shown {
    period: Period,
    user: Person,
    schedule: Named,
    policies: Vec<String>,
    clashes: Vec<String>,
    cut: Cut,
    override_id: Option<String>,
}

impl Shown {
    fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("user".to_owned(), shown(&self.user).into());
        row.insert("schedule".to_owned(), self.schedule.shown());
        row.insert("start".to_owned(), local.iso(self.period.start()).into());
        if self.period.end() != Timestamp::MAX {
            row.insert("end".to_owned(), local.iso(self.period.end()).into());
            if self.cut == Cut::default() {
                row.insert("hours".to_owned(), number_of_hours(self.period.length()).into());
            }
        }
        row.extend(self.cut.start.then(|| ("or_earlier".to_owned(), true.into())));
        row.extend(self.cut.end.then(|| ("or_later".to_owned(), true.into())));
        let (name, schedule) = (spoken(&self.user), self.schedule.label());
        row.insert("line".to_owned(), format!("{name}, {schedule}: {}", time(self.period, self.cut, local)).into());
        row.extend(self.override_id.as_deref().map(|id| ("override_id".to_owned(), id.into())));
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
        let cut = Cut { end: self.cut.end || ends.is_some(), ..self.cut };
        let period = ends.unwrap_or(self.period);
        Entry {
            period,
            user_id: self.user.id.clone(),
            user: spoken(&self.user),
            schedule_id: self.schedule.id.clone(),
            schedule: self.schedule.label().into_owned(),
            policies: self.policies.clone(),
            clashes: self.clashes.clone(),
            local: time(period, cut, local),
            start: local.iso(period.start()),
            end: local.iso(period.end()),
            hours: (cut == Cut::default()).then(|| number_of_hours(period.length())),
            cut,
        }
    }
}

/// Returns a period for people, with the elapsed hours.
fn time(period: Period, cut: Cut, local: &Local) -> String {
    let earlier = if cut.start { " or earlier" } else { "" };
    if period.end() == Timestamp::MAX {
        return format!("from {}{earlier}, without an end", local.text(period.start()));
    }
    if cut == Cut::default() {
        return format!("{} ({})", local.span(period), local.length(period));
    }
    let later = if cut.end { " or later" } else { "" };
    let (start, end) = (local.text(period.start()), local.text(period.end()));
    format!("{start}{earlier} to {end}{later} (at least {})", hours(period.length()))
}
