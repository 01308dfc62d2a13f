//! Overrides of schedules of either kind, and custom shifts.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::Resource;
use pagerduty_api::operations::schedules::OVERRIDES;
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::Field;
use serde_json::{Value, json};

use super::{Model, Person};

/// An override or a custom shift: a period that a user has on call outside of the rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The ID.
    pub id: Option<String>,
    /// The start (inclusive).
    pub start: Option<Timestamp>,
    /// The end (exclusive).
    pub end: Option<Timestamp>,
    /// The user. In a schedule of shifts, only the ID is known.
    pub user: Option<Person>,
    /// The ID of the user who is replaced, in a schedule of shifts.
    pub member: Option<String>,
    /// The ID of the rotation that it changes, in a schedule of shifts.
    pub rotation_id: Option<String>,
    /// The ID of the custom shift that it changes.
    pub custom_shift_id: Option<String>,
}

impl Model for Cover {
    const RESOURCE: &'static Resource = &OVERRIDES;
    const DEFAULT: &'static [Field] = &[];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [&'static str] = &[
        "id",
        "start",
        "end",
        "user",
        "start_time",
        "end_time",
        "overriding_member",
        "overridden_member",
        "rotation_id",
        "custom_shift_id",
        "assignments",
    ];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let time = |names: [&str; 2]| names.into_iter().find_map(|name| facts.text(name)?.parse().ok());
        let member = |member: Option<Value>| {
            let id = member?.get("user_id")?.as_str()?.to_owned();
            Some(Person { id, ..Person::default() })
        };
        let assigned = || member(facts.value("assignments")?.get(0)?.get("member").cloned());
        let user = facts.value("user").as_ref().and_then(Person::from_reference);
        Self {
            id: facts.text("id"),
            start: time(["start", "start_time"]),
            end: time(["end", "end_time"]),
            user: user.or_else(|| member(facts.value("overriding_member"))).or_else(assigned),
            member: member(facts.value("overridden_member")).map(|member| member.id),
            rotation_id: facts.text("rotation_id"),
            custom_shift_id: facts.text("custom_shift_id"),
        }
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// The place of an override or custom shift on a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An override of a schedule of layers, which replaces all users on call.
    Layers,
    /// An override of a member of a rotation.
    Rotation {
        /// The ID of the rotation.
        id: String,
        /// The ID of the user who is replaced.
        member: String,
    },
    /// An override of the member of a custom shift.
    CustomShift {
        /// The ID of the custom shift.
        id: String,
        /// The ID of the user who is replaced.
        member: String,
    },
    /// A custom shift, which replaces no user.
    Extra,
}

impl Place {
    /// Returns whether both are sent to the same endpoint.
    #[must_use]
    pub fn is_sent_with(&self, other: &Self) -> bool {
        (self == &Self::Extra) == (other == &Self::Extra)
    }
}

/// An override or custom shift to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCover {
    /// The start (inclusive).
    pub start: Timestamp,
    /// The end (exclusive).
    pub end: Timestamp,
    /// The ID of the user.
    pub user: String,
    /// The place.
    pub place: Place,
    /// Set if the start is the time of the call, which an identical call moves.
    pub from_now: bool,
}

/// The time by which PagerDuty may move the start of a period that begins now, since it cannot begin in the past.
const START_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

impl NewCover {
    /// Returns the object in the form that its endpoint takes.
    #[must_use]
    pub fn body(&self) -> Value {
        let Self { start, end, user, place, .. } = self;
        let member = |id: &str| json!({"type": "user_member", "user_id": id});
        let (key, id, replaced) = match place {
            Place::Layers => return json!({"start": start, "end": end, "user": {"id": user, "type": "user_reference"}}),
            Place::Extra => {
                let assignment = json!({"type": "shift_assignment", "member": member(user)});
                return json!({"type": "custom_shift", "start_time": start, "end_time": end, "assignments": [assignment]});
            }
            Place::Rotation { id, member } => ("rotation_id", id, member),
            Place::CustomShift { id, member } => ("custom_shift_id", id, member),
        };
        json!({"type": "override_shift", key: id, "start_time": start, "end_time": end,
            "overridden_member": member(replaced), "overriding_member": member(user)})
    }

    /// Returns whether an existing one is the same: the user, the period, and the user who is replaced.
    #[must_use]
    pub fn is(&self, cover: &Cover) -> bool {
        let (rotation, shift, member) = match &self.place {
            Place::Layers | Place::Extra => (None, None, None),
            Place::Rotation { id, member } => (Some(id), None, Some(member)),
            Place::CustomShift { id, member } => (None, Some(id), Some(member)),
        };
        let latest = if self.from_now { self.start + START_TOLERANCE } else { self.start };
        let same_start = |start: Timestamp| start <= latest && (self.from_now || start == self.start);
        cover.user.as_ref().is_some_and(|user| user.id == self.user)
            && cover.end == Some(self.end)
            && cover.start.is_some_and(same_start)
            && (cover.rotation_id.as_ref(), cover.custom_shift_id.as_ref(), cover.member.as_ref())
                == (rotation, shift, member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn each_kind_is_read_and_recognized() {
        let (start, end) = ("2026-12-24T08:00:00Z", "2026-12-24T18:00:00Z");
        let member = |id: &str| json!({"type": "user_member", "user_id": id});
        let times = json!({"id": "O1", "start_time": start, "end_time": end});
        let with = |more: Value| {
            let mut all = times.as_object().unwrap().clone();
            all.extend(more.as_object().unwrap().clone());
            Value::Object(all)
        };
        let layers = json!({"id": "O1", "start": "2026-12-24T09:00:00+01:00", "end": end,
            "user": {"id": "PA", "type": "user_reference", "summary": "Ada"}});
        let shifts =
            with(json!({"rotation_id": "R1", "overridden_member": member("PB"), "overriding_member": member("PA")}));
        let custom = with(
            json!({"custom_shift_id": "C1", "overridden_member": member("PB"), "overriding_member": member("PA")}),
        );
        let extra = with(json!({"assignments": [{"id": "A1", "type": "shift_assignment", "member": member("PA")}]}));
        let rotation = Place::Rotation { id: "R1".into(), member: "PB".into() };
        let of_shift = Place::CustomShift { id: "C1".into(), member: "PB".into() };
        let cases = [(layers, Place::Layers), (shifts, rotation), (custom, of_shift), (extra, Place::Extra)];
        for (body, place) in cases {
            let cover = Cover::from_json(&body);
            let new = NewCover { start: at(start), end: at(end), user: "PA".into(), place, from_now: false };
            assert!(new.is(&cover), "{body}");
            assert!(!NewCover { user: "PB".into(), ..new.clone() }.is(&cover), "{body}");
            let later = NewCover { start: at("2026-12-24T08:00:30Z"), ..new.clone() };
            assert!(!later.is(&cover) && NewCover { from_now: true, ..later }.is(&cover), "{body}");
            assert!(new.is(&Cover::from_json(&{
                let mut sent = new.body();
                sent["id"] = "O2".into();
                sent
            })));
        }
        assert_eq!(Cover::from_json(&json!({"start": "soon", "user": 7})).user, None);
    }
}
