//! The kinds of calls that do not wait for each other.

use serde_json::{Map, Value};

use super::Tool;
use crate::params::Form;

/// A kind of call. Calls of one kind never wait behind those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A call that changes something.
    Change,
    /// A read of one object by its ID.
    Single,
    /// Any other read, such as a list.
    List,
    /// A call that waits for an event, and mostly sleeps.
    Wait,
}

impl Lane {
    /// All lanes, those that matter most first.
    pub const ALL: [Self; 4] = [Self::Change, Self::Single, Self::List, Self::Wait];

    /// Returns the lane of a call.
    #[must_use]
    pub fn of(tool: &Tool, arguments: Option<&Map<String, Value>>) -> Self {
        let given =
            |name: &str, form: Form| arguments.and_then(|all| all.get(name)).is_some_and(|id| !form.is_blank(id));
        if !tool.is_read_only() {
            Self::Change
        } else if tool.waits.is_some() {
            Self::Wait
        } else if tool.params.iter().any(|param| matches!(param.form, Form::Id(_)) && given(param.name, param.form)) {
            Self::Single
        } else {
            Self::List
        }
    }
}

/// A value for each lane.
#[derive(Clone, Debug, Default)]
pub struct ByLane<T> {
    change: T,
    single: T,
    list: T,
    wait: T,
}

impl<T> ByLane<T> {
    /// Returns the value of a lane.
    pub fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Change => &self.change,
            Lane::Single => &self.single,
            Lane::List => &self.list,
            Lane::Wait => &self.wait,
        }
    }

    /// Returns the value of a lane, to change it.
    pub fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Change => &mut self.change,
            Lane::Single => &mut self.single,
            Lane::List => &mut self.list,
            Lane::Wait => &mut self.wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lane_depends_on_the_tool_and_its_id() {
        let lane = |name: &str, arguments: Value| {
            let tool = super::super::all().find(|tool| tool.name == name).unwrap();
            Lane::of(tool, arguments.as_object())
        };
        assert_eq!(lane("get_incidents", json!({})), Lane::List);
        assert_eq!(lane("get_incidents", json!({"incident_id": "", "team_ids": ["PT1"]})), Lane::List);
        assert_eq!(lane("get_incidents", json!({"incident_id": "Q1"})), Lane::Single);
        assert_eq!(lane("resolve_incident", json!({"incident_id": "Q1"})), Lane::Change);
        assert_eq!(lane("get_teams", Value::Null), Lane::List);
        assert_eq!(lane("wait_for", json!({"incident_id": "Q1"})), Lane::Wait);
    }
}
