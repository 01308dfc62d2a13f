//! `get_oncalls`.

use pagerduty_api::operations::escalation_policies::LIST_ESCALATION_POLICIES;
use pagerduty_api::operations::oncalls::{LIST_ON_CALLS, ONCALLS};
use pagerduty_api::operations::users::GET_CURRENT_USER;

use super::scope::{context_excludes, needs_one_of};
use super::{About, Context, Tool, Toolset, listed, run};
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{EscalationPolicy, Oncall, Schedule, User};
use crate::pagination::{End, Listing};
use crate::params::{Flag, Ids, Include, Limit, Moment, Offset, Range, given};
use crate::reply::Reply;

/// The tools about on-calls.
pub(super) const SET: Toolset = Toolset {
    name: "oncalls",
    title: "On-calls",
    about: "The users on call, by escalation policy.",
    default: true,
    instructions: "",
    tools: &[&GET_ONCALLS],
};

/// Returns the users on call.
pub(super) const GET_ONCALLS: Tool = Tool::new::<Params>(
    "get_oncalls",
    About {
        title: "Who is on call (pager)",
        hint: "on call oncall pager who now",
        description: "Who is on call, now or in a time range: for the escalation policies of me and my teams, or for given \
                      schedules, users or policies. Level 1 is paged first; no start and end means always.",
    },
    &[&LIST_ON_CALLS, &GET_CURRENT_USER, &LIST_ESCALATION_POLICIES],
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
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only the next turn per policy, level and user"
        earliest: Flag<false>,
        "Only these fields; +name adds to the default ones"
        include: Include<Oncall>,
    }
}

async fn get_oncalls(cx: Context, params: Params) -> Result<Reply> {
    let range = Range::of_oncalls(params.since, params.until)?;
    let query = if params.current_user_context.is_on() {
        context_excludes(&given!(params, [user_ids, escalation_policy_ids]))?;
        mine(&cx).await?
    } else {
        needs_one_of(&cx, &given!(params, [schedule_ids, user_ids, escalation_policy_ids]))?;
        let by_user = Query::new().with_given("user_ids", params.user_ids.as_slice());
        by_user.with_given("escalation_policy_ids", params.escalation_policy_ids.as_slice())
    };
    let query = query
        .with_given("schedule_ids", params.schedule_ids.as_slice())
        .with("since", range.since)
        .with("until", range.until)
        .with("earliest", params.earliest.is_on().then_some(true));
    let want = cx.want(params.limit, params.offset);
    let listing = cx.api.list::<Oncall>(query, want, &params.include.selection()).await?;
    let without = without_shifts(&params, &listing);
    let reply = listed(&ONCALLS, listing, &params.include, "schedule_ids, since and until, or earliest=true");
    Ok(reply.warned(without))
}

/// Returns a warning about schedules that occur in no row of a complete list.
fn without_shifts(params: &Params, listing: &Listing<Oncall>) -> Option<String> {
    if listing.end != End::Complete || params.offset.is_some() {
        return None;
    }
    let has_shifts = |id: &&Id<Schedule>| listing.rows.iter().any(|row| row.facts.is_by(id.as_str()));
    let asked = params.schedule_ids.as_slice().iter().filter(|id| id.as_str() != "null");
    let without: Vec<_> = asked.filter(|id| !has_shifts(id)).map(Id::as_str).collect();
    let context = if params.current_user_context.is_on() {
        " With current_user_context=true only policies of you and your teams count: pass false for others."
    } else {
        ""
    };
    (!without.is_empty()).then(|| {
        format!(
            "No on-calls in this range for schedule {}. PagerDuty lists on-calls by escalation policy, so a schedule on no \
             policy has none; list_users_oncall shows its users.{context}",
            without.join(", ")
        )
    })
}

/// Returns the query for every policy of the user's teams or with the user on it, so that teammates are listed, too.
///
/// Without teams or policies it is the query for the user's shifts, because no filter would mean the whole account.
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
    Ok(Query::new().with_all("escalation_policy_ids", &policies))
}
