//! Users.

use pagerduty_api::operations::users::{GET_USER, LIST_USERS, USERS};
use pagerduty_api::{Operation, Resource};
use pagerduty_rows::fields::{Field, nested, plain};
use serde::Deserialize;

use super::{Expansion, Listed, Model, On, Readable, Reference, fact};
use crate::error::Code;

/// A user, with the facts of the current user's context.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    #[serde(default, deserialize_with = "fact")]
    id: Option<String>,
    /// The full name.
    #[serde(default, deserialize_with = "fact")]
    pub name: Option<String>,
    /// The address that PagerDuty takes as the author of writes.
    #[serde(default, deserialize_with = "fact")]
    pub email: Option<String>,
    #[serde(default, deserialize_with = "fact")]
    teams: Option<Vec<Option<Reference>>>,
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
        self.teams.iter().flatten().flatten().filter_map(|team| team.id.clone()).collect()
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
    const FACTS: &'static [Field] =
        &[plain("id"), plain("name"), plain("email"), nested("teams", &[plain("id"), plain("type")])];
    const EXPANSIONS: &'static [Expansion] = &[
        Expansion { field: "contact_methods.address", value: "contact_methods", on: On::Both },
        Expansion { field: "notification_rules.urgency", value: "notification_rules", on: On::Both },
        Expansion { field: "http_cal_url", value: "calendar_urls", on: On::One },
        Expansion { field: "web_cal_url", value: "calendar_urls", on: On::One },
    ];

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
