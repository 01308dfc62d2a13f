//! The media types that a request accepts.

use axum::http::{HeaderMap, header};

/// The kinds of answer that a request accepts: JSON and a stream of events (RFC 9110, section 12.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepts {
    /// `application/json`, the form of nearly all answers.
    pub json: bool,
    /// `text/event-stream`, which sessions and progress notifications need.
    pub events: bool,
    /// Set if the request names `text/event-stream`. A wildcard does not promise that the client can read a stream.
    pub names_events: bool,
}

impl Accepts {
    /// Reads the headers. A request without an `Accept` header accepts everything.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let texts = || headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<(String, bool)> = texts().flat_map(|text| text.split(',')).filter_map(range).collect();
        let decides = |pattern: &str| ranges.iter().find(|(range, _)| range == pattern).map(|(_, accepted)| *accepted);
        let admits = |kind: &str, subtype: &str| {
            let patterns = [format!("{kind}/{subtype}"), format!("{kind}/*"), "*/*".to_owned()];
            ranges.is_empty() || patterns.iter().find_map(|pattern| decides(pattern)).unwrap_or(false)
        };
        Self {
            json: admits("application", "json"),
            events: admits("text", "event-stream"),
            names_events: decides("text/event-stream").unwrap_or(false),
        }
    }
}

/// Parses one range of the header: the media types it covers, and whether they are accepted. A weight of zero refuses
/// them.
fn range(text: &str) -> Option<(String, bool)> {
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let covered = parts.next().filter(|covered| !covered.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok()));
    Some((covered, weight.is_none_or(|weight| weight > 0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_specific_range_decides() {
        for (accept, json, events, names_events) in [
            (None, true, true, false),
            (Some(""), true, true, false),
            (Some("*/*"), true, true, false),
            (Some("application/json"), true, false, false),
            (Some("APPLICATION/JSON; charset=utf-8"), true, false, false),
            (Some("application/*;q=0.5"), true, false, false),
            (Some("application/json, text/event-stream"), true, true, true),
            (Some("text/html, */*;q=0.1"), true, true, false),
            (Some("application/json;q=0, */*"), false, true, false),
            (Some("text/event-stream;q=0.0,*/*"), true, false, false),
            (Some("text/html"), false, false, false),
        ] {
            let headers = accept.map(|accept| (header::ACCEPT, accept.parse().unwrap())).into_iter().collect();
            assert_eq!(Accepts::from_headers(&headers), Accepts { json, events, names_events }, "{accept:?}");
        }
    }
}
