//! The subdomain of an account's web pages.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::params::account_of;

/// The part of a response that is searched. Objects name their web page near their beginning.
const SEARCHED: usize = 65_536;

/// The field with the address of an object's web page.
const FIELD: &[u8] = b"\"html_url\"";

/// The subdomain of an account's web pages, as far as it is known: `acme` for `https://acme.pagerduty.com`.
#[derive(Debug, Default)]
pub struct Subdomain {
    known: OnceLock<String>,
    requested: AtomicBool,
}

impl Subdomain {
    /// Learns the subdomain from the first web page that a response names.
    ///
    /// A text in the response cannot pretend to be one, because its quotation marks are escaped. Objects that programs
    /// send, in the details of an alert, come after the page of the incident.
    pub fn learn(&self, body: &[u8]) {
        if self.known.get().is_some() {
            return;
        }
        let body = body.get(..SEARCHED).unwrap_or(body);
        let mut places = body.windows(FIELD.len()).enumerate().filter(|(_, window)| *window == FIELD);
        let page = |(place, _): (usize, _)| account_in(body.get(place + FIELD.len()..)?);
        if let Some(subdomain) = places.find_map(page) {
            let _ = self.known.set(subdomain);
        }
    }

    /// Returns the subdomain, if it is known.
    pub fn get(&self) -> Option<&str> {
        self.known.get().map(String::as_str)
    }

    /// Returns whether a request was made for the subdomain.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// Records that a request was made for the subdomain, so that no other is.
    pub fn requested(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }
}

/// Returns the account of the address after the name of a field.
fn account_in(rest: &[u8]) -> Option<String> {
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"https://")?;
    let host = rest.split(|byte| matches!(byte, b'/' | b'"')).next()?;
    account_of(std::str::from_utf8(host).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(body: &str) -> Option<String> {
        let subdomain = Subdomain::default();
        subdomain.learn(body.as_bytes());
        subdomain.get().map(str::to_owned)
    }

    #[test]
    fn subdomain_is_that_of_the_first_web_page() {
        for body in [
            r#"{"user":{"html_url":"https://acme.pagerduty.com/users/P1"}}"#,
            r#"{"html_url": null, "x": {"html_url" : "https://acme.eu.pagerduty.com"}, "html_url":"https://b.pagerduty.com/"}"#,
            r#"{"name": "\"html_url\":\"https://evil.pagerduty.com/\"", "html_url": "https://ACME.pagerduty.com/x"}"#,
            r#"{"html_url":"https://github.example/x","y":{"html_url":"https://acme.pagerduty.com/z"}}"#,
        ] {
            assert_eq!(learned(body).as_deref(), Some("acme"), "{body}");
        }
        for body in ["", r#""html_url""#, r#"{"html_url":"https://api.pagerduty.com/users/P1"}"#, r#"{"html_url":1}"#] {
            assert_eq!(learned(body), None, "{body}");
        }
    }
}
