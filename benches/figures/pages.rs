//! Long lists: how long, in how many requests, and in how many round trips.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::account::{Account, Bare, Session, runtime};
use crate::report::{Report, Target, median, milliseconds};

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
    let (bare, mut session) = (Bare::new(&account), Session::open(account.toolbox()).await);
    let arguments = json!({"limit": 1_000});
    session.call("get_incidents", &arguments).await;
    let requests = account.requests_of(&mut session, "get_incidents", &arguments).await;
    let waves = [1, 2, 4, 3];
    let (mut bares, mut tools) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let start = Instant::now();
        bare.replay(&requests, &waves, None).await;
        bares.push(start.elapsed());
        let start = Instant::now();
        session.call("get_incidents", &arguments).await;
        tools.push(start.elapsed());
    }
    let (bare, tool) = (milliseconds(median(bares)), milliseconds(median(tools)));
    let at = latency.as_millis();
    report.add(SECTION, format!("at {at} ms a request"), "ms", tool, Some(bare), None);
    if latency.is_zero() {
        report.add(SECTION, "requests", "", requests.len() as f64, Some(10.0), Some(Target::AtMost(11.0)));
    } else {
        let trips = (tool / milliseconds(latency)).floor();
        report.add(SECTION, "round trips (time by latency)", "", trips, Some(4.0), Some(Target::AtMost(5.0)));
    }
}
