//! New incidents, requests to join, runs of automations, and maintenance windows.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use pagerduty_mcp_server::sandbox::Trigger;
use serde_json::{Value, json};

use super::{Again, Call, Example, Stage, Undo};

/// A service without maintenance windows, with an automation action.
const SERVICE: &str = "P0319H3";

/// A short script of the service.
const ACTION: &str = "01K4CYE9PTXJ8YPEHRGVBY0HPF";

/// A user of the account.
const USER: &str = "PO9ZE6D";

/// Returns a text that no other call uses.
fn text() -> String {
    format!("Change {:016x}", fastrand::u64(..))
}

fn in_minutes(minutes: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_mins(minutes);
    Timestamp::from_second(at.as_second()).unwrap().to_string()
}

/// Returns the number of open incidents with the title of a call.
fn open_incidents<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let path = format!("/incidents?service_ids[]={SERVICE}&statuses[]=triggered&sort_by=created_at:desc&limit=100");
        let answer = stage.get(&path).await;
        let incidents = answer["incidents"].as_array().unwrap().iter();
        incidents.filter(|incident| incident["title"] == call.arguments["title"]).count().into()
    }
    .boxed()
}

/// Returns the users whose request to join the incident of a call is pending.
fn pending<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let answer = stage.get(&format!("/incidents/{}", call.id("incident"))).await;
        let responders = answer["incident"]["incidents_responders"].as_array().unwrap().iter();
        responders.filter(|one| one["state"] == "pending").map(|one| one["user"]["id"].clone()).collect()
    }
    .boxed()
}

/// Returns the number of runs on the incident of a call.
fn runs<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let path = format!("/automation_actions/invocations?incident_id={}", call.id("incident"));
        stage.get(&path).await["invocations"].as_array().unwrap().len().into()
    }
    .boxed()
}

/// Returns the open windows with the description of a call.
fn windows<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let path = format!("/maintenance_windows?service_ids[]={SERVICE}&filter=open&limit=100");
        let answer = stage.get(&path).await;
        let windows = answer["maintenance_windows"].as_array().unwrap().iter();
        let of_call = windows.filter(|window| window["description"] == call.id("description"));
        of_call.map(|window| json!([window["id"], window["start_time"], window["end_time"]])).collect()
    }
    .boxed()
}

/// Returns a call for a window that has not begun.
fn window(stage: &Stage, more: Value) -> BoxFuture<'_, Call> {
    async move {
        let description = text();
        let new = json!({"service_ids": [SERVICE], "start": in_minutes(60), "until": in_minutes(120),
            "description": description});
        let made = stage.ok("set_maintenance", new).await;
        let id = made["windows"][0]["id"].clone();
        let mut arguments = json!({ "window_id": id });
        arguments.as_object_mut().unwrap().extend(crate::support::object(more));
        Call { arguments, ids: json!({"window": id, "description": description}) }
    }
    .boxed()
}

fn count(state: &Value) -> usize {
    state.as_array().unwrap().len()
}

/// Returns a number in a state.
fn number(state: &Value) -> usize {
    usize::try_from(state.as_u64().unwrap()).unwrap()
}

pub const EXAMPLES: &[Example] = &[
    Example {
        tool: "create_incident",
        name: "create",
        call: |_| async { Call { arguments: json!({"title": text(), "service_id": SERVICE}), ids: json!({}) } }.boxed(),
        sends: ("POST", "/incidents"),
        looks: ("/incidents", 1),
        again: Again::Never,
        exceptions: &[],
        state: open_incidents,
        effects: number,
        undo: Undo::Receipt,
    },
    Example {
        tool: "request_responders",
        name: "request",
        call: |stage| {
            async {
                let incident = stage.raise("Checkout is slow");
                let arguments = json!({"incident_id": incident, "user_ids": [USER], "message": "look at the queue"});
                Call { arguments, ids: json!({ "incident": incident }) }
            }
            .boxed()
        },
        sends: ("POST", "/incidents/{id}/responder_requests"),
        looks: ("/incidents/{incident}", 1),
        again: Again::Never,
        // The responders are read after a response, which does not show all of them.
        exceptions: &[("ok 2+0", "ok 2+1")],
        state: pending,
        effects: count,
        undo: Undo::Receipt,
    },
    Example {
        tool: "request_responders",
        name: "withdraw",
        call: |stage| {
            async {
                let incident = stage.raise("Checkout is slow");
                let mut arguments = json!({"incident_id": incident, "user_ids": [USER]});
                stage.ok("request_responders", arguments.clone()).await;
                arguments["cancel"] = true.into();
                Call { arguments, ids: json!({ "incident": incident }) }
            }
            .boxed()
        },
        sends: ("PUT", "/incidents/{id}/responder_requests/cancel"),
        looks: ("/incidents/{incident}", 1),
        again: Again::Accepted,
        // The responders are read after a response, since a user may have joined at the same time.
        exceptions: &[("ok 2+0", "ok 2+1")],
        state: pending,
        effects: |state| usize::from(count(state) == 0),
        undo: Undo::Never("they are requested again, which pages them"),
    },
    Example {
        tool: "run_automation",
        name: "script",
        call: |stage| {
            async {
                let trigger =
                    Trigger { service: Some(SERVICE.to_owned()), title: text(), high_urgency: true, details: None };
                let incident = stage.account.sandbox.trigger(trigger).unwrap()["id"].clone();
                let arguments = json!({"incident_id": incident, "action_id": ACTION});
                Call { arguments, ids: json!({ "incident": incident }) }
            }
            .boxed()
        },
        sends: ("POST", "/automation_actions/actions/{id}/invocations"),
        looks: ("/automation_actions/invocations", 1),
        again: Again::Never,
        exceptions: &[],
        state: runs,
        effects: number,
        undo: Undo::Never("a run cannot be taken back"),
    },
    Example {
        tool: "set_maintenance",
        name: "open",
        call: |_| {
            async {
                let description = text();
                let arguments = json!({"service_ids": [SERVICE], "until": in_minutes(60), "description": description});
                Call { arguments, ids: json!({ "description": description }) }
            }
            .boxed()
        },
        sends: ("POST", "/maintenance_windows"),
        looks: ("/maintenance_windows", 1),
        again: Again::Never,
        exceptions: &[],
        state: windows,
        effects: count,
        undo: Undo::Receipt,
    },
    Example {
        tool: "set_maintenance",
        name: "change",
        call: |stage| window(stage, json!({"until": in_minutes(180)})),
        sends: ("PUT", "/maintenance_windows/{id}"),
        looks: ("/maintenance_windows/{window}", 1),
        again: Again::Accepted,
        exceptions: &[],
        state: windows,
        effects: |state| usize::from(state[0][2].as_str().unwrap() > in_minutes(150).as_str()),
        undo: Undo::Receipt,
    },
    Example {
        tool: "set_maintenance",
        name: "remove",
        call: |stage| window(stage, json!({"end_now": true})),
        sends: ("DELETE", "/maintenance_windows/{id}"),
        looks: ("/maintenance_windows/{window}", 1),
        again: Again::Refused,
        // The response has no body that could be late or cut off.
        exceptions: &[("204", "ok 1+0"), ("slow body", "ok 1+0"), ("reset within the body", "ok 1+0")],
        state: windows,
        effects: |state| usize::from(count(state) == 0),
        undo: Undo::Never("a new window is opened instead"),
    },
];
