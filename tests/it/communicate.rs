//! Tests of the toolset `communicate`.

use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use pagerduty_mcp_server::tools::Filter;
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{Account, object, ok, rows};
use crate::tool_operations::send;

pub fn with(arguments: &Value, more: Value) -> Value {
    let mut arguments = arguments.clone();
    arguments.as_object_mut().unwrap().extend(object(more));
    arguments
}

/// Loses the response to the next request with this method and path, which takes effect.
pub fn lose(scene: &Scene, method: &str, path: &str) {
    let lost = Fault { method: Some(method.to_owned()), ..Fault::once(path, FaultKind::LostResponse) };
    scene.account.sandbox.fail(lost);
}

/// Returns the IDs of the business services that an incident impacts.
async fn impacts(scene: &Scene, incident: &Value) -> Vec<Value> {
    let path = format!("/incidents/{}/business_services/impacts", incident.as_str().unwrap());
    let (_, answer) = send(&scene.account.sandbox, Method::Get, &path).await;
    rows(&answer, "services").iter().map(|service| service["id"].clone()).collect()
}

/// Returns a business service as PagerDuty lists it, with whether an incident impacts it.
async fn business_service(scene: &Scene, incident: &Value, impacted: bool) -> Value {
    let (_, all) = send(&scene.account.sandbox, Method::Get, "/business_services").await;
    let impacts = impacts(scene, incident).await;
    let found = rows(&all, "business_services").iter().find(|one| impacts.contains(&one["id"]) == impacted);
    found.unwrap_or_else(|| panic!("{impacts:?}")).clone()
}

/// Returns an open incident of high urgency, which impacts a business service.
async fn incident(scene: &Scene) -> Value {
    for id in scene.incidents("triggered", 6).await {
        if !impacts(scene, &id).await.is_empty() {
            return id;
        }
    }
    panic!("no incident impacts a business service")
}

#[tokio::test]
async fn impact_is_stated_shown_and_undone() {
    for (is_lost, wanted) in [(false, true), (false, false), (true, true), (true, false)] {
        let scene = Scene::start().await;
        let id = incident(&scene).await;
        let service = business_service(&scene, &id, !wanted).await;
        let before = impacts(&scene, &id).await;
        let arguments = json!({"incident_id": id, "business_service_id": service["name"], "impacted": wanted});

        let dry = scene.ok("set_business_impact", with(&arguments, json!({"dry_run": true}))).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{dry}");
        assert!(dry["receipt"].is_null() && dry["undo"].is_string() && dry["incident"]["title"].is_string(), "{dry}");
        assert_eq!(scene.writes(), Vec::<String>::new(), "a dry run sends nothing");
        let checkout = with(&arguments, json!({"business_service_id": "Online Checkout", "impacted": !wanted}));
        let other = scene.ok("set_business_impact", with(&checkout, json!({"dry_run": true}))).await;
        let tells = other["tells"].as_array().cloned().unwrap_or_default();
        let expected = if other["outcome"] == "dry_run" { 2 } else { 0 };
        assert!(tells.len() == expected && tells.iter().all(|one| one["name"].is_string()), "{other}");

        if is_lost {
            lose(&scene, "PUT", "/incidents/{id}/business_services/{business_service_id}/impacts");
        }
        let made = scene.ok("set_business_impact", arguments.clone()).await;
        let row = &made["business_services"][0];
        assert_eq!((&made["outcome"], &row["name"]), (&json!("applied"), &service["name"]), "{made}");
        assert_eq!((&row["before"]["impacted"], &row["after"]["impacted"]), (&json!(!wanted), &json!(wanted)));
        assert_eq!(impacts(&scene, &id).await.contains(&service["id"]), wanted, "{made}");

        let sent = scene.writes().len();
        let again = scene.ok("set_business_impact", arguments).await;
        assert_eq!((&again["outcome"], &again["sent"]), (&json!("already_so"), &json!(false)), "{again}");
        let dry = scene.ok("undo", json!({"receipt": made["receipt"], "dry_run": true})).await;
        assert_eq!((&dry["outcome"], scene.writes().len()), (&json!("dry_run"), sent), "{dry}");
        let undone = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
        assert_eq!(undone["outcome"], "applied", "{undone}");
        assert_eq!(impacts(&scene, &id).await, before);
        assert_eq!(scene.code("undo", json!({"receipt": made["receipt"]})).await, Code::InvalidReceipt);
        let other = ok(&all_tools(&scene.account, |_| {}), "undo", json!({"receipt": made["receipt"]})).await;
        assert_eq!((&other["outcome"], &other["sent"]), (&json!("already_so"), &json!(false)), "{other}");
    }
}

#[tokio::test]
async fn impact_of_unclear_service_or_closed_incident_is_not_sent() {
    let double = json!({"business_services": [{"id": "PBDOUBL", "name": "Card Payments"}]});
    let options = Options { incidents: 600, documents: double, ..Options::default() };
    let account = Account::with(tokens::USER, options, |_| {}).await;
    let tools = all_tools(&account, |_| {});
    let scene = Scene { account, tools };
    let id = incident(&scene).await;
    let call = |service: &str| json!({"incident_id": id, "business_service_id": service, "impacted": true});
    assert_eq!(scene.code("set_business_impact", call("card payments")).await, Code::AmbiguousName);
    assert_eq!(scene.code("set_business_impact", call("no such product")).await, Code::InvalidParameter);
    assert_eq!(scene.code("set_business_impact", call("PNONE77")).await, Code::NotFound);
    let missing = json!({"incident_id": id, "business_service_id": "Online Checkout"});
    assert_eq!(scene.code("set_business_impact", missing).await, Code::MissingParameter);

    let service = business_service(&scene, &id, true).await;
    let arguments = json!({"incident_id": id, "business_service_id": service["id"], "impacted": false});
    let made = scene.ok("set_business_impact", arguments).await;
    scene.ok("resolve_incident", json!({"incident_id": id})).await;
    let sent = scene.writes().len();
    let refused = scene.ok("undo", json!({"receipt": made["receipt"]})).await;
    assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
    let refused = scene.ok("set_business_impact", call("Online Checkout")).await;
    assert_eq!((&refused["outcome"], scene.writes().len()), (&json!("conflict"), sent), "{refused}");
}

#[test]
fn read_only_mode_hides_all_but_the_pages() {
    let names = |read_only| -> Vec<_> {
        let filter = Filter { read_only, toolsets: Some(vec!["communicate".to_owned()]), ..Filter::default() };
        filter.tools().unwrap().iter().map(|tool| tool.name).collect()
    };
    assert_eq!(names(true), ["get_status_pages"]);
    assert_eq!(names(false), ["send_status_update", "get_status_pages", "post_status_page", "set_business_impact"]);
}
