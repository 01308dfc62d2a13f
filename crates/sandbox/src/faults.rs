//! Faults: requests that go wrong on demand.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fastrand::Rng;
use flate2::{Compress, Compression, Crc, FlushCompress};
use futures_util::stream::{self, StreamExt};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::sync::Barrier;

use super::connection::{Cut, Scissors};
use super::reply::{Problem, json};
use super::server::lock;
use super::spec::FaultSpec;
use crate::LOG;

/// A fault waiting for its request.
///
/// Over HTTP it is the same in JSON, with `times` 1, `skip` 0 and a `chance` of 1 when left out:
/// `{"method": "GET", "path": "/incidents/{id}", "times": 2, "kind": {"status": {"code": 503}}}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests with this method, or any.
    #[serde(default)]
    pub method: Option<String>,
    /// Which paths: one that matches segment by segment, where `{id}` stands for any one segment and a last `*` for any
    /// rest. `/incidents/{id}` is one incident and not its notes, `*` is everything. After a `?` may come one pair of the
    /// query: `/incidents?offset=200` is a third page, whenever it is asked for.
    pub path: String,
    /// How many requests it spoils.
    #[serde(default = "once", deserialize_with = "times")]
    pub times: u32,
    /// How many matching requests pass before.
    #[serde(default)]
    pub skip: u32,
    /// How likely it strikes a request that matches, from 0 to 1; always, if not given.
    #[serde(default, deserialize_with = "chance")]
    pub chance: Option<f64>,
    /// What goes wrong.
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

/// What goes wrong with a request.
///
/// In JSON: `"html"`, `"empty"`, `"truncated"`, `"reset"`, `"hang"`, `"lost_response"`, `{"status": {"code": 429}}`,
/// `{"replaced": 502}`, `{"delay": 250}`, `{"slow_body": 250}` and `{"late": 250}` in milliseconds, `{"together": 4}`,
/// `{"wrong_json": …}`, `{"headers": {"date": …}}`, `{"bomb": 100}` in megabytes. Times end at an hour, `bomb` at
/// `MOST_MEGABYTES` and `together` at `MOST_TOGETHER`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// This status. The request has no effect.
    Status {
        /// The HTTP status.
        #[serde(deserialize_with = "code")]
        code: u16,
        /// Headers to add; nothing else but the content type is sent.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body, or PagerDuty's own for that status.
        #[serde(default)]
        body: Option<String>,
    },
    /// The page a proxy answers with when PagerDuty is out of its reach: status 502 and HTML.
    Html,
    /// Status 200 without a body.
    Empty,
    /// The right answer, cut off in the middle of its body. A write takes effect.
    Truncated,
    /// The connection is closed without an answer. The request has no effect.
    Reset,
    /// The right answer, late.
    #[serde(deserialize_with = "milliseconds")]
    Delay(Duration),
    /// The right answer, its body in small pieces that take this long together.
    #[serde(deserialize_with = "milliseconds")]
    SlowBody(Duration),
    /// No answer, while the connection stays open, for at most an hour.
    Hang,
    /// The right answer, but only once so many requests wait for it: what is not sent side by side is never answered.
    #[serde(deserialize_with = "together")]
    Together(Arc<Barrier>),
    /// Status 200 with JSON that is not what was asked for.
    WrongJson(Value),
    /// The request takes effect, and then the connection is closed without an answer.
    LostResponse,
    /// The connection is closed without an answer, and the request takes effect so much later: it was in a queue.
    #[serde(deserialize_with = "milliseconds")]
    Late(Duration),
    /// The request takes effect, and the answer is this status, with PagerDuty's error or, if it is a success, no body.
    #[serde(deserialize_with = "code")]
    Replaced(u16),
    /// The right answer with other headers.
    Headers(BTreeMap<String, String>),
    /// Status 200 and so many megabytes of blanks, sent compressed.
    #[serde(deserialize_with = "megabytes")]
    Bomb(usize),
}

/// The longest time that a fault holds a request: a longer wait is a leak, not a test.
const LONGEST: Duration = Duration::from_hours(1);

/// The largest answer that is compressed into a small one.
pub const MOST_MEGABYTES: usize = 10_000;

/// The most simultaneous requests that a fault waits for.
pub const MOST_TOGETHER: usize = 1_000;

/// Returns a duration, unless it is too long.
pub fn wait(milliseconds: u64) -> Result<Duration, String> {
    let wait = Some(Duration::from_millis(milliseconds)).filter(|wait| *wait <= LONGEST);
    wait.ok_or_else(|| format!("{milliseconds} ms is too long: at most {} ms", LONGEST.as_millis()))
}

/// Returns a size, unless it is too large.
pub fn size(megabytes: u64) -> Result<usize, String> {
    let size = usize::try_from(megabytes).ok().filter(|megabytes| *megabytes <= MOST_MEGABYTES);
    size.ok_or_else(|| format!("{megabytes} MB is too much: at most {MOST_MEGABYTES} MB"))
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
    if !(1..=MOST_TOGETHER).contains(&requests) {
        return Err(D::Error::custom(format!("{requests} requests together: at least 1, at most {MOST_TOGETHER}")));
    }
    Ok(Arc::new(Barrier::new(requests)))
}

impl Fault {
    /// Spoils the next request to `path`, whatever its method.
    #[must_use]
    pub fn once(path: impl Into<String>, kind: FaultKind) -> Self {
        Self { method: None, path: path.into(), times: 1, skip: 0, chance: None, kind }
    }

    /// Answers the next so many requests to `path` when all of them have arrived, and not before.
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
            ("{id}", Some(_)) => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

impl FaultKind {
    /// Answers `request` the wrong way.
    pub async fn strike(self, request: Request, next: Next, scissors: &Scissors) -> Response {
        match self {
            Self::Status { code, headers, body } => status(code, headers, body),
            Self::Html => html(),
            Self::Empty => json(StatusCode::OK, Body::empty()),
            Self::WrongJson(value) => json(StatusCode::OK, value.to_string()),
            Self::Hang => {
                tokio::time::sleep(LONGEST).await;
                cut_off(scissors)
            }
            Self::Together(all) => {
                if tokio::time::timeout(LONGEST, all.wait()).await.is_err() {
                    return cut_off(scissors);
                }
                next.run(request).await
            }
            Self::Delay(delay) => {
                tokio::time::sleep(delay).await;
                next.run(request).await
            }
            Self::SlowBody(time) => dribble(next.run(request).await, time).await,
            Self::Truncated => {
                scissors.arm(Cut::WithinBody);
                next.run(request).await
            }
            Self::Reset => cut_off(scissors),
            Self::LostResponse => {
                next.run(request).await;
                cut_off(scissors)
            }
            Self::Late(delay) => {
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    next.run(request).await
                });
                cut_off(scissors)
            }
            Self::Replaced(code) => {
                next.run(request).await;
                let body = (200..300).contains(&code).then(String::new);
                status(code, BTreeMap::new(), body)
            }
            Self::Headers(headers) => with(next.run(request).await, headers),
            Self::Bomb(megabytes) => bomb(megabytes).await,
        }
    }
}

/// A response that will not get past the scissors.
pub fn cut_off(scissors: &Scissors) -> Response {
    scissors.arm(Cut::BeforeAnswer);
    Response::default()
}

fn status(code: u16, headers: BTreeMap<String, String>, body: Option<String>) -> Response {
    let response = match body {
        Some(body) => json(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body),
        None => Problem::of_status(code).into_response(),
    };
    with(response, headers)
}

fn with(mut response: Response, headers: BTreeMap<String, String>) -> Response {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        } else {
            tracing::warn!(target: LOG, "a header of a fault is not a valid one and was left out");
        }
    }
    response
}

fn html() -> Response {
    let page = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
    (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// Returns a small answer that becomes a large one: this many megabytes of blanks in gzip (RFC 1952).
///
/// One megabyte is compressed, on a blocking thread, and its blocks are sent repeatedly.
async fn bomb(megabytes: usize) -> Response {
    let packed = tokio::task::spawn_blocking(move || Blanks::of(megabytes)).await;
    let Ok(Some(Blanks { blocks, end })) = packed else { return Problem::of_status(500).into_response() };
    let pieces = std::iter::once(Bytes::from_static(&Blanks::HEAD));
    let pieces = pieces.chain(std::iter::repeat_n(blocks, megabytes)).chain(std::iter::once(end));
    let mut response = json(StatusCode::OK, Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>))));
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// Compressed blanks in parts, for any number of megabytes.
struct Blanks {
    /// The blocks of one megabyte.
    blocks: Bytes,
    /// A last, empty block with the checksum and size of everything.
    end: Bytes,
}

impl Blanks {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

    fn of(megabytes: usize) -> Option<Self> {
        const LAST_BLOCK: [u8; 2] = [3, 0];
        let megabyte = vec![b' '; 1 << 20];
        let mut blocks = Vec::with_capacity(1 << 16);
        let mut packer = Compress::new(Compression::best(), false);
        packer.compress_vec(&megabyte, &mut blocks, FlushCompress::Full).ok()?;
        let mut sum = Crc::new();
        sum.update(&megabyte);
        let mut sums = Crc::new();
        (0..megabytes).for_each(|_| sums.combine(&sum));
        let end = [&LAST_BLOCK[..], &sums.sum().to_le_bytes(), &sums.amount().to_le_bytes()].concat();
        Some(Self { blocks: blocks.into(), end: end.into() })
    }
}

/// The same answer, its body piece by piece over this time.
async fn dribble(answer: Response, time: Duration) -> Response {
    const PIECES: u32 = 10;
    let (head, body) = answer.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return Problem::of_status(500).into_response();
    };
    let size = body.len().div_ceil(PIECES as usize).max(1);
    let pieces: Vec<_> = (0..body.len()).step_by(size).map(|at| body.slice(at..body.len().min(at + size))).collect();
    let stream = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(time / PIECES).await;
        Ok::<_, Infallible>(piece)
    });
    Response::from_parts(head, Body::from_stream(stream))
}

/// The most pending faults: each request is compared with all of them.
const MOST_WAITING: usize = 1_000;

/// The faults that still wait.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Vec<Fault>>,
    dice: Mutex<Rng>,
}

impl Faults {
    /// Those of a specification.
    pub fn of(spec: &FaultSpec) -> Self {
        let dice = spec.seed.map_or_else(Rng::new, Rng::with_seed);
        Self { waiting: Mutex::new(spec.faults.clone()), dice: Mutex::new(dice) }
    }

    /// The reason why a fault is not accepted.
    pub const TOO_MANY: &str = "too many faults wait: DELETE /sandbox/faults forgets them";

    /// Adds a fault, unless too many are pending.
    pub fn add(&self, fault: Fault) -> bool {
        let mut waiting = lock(&self.waiting);
        let taken = waiting.len() < MOST_WAITING;
        if taken {
            waiting.push(fault);
        }
        taken
    }

    pub fn clear(&self) {
        lock(&self.waiting).clear();
    }

    /// What is to go wrong with this request: the first fault that matches and has let enough pass.
    pub fn meet(&self, method: &str, path: &str, query: &str) -> Option<FaultKind> {
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
                // `u32::MAX` is for ever, to all intents.
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
    fn paths_match_by_segment() {
        assert!(path_matches("/incidents/{id}", "/incidents/PABC123"));
        assert!(!path_matches("/incidents/{id}", "/incidents/PABC123/notes"));
        assert!(!path_matches("/incidents", "/incidents/PABC123"));
        assert!(path_matches("/incidents/*", "/incidents/PABC123/notes"));
        assert!(path_matches("*", "/users/me"));
    }

    #[test]
    fn a_fault_lets_some_pass_strikes_and_is_spent() {
        let faults = Faults::default();
        faults.add(serde_json::from_str(r#"{"path": "/users", "times": 2, "skip": 1, "kind": "hang"}"#).unwrap());
        let strikes: Vec<bool> = (0..4).map(|_| faults.meet("GET", "/users", "").is_some()).collect();
        assert_eq!(strikes, [false, true, true, false]);
    }

    #[test]
    fn chance_is_repeatable() {
        let strikes = |seed| {
            let faults = Faults::of(&FaultSpec { seed: Some(seed), ..FaultSpec::default() });
            faults.add(Fault { times: u32::MAX, chance: Some(0.3), ..Fault::once("*", FaultKind::Reset) });
            (0..200).map(|_| faults.meet("GET", "/users", "").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(strikes(1), strikes(1));
        assert_ne!(strikes(1), strikes(2));
        let many = strikes(1).into_iter().filter(|struck| *struck).count();
        assert!((40..80).contains(&many), "{many} of 200 at 30 %");
    }

    #[test]
    fn a_bomb_is_what_it_says() {
        let Blanks { blocks, end } = Blanks::of(3).unwrap();
        let packed = [&Blanks::HEAD, &*blocks.repeat(3), &*end].concat();
        let mut unpacked = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*packed), &mut unpacked).unwrap();
        assert_eq!((unpacked.len(), unpacked.trim()), (3 << 20, ""));
        assert!(blocks.len() < 5 << 10);
    }

    #[test]
    fn a_fault_without_bounds_is_refused_with_its_value() {
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
    fn a_fault_that_makes_no_sense_is_refused_with_its_value() {
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
    fn a_fault_that_is_one_too_many_is_not_taken() {
        let faults = Faults::default();
        let taken = (0..=MOST_WAITING).filter(|_| faults.add(Fault::once("*", FaultKind::Hang))).count();
        assert_eq!(taken, MOST_WAITING);
        faults.clear();
        assert!(faults.add(Fault::once("*", FaultKind::Hang)));
    }

    #[test]
    fn every_kind_has_a_form_in_json() {
        let kinds = r#"["html", "empty", "truncated", "reset", "hang", "lost_response", {"status": {"code": 503}},
            {"status": {"code": 429, "headers": {"retry-after": "1"}, "body": ""}}, {"delay": 5}, {"slow_body": 5}, {"wrong_json": []},
            {"late": 5}, {"replaced": 502}, {"headers": {"date": "x"}}, {"bomb": 65}, {"together": 2}]"#;
        assert_eq!(serde_json::from_str::<Vec<FaultKind>>(kinds).unwrap().len(), 16);
    }
}
