//! Users.

use crate::{Operation, Paging, Resource};

/// Users.
pub const USERS: Resource = Resource { noun: "user", one: "user", many: "users", pages: &["users"] };

/// The ways to reach a user.
pub const CONTACT_METHODS: Resource =
    Resource { noun: "contact method", one: "contact_method", many: "contact_methods", pages: &[] };

/// The rules by which a user is notified.
pub const NOTIFICATION_RULES: Resource =
    Resource { noun: "notification rule", one: "notification_rule", many: "notification_rules", pages: &[] };

pub(super) const ALL: &[&Operation] =
    &[&LIST_USERS, &GET_USER, &GET_CURRENT_USER, &LIST_CONTACT_METHODS, &LIST_NOTIFICATION_RULES];

const READ: &[&str] = &["users.read"];
const READ_CONTACTS: &[&str] = &["users:contact_methods.read"];

/// Lists users.
pub const LIST_USERS: Operation = Operation::list("listUsers", "/users", &USERS, Paging::Offset, READ);

/// Reads one user.
pub const GET_USER: Operation = Operation::get("getUser", "/users/{id}", &USERS, READ);

/// Reads the user that the credential belongs to. PagerDuty names no scope.
pub const GET_CURRENT_USER: Operation = Operation::get("getCurrentUser", "/users/me", &USERS, &[]);

/// Lists the ways to reach a user.
pub const LIST_CONTACT_METHODS: Operation =
    Operation::list_of("getUserContactMethods", "/users/{id}/contact_methods", &USERS, &CONTACT_METHODS, READ_CONTACTS);

/// Lists the rules by which a user is notified.
pub const LIST_NOTIFICATION_RULES: Operation = Operation::list_of(
    "getUserNotificationRules",
    "/users/{id}/notification_rules",
    &USERS,
    &NOTIFICATION_RULES,
    READ_CONTACTS,
);
