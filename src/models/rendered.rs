//! The turns of a schedule of either kind, as PagerDuty renders them over a range.

use std::collections::HashMap;

use jiff::Timestamp;
use pagerduty_rows::facts;
use serde_json::Value;

use super::{Reference, Schedule, ShiftSchedule, references};

/// The two kinds of schedules that PagerDuty has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleKind {
    /// Layers of users who take turns, and overrides.
    Layers,
    /// Rotations of recurring shifts, custom shifts, and overrides.
    Shifts,
}

impl ScheduleKind {
    /// Returns the name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Shifts => "shifts",
        }
    }

    /// Returns the kind of an object by PagerDuty's `type`: `schedule`, `schedule_v3`, or a reference to one.
    #[must_use]
    pub fn of_type(kind: &str) -> Option<Self> {
        match kind {
            "schedule" | "schedule_reference" => Some(Self::Layers),
            "schedule_v3" | "schedule_v3_reference" => Some(Self::Shifts),
            _ => None,
        }
    }
}

/// A schedule with its turns over a range.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The schedule's ID.
    pub id: String,
    /// The schedule's name.
    pub name: Option<String>,
    /// Its kind.
    pub kind: ScheduleKind,
    /// The name of its time zone, as PagerDuty sends it: of the IANA database or of Rails.
    pub time_zone: Option<String>,
    /// The IDs of its teams.
    pub teams: Vec<String>,
    /// The escalation policies that it is on.
    pub policies: Vec<Reference>,
    /// The turns in PagerDuty's order. Turns of a schedule of shifts may overlap: it can have several users on call at a time.
    /// `None` if PagerDuty did not render them.
    pub turns: Option<Vec<Turn>>,
    /// The number of turns that were left out because their times cannot be read.
    pub unreadable: usize,
}

/// A user's time on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The start (inclusive).
    pub start: Timestamp,
    /// The end (exclusive). `None` if it does not end.
    pub end: Option<Timestamp>,
    /// The user. `None` if the shift is intentionally unassigned.
    pub user: Option<Person>,
    /// The part of the schedule that the turn comes from, as far as PagerDuty says.
    pub source: Option<Source>,
}

/// A user who is on call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The user's ID.
    pub id: String,
    /// The full name. Schedules of shifts have IDs only: [`Api::name_turns`](crate::client::Api::name_turns) adds names.
    pub name: Option<String>,
    /// The email address, if it was read.
    pub email: Option<String>,
    /// Set if the user was deleted, so that a page there has no recipient.
    pub deleted: bool,
}

/// The part of a schedule that a turn comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The kind of part.
    pub kind: SourceKind,
    /// The ID of the override or of the custom shift, where PagerDuty sends it.
    pub id: Option<String>,
    /// The ID of the rotation, also of the one that an override changes.
    pub rotation_id: Option<String>,
    /// The ID of the custom shift, also of the one that an override changes.
    pub custom_shift_id: Option<String>,
}

/// The parts of schedules that turns come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A layer of a schedule of layers.
    Layer,
    /// A rotation of a schedule of shifts.
    Rotation,
    /// A custom shift of a schedule of shifts.
    CustomShift,
    /// An override, of either kind of schedule.
    Override,
}

impl SourceKind {
    /// Returns the name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Rotation => "rotation",
            Self::CustomShift => "custom_shift",
            Self::Override => "override",
        }
    }
}

/// Times of turns, which PagerDuty names differently for each kind.
struct Times {
    start: &'static str,
    end: &'static str,
}

const ENTRY: Times = Times { start: "start", end: "end" };
const SHIFT: Times = Times { start: "start_time", end: "end_time" };

impl Schedule {
    /// Returns the turns of the final schedule, if the schedule was read over a range.
    ///
    /// A turn that lies in an override of the same user comes from it, any other one from a layer.
    #[must_use]
    pub fn rendered(&self) -> Rendered {
        let entries = |json: &Option<String>| {
            let parsed = json.as_deref().and_then(facts::parse)?;
            parsed.get("rendered_schedule_entries")?.as_array().cloned()
        };
        let overrides: Vec<_> = entries(&self.overrides).unwrap_or_default();
        let overrides: Vec<_> = overrides.iter().filter_map(|entry| Some((turn(entry, &ENTRY)?, entry))).collect();
        let source = |turn: &Turn| {
            let covers = |outer: &Turn| outer.start <= turn.start && ends_by(turn.end, outer.end);
            let found = overrides.iter().find(|(one, _)| one.user_id() == turn.user_id() && covers(one));
            let id = found.and_then(|(_, entry)| text(entry, "id"));
            let kind = if found.is_some() { SourceKind::Override } else { SourceKind::Layer };
            Source { kind, id, rotation_id: None, custom_shift_id: None }
        };
        let read = |entry: &Value| {
            let turn = turn(entry, &ENTRY)?;
            let source = Some(source(&turn));
            Some(Turn { source, ..turn })
        };
        let (turns, unreadable) = all(entries(&self.rendered), read);
        Rendered {
            id: self.id.clone().unwrap_or_default(),
            name: self.name.clone(),
            kind: ScheduleKind::Layers,
            time_zone: self.time_zone.clone(),
            teams: references(self.teams.as_deref()).into_iter().filter_map(|team| team.id).collect(),
            policies: references(self.policies.as_deref()),
            turns,
            unreadable,
        }
    }
}

impl ShiftSchedule {
    /// Returns the turns of the final schedule, if it was requested over a range. The users have no names.
    #[must_use]
    pub fn rendered(&self) -> Rendered {
        let parsed = self.rendered.as_deref().and_then(facts::parse);
        let assignments =
            parsed.as_ref().and_then(|parsed| parsed.get("computed_shift_assignments")?.as_array().cloned());
        let (turns, unreadable) = all(assignments, |assignment| {
            let source = assignment.get("source").and_then(source);
            Some(Turn { source, ..turn(assignment, &SHIFT)? })
        });
        Rendered {
            id: self.id.clone().unwrap_or_default(),
            name: self.name().map(str::to_owned),
            kind: ScheduleKind::Shifts,
            time_zone: self.time_zone.clone(),
            teams: references(self.teams.as_deref()).into_iter().filter_map(|team| team.id).collect(),
            policies: references(self.policies.as_deref()),
            turns,
            unreadable,
        }
    }
}

impl Rendered {
    /// Returns the IDs of the users without a name, each once.
    pub fn unnamed(&self) -> impl Iterator<Item = &str> {
        let users = self.turns.iter().flatten().filter_map(|turn| turn.user.as_ref());
        users.filter(|user| user.name.is_none()).map(|user| user.id.as_str())
    }

    /// Completes the users who are known by ID.
    pub fn name_users(&mut self, known: &HashMap<String, Person>) {
        for user in self.turns.iter_mut().flatten().filter_map(|turn| turn.user.as_mut()) {
            if let Some(known) = known.get(&user.id) {
                *user = known.clone();
            }
        }
    }
}

impl Turn {
    /// Returns the ID of the user, if there is one.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }
}

impl Person {
    /// Creates a user from a reference, which has the time of the deletion if the user was deleted.
    #[must_use]
    pub fn from_reference(user: &Value) -> Option<Self> {
        let deleted = user.get("deleted_at").is_some_and(|at| !at.is_null());
        let name = text(user, "summary").or_else(|| text(user, "name"));
        Some(Self { id: text(user, "id")?, name, email: text(user, "email"), deleted })
    }
}

/// Returns the turns that can be read, and the number of the others.
fn all(entries: Option<Vec<Value>>, read: impl Fn(&Value) -> Option<Turn>) -> (Option<Vec<Turn>>, usize) {
    let Some(entries) = entries else { return (None, 0) };
    let turns: Vec<_> = entries.iter().filter_map(read).collect();
    let unreadable = entries.len() - turns.len();
    (Some(turns), unreadable)
}

/// Reads a turn. A member of a shift has only the user's ID, and none if the shift is unassigned.
fn turn(entry: &Value, times: &Times) -> Option<Turn> {
    let start = text(entry, times.start)?.parse().ok()?;
    let end = match entry.get(times.end) {
        None | Some(Value::Null) => None,
        Some(end) => Some(end.as_str()?.parse().ok()?),
    };
    let member = || Some(Person { id: text(entry.get("member")?, "user_id")?, ..Person::default() });
    let user = entry.get("user").and_then(Person::from_reference).or_else(member);
    Some(Turn { start, end, user, source: None })
}

/// Reads the source of a shift. PagerDuty: schema `ShiftSource`.
fn source(source: &Value) -> Option<Source> {
    let kind = match source.get("type")?.as_str()? {
        "schedule_rotation" => SourceKind::Rotation,
        "custom_shift" => SourceKind::CustomShift,
        "schedule_rotation_override" | "custom_shift_override" => SourceKind::Override,
        _ => return None,
    };
    let custom_shift_id = text(source, "shift_id");
    let id = match kind {
        SourceKind::Override => text(source, "override_id"),
        SourceKind::CustomShift => custom_shift_id.clone(),
        SourceKind::Layer | SourceKind::Rotation => None,
    };
    Some(Source { kind, id, rotation_id: text(source, "rotation_id"), custom_shift_id })
}

/// Returns whether a time that ends at `inner` ends by `outer`. `None` is no end.
fn ends_by(inner: Option<Timestamp>, outer: Option<Timestamp>) -> bool {
    outer.is_none_or(|outer| inner.is_some_and(|inner| inner <= outer))
}

fn text(value: &Value, name: &str) -> Option<String> {
    Some(value.get(name)?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::models::Model;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn turns_of_layers_and_overrides_have_their_source() {
        let entry =
            |user: Value, start: &str, end: Value| json!({"start": start, "end": end, "user": user, "id": "QO1"});
        let ada = json!({"id": "PADA", "type": "user_reference", "summary": "Ada"});
        let gone = json!({"id": "PGONE", "summary": "Bo", "deleted_at": "2026-01-01T00:00:00Z"});
        let schedule = Schedule::from_json(&json!({
            "id": "PS1", "name": "Primary", "time_zone": "Europe/Berlin",
            "overrides_subschedule": {"rendered_schedule_entries": [
                entry(ada.clone(), "2026-11-30T08:00:00Z", json!("2026-11-30T18:00:00Z"))]},
            "final_schedule": {"rendered_schedule_entries": [
                entry(ada.clone(), "2026-11-30T09:00:00+01:00", json!("2026-11-30T19:00:00+01:00")),
                entry(ada, "2026-11-30T18:00:00Z", json!("2026-12-01T09:00:00Z")),
                entry(gone, "2026-12-01T09:00:00Z", Value::Null),
                {"start": "soon", "end": null}]},
        }))
        .rendered();
        let turns = schedule.turns.unwrap();
        let sources: Vec<_> = turns.iter().map(|turn| turn.source.as_ref().unwrap().kind).collect();
        assert_eq!(sources, [SourceKind::Override, SourceKind::Layer, SourceKind::Layer]);
        assert_eq!(turns[0].source.as_ref().unwrap().id.as_deref(), Some("QO1"));
        assert_eq!((turns[0].start, turns[2].end), (at("2026-11-30T08:00:00Z"), None));
        assert!(turns[2].user.as_ref().unwrap().deleted && !turns[1].user.as_ref().unwrap().deleted);
        assert_eq!(schedule.unreadable, 1);
    }

    #[test]
    fn assignments_of_shifts_keep_the_ids_of_their_source() {
        let shift = |member: Value, source: Value| {
            json!({"type": "computed_shift_assignment", "start_time": "2026-11-30T08:00:00Z",
                "end_time": "2026-11-30T18:00:00Z", "member": member, "source": source})
        };
        let ada = json!({"type": "user_member", "user_id": "PADA"});
        let mut schedule = ShiftSchedule::from_json(&json!({
            "id": "PS1", "summary": "Primary", "teams": [{"id": "PT1"}, null], "final_schedule": {"computed_shift_assignments": [
                shift(ada.clone(), json!({"type": "schedule_rotation", "rotation_id": "R1"})),
                shift(ada.clone(), json!({"type": "custom_shift_override", "shift_id": "C1", "override_id": "O1"})),
                shift(json!({"type": "empty_member"}), json!({"type": "a new one"}))]},
        }))
        .rendered();
        assert_eq!((schedule.name.as_deref(), schedule.kind), (Some("Primary"), ScheduleKind::Shifts));
        assert_eq!(schedule.teams, ["PT1"]);
        assert_eq!(schedule.unnamed().collect::<Vec<_>>(), ["PADA", "PADA"]);
        let named = Person { id: "PADA".into(), name: Some("Ada".into()), ..Person::default() };
        schedule.name_users(&HashMap::from([("PADA".to_owned(), named)]));
        let turns = schedule.turns.unwrap();
        assert_eq!(turns[1].user.as_ref().unwrap().name.as_deref(), Some("Ada"));
        let source = turns[1].source.as_ref().unwrap();
        assert_eq!((source.kind, source.id.as_deref()), (SourceKind::Override, Some("O1")));
        assert_eq!(source.custom_shift_id.as_deref(), Some("C1"));
        assert_eq!(turns[0].source.as_ref().unwrap().rotation_id.as_deref(), Some("R1"));
        assert!(turns[2].user.is_none() && turns[2].source.is_none());
    }

    #[test]
    fn schedule_without_a_range_has_no_turns() {
        let id = json!({"id": "PS1"});
        assert!(Schedule::from_json(&id).rendered().turns.is_none());
        assert!(ShiftSchedule::from_json(&id).rendered().turns.is_none());
    }
}
