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
        let accepted = |pattern: &str| {
            let range = ranges(headers).find(|(range, _)| range.eq_ignore_ascii_case(pattern));
            range.map(|(_, accepted)| accepted)
        };
        let none = ranges(headers).next().is_none();
        let admits = |patterns: [&str; 3]| none || patterns.into_iter().find_map(accepted).unwrap_or(false);
        Self {
            json: admits(["application/json", "application/*", "*/*"]),
            events: admits(["text/event-stream", "text/*", "*/*"]),
            names_events: accepted("text/event-stream").unwrap_or(false),
        }
    }
}

/// Returns the ranges of the headers: the media types that each covers, and whether they are accepted.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (&str, bool)> {
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).filter_map(range)
}

/// Parses one range. A weight of zero refuses the media types.
fn range(text: &str) -> Option<(&str, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let covered = parts.next().filter(|covered| !covered.is_empty())?;
    let weight = parts.find_map(|part| {
        let (name, weight) = part.split_once('=')?;
        name.eq_ignore_ascii_case("q").then(|| weight.trim().parse::<f32>().ok()).flatten()
    });
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
