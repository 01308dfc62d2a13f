//! Tests of the audit log: each call that changes something leaves one line, and no other call does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use futures_util::future::join_all;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::ids::is_id;
use pagerduty_mcp_server::params::Form;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use pagerduty_mcp_server::tools::{Filter, Toolbox, all};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{JSON, Web};
use crate::overrides::all_tools;
use crate::session::{Session, stateless};
use crate::support::{Account, binary, config, object, ok, rows};
use crate::tool_operations::{arguments, operation_of};

/// A folder with an audit log.
struct Log(TempDir);

impl Log {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("audit.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap_or_default()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// Returns all tools on an account, which write to the log.
    fn tools(&self, account: &Account) -> Arc<Toolbox> {
        all_tools(account, |config| config.audit_log = Some(self.path()))
    }
}

/// Returns an open incident of an account.
async fn incident(account: &Account) -> Value {
    let open = account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await;
    rows(&open, "incidents")[0]["id"].clone()
}

#[tokio::test]
async fn audit_log_has_a_line_for_each_change_and_no_read() {
    for tool in all() {
        let account = Account::start().await;
        let log = Log::new();
        let tools = log.tools(&account);
        for arguments in arguments(&account, tool).await {
            let before = log.lines().len();
            account.sandbox.clear();
            let outcome = tools.call(tool.name, arguments.clone()).await;
            let requests = account.sandbox.requests();
            // Some operations read by another method than GET.
            let writes: Vec<_> = requests.iter().filter(|request| !operation_of(request).effect.is_read()).collect();
            let lines = log.lines().split_off(before);
            let is_dry_run = arguments.get("dry_run") == Some(&json!(true));
            let expected = usize::from(!tool.is_read_only() && !is_dry_run);
            assert_eq!(lines.len(), expected, "{} {arguments:?}: {outcome:?} {lines:?}", tool.name);
            assert!(expected == 1 || writes.is_empty(), "{}: {writes:?}", tool.name);
            let [line] = lines.as_slice() else { continue };
            assert_eq!((&line["tool"], &line["door"]), (&json!(tool.name), &json!("python")), "{line}");
            assert_eq!(line["sent"], !writes.is_empty(), "{line}");
            assert_eq!(line["request_ids"].as_array().map_or(0, Vec::len), writes.len(), "{line}");
            let objects = line["objects"].to_string();
            assert!(!rows(line, "objects").is_empty(), "{line}");
            for write in writes {
                let ids: Vec<_> = write.path.split('/').filter(|part| is_id(part)).collect();
                assert!(ids.iter().all(|id| objects.contains(id)), "{} {}: {line}", tool.name, write.path);
            }
            if let Some(reply) = outcome.as_ref().ok().filter(|reply| reply.outcome() == Some("applied")) {
                for (_, id, outcome) in reply.changed() {
                    assert!(outcome != "applied" || objects.contains(id), "{} {id}: {line}", tool.name);
                }
            }
            let texts = tool.params.iter().filter(|one| matches!(one.form, Form::Text | Form::Verbatim));
            for text in texts.filter_map(|one| arguments.get(one.name)?.as_str()) {
                assert!(!line.to_string().contains(&format!("\"{text}\"")), "{text}: {line}");
            }
        }
        let text = log.text();
        assert!(!text.contains(tokens::USER), "{text}");
        assert!(!text.contains("a text") && !text.contains("another text"), "{text}");
    }
}

#[tokio::test]
async fn audit_outcome_tells_what_became_of_the_change() {
    let account = Account::start().await;
    let log = Log::new();
    let tools = log.tools(&account);
    let id = incident(&account).await;
    let call = async |tool: &str, arguments: Value| {
        let _ = tools.call(tool, object(arguments)).await;
        log.lines().pop().unwrap_or_default()
    };
    let change = json!({"incident_ids": [id], "status": "acknowledged"});
    let line = call("update_incidents", change.clone()).await;
    assert_eq!((&line["outcome"], &line["error"]), (&json!("applied"), &Value::Null));
    assert_eq!(line["objects"], json!([format!("incident {}", id.as_str().unwrap())]));
    let me = ok(&tools, "build_user_context", json!({})).await;
    assert_eq!((&line["author"], &line["user_id"]), (&me["email"], &me["user_id"]), "{line}");
    let line = call("update_incidents", change).await;
    assert_eq!((&line["outcome"], &line["sent"]), (&json!("already_so"), &json!(false)), "{line}");
    assert!(line["objects"].to_string().contains(id.as_str().unwrap()), "{line}");
    let line = call("add_incident_note", json!({"incident_id": id, "content": "looking"})).await;
    assert_eq!(line["outcome"], "applied", "{line}");
    call("resolve_incident", json!({"incident_id": id})).await;
    let line = call("resolve_incident", json!({"incident_id": id})).await;
    assert_eq!((&line["outcome"], &line["error"]), (&json!("failed"), &json!("ALREADY_RESOLVED")), "{line}");
    account.sandbox.fail(Fault { times: 9, ..Fault::once("/incidents/{id}/notes", FaultKind::Reset) });
    let line = call("add_incident_note", json!({"incident_id": id, "content": "again"})).await;
    assert_eq!((&line["outcome"], &line["error"]), (&json!("unknown"), &json!("OUTCOME_UNKNOWN")), "{line}");
    let before = log.lines().len();
    call("resolve_incident", json!({"incident_id": "bad id!"})).await;
    assert_eq!(log.lines().len(), before, "a call that is refused before a change leaves no line");
}

#[tokio::test]
async fn audit_lines_of_concurrent_calls_are_whole() {
    let account = Account::start().await;
    let log = Log::new();
    let id = incident(&account).await;
    let servers = [log.tools(&account), log.tools(&account)];
    let calls = (0..40_usize).map(|number| {
        let tools = Arc::clone(&servers[number % 2]);
        let arguments = object(json!({"incident_id": id, "content": format!("note {number}")}));
        tokio::spawn(async move { tools.call("add_incident_note", arguments).await.map(drop) })
    });
    for outcome in join_all(calls).await {
        outcome.unwrap().unwrap();
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 40);
    assert!(lines.iter().all(|line| line["outcome"] == "applied" && line.get("arguments").is_none()));
}

#[tokio::test]
async fn audit_log_has_arguments_only_on_request() {
    let account = Account::start().await;
    let log = Log::new();
    let tools = all_tools(&account, |config| {
        config.audit_log = Some(log.path());
        config.audit_text = true;
    });
    let arguments = json!({"incident_id": incident(&account).await, "content": "restarted"});
    ok(&tools, "add_incident_note", arguments.clone()).await;
    assert_eq!(log.lines()[0]["arguments"], arguments);
}

#[cfg(unix)]
#[tokio::test]
async fn audit_log_is_private_and_survives_rotation() {
    use std::os::unix::fs::PermissionsExt;
    let account = Account::start().await;
    let log = Log::new();
    let tools = log.tools(&account);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&log.path()), 0o600);
    let arguments = json!({"incident_id": incident(&account).await, "content": "one"});
    ok(&tools, "add_incident_note", arguments.clone()).await;
    fs::rename(log.path(), log.0.path().join("audit.1")).unwrap();
    ok(&tools, "add_incident_note", arguments).await;
    assert_eq!((log.lines().len(), mode(&log.path())), (1, 0o600));
    assert_eq!(fs::read_to_string(log.0.path().join("audit.1")).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn audit_log_that_breaks_leaves_the_answer() {
    let account = Account::start().await;
    let log = Log::new();
    let tools = log.tools(&account);
    fs::remove_file(log.path()).unwrap();
    fs::create_dir(log.path()).unwrap();
    let answer = ok(&tools, "resolve_incident", json!({"incident_id": incident(&account).await})).await;
    assert_eq!(answer["incidents"][0]["status"], "resolved");
    assert!(answer["metadata"]["warnings"].to_string().contains("audit log"), "{answer}");
}

#[test]
fn audit_log_that_cannot_be_written_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("none/audit.jsonl")] {
        let config = Config { audit_log: Some(path), ..config(tokens::USER) };
        let error = Toolbox::new(&config, &Filter::default()).unwrap_err();
        assert!(error.message().contains("audit log") && error.hint_text().is_some(), "{error}");
    }
}

#[tokio::test]
async fn audit_line_names_door_trace_and_client() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let account = Account::start().await;
    let log = Log::new();
    let id = incident(&account).await;
    let params = stateless(json!({"name": "add_incident_note", "arguments": {"incident_id": id, "content": "one"}}));

    let mut session = Session::new(log.tools(&account));
    session.request("tools/call", params.clone()).await;

    let web = Web::start(log.tools(&account), false).await;
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [
        JSON,
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "add_incident_note"),
        ("X-PagerDuty-Token", tokens::USER),
        ("traceparent", &parent),
    ];
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    assert_eq!(web.send("POST", "/mcp", &headers, &body.to_string()).await.status, 200);

    let lines = log.lines();
    let doors: Vec<_> = lines.iter().map(|line| (&line["door"], &line["client"], &line["trace_id"])).collect();
    let test = json!("test 1");
    assert_eq!(doors, [(&json!("stdio"), &test, &Value::Null), (&json!("http"), &test, &json!(TRACE))]);
    assert_eq!(lines[1]["credential"], "the X-PagerDuty-Token header");
    assert!(!log.text().contains(tokens::USER));
}

#[test]
fn audit_log_of_the_command_line_has_its_door() -> io::Result<()> {
    let log = Log::new();
    let sandbox = |arguments: &[&str]| binary().args(arguments).arg("--sandbox").output();
    let found = sandbox(&["call", "get_incidents", "statuses=triggered", "limit=1"])?;
    let found: Value = serde_json::from_slice(&found.stdout)?;
    let id = format!("incident_id={}", found["incidents"][0]["id"].as_str().unwrap());
    let path = log.path();
    let output = sandbox(&["call", "resolve_incident", &id, "--audit-log", path.to_str().unwrap()])?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(log.lines().len(), 1);
    assert_eq!((&log.lines()[0]["door"], &log.lines()[0]["outcome"]), (&json!("command_line"), &json!("applied")));
    Ok(())
}
