//! `create_incident`: opens an incident, which pages its assignees.
//!
//! The incident has a key that follows from the arguments unless one is given. PagerDuty refuses a second open incident of
//! the service with the key, so an identical call finds the first one, in another process as well.

use std::collections::BTreeSet;

use pagerduty_api::operations::escalation_policies::GET_ESCALATION_POLICY;
use pagerduty_api::operations::incidents::{
    CREATE_INCIDENT as CREATE, GET_INCIDENT, LIST_INCIDENT_TYPES, LIST_INCIDENTS,
};
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::priorities::LIST_PRIORITIES;
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use pagerduty_rows::text::neutralize;
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::{reach, start, update};
use crate::client::{NewIncident, changed};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Priority, Service, User};
use crate::params::{Content, Flag, Ids, Text, Urgencies, WebAddress, Word};
use crate::receipts::Fields;
use crate::reply::Reply;
use crate::tools::oncall::read;

/// Creates an incident.
pub(super) const CREATE_INCIDENT: Tool = Tool::new::<Params>(
    "create_incident",
    About {
        title: "Declare an incident, page a team",
        description: "Page a team or person: declare (open) a new incident, sev1. Only when the user asks.",
        hint: "page declare create open trigger new incident sev1 team alert",
    },
    &[
        &CREATE,
        &LIST_INCIDENTS,
        &GET_SERVICE,
        &GET_INCIDENT,
        &LIST_ON_CALLS,
        &LIST_INCIDENT_TYPES,
        &LIST_PRIORITIES,
        &GET_ESCALATION_POLICY,
        &GET_CURRENT_USER,
        &GET_USER,
    ],
    |cx, arguments| run(cx, arguments, create_incident),
);

crate::params! {
    struct Params {
        "The problem, in a few words"
        title: Text,
        "Service; pages its on-call"
        service_id: Id<Service>,
        "More about it"
        details: Option<Content>,
        "Default: of the service"
        urgency: Option<Word<Urgencies>>,
        "Name, like P1"
        priority: Option<Id<Priority>>,
        "Page these users instead"
        assignee_ids: Ids<User>,
        "Page by this policy instead"
        policy_id: Option<Id<EscalationPolicy>>,
        "Name of the type"
        incident_type: Option<Text>,
        "Only one open incident per key"
        incident_key: Option<Text>,
        "Of the call"
        conference_url: Option<WebAddress>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

impl Params {
    /// Returns the incident to create, of this type.
    fn wanted(&self, kind: Option<String>) -> Result<NewIncident> {
        // The key must not depend on the order or on repetitions.
        let users: BTreeSet<_> = self.assignee_ids.as_slice().iter().map(Id::as_str).collect();
        let users: Vec<_> = users.into_iter().map(|id| json!({ "id": id })).collect();
        if !users.is_empty() && self.policy_id.is_some() {
            return Err(Error::new(Code::ConflictingParameters, "assignee_ids contradicts policy_id")
                .hint("Pass the users, or the policy that pages them."));
        }
        let mut fields =
            Fields::from_iter([("title".to_owned(), neutralize(&self.title.to_string()).into_owned().into())]);
        let mut set = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
        set("urgency", self.urgency.as_ref().map(|urgency| urgency.get().into()));
        set("priority", self.priority.as_ref().map(|id| json!({"id": id.as_str()})));
        set("assignees", (!users.is_empty()).then(|| users.into()));
        set("escalation_policy", self.policy_id.as_ref().map(|id| json!({"id": id.as_str()})));
        set("incident_type", kind.map(Value::from));
        set("conference_url", self.conference_url.as_ref().map(|address| address.as_str().into()));
        let details = self.details.as_ref().map(|details| neutralize(details.as_str()));
        let mut new = NewIncident::new(&self.service_id, details.as_deref(), fields);
        if let Some(key) = &self.incident_key {
            new.key = key.to_string();
        }
        Ok(new)
    }
}

/// The fields of an incident that the answer shows.
const SHOWN: [&str; 8] =
    ["status", "service", "urgency", "priority", "assignees", "escalation_policy", "incident_key", "html_url"];

async fn create_incident(cx: Context, params: Params) -> Result<Reply> {
    let kind = match &params.incident_type {
        Some(name) => Some(cx.api.incident_type(&name.to_string()).await?),
        None => None,
    };
    let new = params.wanted(kind)?;
    let dry_run = params.dry_run.is_on();
    let (from, service, known) =
        tokio::join!(start::author(&cx, dry_run), read::service(&cx, &params.service_id), cx.api.incidents_like(&new));
    let (from, service, known) = (from?, service?, known?);
    let mut report = Report::new(update::KIND, "incidents");
    if let Some((id, incident)) = known.into_iter().find(is_open) {
        report.rows.push(existing(&id, &incident, &params, &new.fields, &mut report.warnings));
        return report.reply(&cx).await;
    }
    let name = service.named.label();
    let obstacle = match service.status.as_str() {
        "disabled" => Some(format!("Service {name} is disabled, so it has no new incidents.")),
        "maintenance" => Some(format!("Service {name} is in maintenance, so it has no new incidents.")),
        _ => None,
    };
    if obstacle.is_some() {
        report.rows.push(Row { problem: obstacle, ..Row::new(&"", Outcome::Conflict) });
        report.more.insert("service".to_owned(), service.named.shown());
        return report.reply(&cx).await;
    }
    if dry_run {
        let mut row = Row::new(&"", Outcome::DryRun);
        let users: BTreeSet<_> = params.assignee_ids.as_slice().iter().map(Id::to_string).collect();
        let policy = params.policy_id.as_ref().or(service.policy_id.as_ref());
        let levels = policy.filter(|_| users.is_empty()).map(|id| (id.to_string(), 1)).into_iter().collect();
        let (pages, warnings) = reach::pages(&cx, users, &levels).await;
        row.after.insert("status".to_owned(), "triggered".into());
        let urgency =
            service.urgency.get("urgency").filter(|urgency| ["high", "low"].iter().any(|known| *urgency == known));
        row.after.extend(urgency.map(|urgency| ("urgency".to_owned(), urgency.clone())));
        row.after.extend(policy.map(|id| ("escalation_policy".to_owned(), json!({"id": id.as_str()}))));
        row.after.extend(new.fields.clone());
        row.after.insert("assignees".to_owned(), pages.clone());
        row.after.insert("service".to_owned(), service.named.shown());
        row.after.insert("incident_key".to_owned(), new.key.as_str().into());
        report.rows.push(row);
        report.preview(pages, "undo resolves it; pages that were sent stay sent.");
        report.warnings.extend(warnings);
        return report.reply(&cx).await;
    }
    let made = cx.api.create_incident(&new, from).await;
    report.sent = cx.api.has_sent();
    let done = match made {
        Ok(done) => done,
        Err(error) if error.http_status() == Some(400) && error.code() != Code::OutcomeUnknown => {
            // Another process may have created it since it was searched for.
            let known = cx.api.incidents_like(&new).await.unwrap_or_default().into_iter().find(is_open);
            let Some((id, incident)) = known else { return Err(error) };
            report.rows.push(existing(&id, &incident, &params, &new.fields, &mut report.warnings));
            return report.reply(&cx).await;
        }
        Err(error) => return Err(error),
    };
    report.warnings.extend(done.warning);
    for (id, incident) in done.after {
        let mut row = Row { head: update::head(&incident), ..Row::new(&id, Outcome::Applied) };
        row.after = shown(&incident);
        let status = |status: &str| Fields::from_iter([("status".to_owned(), Value::from(status))]);
        let mut left = status("triggered");
        left.extend(incident.get("assignees").map(|users| ("assignees".to_owned(), users.clone())));
        row.reverse = Some((status("resolved"), left));
        report.rows.push(row);
    }
    report.more.insert("undo".to_owned(), "undo resolves it; pages that were sent stay sent.".into());
    report.reply(&cx).await
}

fn is_open((_, incident): &(String, Fields)) -> bool {
    incident.get("status").is_some_and(|status| status != "resolved")
}

fn shown(incident: &Fields) -> Fields {
    let value = |name: &str| Some((name.to_owned(), incident.get(name).filter(|value| !value.is_null())?.clone()));
    SHOWN.into_iter().filter_map(value).collect()
}

/// Returns the row of an open incident that has the key.
fn existing(id: &str, incident: &Fields, params: &Params, wanted: &Fields, warnings: &mut Vec<String>) -> Row {
    let head = update::head(incident);
    // The conference bridge is in no list.
    let differs = changed(wanted, incident);
    let differs: Vec<_> = differs.keys().map(String::as_str).filter(|name| *name != "conference_url").collect();
    if params.incident_key.is_some() && !differs.is_empty() {
        let problem = format!(
            "This open incident of the service has the key, with another value of {}. Pass another incident_key, or \
             change the incident with update_incidents.",
            differs.join(", ")
        );
        return Row { head, problem: Some(problem), ..Row::new(&id, Outcome::Conflict) };
    }
    let other = if params.incident_key.is_some() { "another" } else { "an" };
    warnings.push(format!(
        "The same incident is open already, so nothing was sent and no user was paged. To open another one, pass {other} \
         incident_key."
    ));
    Row { head, after: shown(incident), ..Row::new(&id, Outcome::AlreadySo) }
}
