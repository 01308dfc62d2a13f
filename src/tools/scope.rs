//! Whose things a call is about: the rules between an ID, the current user's context, and filters.
//!
//! Each rule is a refusal: an ID beside a filter, a filter that the context decides, neither of them. A call that got past
//! them has one meaning, and never the whole account by accident.

use super::Context;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::models::Team;
use crate::params::{Flag, Ids, Params};

/// The first of `names` that was given.
fn first_given(params: &impl Params, names: &[&'static str]) -> Option<&'static str> {
    params.given().into_iter().find(|name| names.contains(name))
}

/// An ID names one object, so a filter beside it is a mistake: which of the two is meant?
pub fn id_excludes(params: &impl Params, id: &str, filters: &[&'static str]) -> Result<()> {
    match first_given(params, filters) {
        None => Ok(()),
        Some(filter) => Err(Error::new(Code::ConflictingParameters, format!("{id} cannot be combined with {filter}"))
            .hint(format!("Pass {id} alone for one object, or leave it out for a list."))),
    }
}

/// The current user's context decides some filters, so they cannot be given beside it.
pub fn context_excludes(params: &impl Params, filters: &[&'static str]) -> Result<()> {
    match first_given(params, filters) {
        None => Ok(()),
        Some(filter) => Err(Error::new(
            Code::ConflictingParameters,
            format!("{filter} cannot be combined with current_user_context=true, which is the default"),
        )
        .hint(format!("Pass current_user_context=false to search by {filter}, or leave {filter} out."))),
    }
}

/// Without the context something else has to narrow the query: the whole account is not an answer, but to a program that
/// asks for it ([`Terms`](super::Terms)).
pub fn needs_one_of(cx: &Context, params: &impl Params, filters: &[&'static str]) -> Result<()> {
    if cx.terms.whole_account || first_given(params, filters).is_some() {
        return Ok(());
    }
    let names = filters.join(" or ");
    Err(Error::new(Code::MissingParameter, format!("current_user_context=false needs {names}"))
        .hint(format!("Pass {names}, or leave current_user_context true for what concerns the current user.")))
}

/// The team filter of services and users, which are looked for by team only: the current user's teams, or those given.
///
/// A user without teams gets an error that says so: without a filter the answer would be the whole account.
pub async fn by_team(
    cx: &Context,
    params: &impl Params,
    context: Flag<true>,
    teams: &Ids<Team>,
    what: &str,
) -> Result<Query> {
    if !context.is_on() {
        needs_one_of(cx, params, &["team_ids"])?;
        return Ok(Query::new().with_all("team_ids", teams.as_slice()));
    }
    context_excludes(params, &["team_ids"])?;
    let me = cx.api.me().await?;
    if me.teams.is_empty() {
        let message = format!("the current user belongs to no team, so there are no {what} of their teams");
        return Err(Error::new(Code::NoTeams, message)
            .hint("Pass current_user_context=false with team_ids (get_teams lists the teams), or an ID."));
    }
    Ok(Query::new().with_all("team_ids", &me.teams))
}
