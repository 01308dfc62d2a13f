//! Tests of `run_automation`: it waits for the result, and never starts a run twice.

use pagerduty_api::Method;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use serde_json::{Value, json};

use crate::overrides::{Scene, all_tools};
use crate::support::{err, rows};
use crate::tool_operations::send;

impl Scene {
    /// Opens an incident on a service, and forgets the requests so far.
    async fn open_on(&self, service: &str) -> Value {
        let title = format!("Outage {:016x}", fastrand::u64(..));
        let made = self.ok("create_incident", json!({"title": title, "service_id": service})).await;
        self.account.sandbox.clear();
        made["incidents"][0]["id"].clone()
    }

    /// Returns the number of runs of actions on an incident.
    async fn runs_on(&self, incident: &Value) -> usize {
        let path = format!("/automation_actions/invocations?incident_id={}", incident.as_str().unwrap());
        let (_, answer) = send(&self.account.sandbox, Method::Get, &path).await;
        rows(&answer, "invocations").len()
    }
}

fn lost(path: &str) -> Fault {
    Fault { method: Some("POST".to_owned()), ..Fault::once(path, FaultKind::LostResponse) }
}

const RUNS: &str = "/automation_actions/actions/{id}/invocations";
const STARTS: &str = "/incident_workflows/{id}/instances";

#[tokio::test]
async fn script_runs_and_its_result_is_read() {
    for is_lost in [false, true] {
        let scene = Scene::start().await;
        let id = scene.open_on("Payments API").await;
        let mut arguments = json!({"incident_id": id, "action_id": "Show slow queries", "dry_run": true});
        let dry = scene.ok("run_automation", arguments.clone()).await;
        assert_eq!((&dry["outcome"], &dry["sent"], &dry["receipt"]), (&json!("dry_run"), &json!(false), &Value::Null));
        let row = &dry["runs"][0];
        assert_eq!((&row["automation"]["name"], &row["action_type"]), (&json!("Show slow queries"), &json!("script")));
        assert!(row["script"].as_str().unwrap().starts_with("psql") && row["runner"].is_string(), "{dry}");
        assert_eq!(scene.writes(), Vec::<String>::new());
        if is_lost {
            scene.account.sandbox.fail(lost(RUNS));
        }
        arguments["dry_run"] = false.into();
        let made = scene.ok("run_automation", arguments).await;
        assert_eq!(
            (&made["outcome"], &made["sent"], &made["receipt"]),
            (&json!("applied"), &json!(true), &Value::Null)
        );
        assert_eq!(made["runs"][0]["after"]["state"], "completed", "{made}");
        assert_eq!(made["warnings"].to_string().contains("did not confirm"), is_lost, "{made}");
        assert_eq!((scene.writes().len(), scene.runs_on(&id).await), (1, 1));
    }
}

#[tokio::test]
async fn failed_and_unfinished_runs_are_reported() {
    let scene = Scene::start().await;
    let id = scene.open_on("Payments API").await;
    let failed = scene.ok("run_automation", json!({"incident_id": id, "action_id": "Restart payments-api"})).await;
    assert_eq!((&failed["outcome"], &failed["runs"][0]["after"]["state"]), (&json!("applied"), &json!("error")));
    assert!(failed["warnings"].to_string().contains("ended with the state error"), "{failed}");
    let id = scene.open_on("Checkout API").await;
    let refused = FaultKind::Status { code: 403, headers: [].into(), body: None };
    scene.account.sandbox.fail(Fault::once("/automation_actions/invocations/{id}", refused));
    let arguments = json!({"incident_id": id, "action_id": "Run a test order"});
    let pending = scene.ok("run_automation", arguments).await;
    assert_eq!(pending["outcome"], "pending", "{pending}");
    assert!(pending["warnings"].to_string().contains("its state could not be read"), "{pending}");
    assert!(pending["go_on"].as_str().unwrap().contains("get_automations with action_id="), "{pending}");
}

#[tokio::test]
async fn run_of_unknown_outcome_is_not_started_again() {
    // The run was started, and cannot be found at first.
    let scene = Scene::start().await;
    let id = scene.open_on("Payments API").await;
    let arguments = json!({"incident_id": id, "action_id": "Show slow queries"});
    scene.account.sandbox.fail(lost(RUNS));
    let broken = FaultKind::Status { code: 500, headers: [].into(), body: None };
    let broken = Fault { skip: 1, times: 3, ..Fault::once("/automation_actions/invocations", broken) };
    scene.account.sandbox.fail(broken);
    assert_eq!(scene.code("run_automation", arguments.clone()).await, Code::OutcomeUnknown);
    let again = scene.ok("run_automation", arguments.clone()).await;
    assert!(again["warnings"].to_string().contains("Nothing was sent again"), "{again}");
    assert_eq!((&again["sent"], scene.writes().len(), scene.runs_on(&id).await), (&json!(false), 1, 1));

    // The request never arrived, which cannot be distinguished from a late one.
    let id = scene.open_on("Payments API").await;
    let mut arguments = arguments;
    arguments["incident_id"] = id.clone();
    let dropped = Fault { method: Some("POST".to_owned()), ..Fault::once(RUNS, FaultKind::Reset) };
    scene.account.sandbox.fail(dropped);
    for _ in 0..2 {
        let error = err(&scene.tools, "run_automation", arguments.clone()).await;
        assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
        assert!(error.hint_text().unwrap().contains("in this process does not start it twice"), "{error}");
    }
    assert_eq!((scene.writes().len(), scene.runs_on(&id).await), (1, 0));
}

#[tokio::test]
async fn workflow_is_started_once_and_its_events_are_shown() {
    let scene = Scene::start().await;
    let id = scene.open_on("Payments API").await;
    let arguments = json!({"incident_id": id, "workflow_id": "Open a bridge"});
    let mut preview = arguments.clone();
    preview["dry_run"] = true.into();
    let dry = scene.ok("run_automation", preview).await;
    assert!(!rows(&dry["runs"][0], "steps").is_empty() && scene.writes().is_empty(), "{dry}");
    let made = scene.ok("run_automation", arguments.clone()).await;
    assert_eq!((&made["outcome"], &made["sent"]), (&json!("pending"), &json!(true)), "{made}");
    assert!(!rows(&made, "events").is_empty() && made["go_on"].is_string(), "{made}");
    let shown = scene.ok("get_incidents", json!({"incident_id": id, "include": ["conference_bridge"]})).await;
    assert!(shown.to_string().contains("meet.acme.example"), "{shown}");

    scene.account.sandbox.fail(lost(STARTS));
    for _ in 0..2 {
        let error = err(&scene.tools, "run_automation", arguments.clone()).await;
        assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
        assert!(error.message().contains("does not list what was started"), "{error}");
    }
    assert_eq!(scene.writes().len(), 2);
}

#[tokio::test]
async fn automation_that_cannot_run_is_not_sent() {
    let scene = Scene::start().await;
    let id = scene.open_on("Payments API").await;
    let resolved = scene.open_on("Payments API").await;
    let scene_sent = scene.writes().len();
    for dry_run in [true, false] {
        let other = json!({"incident_id": id, "action_id": "Scale checkout-api up", "dry_run": dry_run});
        let answer = scene.ok("run_automation", other).await;
        assert_eq!((&answer["outcome"], &answer["sent"]), (&json!("conflict"), &json!(false)), "{answer}");
    }
    let answer = scene.ok("run_automation", json!({"incident_id": id, "action_id": "Reroute payments"})).await;
    assert_eq!((&answer["outcome"], &answer["sent"]), (&json!("conflict"), &json!(false)), "{answer}");
    scene.ok("resolve_incident", json!({"incident_id": resolved})).await;
    let arguments = json!({"incident_id": resolved, "action_id": "Restart payments-api"});
    let answer = scene.ok("run_automation", arguments).await;
    assert_eq!((&answer["outcome"], &answer["sent"]), (&json!("conflict"), &json!(false)), "{answer}");
    for (arguments, code) in [
        (json!({}), Code::MissingParameter),
        (json!({"action_id": "Show"}), Code::AmbiguousName),
        (json!({"workflow_id": "Open a bridge", "action_id": "Show slow queries"}), Code::ConflictingParameters),
        (json!({"workflow_id": "Open a bridge", "alert_id": "Q1"}), Code::ConflictingParameters),
        (json!({"action_id": "Show slow queries", "wait_minutes": "soon"}), Code::InvalidParameter),
        (json!({"action_id": "Show slow queries", "alert_id": "QNONE", "dry_run": true}), Code::NotFound),
    ] {
        let mut arguments = arguments;
        arguments["incident_id"] = id.clone();
        assert_eq!(scene.code("run_automation", arguments.clone()).await, code, "{arguments}");
    }
    assert_eq!(scene.writes().len(), scene_sent + 1, "only the resolution");
    let basic = all_tools(&scene.account, |config| config.token = crate::support::config(tokens::BASIC_PLAN).token);
    let error =
        err(&basic, "run_automation", json!({"incident_id": id, "action_id": "01K4CYE9PTXJ8YPEHRGVBY0HPF"})).await;
    assert_eq!(error.code(), Code::MissingAbility);
}
