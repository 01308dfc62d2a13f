//! Tests of the toolset `oncall`: who is on call, shifts, coverage.
//!
//! The account has a separate team, whose clocks go forward on 29 March 2026: two users take daily turns on level 1,
//! with an override; level 2 is covered in office hours; level 3 is a user.

mod coverage;
mod shifts;
mod who;

use std::sync::Arc;

use pagerduty_mcp_server::config::{Config, Host};
use pagerduty_mcp_server::sandbox::{Options, Sandbox, tokens};
use pagerduty_mcp_server::tools::{Filter, Toolbox};
use serde_json::{Value, json};

use crate::support;

/// The account, and the toolset for one of its users.
pub struct House {
    pub sandbox: Sandbox,
    pub toolbox: Arc<Toolbox>,
}

/// A user with an email address and a phone, who gets pages of high urgency by phone.
pub fn user(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "email": format!("{}@house.example", id.to_lowercase()),
        "time_zone": "Europe/Berlin", "role": "user", "teams": [{"id": "PTHOUSE", "type": "team_reference"}],
        "contact_methods": [
            {"id": format!("{id}E"), "type": "email_contact_method", "label": "Default",
                "address": format!("{}@house.example", id.to_lowercase()), "enabled": true},
            {"id": format!("{id}P"), "type": "phone_contact_method", "label": "Mobile", "address": "301234567",
                "country_code": 49, "enabled": true, "blacklisted": false}],
        "notification_rules": [
            {"id": format!("{id}R"), "type": "assignment_notification_rule", "start_delay_in_minutes": 0,
                "urgency": "high", "contact_method": {"id": format!("{id}P"), "type": "phone_contact_method_reference"}}]})
}

/// A schedule of one layer, with daily turns from 20 March at nine.
pub fn schedule(id: &str, name: &str, users: &[&str], hours: Option<(&str, i64)>, overrides: &Value) -> Value {
    let member = |id: &&str| json!({"user": {"id": id, "type": "user_reference"}});
    let restrictions: Vec<_> = hours
        .into_iter()
        .map(|(start, hours)| {
            json!({"type": "daily_restriction", "start_time_of_day": start, "duration_seconds": hours * 3600})
        })
        .collect();
    json!({"id": id, "name": name, "time_zone": "Europe/Berlin", "teams": [{"id": "PTHOUSE", "type": "team_reference"}],
        "schedule_layers": [{"id": format!("{id}L"), "name": "Daily", "start": "2026-03-20T08:00:00Z",
            "rotation_virtual_start": "2026-03-20T08:00:00Z", "rotation_turn_length_seconds": 86_400,
            "users": users.iter().map(member).collect::<Vec<_>>(), "restrictions": restrictions}],
        "overrides": overrides})
}

pub fn target(id: &str) -> Value {
    let kind = if id.starts_with("PS") { "schedule_reference" } else { "user_reference" };
    json!({"id": id, "type": kind})
}

/// A policy with these targets on each level.
pub fn policy(id: &str, name: &str, levels: &[&[&str]]) -> Value {
    let rule = |(place, targets): (usize, &&[&str])| {
        json!({"id": format!("{id}{place}"), "escalation_delay_in_minutes": 15,
            "targets": targets.iter().map(|id| target(id)).collect::<Vec<_>>()})
    };
    json!({"id": id, "name": name, "escalation_rules": levels.iter().enumerate().map(rule).collect::<Vec<_>>(),
        "teams": [{"id": "PTHOUSE", "type": "team_reference"}]})
}

pub fn service(id: &str, name: &str, policy: &str) -> Value {
    json!({"id": id, "name": name, "created_at": "2026-01-01T00:00:00Z", "status": "active",
        "escalation_policy": {"id": policy, "type": "escalation_policy_reference"},
        "teams": [{"id": "PTHOUSE", "type": "team_reference"}],
        "integrations": [{"id": format!("{id}I"), "type": "events_api_v2_inbound_integration", "name": "Events",
            "service": {"id": id, "type": "service_reference"}}]})
}

/// Returns the documents of the account.
pub fn documents() -> Value {
    let overrides = json!([{"id": "POVER", "user": {"id": "PUCY1", "type": "user_reference"},
        "start": "2026-03-27T18:00:00Z", "end": "2026-03-27T22:00:00Z"}]);
    json!({
        "teams": [{"id": "PTHOUSE", "name": "House"}],
        "users": [user("PUADA1", "Ada Weiß"), user("PUBOB1", "Bob Øre"), user("PUCY1", "Cy 渡辺"), user("PUDEE1", "Dee"),
            user("PUBOSS1", "Boss")],
        "schedules": [
            schedule("PSPRIM1", "House Primary", &["PUADA1", "PUBOB1"], None, &overrides),
            schedule("PSOFFI1", "House Office", &["PUDEE1"], Some(("09:00:00", 8)), &json!([]))],
        "escalation_policies": [policy("PEHOUSE", "House", &[&["PSPRIM1"], &["PSOFFI1"], &["PUBOSS1"]])],
        "services": [service("PVHOUSE", "House Service", "PEHOUSE")],
    })
}

impl House {
    /// Starts the account on Friday, 27 March 2026, 12:00 UTC, with the tools of Ada.
    pub async fn start() -> Self {
        Self::with(documents()).await
    }

    /// Starts an account with other documents.
    pub async fn with(documents: Value) -> Self {
        let now = Some("2026-03-27T12:00:00Z".parse().unwrap());
        let sandbox = Sandbox::start(Options { documents, now, ..Options::default() }).await.unwrap();
        let toolbox = tools(&sandbox, &tokens::of_user("PUADA1"), |_| {});
        Self { sandbox, toolbox }
    }

    pub async fn ok(&self, tool: &str, arguments: Value) -> Value {
        support::ok(&self.toolbox, tool, arguments).await
    }

    pub async fn err(&self, tool: &str, arguments: Value) -> pagerduty_mcp_server::error::Error {
        support::err(&self.toolbox, tool, arguments).await
    }
}

/// Returns the tools of the toolset.
pub fn tools(sandbox: &Sandbox, token: &str, adjust: impl FnOnce(&mut Config)) -> Arc<Toolbox> {
    let mut config = support::config(token);
    config.host = Host::parse(sandbox.url()).unwrap();
    config.max_response_tokens = None;
    adjust(&mut config);
    let filter = Filter { toolsets: Some(vec!["oncall".to_owned()]), ..Filter::default() };
    Arc::new(Toolbox::new(&config, &filter).unwrap())
}
