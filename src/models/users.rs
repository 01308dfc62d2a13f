//! Users. PagerDuty: `GET /users`, operation `listUsers`.

use pagerduty_rows::fields::{Field, nested, plain};
use serde::Deserialize;

use super::{Expansion, Model, On, Reference, fact};
use crate::client::resources::{Resource, USERS};

/// A user, with what the current user's context is made of.
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

/// A way to reach a user. PagerDuty: schemas `ContactMethod` and `PhoneContactMethod`.
const CONTACT_METHOD: &[Field] = &[
    plain("id"),
    plain("summary"),
    plain("type"),
    plain("address"),
    plain("country_code"),
    plain("enabled"),
    plain("blacklisted"),
];

/// A rule that says when and how a user is notified. PagerDuty: schema `NotificationRule`.
const NOTIFICATION_RULE: &[Field] = &[
    plain("id"),
    plain("summary"),
    plain("type"),
    plain("urgency"),
    plain("start_delay_in_minutes"),
    nested("contact_method", TYPED),
];

impl User {
    /// The IDs of the user's teams.
    #[must_use]
    pub fn team_ids(&self) -> Vec<String> {
        self.teams.iter().flatten().flatten().filter_map(|team| team.id.clone()).collect()
    }
}

impl Model for User {
    const RESOURCE: &'static Resource = &USERS;
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
    // These are references by default: their content has to be requested.
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
