//! What operators see: counters of the process, in the form that Prometheus reads.
//!
//! One set for the process, as Prometheus sees it. Labels are names of ours (tools, paths, codes, statuses): nothing a
//! caller chooses, no ID and no credential becomes one, so that they neither tell anything nor grow without a bound.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The content type of [`text()`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What all names begin with.
const PREFIX: &str = "pagerduty_mcp";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTool {
    tool: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    tool: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    method: String,
    path: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPath {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfHttp {
    path: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCache {
    cache: &'static str,
    outcome: &'static str,
}

struct Metrics {
    registry: Registry,
    calls: Family<OfCall, Counter>,
    call_duration: Family<OfTool, Histogram>,
    requests: Family<OfRequest, Counter>,
    request_duration: Family<OfPath, Histogram>,
    headroom: Histogram,
    limited: Counter,
    caches: Family<OfCache, Counter>,
    http: Family<OfHttp, Counter>,
    in_flight: Gauge,
    sessions: Gauge,
    connections: Gauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// Around what PagerDuty takes: some 50 ms for one object, seconds for long lists and for waiting out a limit.
const SECONDS: [f64; 11] = [0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

const SHARES: [f64; 6] = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75];

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let durations = || Histogram::new(SECONDS);
        let metrics = Self {
            calls: Family::default(),
            call_duration: Family::new_with_constructor(durations),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(durations),
            headroom: Histogram::new(SHARES),
            limited: Counter::default(),
            caches: Family::default(),
            http: Family::default(),
            in_flight: Gauge::default(),
            sessions: Gauge::default(),
            connections: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("calls", "Tool calls, by tool and outcome: ok or the error's code", metrics.calls.clone());
        registry.register_with_unit(
            "call_duration",
            "How long tool calls took",
            Unit::Seconds,
            metrics.call_duration.clone(),
        );
        registry.register(
            "api_requests",
            "Requests to PagerDuty, by path template and status; status 0 is no answer",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "api_request_duration",
            "How long PagerDuty took to begin its answers",
            Unit::Seconds,
            metrics.request_duration.clone(),
        );
        registry.register_with_unit(
            "api_rate_limit_headroom",
            "The share of the credential's rate limit that was left, at each answer of PagerDuty",
            Unit::Other("ratio".into()),
            metrics.headroom.clone(),
        );
        registry.register(
            "api_rate_limited",
            "Answers of PagerDuty that refused for the rate limit",
            metrics.limited.clone(),
        );
        registry.register(
            "cache_lookups",
            "Lookups in caches, by cache and outcome: hit or miss",
            metrics.caches.clone(),
        );
        registry.register("http_requests", "HTTP requests served, by path and status", metrics.http.clone());
        registry.register("http_in_flight", "MCP requests being served", metrics.in_flight.clone());
        registry.register("http_sessions", "Open sessions, as far as it is known", metrics.sessions.clone());
        registry.register("http_connections", "Open connections", metrics.connections.clone());
        Self { registry, ..metrics }
    }
}

/// Everything counted so far.
pub fn text() -> Result<String, fmt::Error> {
    let mut encoded = String::new();
    text::encode(&mut encoded, &METRICS.registry)?;
    Ok(encoded)
}

/// A tool call has ended. `outcome` is `ok` or the code of the error.
pub fn call(tool: &'static str, outcome: &'static str, elapsed: Duration) {
    METRICS.calls.get_or_create(&OfCall { tool, outcome }).inc();
    METRICS.call_duration.get_or_create(&OfTool { tool }).observe(elapsed.as_secs_f64());
}

/// PagerDuty has answered a request, or has not: `None`. `path` is the template, without IDs.
pub fn request(method: &str, path: &str, status: Option<u16>, elapsed: Duration) {
    let of = OfRequest { method: method.to_owned(), path: path.to_owned(), status: status.unwrap_or_default() };
    METRICS.requests.get_or_create(&of).inc();
    METRICS.request_duration.get_or_create(&OfPath { path: of.path }).observe(elapsed.as_secs_f64());
    if status == Some(429) {
        METRICS.limited.inc();
    }
}

/// How much of a rate limit was left.
pub fn headroom(remaining: u64, limit: u64) {
    if limit > 0 {
        #[allow(clippy::cast_precision_loss, reason = "requests a minute, not atoms")]
        METRICS.headroom.observe(remaining as f64 / limit as f64);
    }
}

/// Something was looked up in a cache, and was there or not.
pub fn cache(cache: &'static str, hit: bool) {
    METRICS.caches.get_or_create(&OfCache { cache, outcome: if hit { "hit" } else { "miss" } }).inc();
}

/// An HTTP request was answered.
pub fn http_request(path: &'static str, status: u16) {
    METRICS.http.get_or_create(&OfHttp { path, status }).inc();
}

/// The label of a path: its own if it is one of ours.
#[must_use]
pub fn known_path(path: &str) -> &'static str {
    let path = if path == "/mcp/" { "/mcp" } else { path };
    ["/mcp", "/healthz", "/readyz", "/metrics"].into_iter().find(|known| *known == path).unwrap_or("other")
}

/// More or fewer MCP requests are being served.
pub fn in_flight(change: i64) {
    METRICS.in_flight.inc_by(change);
}

/// More or fewer sessions are open.
pub fn sessions(change: i64) {
    METRICS.sessions.inc_by(change);
}

/// More or fewer connections are open.
pub fn connections(change: i64) {
    METRICS.connections.inc_by(change);
}
