//! The last page in the browser, one for each outcome of a login.
//!
//! A page is self-contained and follows the system's color scheme. All text is fixed: nothing of the request is shown, so
//! nothing has to be escaped and no code or token can leak.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use oauth2::CsrfToken;

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Logged in.
    Done,
    /// The user did not consent.
    Denied,
    /// PagerDuty sent an error instead of a code, or rejected the code.
    Failed,
    /// PagerDuty issued tokens that could not be stored.
    NotStored,
    /// The `state` is not that of the login in progress.
    Foreign,
    /// The login already has its answer.
    Spent,
    /// The path is unknown.
    Unknown,
    /// The login is over.
    Abandoned,
}

impl Page {
    const fn content(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Page::Done => {
                (StatusCode::OK, "✓", "You are logged in", "You can close this page and go back to your assistant.")
            }
            Page::Denied => (
                StatusCode::BAD_REQUEST,
                "✕",
                "Access was declined",
                "Nothing was stored. To log in after all, ask your assistant again, or run <code>pagerduty-mcp-server auth login</code>.",
            ),
            Page::Failed => (
                StatusCode::BAD_REQUEST,
                "✕",
                "The login did not succeed",
                "Your assistant, or the terminal, says why. Nothing was stored.",
            ),
            Page::NotStored => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "✕",
                "The login could not be stored",
                "PagerDuty agreed, but this computer has no place for the result. Your assistant, or the terminal, says why.",
            ),
            Page::Foreign => (
                StatusCode::BAD_REQUEST,
                "?",
                "This is not the login that was started here",
                "It was ignored. The login that was started here still waits: go back to its page, or start again.",
            ),
            Page::Spent => (
                StatusCode::CONFLICT,
                "✓",
                "This login has been answered already",
                "Another tab was first. You can close this one.",
            ),
            Page::Unknown => (
                StatusCode::NOT_FOUND,
                "?",
                "There is nothing here",
                "This address only waits for PagerDuty to send you back from the login.",
            ),
            Page::Abandoned => (
                StatusCode::GONE,
                "✕",
                "This login is no longer in progress",
                "It took too long, or the program has ended. Ask your assistant again, or run <code>pagerduty-mcp-server auth login</code>.",
            ),
        }
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2a22;--soft:#55655c;--back:#f3f6f4;--card:#fff;--line:#dbe3de;--mark:#048a24}\
@media(prefers-color-scheme:dark){:root{--ink:#e9f0ec;--soft:#a3b3aa;--back:#101613;--card:#18201c;--line:#2a362f;--mark:#25c151}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--back);color:var(--ink);\
font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',sans-serif}\
main{max-width:30rem;padding:2.5rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;text-align:center}\
.mark{width:3.5rem;height:3.5rem;margin:0 auto 1.25rem;border-radius:50%;display:grid;place-items:center;\
font-size:1.5rem;color:var(--card);background:var(--mark)}\
.mark.no{background:var(--soft)}\
h1{margin:0 0 .5rem;font-size:1.375rem;line-height:1.3}\
p{margin:0;color:var(--soft)}\
code{font-size:.9em;overflow-wrap:anywhere}\
footer{margin-top:1.75rem;font-size:.8125rem;color:var(--soft)}";

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let (status, mark, title, text) = self.content();
        let class = if mark == "✓" { "mark" } else { "mark no" };
        // The hash allows this style and no other.
        let nonce = CsrfToken::new_random();
        let nonce = nonce.secret();
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <title>{title} · PagerDuty MCP server</title>\n<style nonce=\"{nonce}\">{STYLE}</style>\n\
             <main>\n<div class=\"{class}\" aria-hidden=\"true\">{mark}</div>\n<h1>{title}</h1>\n<p>{text}</p>\n\
             <footer>PagerDuty MCP server, on this computer</footer>\n</main>\n</html>\n"
        );
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        headers.extend(HeaderValue::try_from(policy).ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
        for (name, value) in [
            // The page's own address contains the code.
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // The server ends with the login, which a connection kept alive would delay.
            (header::CONNECTION, "close"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_different_page() {
        use Page::{Abandoned, Denied, Done, Failed, Foreign, NotStored, Spent, Unknown};
        let pages = [Done, Denied, Failed, NotStored, Foreign, Spent, Unknown, Abandoned];
        let titles: std::collections::HashSet<_> = pages.iter().map(|page| page.content().2).collect();
        assert_eq!(titles.len(), pages.len());
        for page in pages {
            let response = page.into_response();
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"), "{policy}");
            assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
        }
    }
}
