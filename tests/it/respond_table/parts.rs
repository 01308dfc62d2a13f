//! Changes of alerts and notes of incidents.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Again, Call, Example, Stage, Undo};

/// Returns a call for an alert of a new incident.
fn alert(stage: &Stage, with_target: bool) -> BoxFuture<'_, Call> {
    async move {
        let [incident, target] = ["one", "other"].map(|title| stage.raise(title));
        let alerts = stage.ok("get_alerts", json!({"incident_id": incident})).await;
        let alert = alerts["alerts"][0]["id"].clone();
        let mut arguments = json!({"incident_id": incident, "alert_ids": [alert]});
        if with_target {
            arguments["move_to_id"] = target.clone().into();
        } else {
            arguments["status"] = "resolved".into();
        }
        Call { arguments, ids: json!({"incident": incident, "alert": alert, "target": target}) }
    }
    .boxed()
}

/// Returns the alerts of both incidents of a call.
pub fn alerts<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let mut all = Vec::new();
        for name in ["incident", "target"] {
            let answer = stage.get(&format!("/incidents/{}/alerts", call.id(name))).await;
            let alerts = answer["alerts"].as_array().unwrap().iter();
            all.push(alerts.map(|alert| json!([alert["id"], alert["status"], alert["alert_key"]])).collect::<Value>());
        }
        all.into()
    }
    .boxed()
}

/// Returns a call for a note on a new incident.
fn note(stage: &Stage, change: Value) -> BoxFuture<'_, Call> {
    async move {
        let incident = stage.raise("Checkout is slow");
        let made = stage.ok("add_incident_note", json!({"incident_id": incident, "content": "on ti"})).await;
        let note = made["notes"][0]["id"].clone();
        let mut arguments = json!({"incident_id": incident, "note_id": note});
        arguments.as_object_mut().unwrap().extend(crate::support::object(change));
        Call { arguments, ids: json!({"incident": incident, "note": note}) }
    }
    .boxed()
}

/// Returns the ID and the text of each note of the incident of a call.
pub fn notes<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let answer = stage.get(&format!("/incidents/{}/notes", call.id("incident"))).await;
        let notes = answer["notes"].as_array().unwrap().iter();
        notes.map(|note| json!([note["id"], note["content"]])).collect()
    }
    .boxed()
}

fn has_note(state: &Value, text: &str) -> bool {
    state.as_array().unwrap().iter().any(|note| note[1] == text)
}

pub const EXAMPLES: &[Example] = &[
    Example {
        tool: "update_alerts",
        name: "resolve",
        call: |stage| alert(stage, false),
        sends: ("PUT", "/incidents/{id}/alerts"),
        looks: ("/incidents/{incident}/alerts/{alert}", 1),
        again: Again::Accepted,
        // An alert is read once more after a refusal.
        exceptions: &[("NOT_FOUND 1+0", "NOT_FOUND 1+1")],
        state: alerts,
        effects: |state| usize::from(state[0][0][1] == "resolved"),
        undo: Undo::Receipt,
    },
    Example {
        tool: "update_alerts",
        name: "move",
        call: |stage| alert(stage, true),
        sends: ("PUT", "/incidents/{id}/alerts"),
        looks: ("/incidents/{target}/alerts/{alert}", 0),
        again: Again::Refused,
        exceptions: &[],
        state: alerts,
        effects: |state| usize::from(state[1].as_array().unwrap().len() == 2),
        undo: Undo::Receipt,
    },
    Example {
        tool: "edit_incident_note",
        name: "change",
        call: |stage| note(stage, json!({"content": "on it"})),
        sends: ("PUT", "/incidents/{id}/notes/{note_id}"),
        looks: ("/incidents/{incident}/notes", 1),
        again: Again::Accepted,
        exceptions: &[],
        state: notes,
        effects: |state| usize::from(has_note(state, "on it")),
        undo: Undo::Receipt,
    },
    Example {
        tool: "edit_incident_note",
        name: "delete",
        call: |stage| note(stage, json!({"delete": true})),
        sends: ("DELETE", "/incidents/{id}/notes/{note_id}"),
        looks: ("/incidents/{incident}/notes", 1),
        again: Again::Refused,
        // The response has no body that could be late or cut off.
        exceptions: &[
            ("204", "ok 1+0"),
            ("slow body", "ok 1+0"),
            ("reset within the body", "ok 1+0"),
            ("NOT_FOUND 1+0", "NOT_FOUND 1+1"),
        ],
        state: notes,
        effects: |state| usize::from(!has_note(state, "on ti")),
        undo: Undo::Never("PagerDuty does not restore a deleted note"),
    },
];
