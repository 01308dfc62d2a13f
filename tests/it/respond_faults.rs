//! Tests each fault of the matrix with each change of the table, once and permanently.
//!
//! Outcomes are written as in `fault_matrix.rs`. Reads before a change do not count as verifications.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use pagerduty_mcp_server::sandbox::{Fault, tokens};
use serde_json::json;

use crate::fault_matrix::{Line, matrix};
use crate::overrides::all_tools;
use crate::respond_table::{self, Again, Example, Stage};
use crate::support::{object, ok};

/// The number of concurrent accounts, except where answers are slow on purpose.
const SIDE_BY_SIDE: usize = 8;

/// The time limit of an attempt where answers are slow on purpose.
const ATTEMPT: Duration = Duration::from_secs(4);

/// A fault with a change.
struct Cell {
    line: &'static Line,
    row: &'static Example,
    stays: bool,
}

impl Cell {
    /// Returns the outcome in the notation of the matrix.
    fn expected(&self) -> &'static str {
        let column = if self.row.again == Again::Never { &self.line.note } else { &self.line.status };
        let expected = match (self.row.again, column[usize::from(self.stays)]) {
            (Again::Accepted, "ok 2+1") => "ok 2+0",
            (_, expected) => expected,
        };
        let exception = |key: &str| self.row.exceptions.iter().find(|(known, _)| *known == key).map(|(_, is)| *is);
        exception(self.line.fault).or_else(|| exception(expected)).unwrap_or(expected)
    }

    /// Returns what is wrong with the outcome, if anything.
    async fn run(&self, stage: &Stage) -> Option<String> {
        let Self { line, row, stays } = self;
        let sandbox = &stage.account.sandbox;
        let call = (row.call)(stage).await;
        // Each cell starts with empty caches and without remembered changes.
        let tools = all_tools(&stage.account, |config| {
            config.attempt_timeout = if line.is_slow() { ATTEMPT } else { config.timeout };
            config.backoff = Duration::from_millis(20);
        });
        ok(&tools, "build_user_context", json!({})).await;
        sandbox.clear();
        let (method, path) = row.sends;
        let times = if *stays { u32::MAX } else { 1 };
        sandbox.fail(Fault { method: Some(method.to_owned()), times, ..Fault::once(path, line.kind.clone()) });
        let (outcome, text) = match tools.call(row.tool, object(call.arguments.clone())).await {
            Ok(reply) => {
                let answer = reply.into_value();
                let outcome = answer["outcome"].as_str().unwrap_or_default();
                (if ["applied", "pending"].contains(&outcome) { "ok" } else { outcome }.to_owned(), answer.to_string())
            }
            Err(error) => (error.code().to_string(), error.envelope().to_string()),
        };
        let (path, before) = row.looks;
        let path = call.path(path);
        let requests = sandbox.requests();
        let writes = requests.iter().filter(|request| request.method != "GET").count();
        let reads = requests.iter().filter(|request| request.method == "GET" && request.path == path).count();
        sandbox.clear();
        let reported = match reads.checked_sub(before) {
            Some(looks) => format!("{outcome} {writes}+{looks}"),
            None => format!("{outcome} {writes}, and {reads} reads"),
        };
        let mut wrong = Vec::new();
        let expected = self.expected();
        if reported != expected {
            wrong.push(format!("{reported} instead of {expected}: {text}"));
        }
        let effects = (row.effects)(&(row.state)(stage, &call).await);
        if effects != usize::from(outcome == "ok") {
            wrong.push(format!("{outcome}, but it took effect {effects} times: {text}"));
        }
        if text.contains(tokens::USER) {
            wrong.push("the token is in the answer".to_owned());
        }
        let which = if *stays { "for ever" } else { "once" };
        (!wrong.is_empty()).then(|| format!("{} {which}, {}: {}", line.fault, row.title(), wrong.join("; ")))
    }
}

/// Runs cells on one account in sequence, and returns what is wrong with them.
async fn run(cells: Vec<Cell>) -> Vec<String> {
    let stage = Stage::start().await;
    let mut wrong = Vec::new();
    for cell in cells {
        wrong.extend(cell.run(&stage).await);
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_have_expected_outcome_for_each_response() {
    let matrix: &'static [Line] = matrix().leak();
    let cells = |line: &'static Line, stays| respond_table::all().map(move |row| Cell { line, row, stays });
    let of = |line: &&'static Line| [false, true].map(|stays| cells(line, stays).collect::<Vec<_>>());
    let (slow, quick): (Vec<_>, Vec<_>) = matrix.iter().partition(|line| line.is_slow());
    let quick: Vec<_> = quick.iter().flat_map(of).collect();
    let slow: Vec<_> = slow.iter().flat_map(of).flatten().map(|cell| vec![cell]).collect();
    let mut wrong: Vec<String> = Vec::new();
    // The time limits of slow calls pass concurrently.
    for (groups, at_a_time) in [(quick, SIDE_BY_SIDE), (slow, 40)] {
        wrong.extend(stream::iter(groups).map(run).buffer_unordered(at_a_time).concat().await);
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}
