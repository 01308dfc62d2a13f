//! Fuzz targets: every parser of external input, as a function of bytes that must keep its guarantees and never panic.
//!
//! `fuzz/` searches for inputs by coverage, and the test below replays the inputs found so far with seeded variations.

use std::cell::RefCell;
use std::io::Cursor;
use std::time::Duration;

use pagerduty_api::Effect;
use pagerduty_api::operations::incidents::LIST_INCIDENTS;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

use crate::auth::Credential;
use crate::client::{Query, Request, decode, failure, policy};
use crate::config::{Config, Dotenv, Host, Region};
use crate::models::{
    Alert, Change, EscalationPolicy, Incident, Model, Note, Oncall, Schedule, Service, Team, User, WRAPPED,
    past_incident, related_incident,
};
use crate::params::Moment;
use crate::sandbox::FaultSpec;
use crate::server;
use crate::tools::{Filter, Toolbox};

/// A parser of external input.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("stdin", stdin),
    ("arguments", arguments),
    ("answers", answers),
    ("error_bodies", error_bodies),
    ("timestamps", timestamps),
    ("dotenv", dotenv),
    ("headers", headers),
    ("texts", texts),
    ("fault_specs", fault_specs),
    ("payloads", payloads),
];

/// Runs the target of this name.
///
/// # Panics
/// Panics if there is no such target, or if the target finds a broken guarantee.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(input);
}

/// A credential that must never appear in output.
const SECRET: &str = "u+0123456789secret";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: RefCell<Runtime> =
            RefCell::new(Builder::new_current_thread().enable_all().build().expect("a runtime"));
    }
    RUNTIME.with_borrow_mut(|runtime| runtime.block_on(future))
}

fn config(variables: &[(&str, &str)]) -> Config {
    let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::from_lookup(find).expect("settings that make sense")
}

/// A session over standard input: every output line is a JSON-RPC answer, and there are at most as many as input lines.
fn stdin(input: &[u8]) {
    // Without a credential no call leaves this process.
    let toolbox = Toolbox::new(&config(&[]), &Filter::default()).expect("a toolbox");
    let mut output = Cursor::new(Vec::new());
    block_on(server::serve(toolbox.into(), Cursor::new(input.to_vec()), &mut output))
        .expect("the session ends in order");
    let lines = input.split(|byte| *byte == b'\n').count();
    let answers: Vec<&[u8]> = output.get_ref().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(answers.len() <= lines, "{} answers to {lines} lines", answers.len());
    for answer in answers {
        let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
        assert_eq!(answer["jsonrpc"], "2.0");
        assert!(answer.get("result").is_some() != answer.get("error").is_some(), "{answer}");
    }
}

/// A call: the first byte chooses the tool, the rest is the arguments. The answer is an envelope without the credential.
fn arguments(input: &[u8]) {
    thread_local! {
        // A closed port, and no time for retries.
        static TOOLBOX: Toolbox = Toolbox::new(
            &config(&[("PAGERDUTY_API_TOKEN", SECRET), ("PAGERDUTY_API_HOST", "http://127.0.0.1:1"), ("PAGERDUTY_TIMEOUT", "0.05")]),
            &Filter::default(),
        ).expect("a toolbox");
    }
    let Some((choice, rest)) = input.split_first() else { return };
    let Ok(arguments) = serde_json::from_slice::<Map<String, Value>>(rest) else { return };
    TOOLBOX.with(|toolbox| {
        let tool = toolbox.tools()[usize::from(*choice) % toolbox.tools().len()];
        let error = block_on(toolbox.call(tool.name, arguments)).expect_err("nothing listens there");
        assert_ne!(error.code(), crate::error::Code::Internal, "{error}");
        assert!(!error.envelope().to_string().contains(SECRET), "{error}");
        assert!(error.hint_text().is_some(), "{error}");
    });
}

/// A response of PagerDuty, as one object and as a page of each resource.
fn answers(body: &[u8]) {
    fn read<M: Model>(body: &[u8]) {
        for selection in [M::defaults(), M::facts_only()] {
            if let Ok(row) = decode::one::<M>(body, M::RESOURCE.one, &selection) {
                let shown = row.shown.neutralized();
                serde_json::from_str::<Value>(shown.as_str()).expect("an object is JSON");
                assert!(!shown.members().values().any(Value::is_null), "an empty field is shown");
            }
            let _ = decode::page::<M>(body, M::RESOURCE.many, &selection);
        }
    }
    read::<Alert>(body);
    read::<Change>(body);
    read::<Incident>(body);
    read::<Note>(body);
    read::<Oncall>(body);
    read::<Schedule>(body);
    read::<Service>(body);
    read::<Team>(body);
    read::<User>(body);
    read::<EscalationPolicy>(body);
    for key in ["past_incidents", "related_incidents"] {
        let _ = decode::list(body, key, WRAPPED, |facts| (past_incident(facts), related_incident(facts)));
    }
}

/// An error response of PagerDuty or of a proxy: two bytes of status, then the body.
fn error_bodies(input: &[u8]) {
    let Some((status, body)) = input.split_first_chunk::<2>() else { return };
    let status = 300 + u16::from_be_bytes(*status) % 300;
    let status = StatusCode::from_u16(status).expect("a status");
    let request = Request::new(&LIST_INCIDENTS, Query::new());
    let credential = Credential::new(SECRET.into(), "PAGERDUTY_API_TOKEN");
    let host = Host::of_region(Region::Us);
    let headers = HeaderMap::new();
    let response =
        failure::Response { request: &request, credential: &credential, host: &host, status, headers: &headers, body };
    let error = response.error().neutralized();
    assert_eq!(error.http_status(), Some(status.as_u16()));
    assert!(error.hint_text().is_some(), "{error}");
    let told = error.envelope().to_string();
    assert!(!told.contains(SECRET) && told.len() < 8_000, "{told}");
}

/// A timestamp: an accepted text has the same meaning when it is parsed again.
fn timestamps(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(moment) = Moment::parse(text) {
        assert_eq!(Moment::parse(&moment.to_string()), Some(moment), "{text:?}");
    }
}

/// A `.env` file: unrelated variables are ignored, values contain nothing of the environment, and no message quotes a
/// line.
fn dotenv(input: &[u8]) {
    let text = format!("{}\nPAGERDUTY_API_TOKEN=${{PATH}}", String::from_utf8_lossy(input));
    let file = Dotenv::parse(&text);
    assert_eq!(file.get("BROWSER"), None);
    let path = std::env::var("PATH").expect("a path");
    assert!(!file.get("PAGERDUTY_API_TOKEN").is_some_and(|token| token.contains(&path)));
    assert!(file.broken().iter().all(|(_, line)| *line <= text.len() + 1));
}

/// Headers of a response, one a line, and a header with a credential of the same bytes.
fn headers(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n').take(50) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let policy = policy::Policy { attempt: Duration::MAX, backoff: Duration::from_millis(500), call: Duration::MAX };
    let last = policy::Attempt {
        effect: Effect::Read,
        number: 1,
        outcome: policy::Outcome::Limited,
        doubt: false,
        requested_wait: policy::requested_wait(&headers),
    };
    let left = policy::Left { time: Duration::MAX, patience: policy::CALL_PATIENCE };
    if let policy::Decision::Retry(wait) = policy.decide(&last, left, 1.0) {
        assert!(wait <= policy::CALL_PATIENCE, "{wait:?}");
    }
    let _ = failure::request_id(&headers, &Credential::new(SECRET.into(), "PAGERDUTY_API_TOKEN"));
    if let Ok(text) = std::str::from_utf8(input) {
        let credential = Credential::new(text.into(), "a header");
        if let Ok(header) = credential.header() {
            assert!(header.is_sensitive() && !header.as_bytes().contains(&b'\n'));
        }
        assert!(text.is_empty() || !credential.redact(text).contains(text) || "[credential]".contains(text));
        assert!(credential.masked().starts_with("****"));
    }
}

/// External text: neutralizing it twice equals neutralizing it once.
fn texts(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let shown = pagerduty_rows::text::neutralize(&text);
    assert_eq!(pagerduty_rows::text::neutralize(&shown), shown);
}

/// The faults in an option of the command line.
fn fault_specs(input: &[u8]) {
    if let Err(why) = FaultSpec::parse(&String::from_utf8_lossy(input)) {
        assert!(!why.is_empty());
    }
}

/// The body of an alert: what is read from it is bounded, and a link is a web address.
fn payloads(input: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(input) else { return };
    let title = body["details"].as_str();
    let payload = pagerduty_payloads::read(&body, title);
    assert!(payload.facts.iter().all(|fact| !fact.value.is_empty() && fact.value.chars().count() <= 501));
    assert!(payload.links.len() <= 20);
    for link in &payload.links {
        assert!(link.href.to_ascii_lowercase().starts_with("http") && !link.href.contains(char::is_whitespace));
    }
    let group = payload.group.unwrap_or_default();
    assert!(group.instances.len() <= 10 && group.labels.len() <= 20);
    assert!(payload.details.map_or(0, |details| details.to_string().len()) < 60_000);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use fastrand::Rng;

    use super::*;

    /// The variations of each input; `FUZZ_ROUNDS` sets another number.
    const ROUNDS: usize = 20;

    /// Returns the input with a few random edits.
    fn vary(input: &[u8], others: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..rng.usize(1..5) {
            let at = rng.usize(..=bytes.len());
            match rng.u8(..5) {
                0 => bytes.insert(at, rng.u8(..)),
                1 => bytes.truncate(at),
                2 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
                3 => {
                    let other = rng.choice(others).expect("there is an input");
                    let (from, to) = (rng.usize(..=other.len()), rng.usize(..=other.len()));
                    bytes.splice(at..at, other[from.min(to)..from.max(to)].iter().copied());
                }
                _ => {
                    let end = rng.usize(at..=bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
        bytes
    }

    #[test]
    fn external_input_breaks_no_guarantee() {
        let rounds = std::env::var("FUZZ_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
        for (name, target) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
            let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            let inputs: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
            assert!(inputs.len() >= 3, "{name} has nothing to begin with");
            let mut rng = Rng::with_seed(7);
            for input in &inputs {
                target(input);
                for _ in 0..rounds {
                    target(&vary(input, &inputs, &mut rng));
                }
            }
        }
    }
}
