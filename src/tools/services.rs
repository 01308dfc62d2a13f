//! `get_services`.

use pagerduty_api::operations::services::{GET_SERVICE, LIST_SERVICES};
use pagerduty_api::operations::teams::LIST_TEAMS;
use pagerduty_api::operations::users::GET_CURRENT_USER;

use super::lookup::lookup;
use super::scope::ByTeam;
use super::{About, Context, Tool, Toolset, run};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Service, Team};
use crate::params::{Flag, Ids, Include, Limit, Offset, Text};
use crate::reply::Reply;

/// The tools about services.
pub(super) const SET: Toolset = Toolset {
    name: "services",
    title: "Services",
    about: "The services that incidents happen to.",
    default: true,
    instructions: "",
    tools: &[&GET_SERVICES],
};

/// Returns one service, or a list by team and name.
pub(super) const GET_SERVICES: Tool = Tool::new::<Params>(
    "get_services",
    About {
        title: "Find services",
        hint: "services list my service applications",
        description: "Find services (what incidents happen to): those of my teams, of given teams, or one by ID.",
    },
    &[&LIST_SERVICES, &GET_SERVICE, &GET_CURRENT_USER, &LIST_TEAMS],
    |cx, arguments| run(cx, arguments, get_services),
);

crate::params! {
    struct Params {
        "One by ID, without other filters"
        service_id: Option<Id<Service>>,
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
        include: Include<Service>,
    }
}

async fn get_services(cx: Context, params: Params) -> Result<Reply> {
    let lookup = lookup!(params, service_id, [query, team_ids]);
    let by_team = ByTeam {
        current_user_context: params.current_user_context,
        team_ids: &params.team_ids,
        query: &params.query,
        rows: "services",
    };
    lookup.answer(&cx, by_team.scope(&cx)).await
}
