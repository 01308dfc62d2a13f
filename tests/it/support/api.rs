//! Requests to the API of a sandbox, without the product in between.

use jiff::Timestamp;
use pagerduty_mcp_server::sandbox::{Options, Sandbox, Trigger, tokens};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

pub const NOW: &str = "2026-08-05T10:30:00Z";

/// A sandbox whose clock stands still, and a client of its API.
pub struct Api {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
}

impl Api {
    /// Starts an account with this many incidents.
    pub async fn start(incidents: usize) -> Self {
        Self::with(Options { incidents, ..Options::default() }).await
    }

    /// Starts an account whose clock stands still.
    pub async fn with(options: Options) -> Self {
        let options = Options { now: Some(NOW.parse().unwrap()), rate_limit: 100_000, ..options };
        // This fails if it is already installed.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox: Sandbox::start(options).await.unwrap(), http }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>, token: &str) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}{path}", self.sandbox.url()));
        let request = request.header("authorization", format!("Token token={token}"));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send(Method::GET, path, None, tokens::USER).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Returns the rows of a list, from all of its pages.
    pub async fn all(&self, path: &str, key: &str) -> Vec<Value> {
        let (mut rows, separator) = (Vec::new(), if path.contains('?') { '&' } else { '?' });
        loop {
            let page = self.get(&format!("{path}{separator}limit=100&offset={}", rows.len())).await;
            rows.extend(page[key].as_array().unwrap().clone());
            if page["more"] == false {
                return rows;
            }
        }
    }

    pub async fn put(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(Method::PUT, path, Some(body), tokens::USER).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn update(&self, id: &str, mut fields: Value) {
        fields["type"] = "incident".into();
        self.put(&format!("/incidents/{id}"), json!({"incident": fields})).await;
    }

    /// Returns the log of an incident, oldest first.
    pub async fn log(&self, id: &str) -> Vec<Value> {
        let mut log = self.all(&format!("/incidents/{id}/log_entries?include[]=channels"), "log_entries").await;
        log.reverse();
        log
    }

    pub async fn incidents(&self) -> Vec<Value> {
        self.all("/incidents?date_range=all", "incidents").await
    }

    pub fn trigger(&self) -> Value {
        let title = "Too hot".to_owned();
        let trigger = Trigger { service: Some("Checkout API".to_owned()), title, high_urgency: true, details: None };
        self.sandbox.trigger(trigger).unwrap()
    }
}

pub fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}"))
}

pub fn at(value: &Value, field: &str) -> Timestamp {
    text(value, field).parse().unwrap()
}

pub fn kinds(log: &[Value]) -> Vec<&str> {
    log.iter().map(|entry| text(entry, "type").trim_end_matches("_log_entry")).collect()
}
