//! W3C Trace Context: <https://www.w3.org/TR/trace-context/>. Taken in with a request, sent on with ours to PagerDuty.
//!
//! We record no spans of our own. Each request we send gets an ID below the caller's, so that whoever does record sees
//! what belongs together; our logs name the trace.

use std::fmt::Write;
use std::time::Duration;

use http::HeaderMap;
use tracing::Span;

/// The longest `tracestate` that is sent on: what the standard asks everyone to carry.
const MAX_STATE: usize = 512;

/// Returns a duration in the form of log lines: in seconds, to the millisecond.
#[must_use]
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// The trace a call belongs to.
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
    /// The trace of a request. What is malformed starts no trace, as the standard has it.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all("traceparent").iter();
        let parent = parents.next().filter(|_| parents.next().is_none())?.to_str().ok()?;
        let states: Vec<_> = headers.get_all("tracestate").iter().filter_map(|state| state.to_str().ok()).collect();
        Self::parse(parent, &states.join(","))
    }

    fn parse(parent: &str, state: &str) -> Option<Self> {
        let mut parts = parent.split('-');
        let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let some = |text: &str| text.bytes().any(|byte| byte != b'0');
        // Later versions may add parts, this one may not.
        let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let valid = known && hex(id, 32) && some(id) && hex(span, 16) && some(span) && hex(flags, 2);
        let state = (!state.is_empty() && state.len() <= MAX_STATE).then(|| state.to_owned());
        valid.then(|| Self { id: id.to_owned(), flags: flags.to_owned(), state })
    }

    /// The trace's ID, for logs.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What log lines about a request of this trace stand in: at the level of errors, so that all of them name it.
    #[must_use]
    pub fn span(trace: Option<&Self>) -> Span {
        trace.map_or_else(Span::none, |trace| tracing::error_span!("request", trace_id = trace.id()))
    }

    /// The headers of a request of ours: each is a span of its own.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut parent = format!("00-{}-", self.id);
        // All zeros would be no span.
        let _ = write!(parent, "{:016x}-{}", fastrand::u64(1..), self.flags);
        let state = self.state.clone().map(|state| ("tracestate", state));
        [("traceparent", parent)].into_iter().chain(state).collect()
    }

    /// The trace of the call that is underway in this task.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a call as part of this trace.
    pub async fn around<F: Future>(self, call: F) -> F::Output {
        CURRENT.scope(self, call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_is_carried_on_with_a_span_of_its_own() {
        let trace = Trace::parse(&format!("00-{ID}-00f067aa0ba902b7-01"), "vendor=1").unwrap();
        assert_eq!(trace.id(), ID);
        let [(_, one), (_, state)] = &trace.headers()[..] else { panic!("two headers") };
        assert!(one.starts_with(&format!("00-{ID}-")) && one.ends_with("-01") && one.len() == 55, "{one}");
        assert!(!one.contains("00f067aa0ba902b7"));
        assert_ne!(*one, trace.headers()[0].1);
        assert_eq!(state, "vendor=1");
    }

    #[test]
    fn what_is_malformed_is_no_trace() {
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
