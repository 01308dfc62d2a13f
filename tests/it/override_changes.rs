//! Tests of `override_oncall` with `override_id`, which changes an existing override or custom shift.

use pagerduty_mcp_server::error::Code;
use serde_json::{Value, json};

use crate::overrides::{Scene, day};
use crate::support::{err, rows};

fn time(days: i64, hour: i64) -> String {
    format!("{}T{hour:02}:00:00Z", &day(days)[..10])
}

/// A schedule of shifts with an override of the first of the other users, from 10 to 12 o'clock.
struct Covered {
    scene: Scene,
    schedule: String,
    others: Vec<String>,
    id: Value,
}

impl Covered {
    async fn start() -> Self {
        let scene = Scene::start().await;
        let schedule = scene.schedule("shifts").await;
        let others = scene.others(&schedule).await;
        let mut covered = Self { scene, schedule, others, id: Value::Null };
        covered.id = covered.take(0, 10, 12, json!({})).await;
        covered
    }

    /// Makes an override of a user, and returns its ID.
    async fn take(&self, user: usize, from: i64, until: i64, more: Value) -> Value {
        let mut arguments = json!({"schedule_id": self.schedule, "start": time(2, from), "end": time(2, until),
            "user_id": self.others[user]});
        arguments.as_object_mut().unwrap().extend(crate::support::object(more));
        let made = self.scene.ok("override_oncall", arguments).await;
        assert_eq!((&made["outcome"], rows(&made, "overrides").len()), (&json!("applied"), 1), "{made}");
        made["overrides"][0]["id"].clone()
    }

    fn change(&self, id: &Value, more: Value) -> Value {
        let mut arguments = json!({"schedule_id": self.schedule, "override_id": id});
        arguments.as_object_mut().unwrap().extend(crate::support::object(more));
        arguments
    }

    /// Makes a change, or shows it only.
    async fn changed(&self, id: &Value, more: &Value, dry_run: bool) -> Value {
        let mut arguments = self.change(id, more.clone());
        arguments["dry_run"] = dry_run.into();
        self.scene.ok("override_oncall", arguments).await
    }
}

/// Returns the turns with their times, users and sources.
fn turns(answer: &Value) -> Vec<[Value; 4]> {
    let turns = rows(answer, "after").iter();
    turns.map(|turn| ["start", "end", "user", "source"].map(|field| turn[field].clone())).collect()
}

#[tokio::test]
async fn dry_run_shows_what_the_change_leads_to() {
    let covered = Covered::start().await;
    for (more, whose) in [
        (json!({"end": time(2, 14)}), 0),
        (json!({"start": time(2, 11), "end": time(2, 13)}), 0),
        (json!({"start": time(2, 12), "end": time(2, 15), "user_id": covered.others[1]}), 1),
        (json!({"end": time(2, 13)}), 1),
    ] {
        let dry = covered.changed(&covered.id, &more, true).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{dry}");
        assert_eq!(dry["user"]["id"], json!(covered.others[whose]), "{dry}");
        let made = covered.changed(&covered.id, &more, false).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        assert_eq!((turns(&dry), &dry["before"]), (turns(&made), &made["before"]), "{dry}\n{made}");
        let again = covered.changed(&covered.id, &more, false).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
    }
    assert_eq!(covered.scene.writes().len(), 5);
}

#[tokio::test]
async fn change_into_other_override_is_a_conflict() {
    let covered = Covered::start().await;
    let other = covered.take(1, 13, 14, json!({})).await;
    for dry_run in [true, false] {
        let refused = covered.changed(&covered.id, &json!({"end": time(2, 14)}), dry_run).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
        assert_eq!(refused["conflicts"][0]["override_id"], other, "{refused}");
        assert_eq!(refused["conflicts"][0]["user"]["id"], json!(covered.others[1]), "{refused}");
        assert!(refused["problem"].as_str().unwrap().contains("before you cancel it"), "{refused}");
        assert!(refused.get("overrides").is_none() && refused.get("after").is_none(), "{refused}");
    }
    assert_eq!(covered.scene.writes().len(), 2);
    assert_eq!(covered.changed(&covered.id, &json!({"end": time(2, 13)}), false).await["outcome"], "applied");
}

#[tokio::test]
async fn change_of_taken_over_shift_is_a_conflict() {
    let covered = Covered::start().await;
    let shift = covered.take(1, 14, 18, json!({"extra": true})).await;
    let over = covered.take(2, 16, 18, json!({"replaces_id": covered.others[1]})).await;
    for more in [json!({"user_id": covered.others[3]}), json!({"end": time(2, 17)})] {
        let refused = covered.changed(&shift, &more, false).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
        assert_eq!(refused["conflicts"][0]["override_id"], over, "{refused}");
    }
    let longer = json!({"end": time(2, 20)});
    let dry = covered.changed(&shift, &longer, true).await;
    let made = covered.changed(&shift, &longer, false).await;
    assert_eq!((&made["outcome"], turns(&dry)), (&json!("applied"), turns(&made)), "{dry}\n{made}");
}

#[tokio::test]
async fn user_of_change_is_checked() {
    let covered = Covered::start().await;
    let range = json!({"since": time(2, 10), "until": time(2, 12), "limit": 1000});
    let duties = covered.scene.ok("get_oncalls", range).await;
    let elsewhere = rows(&duties, "oncalls").iter().filter(|duty| duty["schedule"]["id"] != json!(covered.schedule));
    let busy = elsewhere.filter(|duty| duty["schedule"].is_object()).map(|duty| &duty["user"]["id"]);
    let own = covered.changed(&covered.id, &json!({"end": time(2, 14)}), true).await["before"].to_string();
    let busy = busy.into_iter().find(|id| !own.contains(id.as_str().unwrap())).unwrap();
    let dry = covered.changed(&covered.id, &json!({"user_id": busy}), true).await;
    assert!(!rows(&dry, "clashes").is_empty(), "{dry}");
    assert!(dry["warnings"].to_string().contains("is also on call for"), "{dry}");

    let deleted = covered.change(&covered.id, json!({"user_id": "PH1T5UD"}));
    let error = err(&covered.scene.tools, "override_oncall", deleted).await;
    assert_eq!(error.code(), Code::InvalidParameter, "{error}");
    assert!(error.message().contains("was deleted"), "{error}");
    assert_eq!(covered.scene.writes().len(), 1);
}
