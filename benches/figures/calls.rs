//! What each tool costs over its bare requests, and many calls at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account::{Account, Bare, Session, runtime};
use crate::report::{Report, Target, median, milliseconds};

const ROUNDS: usize = 300;

/// A call: the name for the report, the tool, its arguments, how its requests may run side by side, the body of a write,
/// and whether it is a list of 100.
struct Call {
    what: &'static str,
    tool: &'static str,
    arguments: Value,
    waves: &'static [usize],
    body: Option<Value>,
    target: Option<Target>,
}

const ONE: Option<Target> = Some(Target::AtMost(0.3));
const HUNDRED: Option<Target> = Some(Target::AtMost(2.0));

fn calls(incident: &Value, team: &Value, user: &Value, schedule: &Value) -> Vec<Call> {
    let read = |what, tool, arguments, waves, target| Call { what, tool, arguments, waves, body: None, target };
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
        read("get_schedules, all", "get_schedules", json!({}), &[1], HUNDRED),
        read("list_users_oncall", "list_users_oncall", json!({"schedule_id": schedule}), &[1], HUNDRED),
        read("get_escalation_policies, mine", "get_escalation_policies", json!({}), &[1], HUNDRED),
        read("get_services, of my teams", "get_services", json!({}), &[1], HUNDRED),
        read("get_users, of my teams", "get_users", json!({}), &[1], HUNDRED),
        read("build_user_context", "build_user_context", json!({}), &[1, 2], None),
        Call {
            what: "acknowledge_incident (and, the same but once only, resolve_incident)",
            tool: "acknowledge_incident",
            arguments: json!({"incident_id": incident}),
            waves: &[1],
            body: Some(status),
            target: ONE,
        },
        Call {
            what: "add_incident_note",
            tool: "add_incident_note",
            arguments: json!({"incident_id": incident, "content": "on it"}),
            waves: &[1],
            body: Some(json!({"note": {"content": "on it"}})),
            target: ONE,
        },
    ]
}

pub fn measure(report: &mut Report) {
    runtime().block_on(async {
        for latency in [Duration::ZERO, Duration::from_millis(50)] {
            overhead(report, latency).await;
            crowd(report, latency).await;
        }
    });
}

/// Each tool and its bare requests in turn, so that whatever else the machine does meets both.
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
    let (bare, mut session) = (Bare::new(&account), Session::open(toolbox).await);
    let rounds = if latency.is_zero() { ROUNDS } else { 20 };
    for Call { what, tool, arguments, waves, body, target } in calls {
        // The first call finds out who the user is.
        session.call(tool, &arguments).await;
        let requests = account.requests_of(&mut session, tool, &arguments).await;
        let body = body.map(|body| body.to_string());
        bare.replay(&requests, waves, body.as_deref()).await;
        let (mut bares, mut tools) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let start = Instant::now();
            bare.replay(&requests, waves, body.as_deref()).await;
            bares.push(start.elapsed());
            let start = Instant::now();
            session.call(tool, &arguments).await;
            tools.push(start.elapsed());
        }
        let (bare, tool) = (milliseconds(median(bares)), milliseconds(median(tools)));
        if latency.is_zero() {
            report.add(
                "Overhead of a call over its bare requests (which are the floor)",
                what,
                "ms more",
                tool - bare,
                Some(bare),
                target,
            );
        } else {
            // Who waits for two answers in a row waits twice.
            report.add("Calls at 50 ms a request", what, "ms", tool, Some(bare), None);
        }
    }
    if !latency.is_zero() {
        cold(report, &account).await;
    }
}

/// The first calls of a server that knows nothing.
async fn cold(report: &mut Report, account: &Account) {
    for (what, tool, most) in [
        ("get_incidents, mine, cold: 3 round trips", "get_incidents", 3.0),
        ("get_oncalls, mine, cold: 3 round trips", "get_oncalls", 3.0),
        ("get_services, of my teams, cold: 2 round trips", "get_services", 2.0),
    ] {
        let mut all = Vec::new();
        for _ in 0..10 {
            let mut session = Session::open(account.toolbox()).await;
            let start = Instant::now();
            session.call(tool, &json!({"limit": 10})).await;
            all.push(start.elapsed());
        }
        let floor = most * 50.0;
        let target = Some(Target::AtMost(floor + 50.0));
        report.add("Calls at 50 ms a request", what, "ms", milliseconds(median(all)), Some(floor), target);
    }
}

/// 200 calls at once in one process.
async fn crowd(report: &mut Report, latency: Duration) {
    const CROWD: usize = 200;
    let account = Account::start(600, latency);
    let toolbox = account.toolbox();
    let me = toolbox.call("build_user_context", serde_json::Map::new()).await.unwrap().into_value();
    let arguments = json!({"team_id": me["team_ids"][0]}).as_object().unwrap().clone();
    let mut session = Session::open(std::sync::Arc::clone(&toolbox)).await;
    let requests = account.requests_of(&mut session, "get_teams", &json!(arguments)).await;
    let bare = Bare::new(&account);
    let (mut bares, mut tools) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let start = Instant::now();
        futures_util::future::join_all((0..CROWD).map(|_| {
            let (bare, request) = (bare.clone(), requests[0].clone());
            tokio::spawn(async move { bare.send(&request, None).await })
        }))
        .await;
        bares.push(start.elapsed());
        let start = Instant::now();
        let calls = (0..CROWD).map(|_| {
            let (toolbox, arguments) = (std::sync::Arc::clone(&toolbox), arguments.clone());
            tokio::spawn(async move { toolbox.call("get_teams", arguments).await.unwrap().into_value() })
        });
        futures_util::future::join_all(calls).await;
        tools.push(start.elapsed());
    }
    let rate = |all| CROWD as f64 / median(all).as_secs_f64();
    let (what, target) = if latency.is_zero() {
        ("200 calls at once, at 0 ms a request", None)
    } else {
        ("200 calls at once, at 50 ms a request", Some(Target::AtLeast(1_500.0)))
    };
    report.add("Many calls at once", what, "calls/s", rate(tools), Some(rate(bares)), target);
}
