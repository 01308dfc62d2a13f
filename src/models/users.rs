//! Users.

use pagerduty_api::operations::users::{GET_USER, LIST_USERS, USERS};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::facts::{self, Facts};
use pagerduty_rows::fields::{Field, nested, plain};
use serde_json::Value;

use super::{Expansion, Listed, Model, On, Readable};
use crate::error::Code;

/// A user, with the facts of the current user's context.
#[derive(Clone, Debug)]
pub struct User {
    id: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The address that PagerDuty takes as the author of writes.
    pub email: Option<String>,
    /// The name of the time zone that the user prefers.
    pub time_zone: Option<String>,
    /// The list of teams as JSON.
    teams: Option<String>,
}

const TYPED: &[Field] = &[plain("id"), plain("summary"), plain("type")];

/// The fields of a contact method. PagerDuty: schemas `ContactMethod` and `PhoneContactMethod`.
const CONTACT_METHOD: &[Field] = &[
    plain("id"),
    plain("summary"),
    plain("type"),
    plain("address"),
    plain("country_code"),
    plain("enabled"),
    plain("blacklisted"),
];

/// The fields of a notification rule. PagerDuty: schema `NotificationRule`.
const NOTIFICATION_RULE: &[Field] = &[
    plain("id"),
    plain("summary"),
    plain("type"),
    plain("urgency"),
    plain("start_delay_in_minutes"),
    nested("contact_method", TYPED),
];

impl User {
    /// Returns the IDs of the user's teams.
    #[must_use]
    pub fn team_ids(&self) -> Vec<String> {
        let teams = self.teams.as_deref().and_then(facts::parse);
        let teams = teams.as_ref().and_then(Value::as_array).into_iter().flatten();
        teams.filter_map(|team| team.get("id")?.as_str().map(str::to_owned)).collect()
    }
}

impl Model for User {
    const RESOURCE: &'static Resource = &USERS;
    const INVALID_ID: Code = Code::InvalidUserId;
    const DEFAULT: &'static [Field] = &[
        plain("id"),
        plain("name"),
        plain("email"),
        plain("type"),
        plain("description"),
        nested("teams", TYPED),
        nested("contact_methods", TYPED),
        nested("notification_rules", TYPED),
    ];
    const OTHER: &'static [&'static str] = &[
        "avatar_url",
        "color",
        "created_via_sso",
        "html_url",
        "http_cal_url",
        "invitation_sent",
        "job_title",
        "role",
        "self",
        "summary",
        "time_zone",
        "web_cal_url",
    ];
    // PagerDuty sends references unless the content is requested.
    const NAMED: &'static [Field] =
        &[nested("contact_methods", CONTACT_METHOD), nested("notification_rules", NOTIFICATION_RULE)];
    const FACTS: &'static [&'static str] = &["id", "name", "email", "time_zone", "teams"];
    const EXPANSIONS: &'static [Expansion] = &[
        Expansion { field: "contact_methods.address", value: "contact_methods", on: On::Both },
        Expansion { field: "notification_rules.urgency", value: "notification_rules", on: On::Both },
        Expansion { field: "http_cal_url", value: "calendar_urls", on: On::One },
        Expansion { field: "web_cal_url", value: "calendar_urls", on: On::One },
    ];

    fn from_facts(facts: &Facts<'_>) -> Self {
        let teams = facts.json("teams").map(str::to_owned);
        let (id, name, email) = (facts.text("id"), facts.text("name"), facts.text("email"));
        Self { id, name, email, time_zone: facts.text("time_zone"), teams }
    }

    fn goes_before(&self, other: &Self) -> bool {
        super::comes_before(self.name.as_ref(), other.name.as_ref())
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Readable for User {
    const GET: &'static Operation = &GET_USER;
}

impl Listed for User {
    const LIST: &'static Operation = &LIST_USERS;
}
