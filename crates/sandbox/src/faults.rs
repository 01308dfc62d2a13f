//! Faults: injected failures of requests.

mod apply;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::sync::Barrier;

pub use self::apply::abort;
use super::spec::FaultSpec;
use super::state::lock;

/// A fault that is applied to matching requests.
///
/// Over HTTP it is the same in JSON, with `times` 1, `skip` 0 and a `chance` of 1 by default:
/// `{"method": "GET", "path": "/incidents/{id}", "times": 2, "kind": {"status": {"code": 503}}}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The method of matching requests, or any.
    #[serde(default)]
    pub method: Option<String>,
    /// The path of matching requests, compared by segments. `{id}` matches any one segment, and a final `*` any rest.
    /// `/incidents/{id}` is one incident and not its notes, `*` is everything. One pair of the query may follow a `?`:
    /// `/incidents?offset=200` is the third page.
    pub path: String,
    /// The number of requests that it is applied to.
    #[serde(default = "once", deserialize_with = "times")]
    pub times: u32,
    /// The number of matching requests that pass before.
    #[serde(default)]
    pub skip: u32,
    /// The probability that it is applied to a matching request, from 0 to 1; always, if not given.
    #[serde(default, deserialize_with = "chance")]
    pub chance: Option<f64>,
    /// The effect.
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

/// The effect of a fault on a request.
///
/// In JSON: `"html"`, `"empty"`, `"truncated"`, `"reset"`, `"hang"`, `"lost_response"`, `{"status": {"code": 429}}`,
/// `{"replaced": 502}`, `{"delay": 250}`, `{"slow_body": 250}` and `{"late": 250}` in milliseconds, `{"together": 4}`,
/// `{"wrong_json": …}`, `{"headers": {"date": …}}`, `{"bomb": 100}` in megabytes. Times are at most an hour, `bomb` at
/// most `MAX_MEGABYTES` and `together` at most `MAX_TOGETHER`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// This status. The request has no effect.
    Status {
        /// The HTTP status.
        #[serde(deserialize_with = "code")]
        code: u16,
        /// The headers, beside the content type.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body, or PagerDuty's own for that status.
        #[serde(default)]
        body: Option<String>,
    },
    /// The page of a proxy that cannot reach PagerDuty: status 502 and HTML.
    Html,
    /// Status 200 without a body.
    Empty,
    /// The correct answer, cut off in the middle of its body. A write takes effect.
    Truncated,
    /// The connection is closed without an answer. The request has no effect.
    Reset,
    /// The correct answer, late.
    #[serde(deserialize_with = "milliseconds")]
    Delay(Duration),
    /// The correct answer, its body in small pieces over this time.
    #[serde(deserialize_with = "milliseconds")]
    SlowBody(Duration),
    /// No answer, while the connection stays open, for at most an hour.
    Hang,
    /// The correct answer, once this many requests wait for it: requests that are not sent concurrently get no answer.
    #[serde(deserialize_with = "together")]
    Together(Arc<Barrier>),
    /// Status 200 with other JSON.
    WrongJson(Value),
    /// The request takes effect, and then the connection is closed without an answer.
    LostResponse,
    /// The connection is closed without an answer, and the request takes effect this much later, as from a queue.
    #[serde(deserialize_with = "milliseconds")]
    Late(Duration),
    /// The request takes effect, and the answer is this status, with PagerDuty's error or, if it is a success, no body.
    #[serde(deserialize_with = "code")]
    Replaced(u16),
    /// The correct answer with other headers.
    Headers(BTreeMap<String, String>),
    /// Status 200 and this many megabytes of blanks, sent compressed.
    #[serde(deserialize_with = "megabytes")]
    Bomb(usize),
}

/// The maximum time that a fault holds a request.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// The maximum size of an answer that is compressed into a small one.
pub const MAX_MEGABYTES: usize = 10_000;

/// The maximum number of concurrent requests that a fault waits for.
pub const MAX_TOGETHER: usize = 1_000;

/// Returns a duration, unless it is too long.
pub fn wait(milliseconds: u64) -> Result<Duration, String> {
    let wait = Some(Duration::from_millis(milliseconds)).filter(|wait| *wait <= MAX_WAIT);
    wait.ok_or_else(|| format!("{milliseconds} ms is too long: at most {} ms", MAX_WAIT.as_millis()))
}

/// Returns a size, unless it is too large.
pub fn size(megabytes: u64) -> Result<usize, String> {
    let size = usize::try_from(megabytes).ok().filter(|megabytes| *megabytes <= MAX_MEGABYTES);
    size.ok_or_else(|| format!("{megabytes} MB is too much: at most {MAX_MEGABYTES} MB"))
}

/// Returns the status of an answer, unless no answer can have it.
pub fn final_status(code: u64) -> Result<u16, String> {
    let status = u16::try_from(code).ok().filter(|code| (200..600).contains(code));
    status.ok_or_else(|| format!("{code}: a status is between 200 and 599"))
}

fn code<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    final_status(u64::deserialize(from)?).map_err(D::Error::custom)
}

fn times<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(D::Error::custom("0 is not a number of times: at least 1")),
        times => Ok(times),
    }
}

fn chance<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(from)? {
        Some(chance) if !(0.0..=1.0).contains(&chance) => {
            Err(D::Error::custom(format!("{chance} is not a chance: from 0 to 1")))
        }
        chance => Ok(chance),
    }
}

fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    wait(u64::deserialize(from)?).map_err(D::Error::custom)
}

fn megabytes<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    size(u64::deserialize(from)?).map_err(D::Error::custom)
}

fn together<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Barrier>, D::Error> {
    let requests = usize::deserialize(from)?;
    if !(1..=MAX_TOGETHER).contains(&requests) {
        return Err(D::Error::custom(format!("{requests} requests together: at least 1, at most {MAX_TOGETHER}")));
    }
    Ok(Arc::new(Barrier::new(requests)))
}

impl Fault {
    /// Returns a fault for the next request to `path` with any method.
    #[must_use]
    pub fn once(path: impl Into<String>, kind: FaultKind) -> Self {
        Self { method: None, path: path.into(), times: 1, skip: 0, chance: None, kind }
    }

    /// Returns a fault that answers this many requests to `path` once all of them have arrived.
    #[must_use]
    pub fn together(path: impl Into<String>, requests: u32) -> Self {
        let barrier = Barrier::new(usize::try_from(requests).unwrap_or(usize::MAX));
        Self { times: requests, ..Self::once(path, FaultKind::Together(Arc::new(barrier))) }
    }

    fn matches(&self, method: &str, path: &str, query: &str) -> bool {
        let (pattern, pair) = self.path.split_once('?').unwrap_or((&self.path, ""));
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path_matches(pattern, path)
            && (pair.is_empty() || query.split('&').any(|asked| asked == pair))
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.trim_matches('/').split('/');
    for wanted in pattern.trim_matches('/').split('/') {
        match (wanted, segments.next()) {
            ("*", _) => return true,
            (wanted, Some(_)) if wanted.starts_with('{') && wanted.ends_with('}') => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

/// The maximum number of pending faults: each request is compared with all of them.
const MAX_PENDING: usize = 1_000;

/// The pending faults.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Vec<Fault>>,
    dice: Mutex<Rng>,
}

impl Faults {
    /// Returns the faults of a specification.
    pub fn of(spec: &FaultSpec) -> Self {
        let dice = spec.seed.map_or_else(Rng::new, Rng::with_seed);
        Self { waiting: Mutex::new(spec.faults.clone()), dice: Mutex::new(dice) }
    }

    /// The reason why a fault is not accepted.
    pub const TOO_MANY: &str = "too many pending faults: DELETE /sandbox/faults removes them";

    /// Adds a fault, unless too many are pending.
    pub fn add(&self, fault: Fault) -> bool {
        let mut waiting = lock(&self.waiting);
        let taken = waiting.len() < MAX_PENDING;
        if taken {
            waiting.push(fault);
        }
        taken
    }

    pub fn clear(&self) {
        lock(&self.waiting).clear();
    }

    /// Returns the fault for a request: the first that matches and has no more requests to skip.
    pub fn matching(&self, method: &str, path: &str, query: &str) -> Option<FaultKind> {
        let mut faults = lock(&self.waiting);
        let due =
            faults.iter_mut().filter(|fault| fault.times > 0 && fault.matches(method, path, query)).find_map(|fault| {
                if fault.skip > 0 {
                    fault.skip -= 1;
                    return None;
                }
                if fault.chance.is_some_and(|chance| lock(&self.dice).f64() >= chance) {
                    return None;
                }
                // `u32::MAX` is practically unlimited.
                fault.times -= 1;
                Some(fault.kind.clone())
            });
        faults.retain(|fault| fault.times > 0);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_paths_match_by_segment() {
        assert!(path_matches("/incidents/{id}", "/incidents/PABC123"));
        assert!(!path_matches("/incidents/{id}", "/incidents/PABC123/notes"));
        assert!(!path_matches("/incidents", "/incidents/PABC123"));
        assert!(path_matches("/incidents/*", "/incidents/PABC123/notes"));
        assert!(path_matches("*", "/users/me"));
        assert!(path_matches("/incidents/{id}/notes/{note_id}", "/incidents/PABC123/notes/PDEF456"));
    }

    #[test]
    fn fault_skips_then_applies_then_is_removed() {
        let faults = Faults::default();
        faults.add(serde_json::from_str(r#"{"path": "/users", "times": 2, "skip": 1, "kind": "hang"}"#).unwrap());
        let applied: Vec<bool> = (0..4).map(|_| faults.matching("GET", "/users", "").is_some()).collect();
        assert_eq!(applied, [false, true, true, false]);
    }

    #[test]
    fn fault_chance_repeats_for_the_same_seed() {
        let applied = |seed| {
            let faults = Faults::of(&FaultSpec { seed: Some(seed), ..FaultSpec::default() });
            faults.add(Fault { times: u32::MAX, chance: Some(0.3), ..Fault::once("*", FaultKind::Reset) });
            (0..200).map(|_| faults.matching("GET", "/users", "").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(applied(1), applied(1));
        assert_ne!(applied(1), applied(2));
        let many = applied(1).into_iter().filter(|applied| *applied).count();
        assert!((40..80).contains(&many), "{many} of 200 at 30 %");
    }

    #[test]
    fn fault_beyond_bounds_is_refused_with_its_value() {
        for (kind, part) in [
            (r#"{"bomb": 1000000000}"#, "1000000000 MB is too much: at most 10000 MB"),
            (r#"{"delay": 86400000}"#, "86400000 ms is too long: at most 3600000 ms"),
            (r#"{"slow_body": 3600001}"#, "3600001 ms is too long"),
            (r#"{"late": 3600001}"#, "3600001 ms is too long"),
            (r#"{"together": 0}"#, "0 requests together"),
            (r#"{"together": 1001}"#, "1001 requests together"),
        ] {
            let error = serde_json::from_str::<FaultKind>(kind).unwrap_err().to_string();
            assert!(error.contains(part), "{kind}: {error}");
        }
    }

    #[test]
    fn fault_with_invalid_field_is_refused_with_its_value() {
        for (fields, part) in [
            (r#""kind": {"status": {"code": 0}}"#, "0: a status is between 200 and 599"),
            (r#""kind": {"status": {"code": 101}}"#, "101: a status is between"),
            (r#""kind": {"status": {"code": 600}}"#, "600: a status is between"),
            (r#""kind": {"replaced": 199}"#, "199: a status is between"),
            (r#""kind": {"replaced": 70000}"#, "70000: a status is between"),
            (r#""kind": "hang", "chance": 1.5"#, "1.5 is not a chance"),
            (r#""kind": "hang", "chance": -0.1"#, "-0.1 is not a chance"),
            (r#""kind": "hang", "times": 0"#, "0 is not a number of times"),
        ] {
            let error = serde_json::from_str::<Fault>(&format!(r#"{{"path": "*", {fields}}}"#)).unwrap_err();
            assert!(error.to_string().contains(part), "{fields}: {error}");
        }
    }

    #[test]
    fn fault_beyond_the_limit_is_refused() {
        let faults = Faults::default();
        let taken = (0..=MAX_PENDING).filter(|_| faults.add(Fault::once("*", FaultKind::Hang))).count();
        assert_eq!(taken, MAX_PENDING);
        faults.clear();
        assert!(faults.add(Fault::once("*", FaultKind::Hang)));
    }

    #[test]
    fn fault_kinds_parse_from_json() {
        let kinds = r#"["html", "empty", "truncated", "reset", "hang", "lost_response", {"status": {"code": 503}},
            {"status": {"code": 429, "headers": {"retry-after": "1"}, "body": ""}}, {"delay": 5}, {"slow_body": 5}, {"wrong_json": []},
            {"late": 5}, {"replaced": 502}, {"headers": {"date": "x"}}, {"bomb": 65}, {"together": 2}]"#;
        assert_eq!(serde_json::from_str::<Vec<FaultKind>>(kinds).unwrap().len(), 16);
    }
}
