//! Users: <https://developer.pagerduty.com/api-reference/c96e889522dd6-list-users>.

use serde::{Serialize, Serializer};

use super::account::{Account, ContactMethod, NotificationRule, Team, Urgency, User, find};
use super::call::Call;
use super::params::{Filter, matches_query, select};
use super::reply::{self, Answer, Problem};
use super::wire::{Either, Head, Link, View, Whole};

const FILTERS: &[Filter<User>] = &[
    ("query", |user, wanted| matches_query(user.name, wanted) || matches_query(&user.email, wanted)),
    ("team_ids[]", |user, wanted| {
        user.memberships.iter().any(|membership| wanted.contains(&membership.team.id.as_str()))
    }),
];

/// `GET /users`
pub fn list(account: &Account, call: &Call) -> Answer {
    let users = select(account.users.iter().map(AsRef::as_ref), FILTERS, &call.params);
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("users", &users, &call.params, |user| view.whole(*user))
}

/// `GET /users/{id}`
pub fn show(account: &Account, call: &Call) -> Answer {
    reply::one("user", &call.view(account, &call.includes()).whole(find(&account.users, &call.id)?))
}

/// `GET /users/me`
pub fn me(account: &Account, call: &Call) -> Answer {
    let user = call.caller.user(account).ok_or_else(Problem::no_current_user)?;
    reply::one("user", &call.view(account, &call.includes()).whole(user.as_ref()))
}

#[derive(Serialize)]
struct UserFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    name: &'a str,
    email: &'a str,
    time_zone: &'a str,
    color: &'a str,
    avatar_url: &'a str,
    role: &'a str,
    description: Option<&'a str>,
    invitation_sent: bool,
    job_title: &'a str,
    created_via_sso: bool,
    teams: Vec<Link<'a, Team>>,
    contact_methods: Vec<Either<Head<'a>, ContactMethodFields<'a>>>,
    notification_rules: Vec<Either<Head<'a>, NotificationRuleFields<'a>>>,
}

impl Whole for User {
    fn write<S: Serializer>(&self, view: View<'_>, to: S) -> Result<S::Ok, S::Error> {
        let contact_method = |method| contact_method(self, method, view);
        let notification_rule = |rule| notification_rule(self, rule, view);
        UserFields {
            head: Head::whole(self, view.base),
            name: self.name,
            email: &self.email,
            time_zone: self.time_zone,
            color: self.color,
            avatar_url: "https://acme.pagerduty.com/avatars/blank.png",
            role: self.role,
            description: self.description,
            invitation_sent: false,
            job_title: self.job_title,
            created_via_sso: true,
            teams: view.links(self.memberships.iter().map(|membership| membership.team.as_ref()), "teams"),
            contact_methods: self.contact_methods.iter().map(contact_method).collect(),
            notification_rules: self.notification_rules.iter().map(notification_rule).collect(),
        }
        .serialize(to)
    }
}

#[derive(Serialize)]
struct ContactMethodFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    label: &'a str,
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<u16>,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    blacklisted: Option<bool>,
}

fn contact_method<'a>(
    user: &User,
    method: &'a ContactMethod,
    view: View<'_>,
) -> Either<Head<'a>, ContactMethodFields<'a>> {
    let head = |kind| Head::inside(user, "contact_methods", &method.id, kind, method.label, view.base);
    if view.includes("contact_methods") {
        let is_phone = !method.address.contains('@');
        Either::Right(ContactMethodFields {
            head: head(method.kind.whole),
            label: method.label,
            address: &method.address,
            country_code: is_phone.then_some(1),
            enabled: true,
            blacklisted: is_phone.then_some(false),
        })
    } else {
        Either::Left(head(method.kind.reference))
    }
}

#[derive(Serialize)]
struct NotificationRuleFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    start_delay_in_minutes: u32,
    urgency: Urgency,
    contact_method: Head<'a>,
}

fn notification_rule<'a>(
    user: &'a User,
    rule: &'a NotificationRule,
    view: View<'_>,
) -> Either<Head<'a>, NotificationRuleFields<'a>> {
    let head = |kind| Head::inside(user, "notification_rules", &rule.id, kind, rule.summary, view.base);
    let method = user.contact_methods.iter().find(|method| method.id == rule.contact_method);
    match method {
        Some(method) if view.includes("notification_rules") => Either::Right(NotificationRuleFields {
            head: head("assignment_notification_rule"),
            start_delay_in_minutes: rule.delay_in_minutes,
            urgency: rule.urgency,
            contact_method: Head::inside(
                user,
                "contact_methods",
                &method.id,
                method.kind.reference,
                method.label,
                view.base,
            ),
        }),
        _ => Either::Left(head("assignment_notification_rule_reference")),
    }
}
