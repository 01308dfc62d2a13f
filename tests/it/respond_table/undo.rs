//! Changes that are taken back.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::communicate::impact;
use super::incidents::returns;
use super::parts::{alerts, notes};
use super::{Again, Call, Example, Stage, Undo};

/// Makes a change, and returns the call that takes it back.
fn of<'s>(stage: &'s Stage, tool: &'static str, name: &'static str) -> BoxFuture<'s, Call> {
    async move {
        let call = (Example::named(tool, name).call)(stage).await;
        let made = stage.ok(tool, call.arguments).await;
        Call { arguments: json!({"receipt": made["receipt"]}), ids: call.ids }
    }
    .boxed()
}

pub const EXAMPLES: &[Example] = &[
    Example {
        tool: "undo",
        name: "incident",
        call: |stage| of(stage, "update_incidents", "title and urgency"),
        sends: ("PUT", "/incidents/{id}"),
        looks: ("/incidents/{incident}", 1),
        again: Again::Accepted,
        exceptions: &[("NOT_FOUND 1+0", "NOT_FOUND 1+1")],
        state: |stage, call| stage.fields(call.id("incident")).boxed(),
        effects: |state| usize::from(state["title"] == "Checkout is slow"),
        undo: Undo::Receipt,
    },
    Example {
        tool: "undo",
        name: "snooze",
        call: |stage| of(stage, "snooze_incident", "longer"),
        sends: ("POST", "/incidents/{id}/snooze"),
        looks: ("/incidents/{incident}", 1),
        again: Again::Never,
        exceptions: &[],
        state: returns,
        effects: |state| usize::from(*state == 20),
        undo: Undo::Receipt,
    },
    Example {
        tool: "undo",
        name: "alert",
        call: |stage| of(stage, "update_alerts", "move"),
        sends: ("PUT", "/incidents/{id}/alerts"),
        looks: ("/incidents/{incident}/alerts/{alert}", 0),
        again: Again::Refused,
        exceptions: &[],
        state: alerts,
        effects: |state| usize::from(state[1].as_array().unwrap().len() == 1),
        undo: Undo::Receipt,
    },
    Example {
        tool: "undo",
        name: "note",
        call: |stage| of(stage, "edit_incident_note", "change"),
        sends: ("PUT", "/incidents/{id}/notes/{note_id}"),
        looks: ("/incidents/{incident}/notes", 1),
        again: Again::Accepted,
        exceptions: &[],
        state: notes,
        effects: |state| usize::from(state[0][1] == "on ti"),
        undo: Undo::Receipt,
    },
    Example {
        tool: "undo",
        name: "impact",
        call: |stage| of(stage, "set_business_impact", "impacted"),
        sends: ("PUT", "/incidents/{id}/business_services/{business_service_id}/impacts"),
        looks: ("/incidents/{incident}/business_services/impacts", 1),
        again: Again::Accepted,
        exceptions: &[],
        state: impact,
        effects: |state| usize::from(*state == false),
        undo: Undo::Receipt,
    },
];
