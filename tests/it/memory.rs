//! Tests of the memory that lists may use: lists wait for their turn, and reads by ID and writes do not.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use pagerduty_mcp_server::config::Config;
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, Options, tokens};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::session::Session;
use crate::support::{Account, object, origin, rows};

/// Returns an account where a single list takes all memory, and the IDs of an open incident and a team.
async fn ready(adjust: impl Fn(&mut Config)) -> (Account, Value, Value) {
    let small = |config: &mut Config| {
        config.list_memory = 1_000;
        adjust(config);
    };
    let account = Account::with(tokens::USER, Options::default(), small).await;
    account.ok("build_user_context", json!({})).await;
    let open = account.ok("get_incidents", json!({"statuses": ["triggered"], "limit": 1, "include": ["id"]})).await;
    let team = account.ok("get_teams", json!({"limit": 1})).await;
    account.sandbox.clear();
    (account, open["incidents"][0]["id"].clone(), team["teams"][0]["id"].clone())
}

fn lists(account: &Account) -> usize {
    account.sandbox.requests().iter().filter(|request| matches!(request.path.as_str(), "/incidents" | "/teams")).count()
}

#[tokio::test]
async fn list_waits_until_an_earlier_answer_is_written() {
    let (account, incident, team) = ready(|_| {}).await;
    let unread = account.toolbox.call("get_incidents", Map::new()).await.unwrap();
    let mut second = Box::pin(account.toolbox.call("get_teams", Map::new()));
    assert!(second.as_mut().now_or_never().is_none());

    account.ok("get_teams", json!({"team_id": team})).await;
    account.ok("acknowledge_incident", json!({"incident_id": incident})).await;
    account.ok("add_incident_note", json!({"incident_id": incident, "content": "on it"})).await;
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(lists(&account), 1, "the second list was not requested: {:?}", account.sandbox.requests());

    drop(unread);
    second.await.unwrap();
    assert_eq!(lists(&account), 2);
}

#[tokio::test]
async fn canceled_list_gives_up_its_place() {
    let (account, ..) = ready(|_| {}).await;
    let unread = account.toolbox.call("get_incidents", Map::new()).await.unwrap();
    let mut canceled = Box::pin(account.toolbox.call("get_incidents", Map::new()));
    let mut next = Box::pin(account.toolbox.call("get_teams", Map::new()));
    assert!(canceled.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
    drop(canceled);
    drop(unread);
    next.await.unwrap();
    assert_eq!(lists(&account), 2);
}

#[tokio::test]
async fn wait_for_memory_counts_toward_the_time_limit() {
    let (account, ..) = ready(|config| config.timeout = Duration::from_millis(500)).await;
    let _unread = account.toolbox.call("get_incidents", Map::new()).await.unwrap();
    let error = account.err("get_teams", json!({})).await;
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.hint_text().unwrap().contains("PAGERDUTY_LIST_MEMORY"), "{error}");
    assert_eq!(lists(&account), 1);
}

#[tokio::test]
async fn list_of_many_pages_fits_a_small_budget() {
    let small = |config: &mut Config| config.list_memory = 1_000;
    let account = Account::with(tokens::USER, Options { incidents: 450, ..Options::default() }, small).await;
    let calls = [450, 101, 7].map(|limit| {
        let (account, arguments) = (&account, json!({"limit": limit, "include": ["id"]}));
        async move { rows(&account.ok("get_incidents", arguments).await, "incidents").len() }
    });
    let counts = join_all(calls).await;
    assert!(counts[0] > 100 && counts[1..] == [101, 7], "{counts:?}");
    let tools = ["get_schedules", "get_oncalls", "get_services", "build_user_context"];
    let calls = tools.map(|tool| async { account.toolbox.call(tool, Map::new()).await.map(drop) });
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn waiting_lists_do_not_delay_another_acknowledgement() {
    let (account, incident, _) = ready(|_| {}).await;
    let busy = origin(tokens::TEAMLESS);
    account.toolbox.call_from(&busy, "get_teams", Map::new()).await.unwrap();
    account.sandbox.clear();
    account.sandbox.fail(Fault::once("/teams", FaultKind::Hang));
    let mut waiting: Vec<_> =
        (0..1_000).map(|_| Box::pin(account.toolbox.call_from(&busy, "get_teams", Map::new()))).collect();
    assert!(waiting.iter_mut().all(|call| call.as_mut().now_or_never().is_none()));
    let all = join_all(waiting.iter_mut().map(|call| call.as_mut()));
    let acknowledged = account.ok("acknowledge_incident", json!({"incident_id": incident}));
    let acknowledged = tokio::select! {
        _ = all => panic!("the first list hangs"),
        acknowledged = acknowledged => acknowledged,
    };
    assert_eq!(acknowledged["incidents"][0]["status"], "acknowledged");
    assert!(lists(&account) <= 1, "{:?}", account.sandbox.requests());

    // A list of another credential waits for one list only.
    let other = Box::pin(account.toolbox.call("get_incidents", Map::new()));
    drop(waiting.remove(0));
    account.sandbox.clear();
    let all = join_all(waiting.iter_mut().map(|call| async { drop(call.as_mut().await) }));
    tokio::select! {
        _ = all => panic!("the lists of the other credential came last"),
        outcome = other => drop(outcome.unwrap()),
    }
    let requests = account.sandbox.requests();
    let before = requests.iter().position(|request| request.path == "/incidents").unwrap();
    assert!(before <= 2, "{requests:?}");
}

/// A step of a random mix of calls. Numbers choose a client and one of its calls.
#[derive(Clone, Debug)]
enum Step {
    /// A session sends a call.
    Call { client: usize, kind: usize },
    /// A session cancels one of its calls.
    Cancel { client: usize, which: usize },
    /// A session reads an answer if there is one soon. Otherwise, sessions do not read.
    Read(usize),
    /// A session ends without reading its answers.
    Vanish(usize),
    /// A caller with another credential makes a call, and keeps its answer.
    Direct { key: usize, kind: usize },
    /// Such a caller gives up a call, or drops its answer.
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..6_usize).prop_map(|(client, kind)| Step::Call { client, kind }),
        2 => (0..3_usize, 0..9_usize).prop_map(|(client, which)| Step::Cancel { client, which }),
        2 => (0..3_usize).prop_map(Step::Read),
        1 => (0..3_usize).prop_map(Step::Vanish),
        3 => (0..2_usize, 0..6_usize).prop_map(|(key, kind)| Step::Direct { key, kind }),
        2 => (0..9_usize).prop_map(Step::Drop),
    ]
}

/// A client over a pair of streams, with the calls that it expects an answer to.
struct Client {
    session: Session,
    expected: HashSet<i64>,
    canceled: HashSet<i64>,
}

impl Client {
    async fn new(account: &Account) -> Self {
        let session = Session::initialized(account.toolbox.clone()).await;
        Self { session, expected: HashSet::new(), canceled: HashSet::new() }
    }

    async fn read(&mut self) {
        let answer = self.session.receive().await;
        let id = answer["id"].as_i64().unwrap();
        assert!(self.expected.remove(&id) || self.canceled.remove(&id), "{answer}");
        let error = &answer["result"]["structuredContent"]["error"];
        assert!(answer["result"].is_object() && error["code"] != "TIMEOUT", "{answer}");
    }
}

/// Runs a mix of calls, and returns when every call has ended.
async fn run(steps: Vec<Step>) {
    let (account, incident, team) = ready(|_| {}).await;
    let calls = [
        ("get_incidents", json!({})),
        ("get_teams", json!({"limit": 3})),
        ("get_services", json!({})),
        ("get_teams", json!({"team_id": team})),
        ("acknowledge_incident", json!({"incident_id": incident})),
        ("add_incident_note", json!({"incident_id": incident, "content": "a"})),
    ];
    let keys = [origin(tokens::TEAMLESS), origin(tokens::OAUTH)];
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Some(Client::new(&account).await));
    }
    let mut direct = Vec::new();
    for step in steps {
        match step {
            Step::Call { client, kind } => {
                let Some(client) = &mut clients[client] else { continue };
                let (name, arguments) = &calls[kind];
                let id = client.session.ask("tools/call", json!({"name": name, "arguments": arguments})).await;
                client.expected.insert(id);
            }
            Step::Cancel { client, which } => {
                let Some(client) = &mut clients[client] else { continue };
                let Some(id) = client.expected.iter().nth(which).copied() else { continue };
                let canceled =
                    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
                client.session.send(&canceled).await;
                client.expected.remove(&id);
                client.canceled.insert(id);
            }
            Step::Read(client) => {
                if let Some(client) = clients[client].as_mut().filter(|client| !client.expected.is_empty()) {
                    // Another client may hold the memory.
                    timeout(Duration::from_millis(20), client.read()).await.ok();
                }
            }
            Step::Vanish(client) => clients[client] = None,
            Step::Direct { key, kind } => {
                let (toolbox, key, (name, arguments)) =
                    (account.toolbox.clone(), keys[key].clone(), calls[kind].clone());
                direct.push(tokio::spawn(async move { toolbox.call_from(&key, name, object(arguments)).await }));
            }
            Step::Drop(which) if !direct.is_empty() => direct.swap_remove(which % direct.len()).abort(),
            Step::Drop(_) => {}
        }
    }
    // From now on, all clients read.
    let reading = clients.iter_mut().flatten().map(|client| async {
        while !client.expected.is_empty() {
            client.read().await;
        }
    });
    let direct = direct.into_iter().map(|call| async {
        if let Err(error) = call.await.unwrap() {
            assert_ne!(error.code(), Code::Timeout, "{error}");
        }
    });
    tokio::join!(join_all(reading), join_all(direct));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_call_of_a_mix_ends(steps in proptest::collection::vec(step(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(async { timeout(Duration::from_secs(40), run(steps)).await.is_ok() });
        prop_assert!(ended, "a call has not ended");
    }
}
