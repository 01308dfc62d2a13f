//! Tests of `post_status_page`.

use jiff::Timestamp;
use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Options, tokens};
use serde_json::{Value, json};

use crate::communicate::{lose, with};
use crate::overrides::{Scene, all_tools};
use crate::support::{Account, err, rows};
use crate::tool_operations::send;

const TOOL: &str = "post_status_page";
const PAGE: &str = "PSPACM1";

fn new() -> Value {
    json!({"status_page_id": "acme status", "title": "Checkout is slow", "message": "Orders take longer.\n\nWe <look> into it.",
        "status": "investigating", "severity": "minor", "services": ["checkout=degraded", "Mobile Apps=partial outage"],
        "notify": true, "next_update_minutes": 30})
}

/// Returns the posts of the public page.
async fn posts(scene: &Scene) -> Vec<Value> {
    let (_, answer) = send(&scene.account.sandbox, Method::Get, &format!("/status_pages/{PAGE}/posts?limit=100")).await;
    rows(&answer, "posts").clone()
}

async fn updates(scene: &Scene, post: &Value) -> Vec<Value> {
    let path = format!("/status_pages/{PAGE}/posts/{}/post_updates", post.as_str().unwrap());
    let (_, answer) = send(&scene.account.sandbox, Method::Get, &path).await;
    rows(&answer, "post_updates").clone()
}

#[tokio::test]
async fn new_post_is_shown_first_and_published_once() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let before = posts(&scene).await.len();
        let dry = scene.ok(TOOL, with(&new(), json!({"dry_run": true}))).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{dry}");
        let row = &dry["posts"][0];
        assert_eq!((&row["id"], &row["title"]), (&Value::Null, &json!("Checkout is slow")), "{dry}");
        assert_eq!(row["after"]["message"], "<p>Orders take longer.</p><p>We &lt;look&gt; into it.</p>", "{dry}");
        assert_eq!(
            (&row["after"]["status"]["name"], &row["after"]["severity"]["name"]),
            (&json!("investigating"), &json!("minor"))
        );
        assert_eq!(row["after"]["services"][1]["impact"]["name"], "partial outage", "{dry}");
        assert!(row["after"]["next_update_minutes"] == 30 && dry["time_zone"].is_string(), "{dry}");
        assert_eq!((&dry["publishes"][0]["name"], &dry["notifies_subscribers"]), (&json!("Acme Status"), &json!(true)));
        assert!(dry["undo"].as_str().unwrap().contains("another update") && dry["receipt"].is_null(), "{dry}");
        assert_eq!(scene.writes(), Vec::<String>::new(), "a dry run sends nothing");

        if is_lost {
            lose(&scene, "POST", "/status_pages/{id}/posts");
        }
        let made = scene.ok(TOOL, new()).await;
        assert_eq!((&made["outcome"], &made["sent"]), (&json!("applied"), &json!(true)), "{made}");
        assert_eq!(made["warnings"].to_string().contains("did not confirm"), is_lost, "{made}");
        assert_eq!(posts(&scene).await.len(), before + 1);
        let id = &made["posts"][0]["id"];
        let published = updates(&scene, id).await.remove(0);
        assert_eq!((&published["message"], &published["notify_subscribers"]), (&row["after"]["message"], &json!(true)));
        assert_eq!(published["update_frequency_ms"], 1_800_000, "{published}");
        assert_eq!(published["impacted_services"].as_array().unwrap().len(), 2, "{published}");

        let again = scene.ok(TOOL, new()).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        let other = all_tools(&scene.account, |_| {});
        let again = crate::support::ok(&other, TOOL, new()).await;
        assert_eq!(
            (&again["outcome"], &again["posts"][0]["id"]),
            (&json!("already_so"), id),
            "another process: {again}"
        );
        assert_eq!(scene.writes(), ["POST /status_pages/PSPACM1/posts"]);
    }
}

#[tokio::test]
async fn update_keeps_what_is_not_given() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let post = json!("PPSOPEN");
        let arguments = json!({"status_page_id": PAGE, "post_id": post, "message": "<p>Fewer payments fail.</p>"});
        let monitoring = with(&arguments, json!({"status": "Monitoring"}));
        let dry = scene.ok(TOOL, with(&monitoring, json!({"dry_run": true}))).await;
        let row = &dry["posts"][0];
        assert_eq!(
            (&row["before"]["status"]["name"], &row["after"]["status"]["name"]),
            (&json!("identified"), &json!("monitoring"))
        );
        assert_eq!(row["before"]["services"], row["after"]["services"], "{dry}");
        assert!(dry["warnings"].to_string().contains("severity and services stay as before"), "{dry}");
        assert_eq!((&dry["notifies_subscribers"], scene.writes().len()), (&json!(false), 0), "{dry}");
        if is_lost {
            lose(&scene, "POST", "/status_pages/{id}/posts/{post_id}/post_updates");
        }
        let made = scene.ok(TOOL, monitoring.clone()).await;
        assert_eq!((&made["outcome"], &made["receipt"]), (&json!("applied"), &Value::Null), "{made}");
        let all = updates(&scene, &post).await;
        assert_eq!((all.len(), &all[2]["severity"]["id"]), (3, &all[1]["severity"]["id"]), "{all:?}");
        assert_eq!(
            (&all[2]["impacted_services"], &all[2]["message"]),
            (&all[1]["impacted_services"], &arguments["message"])
        );
        let again = scene.ok(TOOL, monitoring).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        assert_eq!(updates(&scene, &post).await.len(), 3);
    }
}

#[tokio::test]
async fn maintenance_is_in_the_zone_of_the_user() {
    let scene = Scene::start().await;
    let arguments = json!({"status_page_id": PAGE, "title": "New database", "message": "Login pauses.",
        "status": "scheduled", "severity": "maintenance", "starts_at": "2027-01-10T02:00", "ends_at": "2027-01-10T04:00"});
    let made = scene.ok(TOOL, arguments.clone()).await;
    let after = &made["posts"][0]["after"];
    assert_eq!(
        (&after["starts_at"], &made["time_zone"]),
        (&json!("2027-01-10T02:00:00-05:00"), &json!("America/New_York"))
    );
    let id = &made["posts"][0]["id"];
    let published = posts(&scene).await.into_iter().find(|post| post["id"] == *id).unwrap();
    let at: Timestamp = published["starts_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, "2027-01-10T07:00:00Z".parse().unwrap());
    let again = scene.ok(TOOL, arguments.clone()).await;
    assert_eq!(again["outcome"], "already_so", "{again}");
    let later = with(&arguments, json!({"starts_at": "2027-02-10T02:00", "ends_at": "2027-02-10T04:00"}));
    assert_eq!(scene.ok(TOOL, later).await["outcome"], "applied", "the next month is another maintenance");
    let reversed = with(&arguments, json!({"ends_at": "2027-01-10T01:00"}));
    assert_eq!(scene.code(TOOL, reversed).await, Code::InvalidTimeRange);
}

#[tokio::test]
async fn postmortem_is_published_and_replaced() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let text =
            |text: &str| json!({"status_page_id": PAGE, "post_id": "PPSOPEN", "postmortem": true, "message": text});
        if is_lost {
            lose(&scene, "PUT", "/status_pages/{id}/posts/{post_id}/postmortem");
        }
        let made = scene.ok(TOOL, text("A release opened too many connections.")).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        let sent = scene.writes().len();
        let again = scene.ok(TOOL, text("A release opened too many connections.")).await;
        assert_eq!((&again["outcome"], scene.writes().len()), (&json!("already_so"), sent), "{again}");
        let other = scene.ok(TOOL, text("The pool of a release was too large.")).await;
        let row = &other["posts"][0];
        assert_eq!(row["before"]["postmortem"], "<p>A release opened too many connections.</p>", "{other}");
        let shown = scene.ok("get_status_pages", json!({"status_page_id": PAGE, "post_id": "PPSOPEN"})).await;
        let postmortem = &shown["status_pages"][0]["posts"][0]["postmortem"]["message"];
        assert_eq!(*postmortem, row["after"]["postmortem"], "{shown}");
    }
}

#[tokio::test]
async fn unclear_value_is_refused_with_those_of_the_page() {
    let double = json!({"status_pages": [{"id": "PSPDBL1", "name": "Acme Status", "url": "https://old.acme.example"}]});
    let account = Account::with(tokens::USER, Options { documents: double, ..Options::default() }, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    let scene = Scene { account, tools };
    let page = |more: Value| with(&with(&new(), json!({"status_page_id": PAGE})), more);
    for (more, code, candidate) in [
        (json!({"status": "done"}), Code::InvalidParameter, "monitoring"),
        (json!({"status": "scheduled"}), Code::InvalidParameter, "monitoring"),
        (json!({"status": null}), Code::MissingParameter, "resolved"),
        (json!({"severity": null}), Code::MissingParameter, "major"),
        (json!({"services": ["Checkout=slow"]}), Code::InvalidParameter, "partial outage"),
        (json!({"services": ["Chekout=degraded"]}), Code::InvalidParameter, "Card Payments"),
        (json!({"services": ["Checkout"]}), Code::InvalidParameter, ""),
        (json!({"status_page_id": "acme status"}), Code::AmbiguousName, "Acme Status"),
    ] {
        let error = err(&scene.tools, TOOL, page(more.clone())).await;
        assert_eq!(error.code(), code, "{more}: {error}");
        let offered = error.envelope()["error"]["candidates"].to_string();
        assert!(offered.contains(candidate), "{more}: {}", error.envelope());
        assert!(error.hint_text().is_some(), "{more}: {error}");
    }
    for (more, code) in [
        (json!({"title": null}), Code::MissingParameter),
        (json!({"title": "x".repeat(129)}), Code::InvalidParameter),
        (json!({"starts_at": "2027-01-10T02:00"}), Code::MissingParameter),
        (json!({"post_id": "PPSOPEN"}), Code::ConflictingParameters),
        (json!({"postmortem": true}), Code::MissingParameter),
        (json!({"post_id": "PPSOPEN", "title": null, "postmortem": true}), Code::ConflictingParameters),
        (json!({"post_id": "PPSNONE", "title": null}), Code::NotFound),
    ] {
        let error = err(&scene.tools, TOOL, page(more.clone())).await;
        assert_eq!(error.code(), code, "{more}: {error}");
    }
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn two_calls_at_once_publish_a_post_once() {
    let scene = Scene::start().await;
    let before = posts(&scene).await.len();
    let (one, other) = tokio::join!(scene.ok(TOOL, new()), scene.ok(TOOL, new()));
    let mut outcomes = [one["outcome"].as_str().unwrap(), other["outcome"].as_str().unwrap()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["already_so", "applied"], "{one} {other}");
    assert_eq!(posts(&scene).await.len(), before + 1);
}
