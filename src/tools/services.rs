//! `get_services`.

use super::scope::{by_team, id_excludes};
use super::{About, Context, Tool, Toolset, run};
use crate::client::Query;
use crate::client::resources::SERVICES;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Service, Team};
use crate::params::{Flag, Ids, Include, Limit, Offset, Text};
use crate::reply::Reply;

/// One service, or a list by team and name.
pub(super) const GET_SERVICES: Tool = Tool::read::<Params>(
    "get_services",
    Toolset::Services,
    About {
        title: "Get services",
        description: "Find services (what incidents happen to): those of my teams, of given teams, or one by ID.",
    },
    |cx, arguments| run(cx, arguments, get_services),
);

crate::params! {
    struct Params {
        "One by ID, without other filters"
        service_id: Option<Id<Service>>,
        "true: of my teams; false: pass team_ids"
        current_user_context: Flag<true>,
        "Team IDs"
        team_ids: Ids<Team>,
        "Part of the name"
        query: Option<Text>,
        "Max results, default 100"
        limit: Option<Limit>,
        "To go on: next_offset of the answer before"
        offset: Option<Offset>,
        "Return only these fields, instead of the default ones"
        include: Include<Service>,
    }
}

async fn get_services(cx: Context, params: Params) -> Result<Reply> {
    let selection = params.include.selection();
    if let Some(id) = &params.service_id {
        id_excludes(&params, "service_id", &["team_ids", "query", "limit", "offset"])?;
        return Ok(Reply::one(&SERVICES, cx.api.one(id, Query::new(), &selection).await?.shown));
    }
    let query = by_team(&cx, &params, params.current_user_context, &params.team_ids, "services").await?;
    let query = query.with("query", params.query);
    let listing = cx.api.list::<Service>(query, cx.want(params.limit, params.offset), &selection).await?;
    Ok(Reply::list(&SERVICES, listing, "query or team_ids"))
}
