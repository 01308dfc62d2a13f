//! Schedules: <https://developer.pagerduty.com/api-reference/846ecf84402bb-list-schedules>.

use jiff::Span;
use serde::{Serialize, Serializer};

use super::account::{Account, Layer, Policy, Restriction, Schedule, Shift, Team, User, find};
use super::call::Call;
use super::params::{Filter, matches_query, select};
use super::reply::{self, Answer, Problem};
use super::rotation::{clipped, coverage};
use super::time::{Range, Zone, later};
use super::wire::{Head, Link, View, Whole};

pub const FILTERS: &[Filter<Schedule>] = &[
    ("query", |schedule, wanted| matches_query(&schedule.name, wanted)),
    ("team_ids[]", |schedule, wanted| wanted.contains(&schedule.team.id.as_str())),
];

/// Returns the layer-based schedule with that ID. Shift-based ones are not found here.
fn layered<'a>(account: &'a Account, id: &str) -> Result<&'a Schedule, Problem> {
    let schedule = find(&account.schedules, id)?;
    if schedule.shift_based { Err(Problem::not_found()) } else { Ok(schedule) }
}

/// `GET /schedules`, with the layers and what they come to only where `include[]` asks.
pub fn list(account: &Account, call: &Call) -> Answer {
    let layered = account.schedules.iter().map(AsRef::as_ref).filter(|schedule| !schedule.shift_based);
    let schedules = select(layered, FILTERS, &call.params);
    let includes = call.includes();
    let view = call.view(account, &includes);
    let rendering = Rendering::of(account, call)?;
    reply::list("schedules", &schedules, &call.params, |schedule| {
        let mut fields = ScheduleFields::new(schedule, view);
        if view.includes("schedule_layers") {
            fields.schedule_layers = Some(layers(schedule, rendering, &call.base));
        }
        if view.includes("final_schedule") {
            fields.final_schedule = Some(final_schedule(schedule, rendering, &call.base));
        }
        if view.includes("overrides_subschedule") {
            fields.overrides_subschedule = Some(overrides(schedule, rendering, &call.base));
        }
        fields
    })
}

/// `GET /schedules/{id}`
pub fn show(account: &Account, call: &Call) -> Answer {
    let schedule = layered(account, &call.id)?;
    let rendering = Rendering::of(account, call)?;
    let mut fields = ScheduleFields::new(schedule, call.view(account, &[]));
    fields.schedule_layers = Some(layers(schedule, rendering, &call.base));
    if rendering.is_some() {
        fields.final_schedule = Some(final_schedule(schedule, rendering, &call.base));
        fields.overrides_subschedule = Some(overrides(schedule, rendering, &call.base));
    }
    reply::one("schedule", &fields)
}

/// `GET /schedules/{id}/users`: those on call in the range, and now when there is none.
pub fn users(account: &Account, call: &Call) -> Answer {
    let schedule = layered(account, &call.id)?;
    let now = account.clock.now();
    let range = Rendering::of(account, call)?.map_or(Range { since: now, until: now }, |rendering| rendering.range);
    let shifts = schedule.shifts(range);
    let on_call = |user: &&User| shifts.iter().any(|shift| shift.user.id == user.id);
    let view = call.view(account, &[]);
    let users: Vec<&User> = account.users.iter().map(AsRef::as_ref).filter(on_call).collect();
    reply::all("users", users.into_iter().map(|user| view.whole(user)))
}

/// Over which range shifts are worked out (two weeks where one bound is given alone) and whether they may stick out of
/// it.
#[derive(Clone, Copy)]
pub struct Rendering {
    pub range: Range,
    pub overflow: bool,
}

impl Rendering {
    pub fn of(account: &Account, call: &Call) -> Result<Option<Self>, Problem> {
        let overflow = call.params.is_true("overflow");
        let range = call.params.range(account, Span::new().weeks(2))?;
        // PagerDuty documents no limit; this one keeps a slip in a date from rendering centuries.
        if range.is_some_and(|range| range.until > later(range.since, Span::new().years(1))) {
            return Err(Problem::invalid("The range between since and until must not exceed a year."));
        }
        Ok(range.map(|range| Self { range, overflow }))
    }
}

#[derive(Serialize)]
struct ScheduleFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    name: &'a str,
    time_zone: &'a str,
    description: &'a str,
    escalation_policies: Vec<Link<'a, Policy>>,
    users: Vec<Link<'a, User>>,
    teams: Vec<Link<'a, Team>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_layers: Option<Vec<LayerFields<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overrides_subschedule: Option<Rendered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_schedule: Option<Rendered<'a>>,
}

impl<'a> ScheduleFields<'a> {
    /// Without layers and what they come to.
    fn new(schedule: &'a Schedule, view: View<'a>) -> Self {
        Self {
            head: Head::whole(schedule, view.base),
            name: &schedule.name,
            time_zone: schedule.zone.name,
            description: &schedule.description,
            escalation_policies: view.links(view.account.policies_of(schedule), "escalation_policies"),
            users: view.links(schedule.users(), "users"),
            teams: view.links([schedule.team.as_ref()], "teams"),
            schedule_layers: None,
            overrides_subschedule: None,
            final_schedule: None,
        }
    }
}

impl Whole for Schedule {
    fn write<S: Serializer>(&self, view: View<'_>, to: S) -> Result<S::Ok, S::Error> {
        ScheduleFields::new(self, view).serialize(to)
    }
}

#[derive(Serialize)]
struct LayerFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    start: String,
    end: Option<String>,
    rotation_virtual_start: String,
    rotation_turn_length_seconds: i64,
    users: Vec<LayerUser<'a>>,
    restrictions: Vec<RestrictionFields>,
    #[serde(flatten)]
    rendered: Option<Rendered<'a>>,
}

#[derive(Serialize)]
struct LayerUser<'a> {
    user: Head<'a>,
}

#[derive(Serialize)]
struct RestrictionFields {
    #[serde(rename = "type")]
    kind: &'static str,
    start_time_of_day: String,
    duration_seconds: i64,
}

fn layers<'a>(schedule: &'a Schedule, rendering: Option<Rendering>, base: &'a str) -> Vec<LayerFields<'a>> {
    schedule.layers.iter().map(|layer| layer_fields(schedule, layer, rendering, base)).collect()
}

fn layer_fields<'a>(
    schedule: &'a Schedule,
    layer: &'a Layer,
    rendering: Option<Rendering>,
    base: &'a str,
) -> LayerFields<'a> {
    let style = Style { zone: &schedule.zone, base };
    let start = schedule.zone.write(layer.start);
    let restriction = |restriction: Restriction| RestrictionFields {
        kind: "daily_restriction",
        start_time_of_day: format!("{:02}:00:00", restriction.from_hour),
        duration_seconds: restriction.hours * 3600,
    };
    LayerFields {
        id: layer.id.as_deref(),
        name: layer.name,
        rotation_virtual_start: start.clone(),
        start,
        end: None,
        rotation_turn_length_seconds: layer.turn_in_days * 86_400,
        users: layer.users.iter().map(|user| LayerUser { user: Head::reference(user.as_ref(), base) }).collect(),
        restrictions: layer.restriction.map(restriction).into_iter().collect(),
        rendered: rendering
            .map(|rendering| Rendered::new(None, style, layer.shifts(schedule, rendering.range), rendering)),
    }
}

fn final_schedule<'a>(schedule: &'a Schedule, rendering: Option<Rendering>, base: &'a str) -> Rendered<'a> {
    let shifts = |range| schedule.shifts(range);
    Rendered::or_empty("Final Schedule", Style { zone: &schedule.zone, base }, shifts, rendering)
}

fn overrides<'a>(schedule: &'a Schedule, rendering: Option<Rendering>, base: &'a str) -> Rendered<'a> {
    let shifts = |range: Range| {
        let overrides = schedule.overrides.iter().filter(|shift| range.overlaps(shift.start, shift.end));
        overrides.cloned().collect()
    };
    Rendered::or_empty("Overrides", Style { zone: &schedule.zone, base }, shifts, rendering)
}

/// What a schedule or one layer of it comes to over a range.
#[derive(Serialize)]
struct Rendered<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(rename = "rendered_schedule_entries")]
    entries: Vec<Entry<'a>>,
    #[serde(rename = "rendered_coverage_percentage")]
    coverage: f64,
}

impl<'a> Rendered<'a> {
    fn new(name: Option<&'static str>, style: Style<'a>, shifts: Vec<Shift>, rendering: Rendering) -> Self {
        let coverage = coverage(&shifts, rendering.range);
        let shifts = if rendering.overflow { shifts } else { clipped(shifts, rendering.range) };
        let entries = shifts.into_iter().map(|shift| Entry { shift, style }).collect();
        Self { name, entries, coverage }
    }

    /// Rendered where there is a range to render, and empty otherwise.
    fn or_empty(
        name: &'static str,
        style: Style<'a>,
        shifts: impl FnOnce(Range) -> Vec<Shift>,
        rendering: Option<Rendering>,
    ) -> Self {
        let empty = Self { name: Some(name), entries: Vec::new(), coverage: 0.0 };
        rendering.map_or(empty, |rendering| Self::new(Some(name), style, shifts(rendering.range), rendering))
    }
}

/// The form of shifts: the time zone, and the URL that links start with.
#[derive(Clone, Copy)]
struct Style<'a> {
    zone: &'a Zone,
    base: &'a str,
}

struct Entry<'a> {
    shift: Shift,
    style: Style<'a>,
}

#[derive(Serialize)]
struct EntryFields<'a> {
    start: String,
    end: String,
    user: Head<'a>,
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        EntryFields {
            start: self.style.zone.write(self.shift.start),
            end: self.style.zone.write(self.shift.end),
            user: Head::reference(self.shift.user.as_ref(), self.style.base),
        }
        .serialize(to)
    }
}
