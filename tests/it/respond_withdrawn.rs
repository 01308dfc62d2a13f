//! Tests of all changes of the table whose caller gives up, whose process is killed, or that two clients make at once: the
//! next answer says truthfully what happened, and nothing takes effect twice.

use std::process::Stdio;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::Value;

use crate::overrides::all_tools;
use crate::respond_table::{self, Again, Call, Example, Stage};
use crate::support::{binary, object};

/// The time by which the response to a withdrawn change is late.
const LATE: Duration = Duration::from_secs(2);

/// A time that no process lives to see.
const NEVER: Duration = Duration::from_mins(10);

/// The number of accounts at a time.
const AT_A_TIME: usize = 4;

/// Applies a fault to the request that makes a change.
fn fail(stage: &Stage, row: &Example, kind: FaultKind) {
    let (method, path) = row.sends;
    stage.account.sandbox.fail(Fault { method: Some(method.to_owned()), ..Fault::once(path, kind) });
}

/// Returns the number of requests that make the change.
fn sent(stage: &Stage, row: &Example) -> usize {
    let last = row.sends.1.rsplit('/').next().unwrap();
    let is_it = |path: &str| last.starts_with('{') || path.ends_with(last);
    let requests = stage.account.sandbox.requests();
    requests.iter().filter(|request| request.method == row.sends.0 && is_it(&request.path)).count()
}

async fn effects(stage: &Stage, row: &Example, call: &Call) -> usize {
    (row.effects)(&(row.state)(stage, call).await)
}

/// Waits until a condition holds.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns the outcome of a call, and its answer.
async fn outcome(tools: &Toolbox, row: &Example, arguments: &Value) -> (String, Value) {
    match tools.call(row.tool, object(arguments.clone())).await {
        Ok(reply) => {
            let answer = reply.into_value();
            (answer["outcome"].as_str().unwrap_or_default().to_owned(), answer)
        }
        Err(error) => (error.code().to_string(), error.envelope()),
    }
}

/// Returns whether an answer says that the change was made before.
fn says_made(outcome: &str, answer: &Value) -> bool {
    match outcome {
        "already_so" => true,
        "applied" => answer["sent"] == false && answer["warnings"].to_string().contains("earlier call"),
        outcome => outcome == Code::InvalidReceipt.as_str() && answer.to_string().contains("taken back before"),
    }
}

/// Runs a check of each row on its own account.
async fn each<F: Future<Output = Result<(), String>>>(check: impl Fn(&'static Example) -> F) {
    let all = respond_table::all().map(check);
    let outcomes: Vec<_> = stream::iter(all).buffer_unordered(AT_A_TIME).collect().await;
    let wrong: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} changes:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_change_is_made_once_and_reported() {
    each(async |row| {
        let stage = Stage::start().await;
        let call = (row.call)(&stage).await;
        stage.account.sandbox.clear();
        fail(&stage, row, FaultKind::Delay(LATE));
        tokio::select! {
            (outcome, _) = outcome(&stage.tools, row, &call.arguments) => {
                return Err(format!("{}: it was answered: {outcome}", row.title()));
            }
            () = until(async || sent(&stage, row) > 0) => {}
        }
        let (outcome, answer) = outcome(&stage.tools, row, &call.arguments).await;
        let effects = effects(&stage, row, &call).await;
        if says_made(&outcome, &answer) && (sent(&stage, row), effects) == (1, 1) {
            return Ok(());
        }
        Err(format!("{}: {} requests, {effects} effects: {answer}", row.title(), sent(&stage, row)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_at_once_are_answered_with_what_holds() {
    each(async |row| {
        let stage = Stage::start().await;
        let call = (row.call)(&stage).await;
        let other = all_tools(&stage.account, |_| {});
        let (one, two) =
            tokio::join!(outcome(&stage.tools, row, &call.arguments), outcome(&other, row, &call.arguments));
        let effects = effects(&stage, row, &call).await;
        let applied = [&one, &two].iter().filter(|(outcome, _)| outcome == "applied").count();
        let is_gone = |outcome: &str| row.sends.0 == "DELETE" && outcome == Code::NotFound.as_str();
        let is_told = |(outcome, answer): &(String, Value)| {
            outcome == "applied" || is_gone(outcome) || says_made(outcome, answer)
        };
        let most = if row.again == Again::Never { applied } else { 1 };
        if applied > 0 && (1..=most).contains(&effects) && is_told(&one) && is_told(&two) {
            return Ok(());
        }
        Err(format!("{}: {effects} effects: {} {}", row.title(), one.1, two.1))
    })
    .await;
}

/// Returns arguments as the command line takes them.
fn pairs(arguments: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pair = |(name, value): (&String, &Value)| match value {
        Value::Array(values) => values.iter().map(|value| format!("{name}={}", text(value))).collect(),
        value => vec![format!("{name}={}", text(value))],
    };
    arguments.as_object().unwrap().iter().flat_map(pair).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_process_leaves_a_change_made_once_or_not() {
    for after in [false, true] {
        each(async |row| {
            let stage = Stage::start().await;
            let call = (row.call)(&stage).await;
            stage.account.sandbox.clear();
            // The response begins after the effect, and does not end.
            fail(&stage, row, if after { FaultKind::SlowBody(NEVER) } else { FaultKind::Hang });
            let mut command = tokio::process::Command::from(binary());
            command.args(["--toolsets", "all", "call", row.tool]).args(pairs(&call.arguments));
            command.env("PAGERDUTY_API_HOST", stage.account.sandbox.url()).env("PAGERDUTY_API_TOKEN", tokens::USER);
            let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
            until(async || sent(&stage, row) > 0 && (!after || effects(&stage, row, &call).await > 0)).await;
            process.kill().await.unwrap();
            let left = effects(&stage, row, &call).await;
            stage.account.sandbox.clear();
            let next = all_tools(&stage.account, |_| {});
            let (outcome, answer) = outcome(&next, row, &call.arguments).await;
            // A new process does not know what was deleted.
            let is_gone = row.sends.0 == "DELETE" && outcome == Code::NotFound.as_str();
            let is_told = if after { outcome == "already_so" || is_gone } else { outcome == "applied" };
            let effects = effects(&stage, row, &call).await;
            // A new process cannot find an addition without a key, so it makes it again, like any second call.
            let is_again = after && row.again == Again::Never && (outcome.as_str(), effects) == ("applied", 2);
            if is_again || is_told && (left, effects) == (usize::from(after), 1) {
                return Ok(());
            }
            Err(format!("{}: {left} effects, then {effects}, after={after}: {answer}", row.title()))
        })
        .await;
    }
}
