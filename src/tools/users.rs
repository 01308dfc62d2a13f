//! `get_users` and `build_user_context`.

use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use pagerduty_api::operations::escalation_policies::LIST_ESCALATION_POLICIES;
use pagerduty_api::operations::services::LIST_SERVICES;
use pagerduty_api::operations::teams::LIST_TEAMS;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER, LIST_USERS};

use super::lookup::lookup;
use super::scope::ByTeam;
use super::{About, Context, Tool, Toolset, run};
use crate::budget::Budget;
use crate::client::UserContext;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Team, User};
use crate::params::{Flag, Ids, Include, Limit, Offset, Text};
use crate::reply::Reply;

/// The tools about users.
pub(super) const SET: Toolset = Toolset {
    name: "users",
    title: "Users",
    about: "The users of the account, and the user of the credential.",
    default: true,
    instructions: "",
    tools: &[&BUILD_USER_CONTEXT, &GET_USERS],
};

/// Returns one user, or a list by team and name.
pub(super) const GET_USERS: Tool = Tool::new::<Params>(
    "get_users",
    About {
        title: "Find people",
        description: "Find people (engineers, responders): those of my teams, of given teams, or one by ID.",
        hint: "people engineers users list members email phone",
    },
    &[&LIST_USERS, &GET_USER, &GET_CURRENT_USER, &LIST_TEAMS],
    |cx, arguments| run(cx, arguments, get_users),
);

/// Returns the user of the credential, with the IDs of their teams, services and escalation policies.
pub(super) const BUILD_USER_CONTEXT: Tool = Tool::new::<NoParams>(
    "build_user_context",
    About {
        title: "Who am I, and which teams and services are mine",
        hint: "who am i me my user teams profile whoami",
        description: "Who am I: my user ID, name, email, and the IDs of my teams, services and escalation policies.",
    },
    &[&GET_CURRENT_USER, &LIST_SERVICES, &LIST_ESCALATION_POLICIES],
    |cx, arguments| run(cx, arguments, build_user_context),
)
.leading();

crate::params! {
    struct Params {
        "One by ID, without other filters"
        user_id: Option<Id<User>>,
        "true: of my teams; false: pass team_ids or query"
        current_user_context: Flag<true>,
        "With current_user_context=false"
        team_ids: Ids<Team>,
        "Part of the name; without teams, of all"
        query: Option<Text>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<User>,
    }
}

crate::params! {
    struct NoParams {}
}

async fn get_users(cx: Context, params: Params) -> Result<Reply> {
    let lookup = lookup!(params, user_id, [query, team_ids]);
    let by_team = ByTeam {
        current_user_context: params.current_user_context,
        team_ids: &params.team_ids,
        query: &params.query,
        rows: "users",
    };
    lookup.answer(&cx, by_team.scope(&cx)).await
}

async fn build_user_context(cx: Context, _: NoParams) -> Result<Reply> {
    let UserContext { me, services, policies } = cx.api.user_context().await?;
    let mut shown = Map::new();
    for (name, text) in [("user_id", me.id.to_string()), ("name", me.name.clone()), ("email", me.email.clone())] {
        shown.insert(name.to_owned(), text.into());
    }
    let mut budget = cx.budget();
    budget.take(&Object::from_members(shown.clone()));
    let mut warnings = Vec::new();
    // Services are the most numerous, so they are the first to be cut.
    let all_policies = format!("get_escalation_policies with current_user_context=false and user_ids={}", me.id);
    let teams = fitting(&mut budget, "team_ids", &me.teams, "get_teams", &mut warnings);
    let policies = fitting(&mut budget, "escalation_policy_ids", &policies.ids, &all_policies, &mut warnings);
    let services = fitting(&mut budget, "service_ids", &services.ids, "get_services", &mut warnings);
    for (name, ids) in [("team_ids", teams), ("service_ids", services), ("escalation_policy_ids", policies)] {
        shown.insert(name.to_owned(), ids);
    }
    Ok(Reply::fixed(shown).warned(warnings))
}

/// Returns the IDs that fit into the answer. If some do not fit, a warning names the tool that `lists` them.
fn fitting<M>(budget: &mut Budget, name: &str, ids: &[Id<M>], lists: &str, warnings: &mut Vec<String>) -> Value {
    let fitting: Vec<_> =
        ids.iter().take_while(|id| budget.take_text(id.as_str())).map(|id| id.as_str().into()).collect();
    if fitting.len() < ids.len() {
        let (count, all) = (fitting.len(), ids.len());
        warnings.push(format!("The answer is full: {count} of {all} {name} are here. For the rest use {lists}."));
    }
    Value::Array(fitting)
}
