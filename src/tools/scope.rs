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

/// Refuses list filters beside an ID, which names one object: it would not be clear which of the two is meant.
///
/// Paging parameters have no meaning for one object. Some clients must fill those parameters, so they are ignored, and
/// a warning is returned.
pub fn id_excludes(params: &impl Params, id: &str, filters: &[&'static str]) -> Result<Option<String>> {
    if let Some(filter) = first_given(params, filters) {
        let message = format!("{id} cannot be combined with {filter}");
        return Err(Error::new(Code::ConflictingParameters, message)
            .hint(format!("Pass {id} alone for one object, or leave it out for a list.")));
    }
    let paging: Vec<_> = params.given().into_iter().filter(|name| ["limit", "offset"].contains(name)).collect();
    let verb = if paging.len() == 1 { "was" } else { "were" };
    Ok((!paging.is_empty()).then(|| format!("{} {verb} ignored: {id} names one object.", paging.join(" and "))))
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

/// The scope of a list of services or users.
pub struct ByTeam {
    /// The query that narrows the list.
    pub query: Query,
    /// A warning about the scope.
    pub warning: Option<String>,
}

/// Returns the team filter of services and users: the current user's teams, or those given.
///
/// Without a team and without a name to search for, the answer would be the whole account, which is an error. In an
/// account without teams the whole account is the answer, because there is no other scope.
pub async fn by_team(
    cx: &Context,
    params: &impl Params,
    context: Flag<true>,
    teams: &Ids<Team>,
    what: &str,
) -> Result<ByTeam> {
    if !context.is_on() {
        let query = Query::new().with_given("team_ids", teams.as_slice());
        let warning = match needs_one_of(cx, params, &["team_ids", "query"]) {
            Ok(()) => None,
            Err(_) if !cx.api.has_teams().await? => Some(no_teams(what)),
            Err(error) => return Err(error),
        };
        return Ok(ByTeam { query, warning });
    }
    context_excludes(params, &["team_ids"])?;
    let me = cx.api.me().await?;
    if !me.teams.is_empty() {
        return Ok(ByTeam { query: Query::new().with_all("team_ids", &me.teams), warning: None });
    }
    if !cx.api.has_teams().await? {
        return Ok(ByTeam { query: Query::new(), warning: Some(no_teams(what)) });
    }
    let message = format!("the current user belongs to no team, so there are no {what} of their teams");
    Err(Error::new(Code::NoTeams, message).hint(
        "Pass current_user_context=false with query (part of the name) or team_ids (get_teams lists the teams), or an ID.",
    ))
}

fn no_teams(what: &str) -> String {
    format!("This account has no teams, so these are {what} of the whole account. Narrow them with query.")
}
