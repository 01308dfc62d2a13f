//! Tests random changes of the table under random faults. In every run:
//!
//! - each call is answered once and in time;
//! - no change takes effect twice;
//! - a change that is reported as made took effect, and one that is reported as failed did not;
//! - no answer contains the token.
//!
//! Some calls are repeated at the same time or later, as models do. A run is determined by its seed, as in `chaos.rs`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use fastrand::Rng;
use futures_util::{StreamExt, stream};
use pagerduty_mcp_server::sandbox::{Fault, tokens};
use pagerduty_mcp_server::tools::Toolbox;

use crate::chaos::{fault, setting};
use crate::overrides::all_tools;
use crate::respond_table::{self, Again, Call, Example, Stage};
use crate::support::object;

/// The number of different changes in a run.
const CHANGES: usize = 10;

/// The number of concurrent calls.
const AT_A_TIME: usize = 6;

/// The number of concurrent runs, which wait most of the time.
const RUNS_AT_A_TIME: usize = 12;

/// The time limit of a call.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The time to wait for a call. It is longer than the limit, because timing is inexact on a busy machine.
const GENEROUS: Duration = Duration::from_mins(1);

/// The account of one run, with its calls.
struct Run {
    seed: u64,
    stage: Stage,
    changes: Vec<(&'static Example, Call)>,
    /// The changes to make, by their places. Some places occur several times.
    order: Vec<usize>,
    faults: Vec<Fault>,
}

impl Run {
    async fn prepare(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let stage = Stage::seeded(Some(seed)).await;
        let rows: Vec<_> = respond_table::all().collect();
        let (mut changes, mut order) = (Vec::new(), Vec::new());
        for place in 0..CHANGES {
            let row = *rng.choice(&rows).unwrap();
            changes.push((row, (row.call)(&stage).await));
            order.extend(std::iter::repeat_n(place, *rng.choice(&[1, 1, 2, 3]).unwrap()));
        }
        rng.shuffle(&mut order);
        let mut paths = vec!["*", "/incidents/*", "/incidents/{id}", "/users/me"];
        paths.extend(changes.iter().map(|(row, _)| row.sends.1));
        let faults = (0..rng.usize(1..8)).map(|_| fault(&mut rng, &paths)).collect();
        Self { seed, stage, changes, order, faults }
    }

    /// Makes the calls, and returns their outcomes by change.
    async fn make(&self) -> BTreeMap<usize, Vec<String>> {
        let tools = all_tools(&self.stage.account, |config| {
            config.timeout = TIMEOUT;
            config.attempt_timeout = Duration::from_secs(1);
            config.backoff = Duration::from_millis(10);
        });
        for fault in &self.faults {
            self.stage.account.sandbox.fail(fault.clone());
        }
        let calls = self.order.iter().map(|place| self.one(&tools, *place));
        let outcomes: Vec<_> = stream::iter(calls).buffer_unordered(AT_A_TIME).collect().await;
        self.stage.account.sandbox.clear();
        let mut by_change = BTreeMap::<_, Vec<_>>::new();
        for (place, outcome) in outcomes {
            by_change.entry(place).or_default().push(outcome);
        }
        by_change
    }

    async fn one(&self, tools: &Toolbox, place: usize) -> (usize, String) {
        let (row, call) = &self.changes[place];
        let said = |what: &str| format!("seed {}, {} {call:?}: {what}\n{:?}", self.seed, row.title(), self.faults);
        let outcome = tokio::time::timeout(GENEROUS, tools.call(row.tool, object(call.arguments.clone()))).await;
        let (reported, answer) = match outcome.unwrap_or_else(|_| panic!("{}", said("no answer"))) {
            Ok(reply) => {
                let answer = reply.into_value();
                let reported = match answer["outcome"].as_str().unwrap_or_default() {
                    // An identical call made the change.
                    "applied" | "pending" if answer["sent"] == false => "already_so",
                    reported => reported,
                };
                (reported.to_owned(), answer)
            }
            Err(error) => (error.code().to_string(), error.envelope()),
        };
        assert!(!answer.to_string().contains(tokens::USER), "{}", said("the token is in the answer"));
        assert_ne!(reported, "INTERNAL", "{}", said(&answer.to_string()));
        (place, reported)
    }

    /// Compares the account with the outcomes, and returns what is wrong.
    async fn check(&self, outcomes: &BTreeMap<usize, Vec<String>>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (place, reported) in outcomes {
            let (row, call) = &self.changes[*place];
            let effects = (row.effects)(&(row.state)(&self.stage, call).await);
            let (least, most) = bounds(row.again, reported);
            if !(least..=most).contains(&effects) {
                wrong.push(format!("seed {}, {}: {reported:?}, but {effects} effects", self.seed, row.title()));
            }
        }
        wrong
    }
}

/// Returns the least and the most effects that agree with the outcomes of identical calls.
fn bounds(again: Again, reported: &[String]) -> (usize, usize) {
    let count = |names: &[&str]| reported.iter().filter(|reported| names.contains(&reported.as_str())).count();
    let (made, was_made) = (count(&["applied", "pending"]), count(&["already_so"]));
    let unknown = count(&["OUTCOME_UNKNOWN", "unknown", "partial"]);
    let least = made.max(was_made.min(1));
    match again {
        // A later call of the same kind is a further change.
        Again::Never => (least, (made + unknown).max(was_made.min(1))),
        Again::Accepted | Again::Refused => (least.min(1), (made + was_made + unknown).min(1)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_faults_never_make_a_change_untrue() {
    let (runs, first) = (setting("FAULT_RUNS", 100), setting("FAULT_SEED", 1));
    let one = async |seed| {
        let run = Run::prepare(seed).await;
        let outcomes = run.make().await;
        (run.check(&outcomes).await, outcomes)
    };
    let (mut wrong, mut reported) = (Vec::new(), HashMap::<String, usize>::new());
    let mut all = stream::iter(first..first + runs).map(one).buffer_unordered(RUNS_AT_A_TIME);
    while let Some((of_run, outcomes)) = all.next().await {
        wrong.extend(of_run);
        for outcome in outcomes.into_values().flatten() {
            *reported.entry(outcome).or_default() += 1;
        }
    }
    println!("{reported:?}");
    assert!(wrong.is_empty(), "{} changes:\n{}", wrong.len(), wrong.join("\n"));
    // A run that fails completely, or not at all, would prove nothing.
    assert!(reported.get("applied").is_some_and(|made| *made > 0) && reported.len() > 3, "{reported:?}");
}
