//! The time, requests and round trips of long lists.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::account::{Account, Bare, Session, runtime};
use crate::report::{Figure, Report, Samples};

const SECTION: &str = "1,000 incidents";

pub fn measure(report: &mut Report) {
    runtime().block_on(async {
        for latency in [Duration::ZERO, Duration::from_millis(50)] {
            thousand(report, latency).await;
        }
    });
}

async fn thousand(report: &mut Report, latency: Duration) {
    let account = Account::start(8_000, latency);
    // Without a budget: an answer for a model would be full after the first page.
    let toolbox = account.toolbox_with(|name| (name == "PAGERDUTY_MAX_RESPONSE_TOKENS").then_some("0"));
    let (bare, mut session) = (Bare::new(account.url()), Session::open(toolbox).await);
    let arguments = json!({"limit": 1_000});
    session.call("get_incidents", &arguments).await;
    let requests = account.requests_of(&mut session, "get_incidents", &arguments).await;
    let rounds = [1, 2, 4, 3];
    let [mut bares, mut tools] = [Samples::default(), Samples::default()];
    for _ in 0..report.rounds(30) {
        let start = Instant::now();
        bare.replay(&requests, &rounds, None).await;
        bares.add_time(start.elapsed());
        let start = Instant::now();
        session.call("get_incidents", &arguments).await;
        tools.add_time(start.elapsed());
    }
    let at = latency.as_millis();
    report.add(SECTION, Figure::median(format!("at {at} ms a request"), "ms", &tools).floor(bares.median()));
    if latency.is_zero() {
        report.add(SECTION, Figure::new("requests", "", requests.len() as f64).floor(10.0).at_most(11.0));
    } else {
        // The difference is the time spent on the rows.
        let trips = (tools.median() / (latency.as_secs_f64() * 1_000.0)).floor();
        let figure = Figure::new("round trips (time by latency)", "", trips).floor(rounds.len() as f64);
        report.add(SECTION, figure.at_most(5.0));
    }
}
