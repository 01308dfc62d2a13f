//! The counters of the process for operators, in the form that Prometheus reads.
//!
//! Labels are fixed names (tools, paths, codes, statuses). No value that a caller chooses, no ID and no credential is a label,
//! so labels reveal nothing and their number is limited.

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

/// The prefix of all names.
const PREFIX: &str = "pagerduty_mcp";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToolLabels {
    tool: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    tool: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    path: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabels {
    path: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    path: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    cache: &'static str,
    outcome: &'static str,
}

struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    call_duration: Family<ToolLabels, Histogram>,
    requests: Family<RequestLabels, Counter>,
    request_duration: Family<PathLabels, Histogram>,
    headroom: Histogram,
    limited: Counter,
    caches: Family<CacheLabels, Counter>,
    http: Family<HttpLabels, Counter>,
    in_flight: Gauge,
    sessions: Gauge,
    connections: Gauge,
    list_memory: Gauge,
    lists_waiting: Gauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The buckets of durations. PagerDuty takes some 50 ms for one object, and seconds for long lists and rate limits.
const SECONDS: [f64; 11] = [0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// The buckets of shares.
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
            list_memory: Gauge::default(),
            lists_waiting: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "calls",
            "Tool calls by tool and outcome, which is ok or the code of the error",
            metrics.calls.clone(),
        );
        registry.register_with_unit(
            "call_duration",
            "Duration of tool calls",
            Unit::Seconds,
            metrics.call_duration.clone(),
        );
        registry.register(
            "api_requests",
            "Requests to PagerDuty by path template and status; status 0 is no answer",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "api_request_duration",
            "Time until PagerDuty began to answer",
            Unit::Seconds,
            metrics.request_duration.clone(),
        );
        registry.register_with_unit(
            "api_rate_limit_headroom",
            "Remaining share of the credential's rate limit, at each answer of PagerDuty",
            Unit::Other("ratio".into()),
            metrics.headroom.clone(),
        );
        registry.register("api_rate_limited", "Answers of PagerDuty with a rate limit error", metrics.limited.clone());
        registry.register(
            "cache_lookups",
            "Cache lookups by cache and outcome, which is hit or miss",
            metrics.caches.clone(),
        );
        registry.register("http_requests", "HTTP requests by path and status", metrics.http.clone());
        registry.register("http_in_flight", "MCP requests in progress", metrics.in_flight.clone());
        registry.register(
            "http_sessions",
            "Open sessions, without those that ended unnoticed",
            metrics.sessions.clone(),
        );
        registry.register("http_connections", "Open connections", metrics.connections.clone());
        registry.register_with_unit(
            "list_memory",
            "Memory that lists in progress and their unread answers have reserved",
            Unit::Bytes,
            metrics.list_memory.clone(),
        );
        registry.register("lists_waiting", "Lists that wait for memory", metrics.lists_waiting.clone());
        Self { registry, ..metrics }
    }
}

/// Returns all counters as text.
pub fn text() -> Result<String, fmt::Error> {
    let mut encoded = String::new();
    text::encode(&mut encoded, &METRICS.registry)?;
    Ok(encoded)
}

/// Counts a tool call. `outcome` is `ok` or the code of the error.
pub fn call(tool: &'static str, outcome: &'static str, elapsed: Duration) {
    METRICS.calls.get_or_create(&CallLabels { tool, outcome }).inc();
    METRICS.call_duration.get_or_create(&ToolLabels { tool }).observe(elapsed.as_secs_f64());
}

/// Counts a request to PagerDuty. `path` is the template, without IDs, and the status of an unanswered request is `None`.
pub fn request(method: &'static str, path: &'static str, status: Option<u16>, elapsed: Duration) {
    METRICS.requests.get_or_create(&RequestLabels { method, path, status: status.unwrap_or_default() }).inc();
    METRICS.request_duration.get_or_create(&PathLabels { path }).observe(elapsed.as_secs_f64());
    if status == Some(429) {
        METRICS.limited.inc();
    }
}

/// Records the share of a rate limit that remains.
pub fn headroom(remaining: u64, limit: u64) {
    if limit > 0 {
        #[allow(clippy::cast_precision_loss, reason = "the numbers of requests are small")]
        METRICS.headroom.observe(remaining as f64 / limit as f64);
    }
}

/// Counts a lookup in a cache.
pub fn cache(cache: &'static str, hit: bool) {
    METRICS.caches.get_or_create(&CacheLabels { cache, outcome: if hit { "hit" } else { "miss" } }).inc();
}

/// Counts an HTTP request.
pub fn http_request(path: &'static str, status: u16) {
    METRICS.http.get_or_create(&HttpLabels { path, status }).inc();
}

/// Returns the label of a path: the path if the server has it, otherwise `other`.
#[must_use]
pub fn known_path(path: &str) -> &'static str {
    let path = if path == "/mcp/" { "/mcp" } else { path };
    ["/mcp", "/healthz", "/readyz", "/metrics"].into_iter().find(|known| *known == path).unwrap_or("other")
}

/// Changes the number of MCP requests in progress.
pub fn in_flight(change: i64) {
    METRICS.in_flight.inc_by(change);
}

/// Changes the number of open sessions.
pub fn sessions(change: i64) {
    METRICS.sessions.inc_by(change);
}

/// Sets the memory that lists have reserved, in bytes.
pub fn list_memory(bytes: usize) {
    METRICS.list_memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
}

/// Changes the number of lists that wait for memory.
pub fn lists_waiting(change: i64) {
    METRICS.lists_waiting.inc_by(change);
}

/// Changes the number of open connections.
pub fn connections(change: i64) {
    METRICS.connections.inc_by(change);
}
