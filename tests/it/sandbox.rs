//! Tests of the embedded account: the changes it keeps between processes, its labels, and the requests it allows.

#[cfg(unix)]
use std::collections::HashMap;
#[cfg(unix)]
use std::io::{BufRead, BufReader};
use std::path::Path;
#[cfg(unix)]
use std::process::Stdio;
use std::process::{Command, Output};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pagerduty_mcp_server::app::App;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, Sandbox, tokens};
use pagerduty_mcp_server::tools::{Filter, SETS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{binary, err, ok, rows, toolbox};

/// Returns a command of the binary, with the embedded account's file at `state`.
fn command(state: &Path, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.args(arguments).env("PAGERDUTY_SANDBOX_STATE", state);
    command
}

/// Makes a call on the embedded account that must succeed, and returns its answer and its standard error.
fn call(state: &Path, arguments: &[&str]) -> (Value, String) {
    let Output { status, stdout, stderr } =
        command(state, &[&["call", "--sandbox"], arguments].concat()).output().unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stdout));
    (serde_json::from_slice(&stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn open_incident(state: &Path) -> Value {
    call(state, &["get_incidents", "statuses=triggered", "limit=1"]).0["incidents"][0].clone()
}

/// Returns one incident, with its notes.
fn incident(state: &Path, id: &str) -> Value {
    call(state, &["get_incidents", &format!("incident_id={id}"), "include_notes=true"]).0["incidents"][0].clone()
}

#[test]
fn sandbox_changes_persist_until_reset() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("deep/sandbox.json");
    let before = open_incident(&state);
    assert!(!state.exists(), "no state is stored before the first change");
    let id = before["id"].as_str().unwrap();
    let of_it = format!("incident_id={id}");
    call(&state, &["acknowledge_incident", &of_it]);
    call(&state, &["add_incident_note", &of_it, "content=on it"]);
    let after = incident(&state, id);
    assert_eq!(after["status"], "acknowledged");
    assert_eq!(rows(&after, "notes").last().unwrap()["content"], "on it");
    assert_eq!(after["created_at"], incident(&state, id)["created_at"], "times do not change");
    call(&state, &["resolve_incident", &of_it]);
    assert_eq!(incident(&state, id)["status"], "resolved");
    let reset = || command(&state, &["sandbox", "reset"]).output().unwrap();
    assert!(String::from_utf8(reset().stdout).unwrap().starts_with("The sandbox was reset"));
    assert_eq!(incident(&state, id)["status"], "triggered");
    assert!(String::from_utf8(reset().stdout).unwrap().starts_with("The sandbox has no changes"));
}

#[cfg(all(unix, not(target_os = "macos")))]
#[test]
fn sandbox_state_file_is_private_in_state_directory() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("state");
    let run = |arguments: &[&str]| {
        let mut command = binary();
        command
            .args(["call", "--sandbox"])
            .args(arguments)
            .env("XDG_STATE_HOME", &home)
            .env_remove("PAGERDUTY_SANDBOX_STATE");
        serde_json::from_slice::<Value>(&command.output().unwrap().stdout).unwrap()
    };
    let listed = run(&["get_incidents", "statuses=triggered", "limit=1"]);
    let id = listed["incidents"][0]["id"].as_str().unwrap();
    run(&["acknowledge_incident", &format!("incident_id={id}")]);
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
    let ours = home.join("pagerduty_mcp_server");
    assert_eq!((mode(&ours), mode(&ours.join("sandbox.json"))), (0o700, 0o600));
}

#[tokio::test]
async fn sandbox_concurrent_processes_lose_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().join("sandbox.json"));
    let start = async || Sandbox::start(Options { state: state.clone(), ..Options::default() }).await.unwrap();
    let (one, other) = (start().await, start().await);
    let tools = [&one, &other].map(|sandbox| toolbox(sandbox, tokens::USER, |_| {}));
    let listed = ok(&tools[0], "get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await;
    let id = &rows(&listed, "incidents")[0]["id"];
    let note = |number: usize| {
        let arguments = json!({"incident_id": id, "content": format!("note {number}")});
        let tools = &tools[number % 2];
        async move { ok(tools, "add_incident_note", arguments).await }
    };
    join_all((0..30).map(note)).await;
    ok(&tools[1], "acknowledge_incident", json!({"incident_id": id})).await;
    for tools in &tools {
        let shown = ok(tools, "get_incidents", json!({"incident_id": id, "include_notes": true})).await;
        let shown = &rows(&shown, "incidents")[0];
        assert_eq!(shown["status"], "acknowledged");
        let notes: Vec<&str> = rows(shown, "notes").iter().filter_map(|note| note["content"].as_str()).collect();
        assert!((0..30).all(|number| notes.contains(&format!("note {number}").as_str())), "{notes:?}");
        let ids: std::collections::HashSet<_> = rows(shown, "notes").iter().map(|note| note["id"].as_str()).collect();
        assert_eq!(ids.len(), notes.len(), "note IDs are unique");
    }
    // A third sandbox starts later, and a fourth keeps nothing.
    let texts = |sandbox: &Sandbox| {
        let notes = sandbox.notes(id.as_str().unwrap()).unwrap();
        notes.as_array().unwrap().iter().map(|note| note["content"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&start().await), texts(&one));
    let fresh = Sandbox::start(Options::default()).await.unwrap();
    assert_eq!(texts(&fresh).len() + 30, texts(&one).len());
}

#[test]
fn sandbox_broken_or_old_state_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sandbox.json");
    let incident_id = open_incident(&state)["id"].as_str().unwrap().to_owned();
    let of_it = format!("incident_id={incident_id}");
    let record = json!({"at": "2026-01-01T00:00:00Z", "by": "PNONE", "incident": incident_id, "status": "resolved"});
    let recent = Timestamp::now().to_string();
    for (content, said) in [
        (b"".to_vec(), true),
        (json!({"version": 2, "seeded": recent, "records": []}).to_string().into_bytes(), true),
        (json!({"version": 1, "seeded": "someday", "records": []}).to_string().into_bytes(), true),
        (json!({"version": 1, "seeded": recent, "records": [record]}).to_string().into_bytes(), true),
        (json!({"version": 1, "seeded": "2026-01-01T00:00:00Z", "records": [record]}).to_string().into_bytes(), false),
        (json!({"version": 1, "seeded": "2199-01-01T00:00:00Z", "records": []}).to_string().into_bytes(), false),
    ] {
        std::fs::write(&state, &content).unwrap();
        let text = String::from_utf8_lossy(&content);
        let (shown, stderr) = call(&state, &["get_incidents", &of_it]);
        assert_eq!(shown["incidents"][0]["status"], "triggered", "{text}");
        assert_eq!(stderr.contains("WARN"), said, "{text}: {stderr}");
        call(&state, &["acknowledge_incident", &of_it]);
        let (shown, stderr) = call(&state, &["get_incidents", &of_it]);
        assert_eq!((&shown["incidents"][0]["status"], stderr.as_str()), (&json!("acknowledged"), ""), "{text}");
    }
}

/// Checks that a path is neither used, removed nor accompanied by another file, and that both commands name it.
#[track_caller]
fn check_left_alone(state: &Path, why: &str) {
    let beside = || {
        let names = std::fs::read_dir(state.parent().unwrap()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = beside();
    let (shown, stderr) = call(state, &["get_incidents", "statuses=triggered", "limit=1"]);
    let of_it = format!("incident_id={}", shown["incidents"][0]["id"].as_str().unwrap());
    let named = |text: &str| text.contains(why) && text.contains(state.to_str().unwrap());
    assert!(named(&stderr) && stderr.contains("WARN"), "{stderr}");
    let (changed, _) = call(state, &["acknowledge_incident", &of_it]);
    assert_eq!(changed["incidents"][0]["status"], "acknowledged", "{why}");
    let reset = command(state, &["sandbox", "reset"]).output().unwrap();
    let said = String::from_utf8_lossy(&[reset.stdout, reset.stderr].concat()).into_owned();
    assert!(!reset.status.success() && named(&said) && said.contains("PAGERDUTY_SANDBOX_STATE"), "{said}");
    assert_eq!(beside(), before, "{why}");
}

#[test]
fn sandbox_leaves_foreign_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("notes.json");
    std::fs::write(folder.path().join("notes.new"), "another file").unwrap();
    for content in [&b"my notes"[..], b"\xff\xfe", b"[]", b"{\"version\": 1, \"lockfileVersion\": 3}", b"\n"] {
        std::fs::write(&state, content).unwrap();
        check_left_alone(&state, "it was not written by the sandbox");
        assert_eq!(std::fs::read(&state).unwrap(), content);
    }
    let large = std::fs::File::create(&state).unwrap();
    large.set_len((16 << 20) + 1).unwrap();
    check_left_alone(&state, "it is larger than 16 MB");
    assert_eq!(large.metadata().unwrap().len(), (16 << 20) + 1);
}

#[tokio::test]
async fn sandbox_leaves_no_lock_beside_foreign_file() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("notes");
    std::fs::write(&state, "my notes").unwrap();
    let sandbox = Sandbox::start(Options { state: Some(state), ..Options::default() }).await.unwrap();
    let url = format!("{}/incidents/PNONE/notes", sandbox.url());
    let request = client(&sandbox).post(url).header("authorization", format!("Token token={}", tokens::USER));
    let request = request.header("content-type", "application/json");
    let answer = request.body(json!({"note": {"content": "x"}}).to_string()).send().await.unwrap();
    let status = answer.status();
    assert_eq!(status, 404, "{}", answer.text().await.unwrap());
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["notes"]);
}

#[cfg(unix)]
#[test]
fn sandbox_leaves_irregular_state_path_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    assert!(Command::new("mkfifo").arg(&state).status().unwrap().success());
    check_left_alone(&state, "it is not a regular file");
    std::fs::remove_file(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    check_left_alone(&state, "it is not a regular file");
}

#[test]
fn sandbox_reset_without_state_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let reset = command(&folder.path().join("deep/state"), &["sandbox", "reset"]).output().unwrap();
    assert!(String::from_utf8(reset.stdout).unwrap().starts_with("The sandbox has no changes"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn sandbox_leaves_files_with_similar_names_alone() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["state.new", "state.lock"];
    for name in names {
        std::fs::write(folder.path().join(name), "mine").unwrap();
    }
    let state = folder.path().join("state.json");
    let of_it = format!("incident_id={}", open_incident(&state)["id"].as_str().unwrap());
    call(&state, &["acknowledge_incident", &of_it]);
    assert!(command(&state, &["sandbox", "reset"]).status().unwrap().success());
    for name in names {
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), "mine", "{name}");
    }
}

#[test]
fn sandbox_without_writable_state_keeps_changes_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let state = file.join("sandbox.json");
    let (shown, _) = call(&state, &["get_incidents", "statuses=triggered", "limit=1"]);
    let of_it = format!("incident_id={}", shown["incidents"][0]["id"].as_str().unwrap());
    let (changed, stderr) = call(&state, &["acknowledge_incident", &of_it]);
    assert_eq!(changed["incidents"][0]["status"], "acknowledged");
    assert!(stderr.contains("changes last until this process ends"), "{stderr}");
}

#[tokio::test]
async fn sandbox_answers_and_errors_are_labelled() {
    let mut config = Config::from_lookup(|_| None).unwrap();
    (config.sandbox, config.sandbox_state) = (true, None);
    let toolsets = Some(SETS.iter().map(|set| set.name.to_owned()).collect());
    let app = App::start(config, &Filter { toolsets, ..Filter::default() }).await.unwrap();
    for tool in ["get_incidents", "get_teams"] {
        let answer = ok(&app.toolbox, tool, json!({"limit": 1})).await;
        assert_eq!(answer["metadata"]["sandbox"], true, "{tool}");
    }
    for arguments in [json!({"limit": -1}), json!({"team_id": "PNONE"})] {
        let envelope = err(&app.toolbox, "get_teams", arguments).await.envelope();
        assert_eq!(envelope["metadata"]["sandbox"], true, "{envelope}");
    }
    let user = ok(&app.toolbox, "build_user_context", json!({})).await;
    assert!(user.get("sandbox").is_none(), "its form is fixed");
    let (schedule, until) = ("Legacy Batch Primary", Timestamp::now() + SignedDuration::from_hours(2));
    let take = json!({"schedule_id": schedule, "start": "now", "end": until, "user_id": "me"});
    let taken = ok(&app.toolbox, "override_oncall", take).await;
    let cancel = json!({"schedule_id": schedule, "override_id": taken["overrides"][0]["id"]});
    let canceled = ok(&app.toolbox, "cancel_override", cancel).await;
    for flat in [taken, canceled, ok(&app.toolbox, "get_handoff", json!({})).await] {
        assert_eq!(flat["sandbox"], true, "{flat}");
    }
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let elsewhere = toolbox(&sandbox, tokens::USER, |_| {});
    assert!(ok(&elsewhere, "get_teams", json!({"limit": 1})).await["metadata"].get("sandbox").is_none());
}

/// Returns a client that trusts the authority of `sandbox`, if it has one.
fn client(sandbox: &Sandbox) -> reqwest::Client {
    // This fails if it is already installed.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = reqwest::Client::builder().no_proxy();
    let authority = sandbox.ca().map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
    builder.tls_certs_only(authority).build().unwrap()
}

#[tokio::test]
async fn sandbox_routes_refuse_foreign_origin_and_host() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let client = client(&sandbox);
    let routes = [
        ("GET", "/teams"),
        ("PUT", "/incidents"),
        ("GET", "/nowhere"),
        ("POST", "/v3/schedules"),
        ("GET", "/private/0/feed"),
        ("GET", "/oauth/authorize"),
        ("POST", "/oauth/token"),
        ("GET", "/sandbox"),
        ("POST", "/sandbox/faults"),
        ("DELETE", "/sandbox/faults"),
        ("POST", "/sandbox/clock"),
        ("POST", "/sandbox/identity"),
        ("GET", "/sandbox/requests"),
        ("DELETE", "/sandbox/requests"),
        ("HEAD", "/"),
    ];
    let key = format!("Token token={}", tokens::USER);
    for (method, path) in routes {
        let request = |headers: &[(&str, &str)]| {
            let url = format!("{}{path}", sandbox.url());
            let request = client.request(method.parse().unwrap(), url).header("authorization", &key);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
        };
        let control = ("x-sandbox-token", sandbox.control_token());
        for foreign in [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")] {
            let answer = request(&[control, foreign]).await.unwrap();
            assert_eq!(answer.status(), 403, "{method} {path} {foreign:?}");
        }
        if path.starts_with("/sandbox") {
            for wrong in [&[][..], &[("x-sandbox-token", "wrong")], &[control, control]] {
                assert_eq!(request(wrong).await.unwrap().status(), 401, "{method} {path} {wrong:?}");
            }
        }
        let own = request(&[control, ("origin", "http://localhost:3000")]).await.unwrap();
        assert!(![401, 403].contains(&own.status().as_u16()), "{method} {path}: {}", own.status());
    }
    assert!(sandbox.requests().is_empty() || sandbox.requests().len() < 8, "refused requests have no effect");
}

#[tokio::test]
async fn sandbox_answers_others_during_large_answer() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let client = client(&sandbox);
    sandbox.fail(Fault::once("/users", FaultKind::Bomb(10_000)));
    let get = |path: &str| {
        let request = client.get(format!("{}{path}", sandbox.url()));
        request.header("authorization", format!("Token token={}", tokens::USER)).send()
    };
    let large = get("/users").await.unwrap();
    assert_eq!(get("/teams").await.unwrap().status(), 200);
    assert_eq!(large.status(), 200);
    let unbounded = client
        .post(format!("{}/sandbox/faults", sandbox.url()))
        .header("x-sandbox-token", sandbox.control_token())
        .body(r#"{"path": "*", "kind": {"bomb": 4000000000}}"#);
    let refused = unbounded.send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("at most 10000 MB"));
}

#[tokio::test]
async fn sandbox_https_links_lead_back() {
    let sandbox = Sandbox::start(Options { tls: true, ..Options::default() }).await.unwrap();
    assert!(sandbox.url().starts_with("https://127.0.0.1:"));
    let client = client(&sandbox);
    let get = |url: String| client.get(url).header("authorization", format!("Token token={}", tokens::USER)).send();
    let me = get(format!("{}/users/me", sandbox.url())).await.unwrap().bytes().await.unwrap();
    let me: Value = serde_json::from_slice(&me).unwrap();
    let link = me["user"]["self"].as_str().unwrap();
    assert!(link.starts_with(sandbox.url()), "{link}");
    let again = get(link.to_owned()).await.unwrap().bytes().await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), me);
}

#[cfg(unix)]
#[test]
fn sandbox_command_prints_and_removes_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(&folder.path().join("sandbox.json"), &["sandbox", "--tls"]);
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed: HashMap<_, _> = lines
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    assert!(printed["PAGERDUTY_API_HOST"].starts_with("https://127.0.0.1:"));
    assert!(!printed["SANDBOX_TOKEN"].is_empty());
    let certificate = Path::new(&printed["SSL_CERT_FILE"]);
    assert_eq!(certificate.parent(), Some(folder.path()));
    assert!(std::fs::read_to_string(certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!certificate.exists());
}

#[test]
fn scenario_is_chosen_by_name_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sandbox.json");
    let note = ["call", "--sandbox", "add_incident_note", "content=on it"];
    let id = format!("incident_id={}", open_incident(&state)["id"].as_str().unwrap());
    let run = |name: &str| {
        let mut command = command(&state, &[&note[..], &[&id]].concat());
        command.env("PAGERDUTY_SANDBOX_SCENARIO", name).output().unwrap()
    };
    assert!(run("outage").status.success() && !state.exists());
    let serve = command(&state, &["sandbox", "--scenario", "moon"]).output().unwrap();
    for Output { status, stdout, stderr } in [run("moon"), serve] {
        let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        assert!(!status.success() && said.contains("there is no scenario") && said.contains("outage"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn start_line_over_http_names_the_sandbox() {
    let mut child = command(Path::new("memory"), &["--sandbox", "--transport", "http", "--port", "0"]);
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert!(line.contains("The account is PagerDuty (sandbox), which is not real."), "{line}");
}

#[tokio::test]
async fn refused_request_keeps_its_connection() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(&address).await.unwrap();
    for more in ["", "Connection: close\r\n"] {
        let head = format!("POST /nope HTTP/1.1\r\nHost: {address}\r\n{more}Content-Length: 2\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let early = timeout(Duration::from_millis(50), connection.readable()).await;
        assert!(!more.is_empty() || early.is_err(), "an answer before the body closes the connection");
        connection.write_all(b"{}").await.unwrap();
    }
    let mut answers = String::new();
    connection.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 401").count(), 2, "{answers}");
}

#[tokio::test]
async fn object_sent_back_keeps_its_parts() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let client = client(&sandbox);
    for (kind, parts) in [("user", "contact_methods"), ("user", "notification_rules"), ("service", "integrations")] {
        let objects = sandbox.objects(&format!("{kind}s")).unwrap();
        let id =
            objects.as_array().unwrap().iter().find(|object| !rows(object, parts).is_empty()).unwrap()["id"].clone();
        let url = format!("{}/{kind}s/{}", sandbox.url(), id.as_str().unwrap());
        let send = async |request: reqwest::RequestBuilder| {
            let request = request.header("Authorization", format!("Token token={}", tokens::USER));
            let body = request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        let whole = format!("{url}?include[]={parts}");
        let before = send(client.get(&whole)).await;
        let object = send(client.get(&url)).await;
        send(client.put(&url).body(object.to_string())).await;
        assert_eq!(send(client.get(&whole)).await[kind][parts], before[kind][parts], "{kind} {parts}");
    }
}

#[tokio::test]
async fn sandbox_on_call_changes_persist() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { state: Some(folder.path().join("sandbox.json")), incidents: 5, ..Options::default() };
    let start = async || Sandbox::start(options.clone()).await.unwrap();
    let (one, other) = (start().await, start().await);
    let client = client(&one);
    let send = async |sandbox: &Sandbox, method: &str, path: &str, body: Value| {
        let request = client.request(method.parse().unwrap(), format!("{}{path}", sandbox.url()));
        let request = request.header("Authorization", format!("Token token={}", tokens::USER));
        let answer = request.body(body.to_string()).send().await.unwrap().error_for_status().unwrap();
        serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap_or_default()
    };
    let id = |sandbox: &Sandbox, kind: &str| sandbox.objects(kind).unwrap()[0]["id"].as_str().unwrap().to_owned();
    let (user, layers, shifts) = (id(&one, "users"), id(&one, "schedules"), id(&one, "shift_schedules"));
    let of_user = format!("/users/{user}/contact_methods");
    let of_layers = format!("/schedules/{layers}/overrides");
    let of_shifts = format!("/v3/schedules/{shifts}/custom_shifts");
    let now = Timestamp::now();
    let at = |hours: i64| (now + SignedDuration::from_hours(hours)).to_string();
    let email = json!({"type": "email_contact_method", "label": "Home", "address": "home@acme.example"});
    let new = json!({"start": at(1), "end": at(2), "user": {"id": user, "type": "user_reference"}});
    let member = json!({"type": "user_member", "user_id": user});
    let assignment = json!({"type": "shift_assignment", "member": member});
    let shift = json!({"type": "custom_shift", "start_time": at(1), "end_time": at(2), "assignments": [assignment]});
    let method = send(&one, "POST", &of_user, json!({"contact_method": email})).await["contact_method"].clone();
    let new = send(&other, "POST", &of_layers, json!({"overrides": [new]})).await[0]["override"].clone();
    let shift = send(&one, "POST", &of_shifts, json!({"custom_shifts": [shift]})).await["custom_shifts"][0].clone();
    let range = format!("?since={}&until={}", at(0), at(3));
    let last = start().await;
    for sandbox in [&one, &other, &last] {
        // Links begin with the address of the process that answers.
        let listed = async |path: String, key: &str, id: &Value| {
            let answer = send(sandbox, "GET", &path, Value::Null).await;
            let all: Vec<_> = rows(&answer, key).iter().map(|row| &row["id"]).filter(|other| *other == id).collect();
            all.len()
        };
        assert_eq!(listed(of_user.clone(), "contact_methods", &method["id"]).await, 1);
        assert_eq!(listed(format!("{of_layers}{range}"), "overrides", &new["id"]).await, 1);
        assert_eq!(listed(format!("{of_shifts}{range}"), "custom_shifts", &shift["id"]).await, 1);
    }
    let path = format!("{of_layers}/{}", new["id"].as_str().unwrap());
    send(&last, "DELETE", &path, Value::Null).await;
    let left = send(&one, "GET", &format!("{of_layers}{range}"), Value::Null).await;
    assert!(!rows(&left, "overrides").iter().any(|row| row["id"] == new["id"]), "{left}");
}
