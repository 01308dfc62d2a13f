//! Tests of TLS and HTTP/2, as in production: silent connections, refused or reset streams, and certificates that do
//! not verify.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use h2::Reason;
use http::Method;
use jiff::{Timestamp, ToSpan};
use pagerduty_mcp_server::config::Host;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Options, Sandbox, tokens};
use pagerduty_mcp_server::serve::tls::Authority;
use pagerduty_mcp_server::tools::Toolbox;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::scene::Scene;
use crate::support::tls::{Fate, Http2, NAMES, https, https_as};
use crate::support::{err, object, ok, rows};

/// The time-out of an attempt in tests where the first one fails.
const ATTEMPT: Duration = Duration::from_secs(1);

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

/// Returns the tools behind it, with a short time-out for attempts.
fn toolbox(http2: &Http2, sandbox: &Sandbox) -> Arc<Toolbox> {
    http2.endpoint.toolbox(sandbox, tokens::USER, |config| config.attempt_timeout = ATTEMPT)
}

/// Returns an incident that is triggered.
async fn incident(toolbox: &Toolbox) -> Value {
    let open = ok(toolbox, "get_incidents", json!({"statuses": ["triggered"], "limit": 1, "include": ["id"]})).await;
    open["incidents"][0]["id"].clone()
}

/// Returns the number of notes with this text.
async fn notes(toolbox: &Toolbox, incident: &Value, text: &str) -> usize {
    let shown = ok(toolbox, "get_incidents", json!({"incident_id": incident, "include": ["notes"]})).await;
    let notes = shown["incidents"][0]["notes"].as_array().cloned().unwrap_or_default();
    notes.iter().filter(|note| note["content"] == text).count()
}

fn is_change(method: &Method) -> bool {
    matches!(*method, Method::PUT | Method::POST)
}

#[tokio::test]
async fn silent_connection_costs_one_attempt() {
    for silent in [Fate::Silence, Fate::Ignored] {
        let sandbox = sandbox().await;
        let fate = silent.clone();
        // The first connection answers once and then never again.
        let http2 = Http2::start(&sandbox, move |connection, place, _| match (connection, place) {
            (0, 1..) => fate.clone(),
            _ => Fate::Answered,
        })
        .await;
        let toolbox = toolbox(&http2, &sandbox);
        ok(&toolbox, "get_teams", json!({})).await;
        let began = Instant::now();
        ok(&toolbox, "get_teams", json!({})).await;
        assert!(began.elapsed() >= ATTEMPT, "{silent:?}: the silent connection was not asked");
        ok(&toolbox, "get_teams", json!({})).await;
        assert_eq!(http2.connections(), 2, "{silent:?}");
        assert_eq!(http2.resumed(), [false, true], "{silent:?}: the TLS session is resumed");
    }
}

#[tokio::test]
async fn stalled_answer_costs_one_attempt() {
    for tool in ["get_teams", "acknowledge_incident", "add_incident_note"] {
        let sandbox = sandbox().await;
        let stuck = AtomicUsize::new(usize::MAX);
        let method = if tool == "get_teams" { Method::GET } else { Method::PUT };
        // The first answer of that kind stalls, and its connection then answers nothing.
        let http2 = Http2::start(&sandbox, move |connection, _, request| {
            let wanted = is_change(request.method()) == is_change(&method);
            match stuck.load(Ordering::Relaxed) {
                usize::MAX if wanted => {
                    stuck.store(connection, Ordering::Relaxed);
                    Fate::Stalled
                }
                number if number == connection => Fate::Ignored,
                _ => Fate::Answered,
            }
        })
        .await;
        let plain = crate::support::toolbox(&sandbox, tokens::USER, |_| {});
        let id = incident(&plain).await;
        let arguments = match tool {
            "get_teams" => json!({}),
            "acknowledge_incident" => json!({"incident_id": id}),
            _ => json!({"incident_id": id, "content": "on it"}),
        };
        ok(&toolbox(&http2, &sandbox), tool, arguments).await;
        assert_eq!(http2.connections(), 2, "{tool}");
    }
}

#[tokio::test]
async fn unanswered_pings_end_attempt_early() {
    let sandbox = sandbox().await;
    let http2 = Http2::start(&sandbox, |_, _, request| match request.method() {
        method if is_change(method) => Fate::Silence,
        _ => Fate::Answered,
    })
    .await;
    let toolbox = http2.endpoint.toolbox(&sandbox, tokens::USER, |config| config.attempt_timeout = config.timeout);
    let id = incident(&toolbox).await;
    let began = Instant::now();
    let error = err(&toolbox, "add_incident_note", json!({"incident_id": id, "content": "on it"})).await;
    assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
    assert!(!error.message().contains("45 s"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[tokio::test]
async fn change_on_silent_connection_takes_effect_once() {
    for tool in ["acknowledge_incident", "resolve_incident", "add_incident_note"] {
        let sandbox = sandbox().await;
        let stuck = AtomicUsize::new(usize::MAX);
        // The connection of the first change never answers it or any later request.
        let http2 = Http2::start(&sandbox, move |connection, _, request| {
            if is_change(request.method()) {
                let _ = stuck.compare_exchange(usize::MAX, connection, Ordering::Relaxed, Ordering::Relaxed);
            }
            if stuck.load(Ordering::Relaxed) == connection { Fate::Silence } else { Fate::Answered }
        })
        .await;
        let toolbox = toolbox(&http2, &sandbox);
        let id = incident(&toolbox).await;
        if tool == "add_incident_note" {
            // The note may still arrive, so it is not sent again. The read that verifies it is answered at once.
            let error = err(&toolbox, tool, json!({"incident_id": id, "content": "on it"})).await;
            assert_eq!(error.code(), Code::OutcomeUnknown, "{error}");
            assert!(error.message().contains("not among the incident's notes"), "{error}");
        } else {
            ok(&toolbox, tool, json!({"incident_id": id})).await;
        }
        assert_eq!(http2.connections(), 2, "{tool}");
    }
}

#[tokio::test]
async fn concurrent_calls_share_new_connection() {
    let sandbox = sandbox().await;
    let http2 = Http2::start(&sandbox, |connection, place, _| match (connection, place) {
        (0, 1..) => Fate::Ignored,
        _ => Fate::Answered,
    })
    .await;
    let toolbox = toolbox(&http2, &sandbox);
    ok(&toolbox, "get_teams", json!({})).await;
    join_all((0..20).map(|_| ok(&toolbox, "get_teams", json!({})))).await;
    // Calls that start before the new connection is up may open one each, until they learn that it can be shared.
    let connections = http2.connections();
    ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(http2.connections(), connections);
    assert!(connections <= 21, "{connections}");
}

#[tokio::test]
async fn unresponsive_host_gets_few_connections() {
    let sandbox = sandbox().await;
    let http2 = Http2::start(&sandbox, |_, _, _| Fate::Ignored).await;
    let toolbox = http2.endpoint.toolbox(&sandbox, tokens::USER, |config| {
        config.attempt_timeout = Duration::from_millis(200);
        config.backoff = Duration::from_millis(1);
    });
    for _ in 0..5 {
        assert_eq!(err(&toolbox, "get_teams", json!({})).await.code(), Code::Timeout);
    }
    assert_eq!(http2.connections(), 15, "one connection for each attempt");
}

#[tokio::test]
async fn requests_in_flight_keep_their_connection() {
    let sandbox = sandbox().await;
    let release = Arc::new(Notify::new());
    let held = Arc::clone(&release);
    let http2 = Http2::start(&sandbox, move |connection, _, request| match (connection, request.uri().path()) {
        (0, "/teams") => Fate::Held(Arc::clone(&held)),
        (0, "/schedules") => Fate::Ignored,
        _ => Fate::Answered,
    })
    .await;
    let toolbox = http2.endpoint.toolbox(&sandbox, tokens::USER, |config| {
        config.attempt_timeout = Duration::from_secs(5);
    });
    let other = async {
        ok(&toolbox, "get_schedules", json!({})).await;
        release.notify_one();
    };
    let (teams, ()) = tokio::join!(ok(&toolbox, "get_teams", json!({})), other);
    assert!(!rows(&teams, "teams").is_empty());
}

#[tokio::test]
async fn idle_silent_connection_is_found_by_pings() {
    let sandbox = sandbox().await;
    let http2 = Http2::start(&sandbox, |connection, place, _| match (connection, place) {
        (0, 1) => Fate::Silence,
        _ => Fate::Answered,
    })
    .await;
    let toolbox = http2.endpoint.toolbox(&sandbox, tokens::USER, |config| config.attempt_timeout = config.timeout);
    ok(&toolbox, "get_teams", json!({})).await;
    // A call that is dropped early leaves the connection silent and idle.
    let call = toolbox.call("get_teams", object(json!({})));
    tokio::select! {
        _ = call => panic!("it was answered"),
        () = http2.silent() => {}
    }
    http2.given_up().await;
    ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(http2.connections(), 2);
}

#[tokio::test]
async fn canceled_calls_do_not_keep_stuck_connection() {
    let sandbox = sandbox().await;
    let http2 = Http2::start(&sandbox, |connection, place, _| match (connection, place) {
        (0, 1..) => Fate::Ignored,
        _ => Fate::Answered,
    })
    .await;
    let toolbox = http2.endpoint.toolbox(&sandbox, tokens::USER, |config| config.attempt_timeout = config.timeout);
    ok(&toolbox, "get_teams", json!({})).await;
    // Clients that give up after five seconds are common, and never wait for an attempt to time out.
    let call = toolbox.call("get_teams", object(json!({})));
    assert!(tokio::time::timeout(Duration::from_millis(5_200), call).await.is_err());
    ok(&toolbox, "get_teams", json!({})).await;
    assert_eq!(http2.connections(), 2);
}

#[tokio::test]
async fn refused_stream_is_retried() {
    let sandbox = sandbox().await;
    let refused = AtomicUsize::new(0);
    let http2 = Http2::start(&sandbox, move |_, _, request| {
        let first = is_change(request.method()) && refused.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        if first { Fate::Reset(Reason::REFUSED_STREAM) } else { Fate::Answered }
    })
    .await;
    let toolbox = toolbox(&http2, &sandbox);
    let id = incident(&toolbox).await;
    ok(&toolbox, "add_incident_note", json!({"incident_id": id, "content": "on it"})).await;
    assert_eq!(notes(&toolbox, &id, "on it").await, 1);
    ok(&toolbox, "acknowledge_incident", json!({"incident_id": id})).await;
    assert_eq!(http2.connections(), 1);
}

#[tokio::test]
async fn change_on_refused_streams_is_not_in_doubt() {
    let sandbox = sandbox().await;
    let http2 = Http2::start(&sandbox, |_, _, request| match request.method() {
        method if is_change(method) => Fate::Reset(Reason::REFUSED_STREAM),
        _ => Fate::Answered,
    })
    .await;
    let toolbox = toolbox(&http2, &sandbox);
    let id = incident(&toolbox).await;
    for (tool, arguments) in [
        ("add_incident_note", json!({"incident_id": id, "content": "on it"})),
        ("acknowledge_incident", json!({"incident_id": id})),
    ] {
        assert_eq!(err(&toolbox, tool, arguments).await.code(), Code::NetworkError, "{tool}");
    }
}

#[tokio::test]
async fn goaway_costs_no_attempt() {
    for (tool, arguments) in [
        ("get_teams", json!({})),
        ("add_incident_note", json!({"content": "on it"})),
        ("acknowledge_incident", json!({})),
    ] {
        let sandbox = sandbox().await;
        let plain = crate::support::toolbox(&sandbox, tokens::USER, |_| {});
        let mut arguments = arguments;
        if tool != "get_teams" {
            arguments["incident_id"] = incident(&plain).await;
        }
        let me = ok(&plain, "build_user_context", json!({})).await;
        let http2 = Http2::going_away(&sandbox).await;
        // With a known author, no request precedes the change.
        let toolbox = http2.endpoint.toolbox(&sandbox, tokens::USER, |config| {
            config.user_email = me["email"].as_str().map(str::to_owned);
        });
        ok(&toolbox, tool, arguments).await;
        assert_eq!(http2.connections(), 2, "{tool}");
    }
}

#[tokio::test]
async fn change_with_lost_answer_is_verified() {
    for fate in [Fate::Lost(Reason::INTERNAL_ERROR), Fate::Lost(Reason::CANCEL), Fate::Half, Fate::LostWithConnection] {
        let sandbox = sandbox().await;
        let lost = fate.clone();
        let once = AtomicUsize::new(0);
        let http2 = Http2::start(&sandbox, move |_, _, request| {
            if is_change(request.method()) && once.fetch_add(1, Ordering::Relaxed) == 0 {
                lost.clone()
            } else {
                Fate::Answered
            }
        })
        .await;
        let toolbox = toolbox(&http2, &sandbox);
        let id = incident(&toolbox).await;
        ok(&toolbox, "add_incident_note", json!({"incident_id": id, "content": "on it"})).await;
        assert_eq!(notes(&toolbox, &id, "on it").await, 1, "{fate:?}");
        let posted = sandbox.requests().iter().filter(|request| request.method == "POST").count();
        assert_eq!(posted, 1, "{fate:?}");
    }
}

#[tokio::test]
async fn untrusted_certificate_is_named_and_not_retried() {
    let sandbox = sandbox().await;
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let (now, year) = (Timestamp::now(), (365 * 24).hours());
    for (by, names, until, why, hint) in [
        (&theirs, &NAMES[..], now + year, "not from a trusted certificate authority", "SSL_CERT_FILE"),
        (&ours, &["pagerduty.example"][..], now + year, "for other names", "PAGERDUTY_API_HOST"),
        (&ours, &NAMES[..], now - 48.hours(), "has expired", "date and time"),
    ] {
        let endpoint = https_as(&sandbox, by, &ours, names, until).await;
        let toolbox = endpoint.toolbox(&sandbox, tokens::USER, |config| config.backoff = Duration::from_mins(5));
        for tool in ["get_teams", "build_user_context"] {
            let error = err(&toolbox, tool, json!({})).await;
            assert_eq!(error.code(), Code::NetworkError, "{error}");
            assert!(error.message().contains(why), "{error}");
            assert!(error.hint_text().unwrap().contains(hint), "{error:?}");
        }
    }
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn refresh_on_silent_connection_is_retried() {
    let mut scene = Scene::expired().await;
    let http2 = Http2::start(&scene.sandbox, |connection, _, _| match connection {
        0 => Fate::Silence,
        _ => Fate::Answered,
    })
    .await;
    scene.config.oauth.identity = Host::parse(&http2.endpoint.url).unwrap();
    scene.config.trust.file = Some(http2.endpoint.authority().to_owned());
    scene.ok().await;
    assert_eq!((scene.opened(), http2.connections()), (1, 2));
}

#[tokio::test]
async fn untrusted_identity_server_gets_no_refresh_token() {
    let mut scene = Scene::expired().await;
    let before = scene.stored();
    let endpoint = https(&scene.sandbox).await;
    scene.config.oauth.identity = Host::parse(&endpoint.url).unwrap();
    let error = err(&scene.toolbox(), "get_teams", json!({})).await;
    assert_eq!(error.code(), Code::NetworkError, "{error}");
    assert!(error.message().contains("not from a trusted certificate authority"), "{error}");
    assert!(error.hint_text().unwrap().contains("SSL_CERT_FILE"), "{error:?}");
    assert_eq!((scene.stored(), scene.opened()), (before, 1), "the login is kept");
}

#[tokio::test]
async fn account_behind_tls_answers_the_same() {
    let sandbox = sandbox().await;
    let endpoint = https(&sandbox).await;
    let plain = crate::support::toolbox(&sandbox, tokens::USER, |_| {});
    let toolbox = endpoint.toolbox(&sandbox, tokens::USER, |_| {});
    for tool in ["get_teams", "build_user_context"] {
        assert_eq!(ok(&toolbox, tool, json!({})).await, ok(&plain, tool, json!({})).await);
    }
}
