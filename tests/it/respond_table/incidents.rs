//! Changes of incidents.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Again, Call, Example, Stage, Undo};

const UPDATE: (&str, &str) = ("PUT", "/incidents/{id}");

const LOOKS: (&str, usize) = ("/incidents/{incident}", 1);

/// The state is read once more after a refusal.
const CHECKED: &[(&str, &str)] = &[("NOT_FOUND 1+0", "NOT_FOUND 1+1")];

/// Returns a call for a new incident, with these arguments besides its ID.
fn on(stage: &Stage, more: Value) -> Call {
    let incident = stage.raise("Checkout is slow");
    let mut arguments = json!({"incident_ids": [incident]});
    arguments.as_object_mut().unwrap().extend(crate::support::object(more));
    Call { arguments, ids: json!({ "incident": incident }) }
}

fn fields<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    stage.fields(call.id("incident")).boxed()
}

/// Returns a call that snoozes a new incident for five hours, after a snooze of some hours.
fn snooze(stage: &Stage, before: Option<i64>) -> BoxFuture<'_, Call> {
    async move {
        let incident = stage.raise("Checkout is slow");
        stage.ok("acknowledge_incident", json!({"incident_id": incident})).await;
        let until = |hours| {
            let until = Timestamp::now() + SignedDuration::from_hours(hours);
            json!({"incident_id": incident, "until": until})
        };
        if let Some(hours) = before {
            stage.ok("snooze_incident", until(hours)).await;
        }
        Call { arguments: until(5), ids: json!({ "incident": incident }) }
    }
    .boxed()
}

/// Returns the tenths of hours until an incident is triggered again, rounded.
pub fn returns<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let incident = stage.get(&format!("/incidents/{}", call.id("incident"))).await["incident"].take();
        let actions = incident["pending_actions"].as_array().into_iter().flatten();
        let mut returns = actions.filter(|action| action["type"] == "unacknowledge");
        let at = returns.next().map(|action| action["at"].as_str().unwrap().parse::<Timestamp>().unwrap());
        at.map(|at| (at.duration_since(Timestamp::now()).as_secs() + 180) / 360).into()
    }
    .boxed()
}

pub const EXAMPLES: &[Example] = &[
    Example {
        tool: "update_incidents",
        name: "resolve",
        call: |stage| async { on(stage, json!({"status": "resolved"})) }.boxed(),
        sends: UPDATE,
        looks: LOOKS,
        again: Again::Refused,
        exceptions: CHECKED,
        state: fields,
        effects: |state| usize::from(state["status"] == "resolved"),
        undo: Undo::Receipt,
    },
    Example {
        tool: "update_incidents",
        name: "title and urgency",
        call: |stage| async { on(stage, json!({"title": "Slow checkout", "urgency": "low"})) }.boxed(),
        sends: UPDATE,
        looks: LOOKS,
        again: Again::Accepted,
        exceptions: CHECKED,
        state: fields,
        effects: |state| usize::from(state["title"] == "Slow checkout" && state["urgency"] == "low"),
        undo: Undo::Receipt,
    },
    Example {
        tool: "update_incidents",
        name: "custom fields",
        call: |stage| async { on(stage, json!({"fields": ["environment=staging"]})) }.boxed(),
        sends: ("PUT", "/incidents/{id}/custom_fields/values"),
        looks: LOOKS,
        again: Again::Accepted,
        exceptions: &[],
        state: fields,
        effects: |state| usize::from(state["custom_fields"].to_string().contains("staging")),
        undo: Undo::Receipt,
    },
    Example {
        tool: "update_incidents",
        name: "several",
        call: |stage| {
            async {
                let ids = ["one", "other"].map(|title| stage.raise(title));
                let arguments = json!({"incident_ids": ids, "status": "acknowledged"});
                Call { arguments, ids: json!({"incident": ids[0], "other": ids[1]}) }
            }
            .boxed()
        },
        sends: ("PUT", "/incidents"),
        looks: LOOKS,
        again: Again::Accepted,
        // Each is sent alone after a refusal, and read alone after an unknown outcome.
        exceptions: &[
            ("404", "ok 3+0"),
            ("OUTCOME_UNKNOWN 1+3", "OUTCOME_UNKNOWN 1+4"),
            ("OUTCOME_UNKNOWN 3+3", "OUTCOME_UNKNOWN 3+4"),
        ],
        state: |stage, call| {
            async { json!([stage.fields(call.id("incident")).await, stage.fields(call.id("other")).await]) }.boxed()
        },
        effects: |state| usize::from((0..2).all(|place| state[place]["status"] == "acknowledged")),
        undo: Undo::Receipt,
    },
    Example {
        tool: "snooze_incident",
        name: "snooze",
        call: |stage| snooze(stage, None),
        sends: ("POST", "/incidents/{id}/snooze"),
        looks: LOOKS,
        again: Again::Never,
        exceptions: &[],
        state: returns,
        effects: |state| usize::from(*state == 50),
        // The time until which the service keeps an acknowledgement is set back.
        undo: Undo::Receipt,
    },
    Example {
        tool: "snooze_incident",
        name: "longer",
        call: |stage| snooze(stage, Some(2)),
        sends: ("POST", "/incidents/{id}/snooze"),
        looks: LOOKS,
        again: Again::Never,
        exceptions: &[],
        state: returns,
        effects: |state| usize::from(*state == 50),
        undo: Undo::Receipt,
    },
    Example {
        tool: "merge_incidents",
        name: "merge",
        call: |stage| {
            async {
                let [incident, source] = ["one", "other"].map(|title| stage.raise(title));
                let arguments = json!({"incident_id": incident, "source_ids": [source]});
                Call { arguments, ids: json!({"incident": incident, "source": source}) }
            }
            .boxed()
        },
        sends: ("PUT", "/incidents/{id}/merge"),
        looks: ("/incidents/{source}", 1),
        again: Again::Refused,
        exceptions: &[],
        state: |stage, call| {
            async {
                let source = stage.fields(call.id("source")).await;
                let is_merged = source["resolve_reason"]["incident"]["id"] == call.id("incident");
                json!({"source": source, "is_merged": is_merged})
            }
            .boxed()
        },
        effects: |state| usize::from(state["is_merged"] == true),
        undo: Undo::Never("PagerDuty cannot separate merged incidents"),
    },
];
