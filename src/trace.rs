//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): read from a request, and sent with its requests to PagerDuty.
//!
//! The server records no spans. Each request to PagerDuty gets a span ID below the caller's, so a tracing system connects
//! them; log lines name the trace.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use tracing::{Instrument, Span};

/// The longest `tracestate` that is sent on: the length that the standard asks every participant to carry.
const MAX_STATE: usize = 512;

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// Returns a duration in the form of log lines: in seconds, to the millisecond.
#[must_use]
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// The trace that a call belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    id: String,
    flags: String,
    state: Option<String>,
}

tokio::task_local! {
    static CURRENT: Trace;
}

impl Trace {
    /// Parses the trace of a request. A malformed header is ignored, as the standard requires.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(PARENT).iter();
        let parent = parents.next().filter(|_| parents.next().is_none())?.to_str().ok()?;
        let states: Vec<_> = headers.get_all(STATE).iter().filter_map(|state| state.to_str().ok()).collect();
        Self::parse(parent, &states.join(","))
    }

    fn parse(parent: &str, state: &str) -> Option<Self> {
        let mut parts = parent.split('-');
        let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let some = |text: &str| text.bytes().any(|byte| byte != b'0');
        // Only later versions may add parts.
        let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let valid = known && hex(id, 32) && some(id) && hex(span, 16) && some(span) && hex(flags, 2);
        let state = (!state.is_empty() && state.len() <= MAX_STATE).then(|| state.to_owned());
        valid.then(|| Self { id: id.to_owned(), flags: flags.to_owned(), state })
    }

    /// Returns the trace's ID, for logs.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the span for log lines about a request of this trace. It has the level of errors, so that lines of every
    /// level name the trace.
    #[must_use]
    pub fn span(trace: Option<&Self>) -> Span {
        trace.map_or_else(Span::none, |trace| tracing::error_span!("request", trace_id = trace.id()))
    }

    /// Returns the headers for one request to PagerDuty, with a new span ID.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut parent = format!("00-{}-", self.id);
        // Zero is not a valid span ID.
        let _ = write!(parent, "{:016x}-{}", fastrand::u64(1..), self.flags);
        let state = self.state.clone().map(|state| ("tracestate", state));
        [("traceparent", parent)].into_iter().chain(state).collect()
    }

    /// Returns the trace of the call that runs in this task.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a call as part of a trace, if there is one: its requests carry the trace, and its log lines name it.
    pub async fn scope<F: Future>(trace: Option<Self>, call: F) -> F::Output {
        let span = Self::span(trace.as_ref());
        match trace {
            Some(trace) => CURRENT.scope(trace, call).instrument(span).await,
            None => call.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn trace_is_sent_on_with_new_span() {
        let trace = Trace::parse(&format!("00-{ID}-00f067aa0ba902b7-01"), "vendor=1").unwrap();
        assert_eq!(trace.id(), ID);
        let [(_, one), (_, state)] = &trace.headers()[..] else { panic!("two headers") };
        assert!(one.starts_with(&format!("00-{ID}-")) && one.ends_with("-01") && one.len() == 55, "{one}");
        assert!(!one.contains("00f067aa0ba902b7"));
        assert_ne!(*one, trace.headers()[0].1);
        assert_eq!(state, "vendor=1");
    }

    #[test]
    fn malformed_trace_is_ignored() {
        let zeros = "0".repeat(32);
        for parent in [
            String::new(),
            format!("00-{ID}-00f067aa0ba902b7"),
            format!("00-{ID}-00f067aa0ba902b7-01-x"),
            format!("ff-{ID}-00f067aa0ba902b7-01"),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{ID}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
            format!("00-{ID}\r\n-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(Trace::parse(&parent, ""), None, "{parent:?}");
        }
        assert!(Trace::parse(&format!("01-{ID}-00f067aa0ba902b7-01-more"), "").is_some());
    }
}
