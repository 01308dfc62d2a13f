//! `get_schedules` and `list_users_oncall`.

use pagerduty_api::operations::schedules::{
    GET_SCHEDULE, GET_SCHEDULE_V3, LIST_SCHEDULE_USERS, LIST_SCHEDULES, LIST_SCHEDULES_V3, SCHEDULES,
};
use pagerduty_api::operations::users::{GET_USER, USERS};

use super::scope::id_excludes;
use super::{About, Context, Tool, Toolset, listed, run, shift_schedules};
use crate::client::{Query, may_be_other_kind};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Model, Schedule, Shape, User};
use crate::pagination::{self, ListRequest};
use crate::params::{Include, Limit, Moment, Offset, Range, Text, given};
use crate::reply::Reply;

/// The tools about schedules.
pub(super) const SET: Toolset = Toolset {
    name: "schedules",
    title: "Schedules",
    about: "The on-call schedules (rotas) and their users.",
    default: true,
    instructions: "",
    tools: &[&GET_SCHEDULES, &LIST_USERS_ONCALL],
};

/// Returns one schedule, rendered over a range on request, or a list by name.
pub(super) const GET_SCHEDULES: Tool = Tool::new::<Params>(
    "get_schedules",
    About {
        title: "Find on-call schedules (rotas)",
        hint: "schedules rota rotas rotation calendar list all",
        description: "Find on-call schedules (rotas) by name, or one by ID; with since/until the one comes with its final turns \
                      and overrides.",
    },
    &[&LIST_SCHEDULES, &GET_SCHEDULE, &LIST_SCHEDULES_V3, &GET_SCHEDULE_V3, &GET_USER],
    |cx, arguments| run(cx, arguments, get_schedules),
);

/// Returns the users on call on one schedule.
pub(super) const LIST_USERS_ONCALL: Tool = Tool::new::<UsersParams>(
    "list_users_oncall",
    About {
        title: "People on call on one schedule",
        hint: "on call oncall phone contact schedule",
        description: "The users on call on one schedule, now or in a time range, with email; phones with include=contact_methods.",
    },
    &[&LIST_SCHEDULE_USERS, &GET_SCHEDULE_V3, &GET_USER],
    |cx, arguments| run(cx, arguments, list_users_oncall),
);

crate::params! {
    struct Params {
        "One by ID, without other filters"
        schedule_id: Option<Id<Schedule>>,
        "Part of the name"
        query: Option<Text>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "ISO 8601, UTC unless it has an offset; with schedule_id"
        since: Option<Moment>,
        "With schedule_id; default 2 weeks after since"
        until: Option<Moment>,
        "Only these fields; +name adds to the default ones"
        include: Include<Schedule>,
    }
}

crate::params! {
    struct UsersParams {
        "Schedule ID"
        schedule_id: Id<Schedule>,
        "ISO 8601, UTC unless it has an offset; default now"
        since: Option<Moment>,
        "Default now"
        until: Option<Moment>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<User>,
    }
}

/// Fields that PagerDuty renders only over a range.
const RENDERED: [&str; 3] = ["final_schedule", "overrides", "overrides_subschedule"];

async fn get_schedules(cx: Context, params: Params) -> Result<Reply> {
    let range = Range::of_schedule(params.since, params.until)?;
    let mut reply = if let Some(id) = &params.schedule_id {
        let ignored = id_excludes("schedule_id", &given!(params, [query]), &given!(params, [limit, offset]))?;
        shift_schedules::show(&cx, id, range, &params.include).await?.warned(ignored)
    } else {
        let name = params.query.as_ref().map(ToString::to_string);
        let want = cx.want(params.limit, params.offset);
        let reply = shift_schedules::list(&cx, name.as_deref(), want, &params.include).await?;
        let searched = name.as_deref().filter(|_| params.offset.is_none());
        let mut reply = cx.with_similar(reply, &SCHEDULES, searched).await;
        if range.given() {
            reply.warn("since and until were ignored: they render one schedule, so pass schedule_id with them.");
        }
        reply
    };
    let missing = RENDERED.into_iter().find(|field| params.include.names(field));
    if let Some(field) = missing.filter(|_| params.schedule_id.is_none() || !range.given()) {
        reply.warn(format!(
            "{field} is only rendered for one schedule over a range: pass schedule_id with since and until."
        ));
    }
    Ok(reply)
}

/// The most users that are read one by one for an answer, where it needs more about them than the list has.
const MOST_EXPANDED: usize = 100;

async fn list_users_oncall(cx: Context, params: UsersParams) -> Result<Reply> {
    let range = Range::of_users(params.since, params.until)?;
    let query = Query::new().with("since", range.since).with("until", range.until);
    let selection = params.include.selection();
    let mut want = ListRequest { limit: usize::MAX, ..cx.want(None, params.offset) };
    let id = &params.schedule_id;
    let mut page = match cx.api.page_below::<User, _>(&LIST_SCHEDULE_USERS, id, query, &selection).await {
        Err(error) if may_be_other_kind(&error) => {
            return shift_schedules::users(&cx, id, range, want, &params.include, error).await;
        }
        page => page?,
    };
    let mut failure = None;
    if !User::expansions(&selection, Shape::List).is_empty() {
        want.limit = MOST_EXPANDED;
        let rows = page.rows.iter_mut().skip(want.offset).take(want.limit).flatten();
        failure = cx.api.expand(rows, &selection).await;
    }
    let failure = failure.map(|error| format!("Contact data of some users could not be fetched: {error}"));
    let listing = pagination::cut(want, page);
    Ok(listed(&USERS, listing, &params.include, "since and until").warned(failure))
}
