//! The cost of each tool above its bare requests, and of many calls at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account::{Account, Bare, Session, runtime};
use crate::report::{Figure, Report, Samples};

const ROUNDS: usize = 300;
const LATENCY: Duration = Duration::from_millis(50);

/// A call: its name in the report, the tool, its arguments, the sizes of its rounds of requests, the body of a write,
/// and the target for its cost above the bare requests.
struct Call {
    what: &'static str,
    tool: &'static str,
    arguments: Value,
    rounds: &'static [usize],
    body: Option<Value>,
    most: Option<f64>,
}

const ONE: Option<f64> = Some(0.3);
const HUNDRED: Option<f64> = Some(2.0);

fn calls(incident: &Value, team: &Value, user: &Value, schedule: &Value) -> Vec<Call> {
    let read = |what, tool, arguments, rounds, most| Call { what, tool, arguments, rounds, body: None, most };
    let status = json!({"incident": {"type": "incident", "status": "acknowledged"}});
    let extras = json!({"incident_id": incident, "include_past_incidents": true, "include_related_incidents": true,
        "include_notes": true});
    vec![
        read("get_teams, one by ID", "get_teams", json!({"team_id": team}), &[1], ONE),
        read("get_users, one by ID", "get_users", json!({"user_id": user}), &[1], ONE),
        read("get_incidents, one by ID", "get_incidents", json!({"incident_id": incident}), &[1], ONE),
        read("get_incidents, one with three extras", "get_incidents", extras, &[4], None),
        read("get_incidents, 100 of mine", "get_incidents", json!({}), &[1], HUNDRED),
        read("get_oncalls, mine", "get_oncalls", json!({}), &[1], HUNDRED),
        read("get_schedules, all", "get_schedules", json!({}), &[2], HUNDRED),
        read("list_users_oncall", "list_users_oncall", json!({"schedule_id": schedule}), &[1], HUNDRED),
        read("get_escalation_policies, mine", "get_escalation_policies", json!({}), &[1], HUNDRED),
        read("get_services, of my teams", "get_services", json!({}), &[1], HUNDRED),
        read("get_users, of my teams", "get_users", json!({}), &[1], HUNDRED),
        read("build_user_context", "build_user_context", json!({}), &[1, 2], None),
        Call {
            what: "acknowledge_incident (and, the same but once only, resolve_incident)",
            tool: "acknowledge_incident",
            arguments: json!({"incident_id": incident}),
            rounds: &[1],
            body: Some(status),
            most: ONE,
        },
        Call {
            what: "add_incident_note",
            tool: "add_incident_note",
            arguments: json!({"incident_id": incident, "content": "on it"}),
            rounds: &[1],
            body: Some(json!({"note": {"content": "on it"}})),
            most: ONE,
        },
    ]
}

pub fn measure(report: &mut Report) {
    runtime().block_on(async {
        for latency in [Duration::ZERO, LATENCY] {
            overhead(report, latency).await;
        }
        cold(report).await;
        for latency in [Duration::ZERO, LATENCY] {
            crowd(report, latency).await;
        }
    });
}

/// Measures each tool and its bare requests alternately.
async fn overhead(report: &mut Report, latency: Duration) {
    let account = Account::start(600, latency);
    let toolbox = account.toolbox();
    let ask = async |tool: &str, arguments: Value| {
        toolbox.call(tool, arguments.as_object().unwrap().clone()).await.unwrap().into_value()
    };
    let incident = ask("get_incidents", json!({"statuses": ["triggered"], "limit": 1})).await;
    let me = ask("build_user_context", json!({})).await;
    let schedule = ask("get_schedules", json!({"limit": 1})).await["schedules"][0]["id"].clone();
    let calls = calls(&incident["incidents"][0]["id"], &me["team_ids"][0], &me["user_id"], &schedule);
    let (bare, mut session) = (Bare::new(account.url()), Session::open(toolbox).await);
    for Call { what, tool, arguments, rounds, body, most } in calls {
        // The first call looks up the user.
        session.call(tool, &arguments).await;
        let requests = account.requests_of(&mut session, tool, &arguments).await;
        let body = body.map(|body| body.to_string());
        bare.replay(&requests, rounds, body.as_deref()).await;
        let [mut bares, mut tools] = [Samples::default(), Samples::default()];
        for _ in 0..report.rounds(if latency.is_zero() { ROUNDS } else { 20 }) {
            let start = Instant::now();
            bare.replay(&requests, rounds, body.as_deref()).await;
            bares.add_time(start.elapsed());
            let start = Instant::now();
            session.call(tool, &arguments).await;
            tools.add_time(start.elapsed());
        }
        if latency.is_zero() {
            let figure = Figure::median(what, "ms", &tools.over(&bares)).above(bares.median());
            let figure = if let Some(most) = most { figure.at_most(most) } else { figure };
            report.add("What a call takes on top of its bare requests (the floor), at 0 ms a request", figure);
        } else {
            // Two requests in sequence take two round trips.
            let figure = Figure::median(what, "ms", &tools).floor(bares.median());
            report.add("Calls at 50 ms a request", figure);
        }
    }
}

/// Measures the first calls of a server with empty caches.
async fn cold(report: &mut Report) {
    let account = Account::start(600, LATENCY);
    for (what, tool, round_trips) in [
        ("get_incidents, mine, cold: 3 round trips", "get_incidents", 3.0),
        ("get_oncalls, mine, cold: 3 round trips", "get_oncalls", 3.0),
        ("get_services, of my teams, cold: 2 round trips", "get_services", 2.0),
    ] {
        let mut all = Samples::default();
        for _ in 0..report.rounds(20) {
            let mut session = Session::open(account.toolbox()).await;
            let start = Instant::now();
            session.call(tool, &json!({"limit": 10})).await;
            all.add_time(start.elapsed());
        }
        let floor = round_trips * 50.0;
        report.add("Calls at 50 ms a request", Figure::median(what, "ms", &all).floor(floor).at_most(floor + 50.0));
    }
}

/// Measures 200 calls at once in one process.
async fn crowd(report: &mut Report, latency: Duration) {
    const CROWD: usize = 200;
    let account = Account::start(600, latency);
    let toolbox = account.toolbox();
    let me = toolbox.call("build_user_context", serde_json::Map::new()).await.unwrap().into_value();
    let arguments = json!({"team_id": me["team_ids"][0]});
    let mut session = Session::open(Arc::clone(&toolbox)).await;
    let requests = account.requests_of(&mut session, "get_teams", &arguments).await;
    let arguments = arguments.as_object().unwrap();
    let bare = Bare::new(account.url());
    let [mut bares, mut tools] = [Samples::default(), Samples::default()];
    for _ in 0..report.rounds(40) {
        let start = Instant::now();
        futures_util::future::join_all((0..CROWD).map(|_| {
            let (bare, request) = (bare.clone(), requests[0].clone());
            tokio::spawn(async move { bare.send(&request, None).await })
        }))
        .await;
        bares.add(CROWD as f64 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        let calls = (0..CROWD).map(|_| {
            let (toolbox, arguments) = (Arc::clone(&toolbox), arguments.clone());
            tokio::spawn(async move { toolbox.call("get_teams", arguments).await.unwrap().into_value() })
        });
        futures_util::future::join_all(calls).await;
        tools.add(CROWD as f64 / start.elapsed().as_secs_f64());
    }
    let what = format!("200 calls at once, at {} ms a request", latency.as_millis());
    let figure = Figure::median(what, "calls/s", &tools).floor(bares.median());
    report.add("Many calls at once", if latency.is_zero() { figure } else { figure.at_least(1_500.0) });
}
