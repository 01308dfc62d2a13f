//! The runs of automation actions on the incidents of the last days.

use jiff::{SignedDuration, Span};
use serde_json::{Value, json};

use crate::account::{Account, Incident, Status};
use crate::behavior::automations::is_for_service;
use crate::documents::{Document, entries, reference, text};
use crate::kinds::{AUTOMATION_ACTION, USER};
use crate::time::earlier;

/// The most incidents with runs.
const MAX_INCIDENTS: usize = 30;

/// Returns the runs as documents: a diagnostic some minutes after an incident began, and a remediation later.
pub fn write(account: &Account) -> Value {
    let since = earlier(account.seeded, Span::new().days(10));
    let recent = account.incidents.iter().rev().filter(|one| one.status != Status::Resolved || one.created_at > since);
    let with_actions = recent.map(|incident| (incident, actions(account, incident))).filter(|(_, of)| !of.is_empty());
    let runs = with_actions.take(MAX_INCIDENTS).flat_map(|(incident, actions)| {
        let run = |(number, action)| run(account, incident, number, action);
        (0..).zip(actions).filter_map(run).collect::<Vec<_>>()
    });
    json!({"invocations": runs.collect::<Value>()})
}

/// Returns the actions of an incident's service that users start, without those of all services.
fn actions<'a>(account: &'a Account, incident: &Incident) -> Vec<&'a Document> {
    let all = account.documents.all(&AUTOMATION_ACTION).iter();
    let is_own = |action: &&Document| {
        is_for_service(account, action, &incident.service)
            && !entries(action, "services").is_empty()
            && action.get("allow_invocation_manually").and_then(Value::as_bool) == Some(true)
    };
    all.filter(is_own).collect()
}

fn run(account: &Account, incident: &Incident, number: u32, action: &Document) -> Option<Value> {
    let is_diagnostic = text(action, "action_classification") == "diagnostic";
    let (minutes, seconds, state) = match (is_diagnostic, incident.number % 3) {
        (true, _) => (3, 12, "completed"),
        (false, 0) => (8, 31, "error"),
        (false, _) => (9, 46, "completed"),
    };
    let began = incident.created_at + SignedDuration::from_mins(minutes);
    let end = began + SignedDuration::from_secs(seconds);
    let user = incident.acknowledgements.first().or(incident.assignments.first()).map(|one| one.user.as_str());
    (end < account.seeded && incident.resolved_at.is_none_or(|at| end < at)).then(|| {
        json!({
            "id": format!("01KRUN{:020}", u64::from(incident.number) * 10 + u64::from(number)),
            "action": reference(&AUTOMATION_ACTION, text(action, "id")),
            "incident": incident.id,
            "user": reference(&USER, user.unwrap_or(&account.cast.current)),
            "state": state,
            "created_at": began.to_string(),
            "duration": seconds,
        })
    })
}
