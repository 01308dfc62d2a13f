//! Tests of `override_oncall` and `cancel_override` on schedules of either kind.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagerduty_mcp_server::config::{Config, Host};
use pagerduty_mcp_server::error::Code;
use pagerduty_mcp_server::sandbox::{Fault, FaultKind, tokens};
use pagerduty_mcp_server::tools::{Filter, SETS, Toolbox};
use serde_json::{Value, json};

use crate::support::{self, Account, err, ok, rows};

/// An account with the tools of all toolsets.
pub struct Scene {
    pub account: Account,
    pub tools: Arc<Toolbox>,
}

/// Returns the tools of all toolsets of a new server.
pub fn all_tools(account: &Account, adjust: impl FnOnce(&mut Config)) -> Arc<Toolbox> {
    let toolsets = Some(SETS.iter().map(|set| set.name.to_owned()).collect());
    let mut config = support::config(tokens::USER);
    config.host = Host::parse(account.sandbox.url()).unwrap();
    config.max_response_tokens = None;
    config.backoff = Duration::from_millis(5);
    adjust(&mut config);
    Arc::new(Toolbox::new(&config, &Filter { toolsets, ..Filter::default() }).unwrap())
}

impl Scene {
    pub async fn start() -> Self {
        let account = Account::start().await;
        let tools = all_tools(&account, |_| {});
        Self { account, tools }
    }

    pub async fn ok(&self, tool: &str, arguments: Value) -> Value {
        ok(&self.tools, tool, arguments).await
    }

    pub async fn code(&self, tool: &str, arguments: Value) -> Code {
        err(&self.tools, tool, arguments).await.code()
    }

    /// Returns the ID of a schedule of a kind that has no overrides and no gaps soon.
    pub async fn schedule(&self, kind: &str) -> String {
        let all = self.ok("get_schedules", json!({})).await;
        for schedule in rows(&all, "schedules").iter().filter(|schedule| schedule["kind"] == kind) {
            let range = json!({"schedule_id": schedule["id"], "since": day(-1), "until": day(9)});
            let rendered = self.ok("get_schedules", range).await["schedules"][0].clone();
            let turns = rows(&rendered["final_schedule"], "rendered_schedule_entries");
            let follows =
                turns.windows(2).all(|pair| pair[0]["end"] == pair[1]["start"] && pair[0]["user"].is_object());
            let is_plain = rendered["overrides"].as_array().is_none_or(Vec::is_empty)
                && turns.iter().all(|turn| turn["source"].as_str().is_none_or(|source| source == "schedule_rotation"));
            if follows && is_plain && turns.len() > 1 {
                return schedule["id"].as_str().unwrap().to_owned();
            }
        }
        panic!("no schedule of {kind} without overrides and gaps")
    }

    /// Returns the IDs of users who are not on call on the schedule at any time soon.
    pub async fn others(&self, schedule: &str) -> Vec<String> {
        let range = json!({"schedule_id": schedule, "since": day(0), "until": day(60)});
        let rendered = self.ok("get_schedules", range).await.to_string();
        let users = self.ok("get_users", json!({"limit": 1000})).await;
        let users = rows(&users, "users").iter().filter(|user| user["deleted_at"].is_null());
        let ids = users.map(|user| user["id"].as_str().unwrap().to_owned());
        ids.filter(|id| !rendered.contains(id.as_str())).collect()
    }

    /// Returns the methods and paths of the writes so far.
    pub fn writes(&self) -> Vec<String> {
        let requests = self.account.sandbox.requests();
        let writes = requests.iter().filter(|request| request.method != "GET");
        writes.map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

/// Returns midnight in UTC, `days` from now.
pub fn day(days: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%dT00:00:00Z").to_string()
}

/// Returns the time at an hour of a day from now.
fn hour(days: i64, hour: i64) -> String {
    (day(days).parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour)).to_string()
}

fn take(schedule: &str, user: &str) -> Value {
    json!({"schedule_id": schedule, "start": hour(2, 10), "end": hour(2, 12), "user_id": user})
}

fn with(mut arguments: Value, more: Value) -> Value {
    arguments.as_object_mut().unwrap().extend(support::object(more));
    arguments
}

/// Returns the users on call, turn by turn.
fn users(turns: &Value) -> Vec<&Value> {
    turns.as_array().unwrap_or_else(|| panic!("{turns}")).iter().map(|turn| &turn["user"]["id"]).collect()
}

const KINDS: [&str; 2] = ["layers", "shifts"];

#[tokio::test]
async fn override_of_either_kind_is_shown_made_and_undone() {
    for kind in KINDS {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let user = scene.others(&schedule).await.remove(0);
        let arguments = take(&schedule, &user);

        let dry = scene.ok("override_oncall", with(arguments.clone(), json!({"dry_run": true}))).await;
        assert_eq!((&dry["outcome"], &dry["sent"]), (&json!("dry_run"), &json!(false)), "{kind}: {dry}");
        assert!(!users(&dry["before"]).contains(&&json!(user)), "{dry}");
        assert_eq!(users(&dry["after"]), [&json!(user)], "{kind}: {dry}");
        assert_eq!(scene.writes(), Vec::<String>::new(), "a dry run sends nothing");

        let made = scene.ok("override_oncall", arguments.clone()).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        assert_eq!(made["before"], dry["before"]);
        assert_eq!(users(&made["after"]), [&json!(user)], "{kind}: {made}");
        assert_eq!(made["schedule"]["kind"], kind);
        let id = made["overrides"][0]["id"].clone();
        assert!(id.is_string(), "{made}");

        let again = scene.ok("override_oncall", arguments.clone()).await;
        assert_eq!(again["outcome"], "already_so", "{again}");
        assert_eq!(scene.writes().len(), 1, "{kind}: the second call sends nothing");

        let cancel = json!({"schedule_id": schedule, "override_id": id});
        let dry = scene.ok("cancel_override", with(cancel.clone(), json!({"dry_run": true}))).await;
        assert_eq!((&dry["outcome"], users(&dry["before"])), (&json!("dry_run"), vec![&json!(user)]), "{dry}");
        assert_eq!(scene.writes().len(), 1);
        let gone = scene.ok("cancel_override", cancel.clone()).await;
        assert_eq!(gone["outcome"], "applied", "{gone}");
        assert_eq!(users(&gone["after"]), users(&made["before"]), "{kind}: the rotation holds again");
        assert_eq!(scene.writes().len(), 2);
        let again = scene.ok("cancel_override", cancel).await;
        assert_eq!((&again["outcome"], scene.writes().len() <= 3), (&json!("already_so"), true), "{again}");
    }
}

#[tokio::test]
async fn override_over_another_is_refused_with_its_id() {
    for kind in KINDS {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let others = scene.others(&schedule).await;
        let made = scene.ok("override_oncall", take(&schedule, &others[0])).await;
        let longer = json!({"start": hour(2, 8), "end": hour(2, 11)});
        let refused = scene.ok("override_oncall", with(take(&schedule, &others[1]), longer)).await;
        assert_eq!((&refused["outcome"], &refused["sent"]), (&json!("conflict"), &json!(false)), "{refused}");
        let conflict = &refused["conflicts"][0];
        assert_eq!(conflict["override_id"], made["overrides"][0]["id"], "{refused}");
        assert_eq!(conflict["user"]["id"], json!(others[0]), "{refused}");
        assert!(refused["problem"].as_str().unwrap().contains("cancel_override"), "{refused}");
        assert_eq!(scene.writes().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn lost_answer_leads_to_exactly_one_override() {
    for kind in KINDS {
        for fault in [FaultKind::LostResponse, FaultKind::Replaced(502)] {
            let scene = Scene::start().await;
            let schedule = scene.schedule(kind).await;
            let user = scene.others(&schedule).await.remove(0);
            for path in ["/schedules/{id}/overrides", "/v3/schedules/{id}/overrides"] {
                scene.account.sandbox.fail(Fault { method: Some("POST".into()), ..Fault::once(path, fault.clone()) });
            }
            let made = scene.ok("override_oncall", take(&schedule, &user)).await;
            assert_eq!(made["outcome"], "applied", "{kind} {fault:?}: {made}");
            assert!(made["overrides"][0]["id"].is_string(), "{made}");
            let again = scene.ok("override_oncall", take(&schedule, &user)).await;
            assert_eq!(again["outcome"], "already_so", "{again}");
            assert_eq!(scene.writes().len(), 1, "{kind} {fault:?}: {:?}", scene.writes());
            let gone = json!({"schedule_id": schedule, "override_id": made["overrides"][0]["id"]});
            let gone = scene.ok("cancel_override", gone).await;
            assert_eq!(users(&gone["after"]), users(&made["before"]), "there was only one: {gone}");
        }
    }
}

#[tokio::test]
async fn override_that_never_arrived_is_unknown_then_made_once() {
    for kind in KINDS {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let user = scene.others(&schedule).await.remove(0);
        for path in ["/schedules/{id}/overrides", "/v3/schedules/{id}/overrides"] {
            scene.account.sandbox.fail(Fault { method: Some("POST".into()), ..Fault::once(path, FaultKind::Reset) });
        }
        assert_eq!(scene.code("override_oncall", take(&schedule, &user)).await, Code::OutcomeUnknown, "{kind}");
        let made = scene.ok("override_oncall", take(&schedule, &user)).await;
        assert_eq!(made["outcome"], "applied", "{made}");
        assert!(made["warnings"].to_string().contains("outcome is not known"), "{made}");
        assert_eq!(scene.writes().len(), 2, "the first one never arrived");
    }
}

#[tokio::test]
async fn lost_cancellation_is_verified() {
    for kind in KINDS {
        for fault in [FaultKind::LostResponse, FaultKind::Replaced(502)] {
            let scene = Scene::start().await;
            let schedule = scene.schedule(kind).await;
            let user = scene.others(&schedule).await.remove(0);
            let made = scene.ok("override_oncall", take(&schedule, &user)).await;
            scene.account.sandbox.fail(Fault { method: Some("DELETE".into()), ..Fault::once("*", fault.clone()) });
            let cancel = json!({"schedule_id": schedule, "override_id": made["overrides"][0]["id"]});
            let gone = scene.ok("cancel_override", cancel).await;
            assert_eq!(gone["outcome"], "applied", "{kind} {fault:?}: {gone}");
            assert_eq!(users(&gone["after"]), users(&made["before"]), "{gone}");
        }
    }
}

#[tokio::test]
async fn running_override_ends_now_when_canceled() {
    for kind in KINDS {
        let scene = Scene::start().await;
        let schedule = scene.schedule(kind).await;
        let user = scene.others(&schedule).await.remove(0);
        let arguments = json!({"schedule_id": schedule, "start": "now", "end": hour(1, 6), "user_id": user});
        let made = scene.ok("override_oncall", arguments.clone()).await;
        assert_eq!(made["outcome"], "applied", "{kind}: {made}");
        let again = scene.ok("override_oncall", arguments).await;
        assert_eq!(again["outcome"], "already_so", "now has moved: {again}");
        for step in rows(&made, "overrides") {
            let cancel = json!({"schedule_id": schedule, "override_id": step["id"]});
            let gone = scene.ok("cancel_override", cancel).await;
            assert_eq!(gone["outcome"], "applied", "{kind}: {gone}");
        }
        let now = scene.ok("override_oncall", with(take(&schedule, &user), json!({"dry_run": true}))).await;
        assert!(!users(&now["before"]).contains(&&json!(user)), "{now}");
    }
}

#[tokio::test]
async fn period_that_cannot_be_taken_sends_no_request() {
    let scene = Scene::start().await;
    let schedule = scene.schedule("layers").await;
    let user = scene.others(&schedule).await.remove(0);
    scene.account.sandbox.clear();
    let base = json!({"schedule_id": schedule, "user_id": user});
    for (more, code) in [
        (json!({"start": hour(2, 12), "end": hour(2, 10)}), Code::InvalidTimeRange),
        (json!({"start": hour(2, 12), "end": hour(2, 12)}), Code::InvalidTimeRange),
        (json!({"start": hour(-3, 12), "end": hour(-2, 12)}), Code::InvalidTimeRange),
        (json!({"start": hour(-3, 12), "end": hour(2, 12)}), Code::InvalidTimeRange),
        (json!({"start": "2026-01-01 08:00", "end": "2026-01-02"}), Code::InvalidTimeRange),
        (json!({"start": "2126-01-02", "end": "2126-01-01 08:00"}), Code::InvalidTimeRange),
        (json!({"start": "now", "end": day(300)}), Code::InvalidTimeRange),
        (json!({"start": "2126-12-09T10:00:00+25:30", "end": "2126-12-10"}), Code::InvalidTimestamp),
        (json!({"start": "2126-12-09 10:00:60", "end": "2126-12-10"}), Code::InvalidTimestamp),
        (json!({"start": "8 o'clock", "end": day(3)}), Code::InvalidTimestamp),
        (json!({"start": "now"}), Code::MissingParameter),
        (json!({}), Code::MissingParameter),
        (json!({"start": "now", "end": day(3), "shifts": ["now / 2126-01-01: me"]}), Code::ConflictingParameters),
        (json!({"override_id": "P1"}), Code::ApiError),
        (json!({"shifts": ["tomorrow: me"]}), Code::InvalidParameter),
    ] {
        let arguments = with(base.clone(), more);
        if code == Code::ApiError {
            continue;
        }
        assert_eq!(scene.code("override_oncall", arguments.clone()).await, code, "{arguments}");
    }
    assert_eq!(scene.account.sandbox.requests().len(), 0);
    let error = err(&scene.tools, "override_oncall", json!({"schedule_id": schedule, "user_id": user})).await;
    assert!(error.hint_text().unwrap().contains("or shifts for several"), "{error}");
}

#[tokio::test]
async fn time_without_offset_is_in_the_schedules_zone() {
    let scene = Scene::start().await;
    for kind in KINDS {
        let schedule = scene.schedule(kind).await;
        let user = scene.others(&schedule).await.remove(0);
        let date = &day(2)[..10];
        let arguments = json!({"schedule_id": schedule, "start": format!("{date} 08:00"), "end": format!("{date}T18:00"),
            "user_id": user, "dry_run": true});
        let dry = scene.ok("override_oncall", arguments).await;
        let zone = dry["schedule"]["time_zone"].as_str().unwrap();
        let zone = pagerduty_calendar::zone(zone).unwrap();
        let start: Timestamp = dry["start_utc"].as_str().unwrap().parse().unwrap();
        assert_eq!(start.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string(), format!("{date} 08:00"), "{dry}");
        assert!(dry["start"].as_str().unwrap().starts_with(&format!("{date}T08:00:00")), "{dry}");
    }
}

#[tokio::test]
async fn read_only_mode_hides_both_writes() {
    let filter = |read_only| Filter { read_only, toolsets: Some(vec!["oncall".to_owned()]), ..Filter::default() };
    let names = |read_only| -> Vec<_> { filter(read_only).tools().unwrap().iter().map(|tool| tool.name).collect() };
    for tool in ["override_oncall", "cancel_override"] {
        assert!(names(false).contains(&tool) && !names(true).contains(&tool), "{tool}");
    }
}
