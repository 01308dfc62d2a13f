//! `get_oncalls`.

use super::scope::{context_excludes, needs_one_of};
use super::{About, Context, Tool, Toolset, run};
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::models::{EscalationPolicy, Oncall, Schedule, User};
use crate::params::{Flag, Ids, Include, Limit, MOST_IDS, Moment, Offset, Range};
use crate::reply::Reply;

/// Who is on call.
pub(super) const GET_ONCALLS: Tool = Tool::read::<Params>(
    "get_oncalls",
    Toolset::Oncalls,
    About {
        title: "Who is on call (pager)",
        hint: "on call oncall pager who now",
        description: "Who is on call, now or in a time range: for the escalation policies of me and my teams, or for given \
                      schedules, users or policies. Level 1 is paged first; no start and end means always.",
    },
    |cx, arguments| run(cx, arguments, get_oncalls),
);

crate::params! {
    struct Params {
        "true: policies of me and my teams; false: pass a filter"
        current_user_context: Flag<true>,
        "Schedule IDs"
        schedule_ids: Ids<Schedule>,
        "User IDs, with current_user_context=false"
        user_ids: Ids<User>,
        "With current_user_context=false"
        escalation_policy_ids: Ids<EscalationPolicy>,
        "ISO 8601, UTC unless it has an offset; default now"
        since: Option<Moment>,
        "Default now; at most 90 days ahead"
        until: Option<Moment>,
        "Max results, default 100"
        limit: Option<Limit>,
        "For the next page: next_offset of the previous answer"
        offset: Option<Offset>,
        "Only the next turn per policy, level and user"
        earliest: Flag<false>,
        "Return only these fields, instead of the default ones"
        include: Include<Oncall>,
    }
}

async fn get_oncalls(cx: Context, params: Params) -> Result<Reply> {
    let range = Range::ahead(params.since, params.until)?;
    let query = if params.current_user_context.is_on() {
        context_excludes(&params, &["user_ids", "escalation_policy_ids"])?;
        mine(&cx).await?
    } else {
        needs_one_of(&cx, &params, &["schedule_ids", "user_ids", "escalation_policy_ids"])?;
        let by_user = Query::new().with_all("user_ids", params.user_ids.as_slice());
        by_user.with_all("escalation_policy_ids", params.escalation_policy_ids.as_slice())
    };
    let query = query
        .with_all("schedule_ids", params.schedule_ids.as_slice())
        .with("since", range.since)
        .with("until", range.until)
        .with("earliest", params.earliest.is_on().then_some(true));
    let want = cx.want(params.limit, params.offset);
    cx.list(query, want, &params.include, "schedule_ids, since and until, or earliest=true").await
}

/// Every policy of the user's teams or with the user on it, so that teammates show up. Without teams, or without any
/// policy, the user's own turns: no filter at all would be the whole account.
async fn mine(cx: &Context) -> Result<Query> {
    let me = cx.api.me().await?;
    if me.teams.is_empty() {
        return Ok(Query::new().with_all("user_ids", std::slice::from_ref(&me.id)));
    }
    let (theirs, own) = tokio::try_join!(cx.api.policies_of_teams(&me.teams), cx.api.policies_of_user(&me.id))?;
    let also = own.ids.iter().filter(|policy| !theirs.ids.contains(policy));
    let policies: Vec<_> = theirs.ids.iter().chain(also).cloned().collect();
    if policies.is_empty() {
        return Ok(Query::new().with_all("user_ids", std::slice::from_ref(&me.id)));
    }
    if policies.len() > MOST_IDS {
        let message = format!(
            "the user and their teams have {} escalation policies, more than one request can name",
            policies.len()
        );
        return Err(Error::new(Code::InvalidParameter, message).hint(format!(
            "Pass current_user_context=false with up to {MOST_IDS} escalation_policy_ids, schedule_ids or user_ids."
        )));
    }
    Ok(Query::new().with_all("escalation_policy_ids", &policies))
}
