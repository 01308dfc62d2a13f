//! `get_escalation_policies`.

use pagerduty_api::operations::escalation_policies::{GET_ESCALATION_POLICY, LIST_ESCALATION_POLICIES};
use pagerduty_api::operations::users::GET_CURRENT_USER;

use super::lookup::lookup;
use super::scope::{context_excludes, needs_one_of};
use super::{About, Context, Tool, Toolset, run};
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{EscalationPolicy, Team, User};
use crate::params::{Flag, Ids, Include, Limit, Offset, Text, given};
use crate::reply::Reply;

/// The tools about escalation policies.
pub(super) const SET: Toolset = Toolset {
    name: "escalation_policies",
    title: "Escalation policies",
    about: "The order in which pages reach people.",
    default: true,
    instructions: "",
    tools: &[&GET_ESCALATION_POLICIES],
};

/// Returns one policy, or a list by name, user and team.
pub(super) const GET_ESCALATION_POLICIES: Tool = Tool::new::<Params>(
    "get_escalation_policies",
    About {
        title: "Show escalation policies",
        hint: "escalation policy policies show order paged escalate",
        description: "Find escalation policies (who is paged in which order, how pages escalate): those of my teams that page me, of given \
                      users or teams, or one by ID.",
    },
    &[&LIST_ESCALATION_POLICIES, &GET_ESCALATION_POLICY, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, get_escalation_policies),
);

crate::params! {
    struct Params {
        "One by ID, without other filters"
        policy_id: Option<Id<EscalationPolicy>>,
        "true: of my teams and paging me; false: pass user_ids, team_ids or query"
        current_user_context: Flag<true>,
        "Part of the name; without users and teams, of all"
        query: Option<Text>,
        "IDs of users they page, with current_user_context=false"
        user_ids: Ids<User>,
        "With current_user_context=false"
        team_ids: Ids<Team>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<EscalationPolicy>,
    }
}

async fn get_escalation_policies(cx: Context, params: Params) -> Result<Reply> {
    let lookup = lookup!(params, policy_id, [query, user_ids, team_ids]);
    let scope = async {
        let query = if params.current_user_context.is_on() {
            context_excludes(&given!(params, [user_ids, team_ids]))?;
            let me = cx.api.me().await?;
            // Without teams the second filter is absent, and the first still narrows the list to the user's policies.
            Query::new().with_all("user_ids", std::slice::from_ref(&me.id)).with_all("team_ids", &me.teams)
        } else {
            needs_one_of(&cx, &given!(params, [user_ids, team_ids, query]))?;
            let by_user = Query::new().with_given("user_ids", params.user_ids.as_slice());
            by_user.with_given("team_ids", params.team_ids.as_slice())
        };
        Ok(query.with("query", params.query.as_ref()).into())
    };
    lookup.answer(&cx, scope).await
}
