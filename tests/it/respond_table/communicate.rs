//! Messages about incidents, publications on status pages, and the impact on business services.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Again, Call, Example, Stage, Undo};

/// The public status page.
const PAGE: &str = "PSPACM1";

/// A business service above no service of a new incident.
const BUSINESS_SERVICE: &str = "PBSDN58";

/// Returns a call for a new incident.
fn of_incident(stage: &Stage, more: Value) -> BoxFuture<'_, Call> {
    async move {
        let incident = stage.raise("Checkout is slow");
        let mut arguments = json!({"incident_id": incident});
        arguments.as_object_mut().unwrap().extend(crate::support::object(more));
        Call { arguments, ids: json!({"incident": incident}) }
    }
    .boxed()
}

/// Returns whether the incident of a call impacts the business service.
pub fn impact<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let path = format!("/incidents/{}/business_services/impacts", call.id("incident"));
        let answer = stage.get(&path).await;
        let mut services = answer["services"].as_array().unwrap().iter();
        services.any(|service| service["id"] == BUSINESS_SERVICE).into()
    }
    .boxed()
}

/// Returns the messages of the status updates of the incident of a call.
fn messages<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let answer = stage.get(&format!("/incidents/{}/log_entries?limit=100", call.id("incident"))).await;
        let entries = answer["log_entries"].as_array().unwrap().iter();
        let updates = entries.filter(|entry| entry["type"] == "status_update_log_entry");
        updates.map(|entry| entry["message"].clone()).collect()
    }
    .boxed()
}

/// Returns a title that no other post has.
fn title(stage: &Stage) -> String {
    format!("Checkout is slow {}", stage.raise("Checkout is slow"))
}

/// Returns the arguments of a new post.
fn post(title: &str) -> Value {
    json!({"status_page_id": PAGE, "title": title, "message": "We investigate.", "status": "investigating",
        "severity": "minor", "services": ["Checkout=degraded"]})
}

/// Returns a call for a new post, with what it says.
fn of_post(stage: &Stage, more: Value) -> BoxFuture<'_, Call> {
    async move {
        let made = stage.ok("post_status_page", post(&title(stage))).await;
        let id = made["posts"][0]["id"].clone();
        let mut arguments = json!({"status_page_id": PAGE, "post_id": id});
        arguments.as_object_mut().unwrap().extend(crate::support::object(more));
        Call { arguments, ids: json!({"page": PAGE, "post": id}) }
    }
    .boxed()
}

/// Returns the titles of the posts of a call.
fn titles<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let answer = stage.get(&format!("/status_pages/{PAGE}/posts?limit=100")).await;
        let posts = answer["posts"].as_array().unwrap().iter();
        posts.map(|post| post["title"].clone()).filter(|title| *title == call.arguments["title"]).collect()
    }
    .boxed()
}

/// Returns the texts of the updates of the post of a call.
fn updates<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let answer = stage.get(&format!("/status_pages/{PAGE}/posts/{}/post_updates", call.id("post"))).await;
        let updates = answer["post_updates"].as_array().unwrap().iter();
        updates.map(|update| update["message"].clone()).filter(|message| message == "<p>We roll back.</p>").collect()
    }
    .boxed()
}

/// Returns the reference to the postmortem of the post of a call.
fn postmortem<'s>(stage: &'s Stage, call: &'s Call) -> BoxFuture<'s, Value> {
    async {
        let answer = stage.get(&format!("/status_pages/{PAGE}/posts/{}", call.id("post"))).await;
        answer["post"]["postmortem"].clone()
    }
    .boxed()
}

fn count(state: &Value) -> usize {
    state.as_array().unwrap().len()
}

pub const EXAMPLES: &[Example] = &[
    Example {
        tool: "set_business_impact",
        name: "impacted",
        call: |stage| of_incident(stage, json!({"business_service_id": BUSINESS_SERVICE, "impacted": true})),
        sends: ("PUT", "/incidents/{id}/business_services/{business_service_id}/impacts"),
        looks: ("/incidents/{incident}/business_services/impacts", 1),
        again: Again::Accepted,
        exceptions: &[],
        state: impact,
        effects: |state| usize::from(*state == true),
        undo: Undo::Receipt,
    },
    Example {
        tool: "send_status_update",
        name: "message",
        call: |stage| of_incident(stage, json!({"message": "We roll back."})),
        sends: ("POST", "/incidents/{id}/status_updates"),
        looks: ("/incidents/{incident}/log_entries", 1),
        again: Again::Never,
        exceptions: &[],
        state: messages,
        effects: count,
        undo: Undo::Never("messages that were sent stay sent"),
    },
    Example {
        tool: "post_status_page",
        name: "post",
        call: |stage| async { Call { arguments: post(&title(stage)), ids: json!({"page": PAGE}) } }.boxed(),
        sends: ("POST", "/status_pages/{id}/posts"),
        looks: ("/status_pages/{page}/posts", 1),
        again: Again::Never,
        exceptions: &[],
        state: titles,
        effects: count,
        undo: Undo::Never("outsiders have read it"),
    },
    Example {
        tool: "post_status_page",
        name: "update",
        call: |stage| of_post(stage, json!({"message": "We roll back.", "status": "identified"})),
        sends: ("POST", "/status_pages/{id}/posts/{post_id}/post_updates"),
        looks: ("/status_pages/{page}/posts/{post}/post_updates", 1),
        again: Again::Never,
        exceptions: &[],
        state: updates,
        effects: count,
        undo: Undo::Never("outsiders have read it"),
    },
    Example {
        tool: "post_status_page",
        name: "postmortem",
        call: |stage| of_post(stage, json!({"message": "A release.", "postmortem": true})),
        sends: ("PUT", "/status_pages/{id}/posts/{post_id}/postmortem"),
        looks: ("/status_pages/{page}/posts/{post}/postmortem", 1),
        again: Again::Accepted,
        exceptions: &[],
        state: postmortem,
        effects: |state| usize::from(state.is_object()),
        undo: Undo::Never("outsiders have read it"),
    },
];
