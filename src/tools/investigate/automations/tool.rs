//! `get_automations`.

use pagerduty_api::operations::automations::{
    GET_AUTOMATION_ACTION, GET_INCIDENT_WORKFLOW, LIST_AUTOMATION_ACTIONS, LIST_INCIDENT_WORKFLOWS, LIST_INVOCATIONS,
    LIST_MEMORIES, LIST_WORKFLOW_TRIGGERS,
};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_api::{MAX_PAGE, Resource};
use pagerduty_rows::fields::{Selection, reference};
use pagerduty_rows::object::Object;
use tokio::sync::SetOnce;

use super::{
    Action, Automations, Parts, Remembered, Rows, Startable, actions, of_incident, of_service, part, runs, workflows,
};
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{AutomationAction, Incident, Model, Service, Workflow};
use crate::pagination::{End, ListRequest};
use crate::params::{Limit, Text, given};
use crate::reply::Reply;
use crate::tools::gather::beside;
use crate::tools::oncall::read::Named;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};

/// Returns what can be run, and what ran.
pub(in crate::tools::investigate) const GET_AUTOMATIONS: Tool = Tool::new::<Params>(
    "get_automations",
    About {
        title: "Runbooks, scripts and workflows, with past runs",
        description: "Runbooks, scripts, workflows and automation actions to run for an incident or service; past runs.",
        hint: "runbook runbooks playbook script scripts workflow workflows automation which can run there",
    },
    &[
        &LIST_WORKFLOW_TRIGGERS,
        &GET_INCIDENT,
        &LIST_AUTOMATION_ACTIONS,
        &LIST_INVOCATIONS,
        &LIST_MEMORIES,
        &LIST_INCIDENT_WORKFLOWS,
        &GET_INCIDENT_WORKFLOW,
        &GET_AUTOMATION_ACTION,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, get_automations),
);

crate::params! {
    struct Params {
        "One of these four; none: all of the account"
        incident_id: Option<Id<Incident>>,
        "Service"
        service_id: Option<Id<Service>>,
        "Workflow, with its steps"
        workflow_id: Option<Id<Workflow>>,
        "Automation action, with its runs"
        action_id: Option<Id<AutomationAction>>,
        "Part of the name"
        query: Option<Text>,
        "Max results, default 100"
        limit: Option<Limit>,
    }
}

/// The rows of the answer.
const AUTOMATIONS: Resource = Resource { noun: "automation", one: "automation", many: "automations", pages: &[] };

async fn get_automations(cx: Context, params: Params) -> Result<Reply> {
    let named = given!(params, [incident_id, service_id, workflow_id, action_id]);
    if let [first, second, ..] = named.iter().filter(|(_, given)| *given).collect::<Vec<_>>().as_slice() {
        let message = format!("{} cannot be combined with {}", first.0, second.0);
        return Err(
            Error::new(Code::ConflictingParameters, message).hint("Pass one of them, in several calls if need be.")
        );
    }
    let text = params.query.as_ref().map(|text| text.to_string().to_lowercase());
    let found = async {
        if let Some(id) = &params.incident_id {
            return on_incident(&cx, id).await;
        }
        if let Some(id) = &params.service_id {
            return Ok(of_service(&cx, id).await?.into());
        }
        if let Some(id) = &params.workflow_id {
            return of_workflow(&cx, id).await;
        }
        match &params.action_id {
            Some(id) => of_action(&cx, id).await,
            None => all(&cx, params.query.as_ref()).await,
        }
    };
    let (found, local) = tokio::join!(found, Local::of(&cx, None));
    Ok(reply(&cx, found?, text.as_deref(), params.limit.map_or(Limit::DEFAULT, Limit::get), &local))
}

/// The automations that were found, and the steps of the workflow, if one was read.
struct Found {
    automations: Automations,
    steps: Vec<String>,
}

impl From<Automations> for Found {
    fn from(automations: Automations) -> Self {
        Self { automations, steps: Vec::new() }
    }
}

/// Returns what can be run on an incident. Automation actions are those of its service.
async fn on_incident(cx: &Context, id: &Id<Incident>) -> Result<Found> {
    let selection = Selection::new(vec![reference("service")], Incident::FACTS);
    let row = cx.api.one(id, Query::new(), &selection).await?;
    let service = row.shown.members().get("service").and_then(Named::read).and_then(|service| Id::parse(&service.id));
    let id = row.facts.id().and_then(Id::parse).unwrap_or_else(|| id.clone());
    Ok(of_incident(cx, &id, service.as_ref()).await?.into())
}

/// Returns a workflow with its steps and triggers.
async fn of_workflow(cx: &Context, id: &Id<Workflow>) -> Result<Found> {
    let triggers = Query::new().with("workflow_id", Some(id));
    let (workflow, triggers) =
        beside(cx, cx.api.one(id, Query::new(), &Workflow::facts_only()), workflows(cx, triggers)).await;
    let Workflow { id: known, name, description, is_enabled, steps } = workflow?.facts;
    let mut parts = Parts::default();
    let triggers = triggers.and_then(|triggers| triggers);
    let has_known_triggers = triggers.is_ok();
    let triggered = parts.take("Triggers", Some(triggers)).into_iter().next();
    let workflow = Startable {
        workflow: Named { id: known.unwrap_or_else(|| id.to_string()), name },
        description,
        ..triggered.unwrap_or(Startable { has_known_triggers, ..Startable::default() })
    };
    let is_disabled = is_enabled == Some(false);
    parts.warnings.extend(is_disabled.then(|| "The workflow is disabled, so it cannot be started.".to_owned()));
    let automations = Automations { workflows: vec![workflow], warnings: parts.warnings, ..Automations::default() };
    Ok(Found { automations, steps })
}

/// Returns an automation action with its runs.
async fn of_action(cx: &Context, id: &Id<AutomationAction>) -> Result<Found> {
    let past = Query::new().with("action_id", Some(id));
    let (action, past) =
        beside(cx, cx.api.one(id, Query::new(), &AutomationAction::facts_only()), runs(cx, past)).await;
    let action = action?.facts;
    let mut parts = Parts::default();
    let by_rules = action.is_automatic_only.then(|| "Only rules can start this action, and no user.".to_owned());
    parts.warnings.extend(by_rules);
    let runs = parts.take("Runs", Some(past.and_then(|past| past)));
    let actions = Action::read(action).into_iter().collect();
    Ok(Automations { actions, runs, warnings: parts.warnings, ..Automations::default() }.into())
}

/// Returns the workflows and actions of the account, with this text in their names.
async fn all(cx: &Context, text: Option<&Text>) -> Result<Found> {
    let late = SetOnce::new();
    let (workflows, triggers, actions) = tokio::join!(
        part(cx, &late, Some(Box::pin(listed(cx, Query::new().with("query", text))))),
        part(cx, &late, Some(Box::pin(super::workflows(cx, Query::new())))),
        part(cx, &late, Some(Box::pin(actions(cx, Query::new().with("name", text))))),
    );
    let mut parts = Parts::default();
    let mut workflows = parts.take("Workflows", workflows);
    let has_known_triggers = matches!(triggers, Some(Ok((_, false))));
    let triggers = if workflows.is_empty() { Vec::new() } else { parts.take("Workflow triggers", triggers) };
    for one in &mut workflows {
        one.has_known_triggers = has_known_triggers;
        if let Some(triggered) = triggers.iter().find(|triggered| triggered.workflow.id == one.workflow.id) {
            let (workflow, description) = (std::mem::take(&mut one.workflow), one.description.take());
            *one = Startable { workflow, description, ..triggered.clone() };
        }
    }
    let actions = parts.take("Automation actions", actions);
    parts.found(Automations { workflows, actions, ..Automations::default() }).map(Found::from)
}

/// Reads workflows without their triggers.
async fn listed(cx: &Context, query: Query) -> Rows<Startable> {
    let wanted = ListRequest { limit: MAX_PAGE, ..ListRequest::all() };
    let listing = cx.api.list::<Workflow>(query, wanted, &Workflow::facts_only()).await?;
    let more = listing.end != End::Complete;
    let enabled = listing.rows.into_iter().map(|row| row.facts).filter(|workflow| workflow.is_enabled != Some(false));
    let workflow = |workflow: Workflow| {
        let named = Named { id: workflow.id?, name: workflow.name };
        Some(Startable { workflow: named, description: workflow.description, ..Startable::default() })
    };
    Ok((enabled.filter_map(workflow).collect(), more))
}

/// Returns the answer: workflows, actions, runs and memories, up to `limit` in all.
fn reply(cx: &Context, found: Found, text: Option<&str>, limit: usize, local: &Local) -> Reply {
    let Found { automations, steps } = found;
    let Automations { workflows, actions, runs, memories, warnings } = automations;
    let is_named = |named: &Named| text.is_none_or(|text| named.label().to_lowercase().contains(text));
    let workflow = |one: &Startable| {
        let mut row = one.shown();
        if !steps.is_empty() {
            row.insert("steps".to_owned(), steps.clone().into());
        }
        row
    };
    let says = |one: &&Remembered| text.is_none_or(|text| one.content.to_lowercase().contains(text));
    let workflows = workflows.iter().filter(|one| is_named(&one.workflow)).map(workflow);
    let actions = actions.iter().filter(|one| is_named(&one.named)).map(|one| one.shown(local));
    let runs = runs.iter().filter(|one| is_named(&one.action)).map(|one| one.shown(local));
    let memories = memories.iter().filter(says).map(|one| one.shown(local));
    let mut rows: Vec<_> = workflows.chain(actions).chain(runs).chain(memories).map(Object::from_members).collect();
    let count = rows.len();
    rows.truncate(limit);
    let mut reply = cx.composed(&AUTOMATIONS, rows, "query or a smaller limit");
    if count > limit {
        reply.set("has_more", true);
        reply.warn(format!("{limit} of {count} automations are here: pass a larger limit, or query."));
    }
    local.name_in(&mut reply);
    reply.warned(warnings)
}
