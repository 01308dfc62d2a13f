//! Single users: <https://developer.pagerduty.com/api-reference/2395ca1feb25e-get-a-user>.

use super::feeds;
use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, text};
use crate::kinds::USER;
use crate::reply::{self, Answer, OrNotFound, Problem};

/// Answers `GET /users/me`.
pub fn me(account: &Account, call: &Call) -> Answer {
    answer(account, call, call.caller.user(account).ok_or_else(Problem::no_current_user)?)
}

/// Answers `GET /users/{id}`.
pub fn show(account: &Account, call: &Call) -> Answer {
    answer(account, call, account.documents.get(&USER, &call.id).or_404()?)
}

/// Answers with a user. The addresses of the calendar feed are shown to the user, and on request to administrators.
fn answer(account: &Account, call: &Call, user: &Document) -> Answer {
    let includes = call.includes();
    let mut shown = call.view(account, &includes).whole(&USER, user);
    let may_see = match call.caller.user(account) {
        Some(caller) if text(caller, "id") == text(user, "id") => true,
        caller => {
            let is_admin = caller.is_none_or(|caller| ["admin", "owner"].contains(&text(caller, "role")));
            is_admin && includes.contains(&"calendar_urls")
        }
    };
    if may_see {
        feeds::add_urls(&mut shown, &USER, &call.base);
    }
    reply::one("user", &shown)
}
