//! `get_services`.

use super::scope::{by_team, id_excludes};
use super::{About, Context, Tool, Toolset, run};
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Service, Team};
use crate::params::{Flag, Ids, Include, Limit, Offset, Text};
use crate::reply::{NAME_FIELDS, Reply};

/// One service, or a list by team and name.
pub(super) const GET_SERVICES: Tool = Tool::read::<Params>(
    "get_services",
    Toolset::Services,
    About {
        title: "Find services",
        hint: "services list my service applications",
        description: "Find services (what incidents happen to): those of my teams, of given teams, or one by ID.",
    },
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
    if let Some(id) = &params.service_id {
        let ignored = id_excludes(&params, "service_id", &["team_ids", "query"])?;
        return Ok(cx.show(id, Query::new(), &params.include, NAME_FIELDS).await?.warned(ignored));
    }
    let scope = by_team(&cx, &params, params.current_user_context, &params.team_ids, "services").await?;
    let query = scope.query.with("query", params.query);
    let reply = cx.list(query, cx.want(params.limit, params.offset), &params.include, "query or team_ids").await?;
    Ok(reply.warned(scope.warning))
}
