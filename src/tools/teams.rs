//! `get_teams`.

use super::scope::id_excludes;
use super::{About, Context, Tool, Toolset, run};
use crate::client::Query;
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::Team;
use crate::params::{Include, Limit, Offset, Text};
use crate::reply::{NAME_FIELDS, Reply};

/// One team, or a list by name.
pub(super) const GET_TEAMS: Tool = Tool::read::<Params>(
    "get_teams",
    Toolset::Teams,
    About { title: "Find teams", description: "Find teams by name, or one by ID.", hint: "teams list show team" },
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
    if let Some(id) = &params.team_id {
        let ignored = id_excludes(&params, "team_id", &["query"])?;
        return Ok(cx.show(id, Query::new(), &params.include, NAME_FIELDS).await?.warned(ignored));
    }
    let query = Query::new().with("query", params.query);
    let list = cx.list(query, cx.want(params.limit, params.offset), &params.include, "query").await;
    list.map_err(|error| match error.code() {
        Code::MissingAbility => error.hint(
            "The account has no teams, so leave team_ids out everywhere: get_services and get_users list the whole account.",
        ),
        _ => error,
    })
}
