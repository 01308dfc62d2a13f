//! Tests each fault with each kind of call, once and permanently, over TLS and HTTP/2 as in production.
//!
//! The test compares the error for the caller, the number of requests, and the state of the account afterwards.
//!
//! An outcome is written as `ok` or the error's code, then the number of requests that the fault could affect. For a
//! change, the number of verifications follows after `+`.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Sandbox, tokens};
use pagerduty_mcp_server::tools::{CallOptions, Toolbox};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::tls::{Endpoint, https};
use crate::support::{Account, object, rows};

/// A delay far beyond the time limit of an attempt.
const SLOW: Duration = Duration::from_mins(5);

/// The time limit of an attempt where answers are slow on purpose. Elsewhere it is longer, for busy machines.
const ATTEMPT: Duration = Duration::from_secs(8);

/// The number of concurrent accounts, except where answers are slow on purpose.
const SIDE_BY_SIDE: usize = 8;

/// A line of the matrix. The first of each pair is the outcome if the fault happens once, the second if it stays.
pub struct Line {
    pub fault: &'static str,
    pub kind: FaultKind,
    pub reads: [&'static str; 2],
    pub status: [&'static str; 2],
    pub note: [&'static str; 2],
}

fn answer(code: u16, headers: &[(&str, &str)], body: Option<&str>) -> FaultKind {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FaultKind::Status { code, headers, body: body.map(str::to_owned) }
}

#[rustfmt::skip]
pub fn matrix() -> Vec<Line> {
    let line = |fault, kind, reads, status, note| Line { fault, kind, reads, status, note };
    let unknown = ["OUTCOME_UNKNOWN 1+3"; 2];
    let server_error = (["ok 2", "API_ERROR 3"], ["ok 2+0", "OUTCOME_UNKNOWN 3+3"]);
    let timed_out = (["ok 2", "TIMEOUT 3"], ["ok 2+0", "OUTCOME_UNKNOWN 3+3"]);
    let limited = (["ok 2", "RATE_LIMITED 3"], ["ok 2+0", "RATE_LIMITED 3+0"]);
    vec![
        line("slow", FaultKind::Delay(SLOW), ["ok 2", "TIMEOUT 3"], ["ok 2+0", "OUTCOME_UNKNOWN 3+3"], unknown),
        line("slow body", FaultKind::SlowBody(SLOW), ["ok 2", "TIMEOUT 3"], ["ok 1+1"; 2], ["ok 1+1"; 2]),
        line("no answer", FaultKind::Hang, ["ok 2", "TIMEOUT 3"], ["ok 2+0", "OUTCOME_UNKNOWN 3+3"], unknown),
        line("500", answer(500, &[], None), server_error.0, server_error.1, unknown),
        line("502 in HTML", FaultKind::Html, server_error.0, server_error.1, unknown),
        line("503", answer(503, &[], Some("")), server_error.0, server_error.1, unknown),
        line("408", answer(408, &[], None), timed_out.0, timed_out.1, unknown),
        line("PagerDuty's time-out", answer(400, &[], Some(r#"{"error": {"code": 2016}}"#)), timed_out.0, timed_out.1, unknown),
        line("reset", FaultKind::Reset, ["ok 2", "NETWORK_ERROR 3"], ["ok 2+0", "OUTCOME_UNKNOWN 3+3"], unknown),
        line("reset within the body", FaultKind::Truncated, ["ok 2", "NETWORK_ERROR 3"], ["ok 1+1"; 2], ["ok 1+1"; 2]),
        line("429 with headers", answer(429, &[("ratelimit-reset", "1")], None), limited.0, limited.1, limited.1),
        line("429 with a date", answer(429, &[("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")], None), limited.0, limited.1, limited.1),
        line("429 without anything", answer(429, &[], Some("")), limited.0, limited.1, limited.1),
        line("429 for long", answer(429, &[("retry-after", "45")], None), ["RATE_LIMITED 1"; 2], ["RATE_LIMITED 1+0"; 2], ["RATE_LIMITED 1+0"; 2]),
        line("401", answer(401, &[], None), ["AUTHENTICATION_FAILED 1"; 2], ["AUTHENTICATION_FAILED 1+0"; 2], ["AUTHENTICATION_FAILED 1+0"; 2]),
        line("403", answer(403, &[], None), ["PERMISSION_DENIED 1"; 2], ["PERMISSION_DENIED 1+0"; 2], ["PERMISSION_DENIED 1+0"; 2]),
        line("404", answer(404, &[], None), ["NOT_FOUND 1"; 2], ["NOT_FOUND 1+0"; 2], ["NOT_FOUND 1+0"; 2]),
        line("redirect", answer(307, &[("location", "/teams")], Some("")), ["API_ERROR 1"; 2], ["API_ERROR 1+0"; 2], ["API_ERROR 1+0"; 2]),
        line("garbage", answer(200, &[], Some("\u{0}\u{1}{")), ["UNEXPECTED_RESPONSE 1"; 2], unknown, unknown),
        line("JSON of another kind", FaultKind::WrongJson(json!({"ok": true})), ["UNEXPECTED_RESPONSE 1"; 2], unknown, unknown),
        line("65 MB", FaultKind::Bomb(65), ["UNEXPECTED_RESPONSE 1"; 2], unknown, unknown),
        line("HTML", answer(200, &[("content-type", "text/html")], Some("<p>log in")), ["UNEXPECTED_RESPONSE 1"; 2], unknown, unknown),
        line("empty", FaultKind::Empty, ["ok 2", "UNEXPECTED_RESPONSE 3"], unknown, unknown),
        line("lost answer", FaultKind::LostResponse, ["ok 2", "NETWORK_ERROR 3"], ["ok 2+1", "ok 3+1"], ["ok 1+1"; 2]),
        line("502 though it took effect", FaultKind::Replaced(502), ["ok 2", "API_ERROR 3"], ["ok 2+1", "ok 3+1"], ["ok 1+1"; 2]),
        line("408 though it took effect", FaultKind::Replaced(408), timed_out.0, ["ok 2+1", "ok 3+1"], ["ok 1+1"; 2]),
        line("200 without a body", FaultKind::Replaced(200), ["ok 2", "UNEXPECTED_RESPONSE 3"], ["ok 1+1"; 2], ["ok 1+1"; 2]),
        line("204", FaultKind::Replaced(204), ["ok 2", "UNEXPECTED_RESPONSE 3"], ["ok 1+1"; 2], ["ok 1+1"; 2]),
    ]
}

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Single,
    FirstPage,
    ThirdPage,
    Context,
    Status,
    Note,
}

impl Call {
    const ALL: [Call; 6] = [Call::Single, Call::FirstPage, Call::ThirdPage, Call::Context, Call::Status, Call::Note];

    fn expected(self, line: &Line, stays: bool) -> &'static str {
        let pair = match self {
            Call::Status => &line.status,
            Call::Note => &line.note,
            _ => &line.reads,
        };
        pair[usize::from(stays)]
    }

    /// Returns the method and the path of the requests that the fault affects.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Call::Single => ("GET", "/teams/{id}"),
            Call::FirstPage => ("GET", "/incidents?offset=0"),
            // Each page begins at the last row of the previous one.
            Call::ThirdPage => ("GET", "/incidents?offset=198"),
            Call::Context => ("GET", "/users/me"),
            Call::Status => ("PUT", "/incidents/{id}"),
            Call::Note => ("POST", "/incidents/{id}/notes"),
        }
    }

    fn tool(self, incident: &str, team: &str) -> (&'static str, Value) {
        match self {
            Call::Single => ("get_teams", json!({"team_id": team})),
            Call::FirstPage | Call::ThirdPage => {
                ("get_incidents", json!({"current_user_context": false, "limit": 250, "include": ["id"]}))
            }
            Call::Context => ("build_user_context", json!({})),
            Call::Status => ("resolve_incident", json!({"incident_id": incident})),
            Call::Note => ("add_incident_note", json!({"incident_id": incident, "content": "on it"})),
        }
    }
}

async fn call(toolbox: &Toolbox, tool: &str, arguments: Value) -> (String, String) {
    let options = CallOptions { whole_account: true, ..toolbox.options() };
    match toolbox.call_on(options, tool, object(arguments)).await {
        Ok(reply) => ("ok".to_owned(), reply.into_value().to_string()),
        Err(error) => (error.code().to_string(), error.envelope().to_string()),
    }
}

fn count(sandbox: &Sandbox, wanted: impl Fn(&str, &str) -> bool) -> usize {
    sandbox.requests().iter().filter(|request| wanted(&request.method, &request.path)).count()
}

impl Line {
    pub fn is_slow(&self) -> bool {
        matches!(self.kind, FaultKind::Delay(_) | FaultKind::SlowBody(_) | FaultKind::Hang)
    }

    /// Runs some cells of the line on one account in sequence once all accounts are ready, and returns what is wrong with
    /// them.
    async fn run(&self, calls: &[Call], stays: bool, ready: &Barrier) -> Vec<String> {
        let account = Account::start().await;
        let endpoint = https(&account.sandbox).await;
        let setup = json!({
            "current_user_context": false, "statuses": ["triggered", "acknowledged"], "limit": calls.len(), "include": ["id"],
        });
        let options = CallOptions { whole_account: true, ..account.toolbox.options() };
        let open = account.toolbox.call_on(options, "get_incidents", object(setup)).await.unwrap().into_value();
        assert_eq!(rows(&open, "incidents").len(), calls.len(), "an incident for each cell");
        let team = account.ok("get_teams", json!({"limit": 1})).await["teams"][0]["id"].clone();
        ready.wait().await;
        let mut wrong = Vec::new();
        for (call, incident) in calls.iter().zip(rows(&open, "incidents")) {
            let cell = Cell { line: self, call: *call, stays, account: &account, endpoint: &endpoint };
            let problem = cell.run(incident["id"].as_str().unwrap(), team.as_str().unwrap()).await;
            wrong.extend(problem.map(|problem| {
                let which = if stays { "for ever" } else { "once" };
                format!("{} {which}, {call:?}: {problem}", self.fault)
            }));
        }
        wrong
    }
}

struct Cell<'m> {
    line: &'m Line,
    call: Call,
    stays: bool,
    account: &'m Account,
    endpoint: &'m Endpoint,
}

impl Cell<'_> {
    /// Returns what is wrong with the cell, if anything.
    async fn run(&self, incident: &str, team: &str) -> Option<String> {
        let sandbox = &self.account.sandbox;
        // Each cell starts with empty caches and an unknown rate limit.
        let toolbox = self.endpoint.toolbox(sandbox, tokens::USER, |config| {
            config.attempt_timeout = if self.line.is_slow() { ATTEMPT } else { config.timeout };
            config.backoff = Duration::from_millis(20);
        });
        if matches!(self.call, Call::Status | Call::Note) {
            call(&toolbox, "build_user_context", json!({})).await;
        }
        sandbox.clear();
        let (method, path) = self.call.place();
        let times = if self.stays { u32::MAX } else { 1 };
        let fault = Fault { method: Some(method.to_owned()), times, ..Fault::once(path, self.line.kind.clone()) };
        sandbox.fail(fault);
        let (tool, arguments) = self.call.tool(incident, team);
        let (outcome, text) = call(&toolbox, tool, arguments).await;
        let reported = self.reported(&outcome, incident);
        let mut wrong = Vec::new();
        let expected = self.call.expected(self.line, self.stays);
        if reported != expected {
            wrong.push(format!("{reported} instead of {expected}: {text}"));
        }
        if text.contains(tokens::USER) {
            wrong.push("the token is in the answer".to_owned());
        }
        sandbox.clear();
        let now =
            self.account.ok("get_incidents", json!({"incident_id": incident, "include": ["status", "notes"]})).await;
        let notes = now["incidents"][0]["notes"].as_array();
        let written = notes.into_iter().flatten().filter(|note| note["content"] == "on it").count();
        let took_effect = match self.call {
            Call::Note => written == 1,
            Call::Status => now["incidents"][0]["status"] == "resolved",
            _ => outcome == "ok",
        };
        if took_effect != (outcome == "ok") {
            wrong.push(format!("{outcome}, but the account says {now}"));
        }
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }

    /// Returns the outcome of a list, in which the fault affects the page with this pair in its query.
    fn reported_page(&self, outcome: &str, offset: &str) -> String {
        let requests = self.account.sandbox.requests();
        let pages = requests.iter().filter(|request| request.path == "/incidents");
        let (affected, others): (Vec<_>, Vec<_>) =
            pages.partition(|page| page.query.split('&').any(|pair| pair == offset));
        // The fault does not affect the two other pages. If the time limit is short, a busy machine may exceed it there.
        match (outcome, others.len()) {
            ("ok", number) if number != 2 && !self.line.is_slow() => format!("ok {} and {number}", affected.len()),
            _ => format!("{outcome} {}", affected.len()),
        }
    }

    /// Returns the outcome in the notation of the matrix.
    fn reported(&self, outcome: &str, incident: &str) -> String {
        let sandbox = &self.account.sandbox;
        match self.call {
            Call::Single => format!("{outcome} {}", count(sandbox, |_, path| path.starts_with("/teams/"))),
            Call::FirstPage => self.reported_page(outcome, "offset=0"),
            Call::ThirdPage => self.reported_page(outcome, "offset=198"),
            Call::Context => format!("{outcome} {}", count(sandbox, |_, path| path == "/users/me")),
            Call::Status | Call::Note => {
                let notes = if self.call == Call::Note { "/notes" } else { "" };
                let verified = format!("/incidents/{incident}{notes}");
                let reads = count(sandbox, |method, path| method == "GET" && path == verified);
                format!("{outcome} {}+{reads}", count(sandbox, |method, _| method != "GET"))
            }
        }
    }
}

/// Runs all cells of the lines, with this number of calls for each account.
fn groups<'m>(
    lines: &'m [&'m Line],
    size: usize,
    ready: &'m Barrier,
) -> impl Stream<Item = BoxFuture<'m, Vec<String>>> + 'm {
    stream::iter(lines.iter().flat_map(move |line| {
        let groups = Call::ALL.chunks(size).flat_map(|calls| [(calls, false), (calls, true)]);
        groups.map(move |(calls, stays)| line.run(calls, stays, ready).boxed())
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_have_expected_outcome_for_each_call() {
    let matrix = matrix();
    let (slow, quick): (Vec<_>, Vec<_>) = matrix.iter().partition(|line| line.is_slow());
    // Slow calls run alone and start together, so that their time limits pass concurrently, and while the machine is not
    // busy with creating accounts.
    let cells = slow.len() * Call::ALL.len() * 2;
    let (together, alone) = (Barrier::new(cells), Barrier::new(1));
    let slow = groups(&slow, 1, &together).buffer_unordered(cells);
    let quick = groups(&quick, Call::ALL.len(), &alone).buffer_unordered(SIDE_BY_SIDE);
    let wrong: Vec<_> = slow.chain(quick).concat().await;
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}
