//! Teams: <https://developer.pagerduty.com/api-reference/0138639504311-list-teams>.

use serde::{Serialize, Serializer};

use super::account::{Account, Team, User, find};
use super::call::Call;
use super::params::{Filter, matches_query, select};
use super::reply::{self, Answer};
use super::wire::{Head, Link, View, Whole};

const FILTERS: &[Filter<Team>] = &[("query", |team, wanted| matches_query(team.name, wanted))];

/// `GET /teams`
pub fn list(account: &Account, call: &Call) -> Answer {
    let teams = select(account.teams.iter().map(AsRef::as_ref), FILTERS, &call.params);
    let view = call.view(account, &[]);
    reply::list("teams", &teams, &call.params, |team| view.whole(*team))
}

/// `GET /teams/{id}`
pub fn show(account: &Account, call: &Call) -> Answer {
    reply::one("team", &call.view(account, &[]).whole(find(&account.teams, &call.id)?))
}

#[derive(Serialize)]
struct MemberFields<'a> {
    user: Link<'a, User>,
    role: &'a str,
}

/// `GET /teams/{id}/members`
pub fn members(account: &Account, call: &Call) -> Answer {
    let team = find(&account.teams, &call.id)?;
    let members: Vec<_> = account.members(team).collect();
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("members", &members, &call.params, |(user, membership)| MemberFields {
        user: view.link(user, "users"),
        role: membership.role,
    })
}

#[derive(Serialize)]
struct TeamFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    name: &'a str,
    description: &'a str,
    default_role: &'a str,
    parent: Option<Head<'a>>,
}

impl Whole for Team {
    fn write<S: Serializer>(&self, view: View<'_>, to: S) -> Result<S::Ok, S::Error> {
        TeamFields {
            head: Head::whole(self, view.base),
            name: self.name,
            description: self.description,
            default_role: "manager",
            parent: self.parent.as_deref().map(|parent| Head::reference(parent, view.base)),
        }
        .serialize(to)
    }
}
