//! `get_teams`.

use pagerduty_api::operations::teams::{GET_TEAM, LIST_TEAMS};

use super::lookup::lookup;
use super::{About, Context, Tool, Toolset, run};
use crate::client::Query;
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::Team;
use crate::params::{Include, Limit, Offset, Text};
use crate::reply::Reply;

/// The tools about teams.
pub(super) const SET: Toolset = Toolset {
    name: "teams",
    title: "Teams",
    about: "The teams of the account.",
    default: true,
    instructions: "",
    tools: &[&GET_TEAMS],
};

/// Returns one team, or a list by name.
pub(super) const GET_TEAMS: Tool = Tool::new::<Params>(
    "get_teams",
    About { title: "Find teams", description: "Find teams by name, or one by ID.", hint: "teams list show team" },
    &[&LIST_TEAMS, &GET_TEAM],
    |cx, arguments| run(cx, arguments, get_teams),
);

crate::params! {
    struct Params {
        "One by ID, without other filters"
        team_id: Option<Id<Team>>,
        "Part of the name"
        query: Option<Text>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<Team>,
    }
}

async fn get_teams(cx: Context, params: Params) -> Result<Reply> {
    let lookup = lookup!(params, team_id, [query]);
    let scope = async { Ok(Query::new().with("query", params.query.as_ref()).into()) };
    lookup.answer(&cx, scope).await.map_err(|error| match error.code() {
        Code::MissingAbility => error.hint(
            "The account has no teams, so leave team_ids out everywhere: get_services and get_users list the whole account.",
        ),
        _ => error,
    })
}
