//! The current user: <https://developer.pagerduty.com/api-reference/a494b8f50c5f6-get-the-current-user>.

use crate::account::Account;
use crate::call::Call;
use crate::engine;
use crate::kinds::USER;
use crate::reply::{Answer, Problem};

/// Answers `GET /users/me`.
pub fn me(account: &Account, call: &Call) -> Answer {
    let user = call.caller.user(account).ok_or_else(Problem::no_current_user)?;
    engine::one(&USER, user, account, call)
}
