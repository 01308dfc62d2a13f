//! `run_automation`: runs an automation action or starts a workflow on an incident, and waits for the result.

use std::time::Duration;

use jiff::Timestamp;
use pagerduty_api::operations::alerts::GET_INCIDENT_ALERT;
use pagerduty_api::operations::automations::{
    GET_AUTOMATION_ACTION, GET_INCIDENT_WORKFLOW, GET_INVOCATION, LIST_INVOCATIONS,
};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_api::operations::runs::{CREATE_INVOCATION, CREATE_WORKFLOW_INSTANCE};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_rows::fields::{Field, Keep, Selection, plain};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::{start, update};
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, AutomationAction, Incident, Invocation, Model, Workflow};
use crate::params::{Flag, Limit};
use crate::receipts::Fields;
use crate::reply::Reply;
use crate::tools::investigate::timeline;
use crate::tools::investigate::wait::pace::Pace;
use crate::tools::investigate::wait::{LONGEST, REQUEST};
use crate::tools::times::Local;

/// Runs an automation.
pub(super) const RUN_AUTOMATION: Tool = Tool::new::<Params>(
    "run_automation",
    About {
        title: "Run a runbook, script or workflow",
        description: "Run a runbook, script, workflow or automation action, like a restart. Only when the user asks.",
        hint: "run execute restart runbook script automation action workflow",
    },
    &[
        &CREATE_INVOCATION,
        &CREATE_WORKFLOW_INSTANCE,
        &GET_INVOCATION,
        &LIST_INVOCATIONS,
        &GET_AUTOMATION_ACTION,
        &GET_INCIDENT_WORKFLOW,
        &GET_INCIDENT,
        &GET_INCIDENT_ALERT,
        &LIST_INCIDENT_LOG_ENTRIES,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, run_automation),
)
.waiting(LONGEST)
.destructive();

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Workflow to start"
        workflow_id: Option<Id<Workflow>>,
        "Automation action to run"
        action_id: Option<Id<AutomationAction>>,
        "Alert, for an action"
        alert_id: Option<Id<Alert>>,
        "For the result, 1 to 4"
        wait_minutes: Option<Limit>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// An action or a workflow to run.
enum Automation {
    Action(Id<AutomationAction>),
    Workflow(Id<Workflow>),
}

impl Params {
    fn automation(&self) -> Result<Automation> {
        match (&self.action_id, &self.workflow_id) {
            (Some(action), None) => Ok(Automation::Action(action.clone())),
            (None, Some(_)) if self.alert_id.is_some() => {
                Err(Error::new(Code::ConflictingParameters, "alert_id contradicts workflow_id")
                    .hint("A workflow runs on an incident: leave alert_id out."))
            }
            (None, Some(workflow)) => Ok(Automation::Workflow(workflow.clone())),
            (None, None) => Err(Error::new(Code::MissingParameter, "neither action_id nor workflow_id was given")
                .hint("get_automations lists what can be run for an incident.")),
            (Some(_), Some(_)) => {
                Err(Error::new(Code::ConflictingParameters, "action_id contradicts workflow_id")
                    .hint("Pass one of them."))
            }
        }
    }
}

/// An action or a workflow, as it was read before its run.
struct Planned {
    /// The members that name and describe it.
    head: Fields,
    /// The reason why it cannot run on the incident.
    obstacle: Option<String>,
    /// The IDs of the services whose incidents it is for. None is all.
    services: Vec<String>,
}

const fn raw(name: &'static str) -> Field {
    Field { name, source: name, keep: Keep::Raw, derive: None }
}

const ACTION: &[Field] = &[
    plain("id"),
    plain("name"),
    plain("action_type"),
    plain("action_classification"),
    raw("action_data_reference"),
    plain("runner"),
    plain("runner_type"),
    plain("map_to_all_services"),
];

/// The most characters of a script in an answer.
const MAX_SCRIPT: usize = 1_000;

/// The states in which a run has ended.
const ENDED: [&str; 3] = ["completed", "error", "aborted"];

async fn run_automation(cx: Context, params: Params) -> Result<Reply> {
    let began = Instant::now();
    let automation = params.automation()?;
    let dry_run = params.dry_run.is_on();
    let from = start::author(&cx, dry_run);
    let ids = [params.incident_id.clone()];
    let (from, states, planned, local) =
        tokio::join!(from, cx.api.incident_fields(&ids, &[]), plan(&cx, &automation), Local::of(&cx, None));
    let (from, planned) = (from?, planned?);
    let read = states.into_iter().next().unwrap_or_else(|| Err(Error::new(Code::Internal, "no incident was read")));
    let (incident, state) = read?;
    let is_resolved = state.get("status").is_some_and(|status| status == "resolved");
    let Planned { head, mut obstacle, services } = planned;
    let service = state.get("service").and_then(|service| service.get("id")?.as_str()).unwrap_or_default();
    if !services.is_empty() && !services.iter().any(|id| id == service) {
        obstacle = Some("It is not for the service of this incident: see get_automations with incident_id.".to_owned());
    }
    if let Some(alert) = &params.alert_id {
        cx.api.alert_fields(&incident, std::slice::from_ref(alert)).await.into_iter().collect::<Result<Vec<_>>>()?;
    }
    if is_resolved && head.get("needs_open_incident").is_some() {
        obstacle = Some("It runs only while the incident is open.".to_owned());
    }
    let mut report = Report { without_receipt: true, ..Report::new("runs", "runs") };
    let mut shown = Map::from_iter([("id".to_owned(), Value::from(incident.as_str()))]);
    shown.extend(update::head(&state));
    report.more.insert("incident".to_owned(), shown.into());
    report.preview(json!([]), "A run cannot be undone.");
    let outcome = if obstacle.is_some() { Outcome::Conflict } else { Outcome::DryRun };
    if obstacle.is_some() || dry_run {
        let mut row = Row { head, problem: obstacle, ..Row::new(&"", outcome) };
        row.after.extend((outcome == Outcome::DryRun).then(|| ("state".to_owned(), "started".into())));
        report.rows.push(row);
        return report.reply(&cx).await;
    }
    // PagerDuty's times have no fractions.
    let started = Timestamp::from_second(cx.api.now_there().as_second()).unwrap_or_default();
    let made = match &automation {
        Automation::Action(id) => {
            let (user, known) = tokio::join!(cx.api.author_of_writes(None), cx.api.runs_of_action(id, &incident));
            let known = known?;
            cx.api.run_action(id, &incident, params.alert_id.as_ref(), user.as_ref(), known, from).await
        }
        Automation::Workflow(id) => cx.api.start_workflow(id, &incident, from).await,
    };
    report.sent = cx.api.has_sent();
    let done = made?;
    report.warnings.extend(done.warning);
    let wanted = params.wait_minutes.map(|minutes| Duration::from_secs(60 * minutes.get().min(4) as u64));
    let end = wanted.map_or(cx.waits_until, |wanted| cx.waits_until.min(began + wanted));
    let (id, mut run) = done.after.into_iter().next().unwrap_or_default();
    let mut row = Row { head, ..Row::new(&id, Outcome::Applied) };
    let is_pending = if let Some(id) = Id::<Invocation>::parse(&id) {
        let failure = wait(&cx, &id, &mut run, end).await;
        report.warnings.extend(failure);
        row.after = shown_run(&run, &local);
        let state = text(&run, "state");
        if ["error", "aborted"].contains(&state) {
            report.warnings.push(format!("The run ended with the state {state}: see its log in PagerDuty."));
        }
        !ENDED.contains(&state)
    } else if matches!(automation, Automation::Action(_)) {
        // An earlier call started it, and it is not listed so far.
        true
    } else {
        let events = events(&cx, &incident, started, end).await;
        report.more.insert(
            "events".to_owned(),
            events.iter().map(|entry| json!({"at": local.iso(entry.at), "line": entry.line})).collect(),
        );
        true
    };
    if is_pending {
        let call = match &automation {
            Automation::Action(id) => format!("get_automations with action_id={id}"),
            Automation::Workflow(_) => format!("get_timeline with incident_id={incident}"),
        };
        row.outcome = Outcome::Pending;
        report.more.insert("go_on".to_owned(), format!("It may still run. See later: {call}.").into());
    }
    report.rows.push(row);
    report.more.insert("time_zone".to_owned(), local.name().into());
    report.reply(&cx).await
}

fn text<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Reads an action or a workflow before its run.
async fn plan(cx: &Context, automation: &Automation) -> Result<Planned> {
    let mut head = Fields::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            head.insert(name.to_owned(), value);
        }
    };
    let mut services = Vec::new();
    let obstacle = match automation {
        Automation::Action(id) => {
            let selection = Selection::new(ACTION.to_vec(), AutomationAction::FACTS);
            let row = cx.api.one(id, Query::new(), &selection).await?;
            let (action, members) = (row.facts, row.shown.members());
            set("automation", json!({"id": id.as_str(), "name": action.name}));
            for name in ["action_type", "action_classification", "runner", "runner_type"] {
                set(name, members.get(name).cloned().unwrap_or_default());
            }
            let data = members.get("action_data_reference").and_then(Value::as_object).cloned().unwrap_or_default();
            for (name, value) in data {
                let cut = |text: &str| {
                    let (shown, left) = (text.chars().take(MAX_SCRIPT), text.chars().skip(MAX_SCRIPT).count());
                    let mark =
                        if left > 0 { format!("… ({left} more characters are not shown)") } else { String::new() };
                    shown.collect::<String>() + &mark
                };
                set(&name, value.as_str().map_or(Value::Null, |text| cut(text).into()));
            }
            let is_for_all = members.get("map_to_all_services") == Some(&Value::Bool(true));
            services.extend(action.services.into_iter().filter(|_| !is_for_all).filter_map(|service| service.id));
            set("needs_open_incident", if action.needs_open_incident { true.into() } else { Value::Null });
            action.is_automatic_only.then(|| "Only rules can start this action, and no user.".to_owned())
        }
        Automation::Workflow(id) => {
            let workflow = cx.api.one(id, Query::new(), &Workflow::facts_only()).await?.facts;
            set("automation", json!({"id": id.as_str(), "name": workflow.name}));
            set("steps", workflow.steps.into());
            (workflow.is_enabled == Some(false)).then(|| "The workflow is disabled.".to_owned())
        }
    };
    Ok(Planned { head, obstacle, services })
}

/// Waits until a run has ended, or until `end`. Returns a warning if the last request failed.
async fn wait(cx: &Context, id: &Id<Invocation>, run: &mut Fields, end: Instant) -> Option<String> {
    let mut pace = Pace::default();
    pace.note(Instant::now());
    pace.hurry(FIRST);
    let (mut failure, mut failed) = (None, 0);
    while failed < MAX_FAILURES && !ENDED.contains(&text(run, "state")) {
        let at = pace.next(Instant::now(), None);
        if at >= end {
            break;
        }
        sleep_until(at).await;
        pace.note(Instant::now());
        let within = end.min(Instant::now() + REQUEST);
        let read = timeout_at(within, cx.api.once(within).run_of_action(id)).await;
        let late = || Err(Error::new(Code::Timeout, "reading it took too long"));
        match read.unwrap_or_else(|_| late()) {
            Ok(now) => (*run, failure, failed) = (now, None, 0),
            Err(error) => {
                let wait = error.retry_after_seconds().map(Duration::from_secs);
                pace.hold(Instant::now() + wait.unwrap_or_default());
                failed = if error.is_retryable() { failed + 1 } else { MAX_FAILURES };
                failure = Some(format!("The run was started, and its state could not be read: {error}"));
            }
        }
    }
    failure
}

/// The number of failed requests after which the state of a run is left to a later call.
const MAX_FAILURES: u32 = 3;

/// The requests that follow soon after the start, because many scripts are short.
const FIRST: usize = 4;

/// Returns the events of an incident since a workflow was started. The first one ends the wait.
async fn events(cx: &Context, incident: &Id<Incident>, since: Timestamp, end: Instant) -> Vec<timeline::Entry> {
    let mut pace = Pace::default();
    pace.hurry(FIRST);
    loop {
        pace.note(Instant::now());
        let within = end.max(Instant::now() + Duration::from_secs(1)).min(Instant::now() + REQUEST);
        let api = cx.api.once(within);
        let cx = Context { api, ..cx.clone() };
        let read = timeout_at(within, timeline::of_incident(&cx, incident, Some(since))).await;
        let found = read.ok().and_then(Result::ok).unwrap_or_default();
        let at = pace.next(Instant::now(), None);
        if !found.is_empty() || at >= end {
            return found;
        }
        sleep_until(at).await;
    }
}

/// Returns a run as an answer shows it.
fn shown_run(run: &Fields, local: &Local) -> Fields {
    let mut shown = Fields::new();
    for name in ["state", "seconds"] {
        shown.extend(run.get(name).filter(|value| !value.is_null()).map(|value| (name.to_owned(), value.clone())));
    }
    let started = text(run, "started_at").parse::<Timestamp>().ok();
    shown.extend(started.map(|at| ("started_at".to_owned(), local.iso(at).into())));
    shown
}
