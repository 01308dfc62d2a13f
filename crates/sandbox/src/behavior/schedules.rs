//! The layers of a schedule, and the shifts that they result in:
//! <https://developer.pagerduty.com/api-reference/846ecf84402bb-list-schedules>.

use jiff::Span;
use serde_json::{Value, json};

use super::feeds;
use super::rotation::{Rotation, Shift, clipped, coverage};
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, reference, text};
use crate::engine;
use crate::kinds::{ESCALATION_POLICY, SCHEDULE, USER};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::time::{Range, later};
use crate::view::{View, with};

/// Returns references to the policies with this schedule as a target.
pub fn escalation_policies(account: &Account, schedule: &Document) -> Value {
    let id = text(schedule, "id");
    let targets = |rule: &Value| {
        rule.get("targets")
            .and_then(Value::as_array)
            .is_some_and(|targets| targets.iter().any(|target| id_of(target) == id))
    };
    let policies = account.documents.all(&ESCALATION_POLICY).iter();
    let policies = policies.filter(|policy| entries(policy, "escalation_rules").iter().any(targets));
    policies.map(|policy| reference(&ESCALATION_POLICY, text(policy, "id"))).collect()
}

/// Returns references to the users of a schedule, each once, in order of layers.
pub fn members(_: &Account, schedule: &Document) -> Value {
    users_of(schedule).into_iter().map(|user| reference(&USER, user)).collect()
}

/// Returns the IDs of the users of a schedule, each once, in order of layers.
pub fn users_of(schedule: &Document) -> Vec<&str> {
    let mut users = Vec::new();
    for layer in entries(schedule, "schedule_layers") {
        for member in layer.get("users").and_then(Value::as_array).into_iter().flatten() {
            let id = member.get("user").map(id_of).unwrap_or_default();
            if !users.contains(&id) {
                users.push(id);
            }
        }
    }
    users
}

/// Returns the reason if the layers of a schedule cannot be used.
pub fn check(schedule: &Document) -> Result<(), String> {
    Rotation::read(schedule).map(|_| ())
}

/// Answers `GET /schedules`. Layers and shifts are shown only if `include[]` names them.
pub fn list(account: &Account, call: &Call) -> Answer {
    let schedules = engine::select(&SCHEDULE, account, &call.params);
    let includes = call.includes();
    let view = call.view(account, &includes);
    let rendering = Rendering::of(account, call)?;
    reply::list("schedules", &schedules, &call.params, |schedule| {
        let shown = ["schedule_layers", "overrides_subschedule", "final_schedule"].map(|name| view.includes(name));
        shown_schedule(schedule, view, rendering, shown)
    })
}

/// Answers `GET /schedules/{id}`.
pub fn show(account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SCHEDULE, &call.id).or_404()?;
    let rendering = Rendering::of(account, call)?;
    let rendered = rendering.is_some();
    let mut shown = shown_schedule(schedule, call.view(account, &[]), rendering, [true, rendered, rendered]);
    if call.includes().contains(&"calendar_urls") {
        feeds::add_urls(&mut shown, &SCHEDULE, &call.base);
    }
    reply::one("schedule", &shown)
}

/// Returns a schedule with its layers, its overrides and its final schedule, each if wanted.
fn shown_schedule(
    schedule: &Document,
    view: View<'_>,
    rendering: Option<Rendering>,
    [with_layers, with_overrides, with_final]: [bool; 3],
) -> Document {
    let mut shown = view.whole(&SCHEDULE, schedule);
    if !(with_layers || with_overrides || with_final) {
        return shown;
    }
    let rotation = Rotation::of(schedule);
    if with_layers {
        let layers = (0..rotation.layers.len()).filter_map(|layer| shown_layer(&rotation, layer, rendering, view));
        shown.insert("schedule_layers".to_owned(), layers.collect());
    }
    let mut insert = |field: &str, name, shifts: &dyn Fn(Range) -> Vec<Shift>| {
        let rendered =
            rendering.map_or_else(empty, |rendering| rendered(&rotation, shifts(rendering.range), rendering, view));
        shown.insert(
            field.to_owned(),
            with(Document::from_iter([("name".to_owned(), Value::from(name))]), rendered).into(),
        );
    };
    if with_overrides {
        insert("overrides_subschedule", "Overrides", &|range| {
            rotation.overrides().iter().filter(|shift| range.overlaps(shift.start, shift.end)).cloned().collect()
        });
    }
    if with_final {
        insert("final_schedule", "Final Schedule", &|range| rotation.shifts(range));
    }
    shown
}

/// Answers `GET /schedules/{id}/users`: the users on call in the range, or now if there is none.
pub fn users(account: &Account, call: &Call) -> Answer {
    let schedule = account.documents.get(&SCHEDULE, &call.id).or_404()?;
    let now = account.clock.now();
    let range = Rendering::of(account, call)?.map_or(Range { since: now, until: now }, |rendering| rendering.range);
    let shifts = Rotation::of(schedule).shifts(range);
    let on_call = |user: &&Document| shifts.iter().any(|shift| shift.user == text(user, "id"));
    let view = call.view(account, &[]);
    reply::all("users", account.documents.all(&USER).iter().filter(on_call).map(|user| view.whole(&USER, user)))
}

/// The range over which shifts are computed (two weeks if one bound is given alone), and whether they may extend
/// beyond it.
#[derive(Clone, Copy)]
pub struct Rendering {
    pub range: Range,
    pub overflow: bool,
}

impl Rendering {
    pub fn of(account: &Account, call: &Call) -> Result<Option<Self>, Problem> {
        let overflow = call.params.is_true("overflow");
        let range = call.params.range(account, Span::new().weeks(2))?;
        // PagerDuty documents no limit. This one keeps a mistyped date from rendering centuries.
        if range.is_some_and(|range| range.until > later(range.since, Span::new().years(1))) {
            return Err(Problem::invalid("The range between since and until must not exceed a year."));
        }
        Ok(range.map(|range| Self { range, overflow }))
    }
}

fn shown_layer(rotation: &Rotation, number: usize, rendering: Option<Rendering>, view: View<'_>) -> Option<Value> {
    let (layer, turns) = (rotation.layers.get(number)?, rotation.turns(number)?);
    let users = turns.users.iter().map(|user| json!({"user": view.link(&USER, user, "")}));
    let id = layer.id.iter().map(|id| ("id".to_owned(), Value::from(id.as_str())));
    let fields = json!({
        "name": layer.name,
        "start": rotation.zone.write(turns.start),
        "end": turns.end.map(|end| rotation.zone.write(end)),
        "rotation_virtual_start": rotation.zone.write(turns.virtual_start),
        "rotation_turn_length_seconds": turns.turn_in_seconds,
        "users": users.collect::<Value>(),
        "restrictions": layer.restrictions,
    });
    let shifts = |rendering: Rendering| rotation.shifts_of_layer(number, rendering.range);
    let rendered = rendering.map(|rendering| rendered(rotation, shifts(rendering), rendering, view));
    Some(with(with(id.collect(), fields), rendered.unwrap_or_default()).into())
}

/// Returns the shifts that a schedule or one of its layers results in over a range.
fn rendered(rotation: &Rotation, shifts: Vec<Shift>, rendering: Rendering, view: View<'_>) -> Value {
    let coverage = coverage(&shifts, rendering.range);
    let shifts = if rendering.overflow { shifts } else { clipped(shifts, rendering.range) };
    let entry = |shift: &Shift| {
        json!({
            "start": rotation.zone.write(shift.start),
            "end": rotation.zone.write(shift.end),
            "user": view.link(&USER, &shift.user, ""),
        })
    };
    let entries: Value = shifts.iter().map(entry).collect();
    json!({"rendered_schedule_entries": entries, "rendered_coverage_percentage": coverage})
}

fn empty() -> Value {
    json!({"rendered_schedule_entries": [], "rendered_coverage_percentage": 0.0})
}
