/// Returns the names of teams.
pub(super) const LIST_TEAM_NAMES: Tool = Tool::new::<NamesParams>(
    "list_team_names",
    About { title: "List the names of teams", description: "List the names of teams.", hint: "names" },
    &[&LIST_TEAMS],
    |cx, arguments| run(cx, arguments, list_team_names),
);

crate::params! {
    struct NamesParams {
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

async fn list_team_names(cx: Context, params: NamesParams) -> Result<Reply> {
    let query = Query::new().with("query", params.query);
    cx.list(query, cx.want(params.limit, params.offset), &params.include, "query").await
}
