//! Templates of status updates.

use crate::kind::Filter::{Contains, Is};
use crate::kind::Kind;
use crate::kind::Verb::{List, Show};
use crate::kind::{optional, required};

/// <https://developer.pagerduty.com/api-reference/18dbd6cdeb33d-list-templates>
pub static TEMPLATE: Kind = Kind {
    name: "template",
    many: "templates",
    path: "templates",
    page: "status-update-templates",
    serves: &[List, Show],
    fields: &[
        required("name"),
        optional("template_type", r#""status_update""#),
        optional("description", "null"),
        optional("templated_fields", "{}"),
        optional("created_by", "null"),
        optional("updated_by", "null"),
    ],
    filters: &[("query", Contains(&["name", "description"])), ("template_type", Is("template_type"))],
    check: |_| Ok(()),
    seed: include_str!("../../seed/templates.json"),
};
