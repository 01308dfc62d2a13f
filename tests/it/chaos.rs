//! Tests random calls under random faults. In every run:
//!
//! - each call is answered once and in time;
//! - no note is written twice;
//! - a change that is reported as done took effect, and one that is reported as failed did not;
//! - the answers match the account;
//! - no answer contains the token.
//!
//! A run is determined by its seed. `CONTRIBUTING.md` explains how to add runs and how to repeat one.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;
use futures_util::{StreamExt, stream};
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, FaultSpec, Options, Sandbox, tokens};
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::{Value, json};

use crate::support::{Account, object, rows, toolbox, warnings};

/// The number of calls in a run.
const CALLS: usize = 30;

/// The outcome of a call that was answered with the note of an identical one.
const SHARED: &str = "ok, shared";

/// The number of concurrent calls.
const AT_A_TIME: usize = 6;

/// The time limit of a call.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The time to wait for a call. It is longer than the limit, because timing is inexact on a busy machine.
const GENEROUS: Duration = Duration::from_mins(1);

pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

fn kind(rng: &mut Rng) -> FaultKind {
    let milliseconds = |rng: &mut Rng, most| Duration::from_millis(rng.u64(..most));
    let status = |code: u16, headers: &[(&str, &str)]| FaultKind::Status {
        code,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: None,
    };
    match rng.u8(..18) {
        0 => status(500, &[]),
        1 => status(503, &[("retry-after", "1")]),
        2 => status(429, &[("retry-after", "1")]),
        3 => status(429, &[]),
        4 => status(403, &[]),
        5 => status(302, &[("location", "http://127.0.0.1:9/")]),
        6 => FaultKind::Html,
        7 => FaultKind::Empty,
        8 => FaultKind::Truncated,
        9 => FaultKind::Reset,
        10 => FaultKind::Delay(milliseconds(rng, 2_000)),
        11 => FaultKind::SlowBody(milliseconds(rng, 2_000)),
        12 => FaultKind::Hang,
        13 => FaultKind::WrongJson(Value::Null),
        14 => FaultKind::LostResponse,
        15 => FaultKind::Late(milliseconds(rng, 500)),
        16 => FaultKind::Replaced(*rng.choice(&[200, 204, 500, 502, 504]).unwrap()),
        _ => {
            let left = rng.u8(..6).to_string();
            FaultKind::Headers(
                [("ratelimit-remaining", left.as_str()), ("ratelimit-reset", "1")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            )
        }
    }
}

const PATHS: [&str; 7] =
    ["*", "/incidents/*", "/incidents/{id}", "/incidents/{id}/notes", "/incidents", "/users/me", "/teams"];

/// Returns a random fault of requests to one of these paths.
pub fn fault(rng: &mut Rng, paths: &[&str]) -> Fault {
    let path = *rng.choice(paths).unwrap();
    let method = *rng.choice(&[None, None, Some("GET"), Some("PUT"), Some("POST")]).unwrap();
    let chance = Some(rng.choice(&[0.1, 0.3, 0.6, 1.0]).copied().unwrap());
    Fault {
        method: method.map(str::to_owned),
        times: rng.u32(1..20),
        skip: rng.u32(..4),
        chance,
        ..Fault::once(path, kind(rng))
    }
}

/// A call, with its expected answer.
#[derive(Clone, Debug)]
enum Call {
    /// A tool, its arguments, and the answer without faults.
    Read(&'static str, Value, Value),
    Status(&'static str, String),
    Note(String, String),
}

/// Returns an answer without the fields that other calls change.
fn without_counts(mut answer: Value) -> Value {
    answer["metadata"].as_object_mut().map(|metadata| metadata.shift_remove("status_counts"));
    answer
}

/// The account of one run, with its calls.
struct Run {
    seed: u64,
    sandbox: Sandbox,
    calls: Vec<Call>,
    faults: Vec<Fault>,
}

impl Run {
    async fn prepare(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let faults = FaultSpec { seed: Some(seed), faults: Vec::new() };
        let account = Account::with(tokens::USER, Options { faults, ..Options::default() }, |_| {}).await;
        let mut reads = Vec::new();
        for (tool, arguments) in [
            ("get_teams", json!({})),
            ("build_user_context", json!({})),
            ("get_incidents", json!({"limit": 150, "include": ["id", "title"]})),
        ] {
            reads.push(Call::Read(tool, arguments.clone(), account.ok(tool, arguments).await));
        }
        let open = json!({"statuses": ["triggered"], "include": ["id"]});
        let open = account.ok("get_incidents", open).await;
        // Each status is changed by a single call, so that its effect is unambiguous.
        let mut open: Vec<_> =
            rows(&open, "incidents").iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let annotated = open.pop().unwrap();
        let calls = (0..CALLS)
            .map(|number| match rng.u8(..10) {
                // Some notes have the text of an earlier one.
                0..4 => {
                    let number = if rng.bool() { number } else { number % 3 };
                    Call::Note(annotated.clone(), format!("note {number} of run {seed}"))
                }
                4..6 if !open.is_empty() => {
                    let tool = *rng.choice(&["resolve_incident", "acknowledge_incident"]).unwrap();
                    Call::Status(tool, open.pop().unwrap())
                }
                _ => rng.choice(&reads).unwrap().clone(),
            })
            .collect();
        let faults = (0..rng.usize(1..8)).map(|_| fault(&mut rng, &PATHS)).collect();
        Self { seed, sandbox: account.sandbox, calls, faults }
    }

    /// Makes the calls, and returns each note with its reported outcome, to be checked after the last note is written.
    async fn make(&self) -> Vec<(&Call, String)> {
        let toolbox = toolbox(&self.sandbox, tokens::USER, |config| {
            config.timeout = TIMEOUT;
            config.attempt_timeout = Duration::from_secs(1);
            config.backoff = Duration::from_millis(10);
        });
        for fault in &self.faults {
            self.sandbox.fail(fault.clone());
        }
        let calls = self.calls.iter().map(|call| self.one(&toolbox, call));
        let outcomes: Vec<_> = stream::iter(calls).buffer_unordered(AT_A_TIME).collect().await;
        assert_eq!(outcomes.len(), CALLS);
        self.sandbox.clear();
        outcomes
    }

    async fn one<'c>(&self, toolbox: &Toolbox, call: &'c Call) -> (&'c Call, String) {
        let (tool, arguments) = match call {
            Call::Read(tool, arguments, _) => (*tool, arguments.clone()),
            Call::Status(tool, id) => (*tool, json!({"incident_id": id})),
            Call::Note(id, content) => ("add_incident_note", json!({"incident_id": id, "content": content})),
        };
        let said = |what: &str| format!("seed {}, {call:?}: {what}\n{:?}", self.seed, self.faults);
        let outcome = tokio::time::timeout(GENEROUS, toolbox.call(tool, object(arguments))).await;
        let (reported, answer) = match outcome.unwrap_or_else(|_| panic!("{}", said("no answer"))) {
            Ok(reply) => {
                let answer = reply.into_value();
                // An identical call while the first is in flight, or after its answer was lost, is answered with its note.
                let shares = warnings(&answer).contains("was not written again");
                (if shares { SHARED } else { "ok" }.to_owned(), answer)
            }
            Err(error) => (error.code().to_string(), error.envelope()),
        };
        assert!(!answer.to_string().contains(tokens::USER), "{}", said("the token is in the answer"));
        assert_ne!(reported, "INTERNAL", "{}", said(&answer.to_string()));
        match call {
            Call::Read(_, _, expected) if reported == "ok" => {
                assert_eq!(without_counts(answer), without_counts(expected.clone()), "{}", said("wrong data"));
            }
            Call::Status(tool, id) if reported == "ok" => {
                assert_eq!(answer["incidents"][0]["id"], id.as_str(), "{}", said("another incident"));
                let wanted = if *tool == "resolve_incident" { "resolved" } else { "acknowledged" };
                assert_eq!(answer["incidents"][0]["status"], wanted, "{}", said("another status"));
                assert_eq!(self.status(id), wanted, "{}", said("not in effect"));
            }
            Call::Note(_, content) if matches!(reported.as_str(), "ok" | SHARED) => {
                assert_eq!(answer["notes"][0]["content"], content.as_str(), "{}", said("another note"));
            }
            _ => {}
        }
        (call, reported)
    }

    /// Compares the incidents with the reported outcomes: a failed change must not have taken effect.
    fn check_statuses(&self, outcomes: &[(&Call, String)]) {
        for (call, reported) in outcomes {
            let Call::Status(_, id) = call else { continue };
            if !matches!(reported.as_str(), "ok" | "OUTCOME_UNKNOWN") {
                assert_eq!(self.status(id), "triggered", "seed {}, {call:?}: {reported}\n{:?}", self.seed, self.faults);
            }
        }
    }

    fn status(&self, id: &str) -> String {
        let incidents = self.sandbox.objects("incidents").unwrap();
        let incident = incidents.as_array().unwrap().iter().find(|incident| incident["id"] == id).unwrap();
        incident["status"].as_str().unwrap().to_owned()
    }

    /// Compares the notes of the account with their reported outcomes.
    fn check_notes(&self, outcomes: &[(&Call, String)]) {
        let mut written = HashMap::<String, usize>::new();
        let mut allowed = HashMap::<&str, (usize, usize)>::new();
        for (call, reported) in outcomes {
            let Call::Note(id, content) = call else { continue };
            if written.is_empty() {
                for note in self.sandbox.notes(id).unwrap().as_array().unwrap() {
                    *written.entry(note["content"].as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
            let (least, most) = allowed.entry(content).or_default();
            *least += usize::from(reported == "ok");
            *most += usize::from(matches!(reported.as_str(), "ok" | "OUTCOME_UNKNOWN"));
        }
        for (content, (least, most)) in allowed {
            let count = written.get(content).copied().unwrap_or_default();
            let reported = || format!("seed {}, {count} × {content:?}: {outcomes:?}\n{:?}", self.seed, self.faults);
            assert!((least..=most).contains(&count), "{}", reported());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_faults_never_make_an_answer_untrue() {
    let (runs, first) = (setting("FAULT_RUNS", 10), setting("FAULT_SEED", 1));
    let prepared: Vec<_> = stream::iter(first..first + runs).map(Run::prepare).buffered(2).collect().await;
    let outcomes: Vec<_> = stream::iter(&prepared).map(Run::make).buffered(4).collect().await;
    let mut reported = HashMap::<&str, usize>::new();
    for (run, outcomes) in prepared.iter().zip(&outcomes) {
        run.check_notes(outcomes);
        run.check_statuses(outcomes);
        for (_, code) in outcomes {
            *reported.entry(code).or_default() += 1;
        }
    }
    println!("{reported:?}");
    // A run that fails completely, or not at all, would prove nothing.
    assert!(reported.get("ok").is_some_and(|ok| *ok > 0) && reported.len() > 2, "{reported:?}");
}
