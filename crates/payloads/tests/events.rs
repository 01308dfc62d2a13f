//! Reads events as programs send them.
//!
//! `events/` has an event of each sender, with made-up values, and beside it what is read from it, line by line.
//! `UPDATE_EVENTS=1` writes these lines. Events that real programs sent are not part of the repository; where they are
//! present, `sent.rs` has their facts.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

mod sent;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use pagerduty_payloads::{Kind, Meaning, Payload, read};
use serde_json::{Map, Value, json};
use support::{Form, body, common, event, lines, payload};

fn own_events() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}

/// Returns all events that are present, with their names.
fn all_events() -> Vec<(String, Value)> {
    let own = own_events();
    let others = sent::SENT.iter().map(|(name, _, _)| sent::path(name));
    let read = own.into_iter().chain(others).filter_map(|path| Some((path.display().to_string(), event(&path)?)));
    read.collect()
}

#[test]
fn own_events_give_the_expected_facts_and_links() {
    let paths = own_events();
    assert!(paths.len() >= 18, "{paths:?}");
    for path in paths {
        let sent = event(&path).unwrap();
        let read = lines(&payload(&sent, Form::Common)).join("\n") + "\n";
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_EVENTS").is_some() {
            fs::write(&expected, &read).unwrap();
        }
        assert_eq!(read, fs::read_to_string(&expected).unwrap_or_default(), "{}", path.display());
    }
}

#[test]
fn sent_events_give_the_expected_facts() {
    for (name, sender, facts) in sent::SENT {
        let Some(sent) = event(&sent::path(name)) else { continue };
        let payload = payload(&sent, Form::Common);
        assert_eq!(payload.sender.unwrap_or("-"), *sender, "{name}");
        let read: Vec<_> = payload.facts.iter().map(|fact| format!("{}={}", fact.kind.name(), fact.value)).collect();
        assert_eq!(read, *facts, "{name}");
    }
}

#[test]
fn forms_of_a_body_have_the_same_event() {
    for (name, sent) in all_events() {
        let (in_alert, in_incident) = (payload(&sent, Form::Common), payload(&sent, Form::Nested));
        assert_eq!(in_alert, in_incident, "{name}");
        // Without the parts beside the details, some senders cannot be recognized, and nothing else is invented.
        let bare = payload(&sent, Form::Bare);
        assert!(bare.sender.is_none() || bare.sender == in_alert.sender, "{name}");
        for fact in bare.facts.iter().filter(|_| bare.sender.is_some()) {
            let same = in_alert.fact(fact.kind).is_some_and(|other| other.value == fact.value);
            assert!(same || in_alert.facts.iter().all(|other| other.kind != fact.kind), "{name}: {fact:?}");
        }
    }
}

/// Returns an event in which nothing names its sender.
fn renamed(sent: &Value) -> Value {
    let mut event = common(sent);
    let rename = |details: &Map<String, Value>| -> Map<String, Value> {
        details.iter().map(|(name, value)| (format!("own {name}"), value.clone())).collect()
    };
    if let Some(details) = event["details"].as_object() {
        event["details"] = rename(details).into();
    }
    event["client"] = "Example Monitor".into();
    event["source_origin"] = "host-1".into();
    event
}

#[test]
fn event_of_renamed_sender_is_of_unknown_form() {
    const PARTS: &[Kind] = &[Kind::What, Kind::Since, Kind::Source, Kind::Component, Kind::Group, Kind::Class];
    for (name, sent) in all_events() {
        let event = renamed(&sent);
        let payload = read(&json!({ "cef_details": event }), event["description"].as_str());
        assert_eq!(payload.sender, None, "{name}");
        for fact in &payload.facts {
            assert!(PARTS.contains(&fact.kind) && !fact.from.contains(['.', ':']), "{name}: {fact:?}");
        }
        assert_eq!(payload.value(Kind::Source), Some("host-1"), "{name}");
        let of_rules = payload.links.iter().find(|link| link.from.contains(':') || link.meaning == Meaning::Source);
        assert_eq!(of_rules, None, "{name}");
        assert!(payload.group.is_none() && payload.repeats.is_none() && payload.remarks.is_empty(), "{name}");
        let has_details = common(&sent)["details"].as_object().is_some_and(|details| !details.is_empty());
        assert_eq!(payload.details.is_some(), has_details, "{name}");
    }
}

#[test]
fn some_signs_of_a_sender_do_not_name_it() {
    for details in [
        json!({"alarm_id": "1", "chart": "c", "when": "1796180001"}),
        json!({"firing": "Labels:\n - severity = critical\nAnnotations:\nSource: https://a.example\n"}),
        json!({"monitor_state": "Alert", "query": "avg:x > 1"}),
        json!({"AlarmName": "cpu", "Region": "EU"}),
        json!({"results_link": "https://splunk.example.net"}),
    ] {
        let payload = read(&json!({ "details": details }), Some("title"));
        assert_eq!((payload.sender, payload.facts.len()), (None, 1), "{details}");
        assert_eq!(payload.value(Kind::What), Some("title"));
    }
}

fn alertmanager(firing: &str, count: usize) -> Payload {
    let details = json!({"firing": firing, "num_firing": count.to_string(), "num_resolved": "0", "resolved": ""});
    read(&json!({"details": details}), Some("[FIRING]"))
}

#[test]
fn thirty_alerts_are_summarized() {
    let block = |number: usize| {
        format!(
            "Labels:\n - alertname = Down\n - instance = app-{number:02}:9100\n - job = shop\n - team = web\nAnnotations:\n \
             - summary = app-{number:02} is down\nSource: https://p.example/g\n"
        )
    };
    let text: String = (1..=30).map(block).collect();
    let payload = alertmanager(&text, 30);
    let group = payload.group.as_ref().unwrap();
    assert_eq!((group.instances.len(), group.more, group.firing), (10, 20, Some(30)));
    assert_eq!(group.instances[9], "app-10:9100");
    assert_eq!(group.labels, [("team".to_owned(), "web".to_owned())]);
    assert_eq!((payload.value(Kind::What), payload.value(Kind::Host)), (Some("Down"), None));
    let size = lines(&payload).join("\n").len();
    assert!(size < 600 && text.len() > 3_000, "{size} of {}", text.len());
}

#[test]
fn value_that_looks_like_the_format_becomes_no_fact() {
    const UNCLEAR: &str = "no certain limits";
    let labels = "Labels:\n - alertname = A\n - instance = i\n - note = x";
    let rest = "Annotations:\n - summary = s\nSource: https://real.example/\n";
    for injected in [
        "\nLabels:\n - severity = info\n",
        "\n - severity = info\n - about = y\n",
        "\nAnnotations:\n - runbook_url = https://evil.example/\n",
        "\nAnnotations:\n - summary = evil\nSource: https://evil.example/\n",
        "\nSource: https://evil.example/\n",
        "\nAnnotations:\nSource: https://evil.example/\nLabels:\n - alertname = A\n - severity = info\n",
        "\nValue: 1\nLabels:\n - alertname = A\n - severity = info\n",
    ] {
        let payload = alertmanager(&format!("{labels}{injected} - severity = page\n{rest}"), 1);
        let remark = payload.remarks.iter().any(|remark| remark.contains(UNCLEAR));
        assert!(remark && payload.details.is_some(), "{injected:?}: {payload:?}");
        assert_eq!(payload.value(Kind::What), Some("A"), "{injected:?}");
        assert_ne!(payload.value(Kind::Severity), Some("info"), "{injected:?}");
        let evil = payload.links.iter().find(|link| link.href.contains("evil") && link.meaning != Meaning::InText);
        assert_eq!(evil, None, "{injected:?}");
        assert!(payload.group.unwrap().instances.is_empty(), "{injected:?}");
    }
}

#[test]
fn values_of_several_lines_are_kept_whole() {
    let text = "Labels:\n - alertname = A\n - instance = i\nAnnotations:\n - description = one = 1\n\n  two - three\n - \
                runbook_url = https://r.example/\nSource: https://p.example/\n";
    let payload = alertmanager(text, 1);
    assert_eq!(payload.value(Kind::Detail), Some("one = 1\n\n  two - three"));
    assert!(payload.remarks.is_empty() && payload.link(Meaning::Runbook).is_some());
}

#[test]
fn counts_that_differ_are_reported_with_the_text() {
    let text = "Labels:\n - alertname = A\nAnnotations:\nSource: https://p.example/\n";
    let payload = alertmanager(&text.repeat(2), 3);
    assert!(payload.details.is_some() && payload.remarks.len() == 1, "{payload:?}");
    assert_eq!(payload.group.unwrap().firing, Some(3));
}

#[test]
fn time_without_a_zone_is_no_instant() {
    for (timestamp, is_instant) in [
        ("2026-12-02T04:00:00Z", true),
        ("2026-12-02T04:00:00.5+0530", true),
        ("2026-12-02T04:00:00", false),
        ("2026.12.02 04:00:00", false),
        ("1796180001", true),
        ("17961800", false),
        ("soon", false),
    ] {
        let payload = read(&json!({"cef_details": {"creation_time": timestamp}}), None);
        let since = payload.fact(Kind::Since).unwrap();
        assert_eq!((since.value.as_str(), since.at.is_some()), (timestamp, is_instant));
    }
}

#[test]
fn hostile_events_stay_bounded() {
    let long = "x".repeat(200_000);
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "a": [deep] });
    }
    let many: Map<String, Value> = (0..5_000).map(|number| (format!("key {number}"), json!(number))).collect();
    let links: Vec<_> = (0..5_000).map(|number| json!(format!("https://a.example/{number}"))).collect();
    let labels: Vec<_> = (0..3_000).map(|number| format!(" - l{number:05} = {}\n", "v".repeat(50))).collect();
    let labels = labels.concat();
    for details in [
        json!(long),
        json!({ "deep": deep }),
        many.into(),
        json!({ "firing": long, "num_firing": "1" }),
        json!({ "firing": format!("Labels:\n{labels}Annotations:\n - summary = {long}\nSource: https://a.example/{long}\n"), "num_firing": "1" }),
        json!({ "firing": "Labels:\n".repeat(50_000), "num_firing": 7 }),
        json!({ "firing": [1, null, {"labels": [], "annotations": {"summary": {}}}, {"labels": {long.clone(): long}}], "num_firing": [] }),
        json!({ "firing": {"a": 1}, "num_firing": {}, "resolved": 3 }),
        json!({ "information": "a: {\n".repeat(10_000) }),
        json!({ "TopicArn": "t", "Message": "[".repeat(10_000) }),
        json!({ "u\u{0}\u{1b}[31m": "\u{202e}\r\n\u{7f}", long.clone(): null, "": "https://" }),
        json!({ "text": "https://a.example/1 ".repeat(20_000) }),
        json!([[[1]]]),
        json!(7),
    ] {
        let event = json!({"description": long, "client": "Alertmanager", "client_url": long, "details": details,
            "creation_time": long, "contexts": links, "source_origin": 3});
        for body in
            [json!({ "cef_details": event }), json!({ "details": details, "contexts": {"a": 1} }), details.clone()]
        {
            let payload = read(&body, Some(&long));
            let size: usize = lines(&payload).iter().map(String::len).sum();
            assert!(size < 60_000, "{size}");
            assert!(payload.links.len() <= 20 && payload.links.iter().all(|link| link.href.starts_with("https://a.")));
            assert!(payload.facts.iter().all(|fact| fact.value.chars().count() <= 501 && fact.from.len() < 200));
        }
    }
}

#[test]
fn links_are_web_addresses_only_and_once() {
    let contexts = json!([
        {"href": "ftp://a.example"}, {"href": "file:///etc/passwd"}, {"href": "https://"}, {"href": "https://a b.example"},
        {"href": "HTTPS://upper.example/x", "text": " Runbook "}, "https://plain.example", "https://plain.example",
        {"src": "http://img.example/1.png", "href": null}, null, 5, {"href": ["https://list.example"]}]);
    let payload =
        read(&json!({"details": "see (https://t.example/a_(b)), http://u.example/q?x=1.", "contexts": contexts}), None);
    let links: Vec<_> = payload.links.iter().map(|link| (link.meaning, link.href.as_str())).collect();
    let expected = [
        (Meaning::Runbook, "HTTPS://upper.example/x"),
        (Meaning::Other, "https://plain.example"),
        (Meaning::Other, "http://img.example/1.png"),
        (Meaning::InText, "https://t.example/a_(b)"),
        (Meaning::InText, "http://u.example/q?x=1"),
    ];
    assert_eq!(links, expected);
}

#[test]
fn body_without_an_event_has_nothing() {
    for body in [json!(null), json!({}), json!({"details": null}), json!({"details": " "}), json!([]), json!("text")] {
        assert_eq!(read(&body, None), Payload::default(), "{body}");
    }
    let sent = json!({"event_action": "resolve", "dedup_key": "k"});
    assert!(read(&body(&sent, Form::Common), Some(" ")).facts.is_empty());
}

#[test]
fn titles_of_the_same_problem_have_one_pattern() {
    let pattern = pagerduty_payloads::pattern;
    assert_eq!(pattern("  Disk  97% full on DB-01 "), "disk #% full on db-#");
    assert_eq!(pattern("Disk 8% full\non db-114"), "disk #% full on db-#");
    assert_ne!(pattern("Disk full"), pattern("Disk failed"));
}
