//! Users.

use crate::{Operation, Paging, Resource};

/// Users.
pub const USERS: Resource = Resource { noun: "user", one: "user", many: "users", pages: &["users"] };

pub(super) const ALL: &[&Operation] = &[&LIST_USERS, &GET_USER, &GET_CURRENT_USER];

const READ: &[&str] = &["users.read"];

/// Lists users.
pub const LIST_USERS: Operation = Operation::list("listUsers", "/users", &USERS, Paging::Offset, READ);

/// Reads one user.
pub const GET_USER: Operation = Operation::get("getUser", "/users/{id}", &USERS, READ);

/// Reads the user that the credential belongs to. PagerDuty names no scope.
pub const GET_CURRENT_USER: Operation = Operation::get("getCurrentUser", "/users/me", &USERS, &[]);
