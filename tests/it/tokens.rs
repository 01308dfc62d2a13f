//! Tests of the token costs of answers and definitions, counted in o200k tokens.

use pagerduty_mcp_server::tools::Filter;
use pagerduty_rows::tokens::estimate_text;
use serde_json::{Value, json};

use crate::support::{Account, LISTS, rows, tokens_of, toolbox, warnings};
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};

fn count(value: &Value) -> usize {
    tokens_of(&value.to_string())
}

/// The maximum cost of the definitions. Raising it is a deliberate decision.
const DEFINITIONS: usize = 2_200;

#[test]
fn definitions_stay_within_token_budget() {
    let cost = |tool: &pagerduty_mcp_server::tools::Tool| {
        count(&json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema()}))
    };
    let total: usize = Filter::default().tools().unwrap().into_iter().map(cost).sum();
    println!("definitions: {total} tokens");
    assert!(total <= DEFINITIONS, "the definitions cost {total} tokens");
}

/// The toolsets that are not on by default, with the tokens that their definitions may cost.
const TOOLSETS: &[(&[&str], usize)] = &[
    (&["find", "oncall"], 1_250),
    (&["investigate"], 2_400),
    (&["respond", "communicate"], 2_500),
    (&["communicate"], 600),
    (&["api"], 400),
];

#[test]
fn toolset_definitions_stay_within_token_budget() {
    for (toolsets, budget) in TOOLSETS {
        let toolsets: Vec<_> = toolsets.iter().map(|&name| name.to_owned()).collect();
        let filter = Filter { toolsets: Some(toolsets.clone()), ..Filter::default() };
        let cost = |tool: &pagerduty_mcp_server::tools::Tool| {
            count(&json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema()}))
        };
        let costs: Vec<_> = filter.tools().unwrap().into_iter().map(|tool| (tool.name, cost(tool))).collect();
        let total: usize = costs.iter().map(|(_, cost)| cost).sum();
        println!("{toolsets:?}: {total} tokens, {costs:?}");
        assert!(total <= *budget, "the definitions of {toolsets:?} cost {total} tokens: {costs:?}");
    }
}

/// The percentage by which an estimate may be too high for the sandbox's lists. It must not be too low for any of them.
const TOO_HIGH: usize = 18;

#[tokio::test]
async fn estimate_of_list_is_slightly_above_tokenizer() {
    let account = Account::start().await;
    for (tool, key) in LISTS {
        let answer = account.ok(tool, json!({})).await;
        let rows = &answer[key];
        let (real, estimated) = (count(rows), estimate_text(&rows.to_string()));
        println!("{key}: {real} tokens, estimated {estimated}, {} %", estimated * 100 / real);
        assert!((real..=real + real * TOO_HIGH / 100).contains(&estimated), "{key}: {real} tokens, {estimated}");
    }
}

/// Titles from other accounts. An estimate may be too high for some of them; if it is too low, the client refuses the
/// answer.
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
fn estimate_of_recorded_titles_is_not_too_low() {
    for text in ELSEWHERE {
        let rows = json!(vec![json!({"id": "Q10IVJRI8BYC7W", "title": text}); 20]);
        let (real, estimated) = (count(&rows), estimate_text(&rows.to_string()));
        println!("{:3} % of {real}: {text}", estimated * 100 / real);
        assert!(estimated >= real, "{text}: {real} tokens, estimated {estimated}");
    }
}

/// Returns text as outsiders may write it, with each kind at its most expensive: `length` characters of an alphabet,
/// chosen by a deterministic generator.
fn drawn(alphabet: &[char], length: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| alphabet[random.usize(..alphabet.len())]).collect()
}

fn alphabets() -> Vec<(&'static str, Vec<char>)> {
    let block = |first: u32, last: u32| (first..=last).filter_map(char::from_u32).chain([' ']).collect::<Vec<_>>();
    let set = |characters: &str| characters.chars().collect::<Vec<_>>();
    vec![
        ("small letters", block(0x61, 0x7a)),
        ("capitals", block(0x41, 0x5a)),
        ("letters and digits", set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")),
        ("hexadecimal", set("0123456789abcdef")),
        ("punctuation", block(0x21, 0x2f)),
        ("brackets", set("[]{}:,;<>()|")),
        ("all of ASCII", block(0x20, 0x7e)),
        ("quotes and escapes", set("\"\\/\n\t")),
        ("letters and control characters", set("ab\u{7f}\u{80}\u{9b}\u{1}\u{34f}")),
        ("Latin with diacritics", block(0xc0, 0x24f)),
        ("combining marks", block(0x300, 0x36f)),
        ("Greek", block(0x391, 0x3c9)),
        ("Cyrillic", block(0x400, 0x4ff)),
        ("Armenian", block(0x531, 0x586)),
        ("Hebrew", block(0x5d0, 0x5ea)),
        ("Arabic", block(0x620, 0x64a)),
        ("Devanagari", block(0x904, 0x939)),
        ("Tamil", block(0xb85, 0xbb9)),
        ("Thai", block(0xe01, 0xe3a)),
        ("Tibetan", block(0xf40, 0xfbc)),
        ("Georgian", block(0x10d0, 0x10f0)),
        ("Amharic", block(0x1200, 0x1357)),
        ("Cherokee", block(0x13a0, 0x13f4)),
        ("Khmer", block(0x1780, 0x17b3)),
        ("arrows and technical signs", block(0x2190, 0x23ff)),
        ("box drawing", block(0x2500, 0x259f)),
        ("Braille", block(0x2800, 0x28ff)),
        ("Kana", block(0x3041, 0x30fe)),
        ("rare Han", block(0x3400, 0x4dbf)),
        ("Han", block(0x4e00, 0x9fff)),
        ("Yi", block(0xa000, 0xa48c)),
        ("Hangul", block(0xac00, 0xd7a3)),
        ("full width", block(0xff01, 0xff5e)),
        ("mathematical letters", block(0x1d400, 0x1d7cb)),
        ("emoji", block(0x1f300, 0x1f64f)),
        ("newer emoji", block(0x1f900, 0x1faff)),
        ("cuneiform", block(0x12000, 0x12399)),
        ("Han of the second plane", block(0x20000, 0x2a6d6)),
    ]
}

#[test]
fn estimate_of_untrusted_text_is_never_too_low() {
    for (seed, (kind, alphabet)) in (0..).zip(alphabets()) {
        let rows = json!(vec![json!({"id": "Q10IVJRI8BYC7W", "title": drawn(&alphabet, 2_000, seed)}); 3]);
        let (real, estimated) = (count(&rows), estimate_text(&rows.to_string()));
        println!("{:3} % of {real}: {kind}", estimated * 100 / real);
        assert!(estimated >= real, "{kind}: {real} tokens, estimated {estimated}");
    }
}

#[tokio::test]
async fn answers_stay_in_budget_for_any_titles() {
    let account = Account::start().await;
    let small = toolbox(&account.sandbox, tokens::USER, |config| config.max_response_tokens = Some(6_000));
    account.ok("build_user_context", json!({})).await;
    for (seed, (kind, alphabet)) in (0..).zip(alphabets()) {
        let incident = |row: u64| json!({"id": format!("Q{row}"), "title": drawn(&alphabet, 150, seed * 1_000 + row), "status": "triggered"});
        let incidents: Vec<_> = (0..100).map(incident).collect();
        let page = FaultKind::WrongJson(json!({"incidents": incidents, "more": true}));
        account.sandbox.fail(Fault::once("/incidents", page));
        let answer = crate::support::ok(&small, "get_incidents", json!({"limit": 100})).await;
        let tokens = count(&answer);
        println!("{kind}: {} rows, {tokens} tokens", answer["metadata"]["count"]);
        assert!(tokens <= 6_000, "{kind}: {tokens} tokens");
        assert!(rows(&answer, "incidents").len() > 5, "{kind}: {}", answer["metadata"]["count"]);
    }
}

#[tokio::test]
async fn hundred_incidents_fit_default_budget() {
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
async fn answer_is_cut_at_whole_item_with_next_offset() {
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
async fn fetching_stops_when_answer_is_full() {
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
async fn item_over_budget_is_returned_with_warning() {
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
async fn notes_are_cut_at_whole_note_and_counted() {
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
