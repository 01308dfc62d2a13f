//! The members of teams: <https://developer.pagerduty.com/api-reference/e35802f2e7d6d-list-members-of-a-team>.

use serde_json::json;

use crate::account::Account;
use crate::call::Call;
use crate::documents::{entries, id_of};
use crate::kinds::{TEAM, USER};
use crate::reply::{self, Answer, OrNotFound};

/// Answers `GET /teams/{id}/members`.
pub fn members(account: &Account, call: &Call) -> Answer {
    account.documents.get(&TEAM, &call.id).or_404()?;
    let membership = |user| entries(user, "teams").iter().find(|team| id_of(team) == call.id).map(|team| (user, team));
    let members: Vec<_> = account.documents.all(&USER).iter().filter_map(membership).collect();
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list(
        "members",
        &members,
        &call.params,
        |(user, team)| json!({"user": view.link(&USER, crate::documents::text(user, "id"), "users"), "role": team.get("role")}),
    )
}
