//! What answers and definitions cost a model, in o200k tokens.

use pagerduty_mcp_server::tools::ALL;
use pagerduty_rows::tokens::estimate_text;
use serde_json::{Value, json};

use crate::support::{Account, LISTS, rows, tokens_of, toolbox, warnings};
use pagerduty_mcp_server::sandbox::tokens;

fn count(value: &Value) -> usize {
    tokens_of(&value.to_string())
}

/// What the definitions may cost. Growing past it is a decision, made here.
const DEFINITIONS: usize = 2_200;

#[test]
fn the_definitions_of_all_tools_stay_within_their_figure() {
    let cost = |tool: &pagerduty_mcp_server::tools::Tool| {
        count(&json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema()}))
    };
    let total: usize = ALL.iter().map(cost).sum();
    println!("definitions: {total} tokens");
    assert!(total <= DEFINITIONS, "the definitions cost {total} tokens");
}

#[tokio::test]
async fn the_estimate_is_within_a_tenth_of_the_tokenizer() {
    let account = Account::start().await;
    for (tool, key) in LISTS {
        let answer = account.ok(tool, json!({})).await;
        let rows = &answer[key];
        let (real, estimated) = (count(rows), estimate_text(&rows.to_string()));
        let off = estimated.abs_diff(real) * 100 / real;
        println!("{key}: {real} tokens, estimated {estimated}, {off} % off");
        assert!(off <= 10, "{key}: {real} tokens, estimated {estimated}");
    }
}

/// What titles are made of elsewhere. An estimate may be too high for some of it; too low means a refused answer.
const ELSEWHERE: [&str; 10] = [
    "Überprüfung der Zahlungsübermittlung fehlgeschlagen: Warteschlange läuft über, Größe außerhalb des zulässigen Bereichs",
    "La vérification de l'intégrité des données a échoué à l'étape de préparation, côté réplica secondaire",
    "Очередь сообщений переполнена, обработка платежей остановлена на узле базы данных",
    "決済サービスの応答時間がしきい値を超えました。データベースの接続数を確認してください",
    "支付服务响应时间超过阈值，请检查数据库连接池和消息队列的状态",
    "checkout-api-7d9f8b6c5-x2kqz prod-eu-west-1a kube-proxy-9xv7k ingress-nginx-controller-5c8d66c76d-hj2lm",
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/payments-prod/50dc6c495c0c9188",
    "c0ffee5a11ab1e9f8d7e6b5a4c3d2e1f00112233445566778899aabbccddeeff 9f86d081884c7d659a2feaa0c55ad015",
    "QmFzZTY0IGlzIGFuIGVuY29kaW5nIHRoYXQgYWdlbnRzIHBhc3RlIGludG8gdGl0bGVz+/ZGVhZGJlZWY=",
    "NullPointerException at com.acme.checkout.PaymentServiceImpl$TransactionHandler.handleSettlement",
];

#[test]
fn the_estimate_is_not_too_low_for_what_titles_are_made_of_elsewhere() {
    for text in ELSEWHERE {
        let rows = json!(vec![json!({"id": "Q10IVJRI8BYC7W", "title": text}); 20]);
        let (real, estimated) = (count(&rows), estimate_text(&rows.to_string()));
        println!("{:3} % of {real}: {text}", estimated * 100 / real);
        assert!(estimated * 100 >= real * 92, "{text}: {real} tokens, estimated {estimated}");
    }
}

#[tokio::test]
async fn a_hundred_incidents_in_the_default_fields_fit_the_default_budget() {
    let account = Account::with(tokens::USER, pagerduty_mcp_server::sandbox::Options::default(), |config| {
        config.max_response_tokens = Some(25_000);
    })
    .await;
    let answer = account.ok("get_incidents", json!({})).await;
    assert_eq!(
        (answer["metadata"]["count"].as_u64(), count(&answer) <= 25_000),
        (Some(100), true),
        "{}",
        count(&answer)
    );
}

#[tokio::test]
async fn an_answer_is_cut_at_a_whole_item_and_says_how_to_go_on() {
    let account = Account::start().await;
    let small = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(3_000));
    let whole = account.ok("get_incidents", json!({"limit": 40})).await;
    let mut seen = Vec::new();
    let mut offset = 0;
    while seen.len() < 40 {
        let answer = crate::support::ok(&small, "get_incidents", json!({"limit": 40, "offset": offset})).await;
        assert!(count(&answer) <= 3_000, "{} tokens", count(&answer));
        assert_eq!(answer["metadata"]["has_more"], true);
        assert!(warnings(&answer).contains("offset") && warnings(&answer).contains("include"), "{answer}");
        seen.extend(rows(&answer, "incidents").clone());
        offset = answer["metadata"]["next_offset"].as_u64().unwrap();
        assert_eq!(offset, seen.len() as u64);
    }
    seen.truncate(40);
    assert_eq!(&seen, rows(&whole, "incidents"));
}

#[tokio::test]
async fn fetching_stops_once_the_answer_is_full() {
    let account = Account::start().await;
    let small = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(3_000));
    account.sandbox.clear();
    let arguments = json!({"limit": 500, "current_user_context": false, "team_ids": my_teams(&account).await});
    crate::support::ok(&small, "get_incidents", arguments).await;
    let pages = account.sandbox.requests().iter().filter(|request| request.path == "/incidents").count();
    assert_eq!(pages, 1);
}

async fn my_teams(account: &Account) -> Value {
    account.ok("build_user_context", json!({})).await["team_ids"].clone()
}

#[tokio::test]
async fn an_item_larger_than_the_budget_still_comes_and_says_so() {
    let account = Account::start().await;
    let tiny = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(1));
    let answer = crate::support::ok(&tiny, "get_users", json!({})).await;
    assert_eq!(answer["metadata"]["count"], 1);
    assert_eq!(answer["metadata"]["next_offset"], 1);
    assert!(warnings(&answer).contains("larger"), "{answer}");
    let id = answer["users"][0]["id"].clone();
    let one = crate::support::ok(&tiny, "get_users", json!({"user_id": id})).await;
    assert!(warnings(&one).contains("larger"), "{one}");
}

#[tokio::test]
async fn the_notes_of_an_incident_are_cut_at_a_whole_note_and_counted() {
    let account = Account::start().await;
    let list = account.ok("get_incidents", json!({"limit": 1, "statuses": ["triggered"]})).await;
    let id = list["incidents"][0]["id"].clone();
    for number in 0..30 {
        let content = format!("{number}: the queue of payments is still growing, looking at the consumers");
        account.ok("add_incident_note", json!({"incident_id": id, "content": content})).await;
    }
    let small = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(1_500));
    let answer = crate::support::ok(&small, "get_incidents", json!({"incident_id": id, "include_notes": true})).await;
    let shown = rows(&answer["incidents"][0], "notes").len();
    let all = answer["metadata"]["notes_count"].as_u64().unwrap();
    assert!(shown > 0 && (shown as u64) < all && all >= 30, "{shown} of {all}");
    assert!(warnings(&answer).contains(&format!("{shown} of {all} notes")), "{}", warnings(&answer));
    assert!(count(&answer) <= 1_500);
}
