//! The rules between an ID, the current user's context, and filters.
//!
//! Each rule is a refusal: an ID with a filter, a filter that the context decides, or neither of them. A call that passes
//! has one meaning, and never covers the whole account by accident.

use super::Context;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::models::Team;
use crate::params::{Flag, Given, Ids, Text, given};

/// The scope of a list.
pub struct Scope {
    /// The query that narrows the list.
    pub query: Query,
    /// A warning about the scope.
    pub warning: Option<String>,
}

impl From<Query> for Scope {
    fn from(query: Query) -> Self {
        Self { query, warning: None }
    }
}

/// Returns the first parameter that has a value.
fn first(filters: Given<'_>) -> Option<&'static str> {
    filters.iter().find(|(_, given)| *given).map(|(name, _)| *name)
}

/// Refuses list filters beside an ID, which names one object: it would not be clear which of the two is meant.
///
/// Paging parameters have no meaning for one object. Some clients must fill those parameters, so they are ignored, and
/// a warning is returned.
pub fn id_excludes(id: &str, filters: Given<'_>, paging: Given<'_>) -> Result<Option<String>> {
    if let Some(filter) = first(filters) {
        let message = format!("{id} cannot be combined with {filter}");
        return Err(Error::new(Code::ConflictingParameters, message)
            .hint(format!("Pass {id} alone for one object, or leave it out for a list.")));
    }
    let paging: Vec<_> = paging.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    let verb = if paging.len() == 1 { "was" } else { "were" };
    Ok((!paging.is_empty()).then(|| format!("{} {verb} ignored: {id} names one object.", paging.join(" and "))))
}

/// Refuses filters that the current user's context decides.
pub fn context_excludes(filters: Given<'_>) -> Result<()> {
    match first(filters) {
        None => Ok(()),
        Some(filter) => Err(Error::new(
            Code::ConflictingParameters,
            format!("{filter} cannot be combined with current_user_context=true, which is the default"),
        )
        .hint(format!("Pass current_user_context=false to search by {filter}, or leave {filter} out."))),
    }
}

/// Requires a filter where the context does not narrow the query.
///
/// The whole account is only the answer for a program that requests it ([`CallOptions`](super::CallOptions)).
pub fn needs_one_of(cx: &Context, filters: Given<'_>) -> Result<()> {
    if cx.options.whole_account || first(filters).is_some() {
        return Ok(());
    }
    let names = filters.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ");
    Err(Error::new(Code::MissingParameter, format!("current_user_context=false needs {names}"))
        .hint(format!("Pass {names}, or leave current_user_context true for what concerns the current user.")))
}

/// The parameters that determine the scope of a list by team.
pub struct ByTeam<'p> {
    /// Whether the list is that of the current user's teams.
    pub current_user_context: Flag<true>,
    /// The teams, if it is not.
    pub team_ids: &'p Ids<Team>,
    /// A part of the name.
    pub query: &'p Option<Text>,
    /// The plural noun of the rows.
    pub rows: &'static str,
}

impl ByTeam<'_> {
    /// Returns the scope of a list: the rows of the current user's teams, or of those given.
    ///
    /// Without a team and without a name to search for, the answer would be the whole account, which is an error. In an
    /// account without teams the whole account is the answer, because there is no other scope.
    pub async fn scope(self, cx: &Context) -> Result<Scope> {
        let scope = if self.current_user_context.is_on() { self.of_user(cx).await? } else { self.of_teams(cx).await? };
        Ok(Scope { query: scope.query.with("query", self.query.as_ref()), ..scope })
    }

    async fn of_teams(&self, cx: &Context) -> Result<Scope> {
        let query = Query::new().with_given("team_ids", self.team_ids.as_slice());
        let warning = match needs_one_of(cx, &given!(self, [team_ids, query])) {
            Ok(()) => None,
            Err(_) if !cx.api.has_teams().await? => Some(self.no_teams()),
            Err(error) => return Err(error),
        };
        Ok(Scope { query, warning })
    }

    async fn of_user(&self, cx: &Context) -> Result<Scope> {
        context_excludes(&given!(self, [team_ids]))?;
        let me = cx.api.me().await?;
        if !me.teams.is_empty() {
            return Ok(Query::new().with_all("team_ids", &me.teams).into());
        }
        if !cx.api.has_teams().await? {
            return Ok(Scope { query: Query::new(), warning: Some(self.no_teams()) });
        }
        let message = format!("the current user belongs to no team, so there are no {} of their teams", self.rows);
        Err(Error::new(Code::NoTeams, message).hint(
            "Pass current_user_context=false with query (part of the name) or team_ids (get_teams lists the teams), or an ID.",
        ))
    }

    fn no_teams(&self) -> String {
        format!("This account has no teams, so these are {} of the whole account. Narrow them with query.", self.rows)
    }
}
