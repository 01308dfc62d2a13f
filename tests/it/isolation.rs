//! Tests that data of one credential never reaches another, over HTTP and under load.
//!
//! Fifty users share one server with all caches enabled. They make the same calls concurrently and repeatedly, and
//! every answer is compared with the user's own.
//!
//! `bash tests/isolation/broken` shows that the test fails if the key of the cache is broken.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use pagerduty_mcp_server::sandbox::{Options, Sandbox, tokens};
use pagerduty_mcp_server::server::http::{self, Http};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::support::{object, ok, rows, toolbox};

const USERS: usize = 50;
const CALLS: usize = 5_000;
const AT_A_TIME: usize = 200;

/// Returns the calls of each user, in order. Each user writes to the incident with this ID.
fn questions(incident: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("build_user_context", json!({})),
        ("get_users", json!({"limit": 3, "include": ["id"]})),
        ("add_incident_note", json!({"incident_id": incident, "content": "seen"})),
        ("get_services", json!({"limit": 3, "include": ["id"]})),
        ("get_escalation_policies", json!({"limit": 3, "include": ["id"]})),
        ("build_user_context", json!({})),
        ("get_users", json!({"user_id": "me", "include": ["id", "email"]})),
        ("get_services", json!({"service_id": "checkout api", "include": ["id"]})),
        ("get_incidents", json!({"limit": 2, "include": ["id", "teams"]})),
        ("get_oncalls", json!({"limit": 3, "include": ["user"]})),
    ]
}

/// A user with their own answers.
struct Person {
    id: String,
    token: String,
    /// The user's answers, in the order of the questions.
    own: Vec<Value>,
}

struct Caller {
    http: reqwest::Client,
    url: String,
}

impl Caller {
    /// Returns the answer of a call with a credential.
    async fn call(&self, token: &str, tool: &str, arguments: &Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = self.http.post(&self.url).header("X-PagerDuty-Token", token);
        let request = request.header("Accept", "application/json, text/event-stream");
        let request = request.header("Content-Type", "application/json").body(message.to_string());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{tool}");
        let mut answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let structured = answer["result"]["structuredContent"].take();
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!(text.replace('\n', ""), structured.to_string());
        structured
    }
}

fn options() -> http::HttpOptions {
    http::HttpOptions {
        port: 0,
        max_calls: 2 * AT_A_TIME,
        max_calls_per_credential: AT_A_TIME,
        read_timeout: Duration::from_secs(30),
        ..http::HttpOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_answers_belong_to_their_callers() {
    // The clock stands still. Otherwise the on-calls and the current user's incidents could change between two calls.
    let now = "2026-08-05T10:30:00Z".parse().unwrap();
    let unlimited = Options { rate_limit: u32::MAX, now: Some(now), ..Options::default() };
    let sandbox = Sandbox::start(unlimited).await.unwrap();
    // Collect the correct answers in sequence, without a server and without caches.
    let unlimited = toolbox(&sandbox, tokens::USER, |_| {});
    let arguments = json!({"current_user_context": false, "team_ids": team_ids(&unlimited).await, "limit": 200});
    let users = unlimited.call("get_users", object(arguments)).await.unwrap().into_value();
    let incident = first_incident(&unlimited).await;
    let questions = Arc::new(questions(&incident));
    let mut people = Vec::new();
    for user in rows(&users, "users").iter().take(USERS) {
        let id = user["id"].as_str().unwrap().to_owned();
        let token = tokens::of_user(&id);
        let own_toolbox = toolbox(&sandbox, &token, |_| {});
        let mut own = Vec::new();
        for (tool, arguments) in questions.iter() {
            own.push(match own_toolbox.call(tool, object(arguments.clone())).await {
                Ok(reply) => reply.into_value(),
                Err(error) => error.envelope(),
            });
        }
        assert_eq!(own[0]["user_id"], id, "each credential has its own user");
        assert_eq!(own[2]["notes"][0]["user"]["id"], id, "the note names the user as its author");
        people.push(Person { id, token, own });
    }
    assert_eq!(people.len(), USERS);
    let distinct: HashMap<String, usize> = people.iter().map(|person| (person.own[8].to_string(), 1)).collect();
    assert!(distinct.len() > 5, "the users see different incidents");

    let http = Http::bind(options()).await.unwrap();
    let url = http.describe().split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    let (stop, stopped) = oneshot::channel::<()>();
    // The server's own credential is invalid, so a call that loses its credential is refused.
    let serving = tokio::spawn(http.serve(toolbox(&sandbox, "nobody", |_| {}), async { _ = stopped.await }));
    // A client needs a provider. Another test may have installed it.
    rustls::crypto::ring::default_provider().install_default().ok();
    let caller = Caller {
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        url: url.trim_end_matches('.').to_owned(),
    };

    let (caller, people, questions) = (&caller, &people, &questions);
    let crossings: Vec<String> = stream::iter(0..CALLS)
        .map(|number| async move {
            // Consecutive calls are the same question from different users.
            let person = &people[number % USERS];
            let question = number / USERS % questions.len();
            let (tool, arguments) = &questions[question];
            let answer = caller.call(&person.token, tool, arguments).await;
            let same = if *tool == "add_incident_note" {
                answer["notes"][0]["user"]["id"] == person.id
            } else {
                answer == person.own[question]
            };
            (!same).then(|| format!("{} called {tool} and got {answer}", person.id))
        })
        .buffer_unordered(AT_A_TIME)
        .filter_map(|crossing| async { crossing })
        .collect()
        .await;
    assert!(crossings.is_empty(), "{} crossings, such as: {}", crossings.len(), crossings[0]);

    let refused = caller.call("sandbox-user-", "build_user_context", &json!({})).await;
    assert_eq!(refused["error"]["code"], "AUTHENTICATION_FAILED", "an invalid credential gets no cached answer");
    stop.send(()).unwrap();
    assert!(serving.await.unwrap());
}

async fn team_ids(toolbox: &pagerduty_mcp_server::tools::Toolbox) -> Vec<String> {
    let teams = ok(toolbox, "get_teams", json!({"include": ["id"]})).await;
    rows(&teams, "teams").iter().map(|team| team["id"].as_str().unwrap().to_owned()).collect()
}

async fn first_incident(toolbox: &pagerduty_mcp_server::tools::Toolbox) -> String {
    let arguments = json!({"limit": 1, "statuses": ["resolved"], "include": ["id"]});
    let incidents = ok(toolbox, "get_incidents", arguments).await;
    rows(&incidents, "incidents")[0]["id"].as_str().unwrap().to_owned()
}
