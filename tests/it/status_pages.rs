//! Tests of `get_status_pages`.

use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{self, Account, err, rows, warnings};

const TOOL: &str = "get_status_pages";

fn refused() -> FaultKind {
    FaultKind::Status { code: 403, headers: [].into(), body: None }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_come_with_what_their_posts_can_say() {
    let scene = Scene::start().await;
    let all = scene.ok(TOOL, json!({})).await;
    assert_eq!(names(&all["status_pages"]), ["Acme Status", "Partner Status"], "{all}");
    let page = &all["status_pages"][0];
    assert_eq!((&page["status_page_type"], &page["url"]), (&json!("public"), &json!("https://status.acme.example")));
    assert_eq!(names(&page["statuses"]["incident"]), ["investigating", "identified", "monitoring", "resolved"]);
    assert_eq!(names(&page["severities"]["maintenance"]), ["all good", "maintenance"]);
    assert_eq!(names(&page["impacts"]["incident"]), ["operational", "degraded", "partial outage", "outage"]);
    assert!(names(&page["services"]).contains(&"Card Payments") && page["posts"].is_null(), "{page}");
    assert!(page["services"][0]["id"].is_string() && all["metadata"]["time_zone"].is_string(), "{all}");
    let incident = scene.ok(TOOL, json!({"post_type": "incident", "limit": 1})).await;
    assert_eq!(names(&incident["status_pages"]), ["Acme Status"], "{incident}");
    assert_eq!(incident["metadata"]["has_more"], true, "{incident}");
    assert!(incident["status_pages"][0]["statuses"]["maintenance"].is_null(), "{incident}");
    assert_eq!(scene.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn page_is_found_by_name_and_has_its_posts() {
    let scene = Scene::start().await;
    let answer = scene.ok(TOOL, json!({"status_page_id": "acme status"})).await;
    let posts = rows(&answer["status_pages"][0], "posts");
    assert_eq!(posts.len(), 3, "{answer}");
    let open = &posts[0];
    assert_eq!(open["title"], "Card payments fail for some customers", "the newest update comes first: {answer}");
    let line = open["line"].as_str().unwrap();
    let expected = "Incident “Card payments fail for some customers”: identified, major; Checkout degraded, Card Payments \
                    partial outage; updated ";
    assert!(line.starts_with(expected), "{line}");
    assert_eq!((&open["status"]["name"], &open["updates_count"]), (&json!("identified"), &json!(2)));
    assert_eq!(open["services"][0]["impact"]["name"], "degraded", "{open}");
    assert!(open["message"].as_str().unwrap().starts_with("<p>The cause is found"), "the text stays a value: {open}");
    assert!(open["next_update_at"].is_string() && open["reviewed_status"].is_null(), "{open}");
    let maintenance = scene.ok(TOOL, json!({"status_page_id": "PSPACM1", "post_type": "maintenance"})).await;
    let posts = rows(&maintenance["status_pages"][0], "posts");
    assert_eq!(posts.len(), 1, "{maintenance}");
    assert!(posts[0]["starts_at"].is_string() && posts[0]["line"].as_str().unwrap().starts_with("Maintenance “Data"));
    let pending = scene.ok(TOOL, json!({"status_page_id": "Partner Status", "reviewed_status": "not_reviewed"})).await;
    assert_eq!(pending["status_pages"][0]["posts"][0]["reviewed_status"], "not_reviewed", "{pending}");
}

#[tokio::test]
async fn post_comes_with_its_updates_and_postmortem() {
    let scene = Scene::start().await;
    let answer = scene.ok(TOOL, json!({"status_page_id": "Acme Status", "post_id": "PPSPAST"})).await;
    let post = &answer["status_pages"][0]["posts"][0];
    let updates = rows(post, "updates");
    let statuses: Vec<_> = updates.iter().map(|update| update["status"]["name"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["resolved", "identified", "investigating"], "{post}");
    assert!(post["postmortem"]["message"].as_str().unwrap().contains("shards"), "{post}");
    let open = scene.ok(TOOL, json!({"status_page_id": "Acme Status", "post_id": "PPSOPEN"})).await;
    assert!(open["status_pages"][0]["posts"][0]["postmortem"].is_null() && warnings(&open).is_empty(), "{open}");
    assert_eq!(scene.code(TOOL, json!({"post_id": "PPSPAST"})).await, Code::MissingParameter);
    assert_eq!(
        scene.code(TOOL, json!({"status_page_id": "Partner Status", "post_id": "PPSPAST"})).await,
        Code::NotFound
    );
    assert_eq!(scene.code(TOOL, json!({"status_page_id": "PNONE77"})).await, Code::NotFound);
}

#[tokio::test]
async fn part_of_a_page_that_fails_is_a_warning() {
    for (path, word) in [
        ("/status_pages/{id}/statuses", "statuses"),
        ("/status_pages/{id}/services", "services"),
        ("/status_pages/{id}/posts", "posts"),
        ("/status_pages/{id}/posts/{post_id}/post_updates", "updates"),
    ] {
        let scene = Scene::start().await;
        scene.account.sandbox.fail(Fault { times: 99, ..Fault::once(path, refused()) });
        let answer = scene.ok(TOOL, json!({"status_page_id": "Acme Status"})).await;
        let warned = warnings(&answer);
        assert!(warned.contains(word), "{path}: {warned}");
        assert_eq!(answer["status_pages"][0]["name"], "Acme Status", "{path}: {answer}");
    }
    let scene = Scene::start().await;
    scene.account.sandbox.fail(Fault { times: 99, ..Fault::once("/status_pages", refused()) });
    assert_eq!(scene.code(TOOL, json!({})).await, Code::PermissionDenied);
}

#[tokio::test]
async fn plan_without_status_pages_is_a_missing_ability() {
    let scene = Scene::start().await;
    let basic = all_tools(&scene.account, |config| {
        *config = support::config(tokens::BASIC_PLAN);
        config.host = Host::parse(scene.account.sandbox.url()).unwrap();
    });
    let error = err(&basic, TOOL, json!({})).await;
    assert_eq!(error.code(), Code::MissingAbility, "{error}");
    let error = err(&basic, TOOL, json!({"status_page_id": "PSPACM1"})).await;
    assert_eq!(error.code(), Code::MissingAbility, "{error}");
}

#[tokio::test]
async fn many_posts_are_read_from_both_ends() {
    let post = |number: u32| {
        let update = json!({"id": format!("PPX{number:04}"), "message": "x", "reviewed_status": "approved",
            "status": "PS2ST0A", "severity": "PS2SV0B", "impacted_services": [], "update_frequency_ms": null,
            "notify_subscribers": false, "reported_at": format!("now-{}h", 90 - number)});
        json!({"id": format!("PPP{number:04}"), "title": format!("Post {number}"), "post_type": "incident",
            "status_page": {"id": "PSPTNR2", "type": "status_page_reference"}, "updates": [update]})
    };
    let documents = json!({"status_page_posts": (0..60).map(post).collect::<Value>()});
    let account = Account::with(tokens::USER, Options { documents, ..Options::default() }, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    let scene = Scene { account, tools };
    let answer = scene.ok(TOOL, json!({"status_page_id": "Partner Status", "limit": 4})).await;
    let titles: Vec<_> =
        rows(&answer["status_pages"][0], "posts").iter().map(|post| post["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Settlement files are late", "Post 59", "Post 58", "Post 57"]);
    assert!(warnings(&answer).contains("61 posts, and 4 are here"), "{answer}");
}
