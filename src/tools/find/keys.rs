//! Integration keys: which service receives the events that are sent with a key.

use pagerduty_api::operations::services::SERVICES;
use pagerduty_rows::fields::{Field, Selection, nested, plain, reference};
use serde_json::{Map, Value};

use super::Found;
use crate::client::Query;
use crate::error::Result;
use crate::models::{Model, Service};
use crate::pagination::{End, ListRequest};
use crate::tools::Context;

/// The length of integration keys and routing keys.
const LENGTH: usize = 32;

/// The characters at the end of a key that are shown.
const SHOWN: usize = 4;

/// The most services that are searched for a key.
const MOST_SERVICES: usize = 1_000;

const INTEGRATION: &[Field] = &[
    plain("id"),
    plain("summary"),
    plain("name"),
    plain("type"),
    plain("integration_key"),
    plain("integration_email"),
    reference("vendor"),
];

/// Returns whether a text has the form of an integration key or a routing key.
pub(super) fn is_key(text: &str) -> bool {
    let has = |class: fn(&u8) -> bool| text.as_bytes().iter().any(class);
    text.len() == LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
}

/// Returns whether an address belongs to an integration: `checkout@acme.pagerduty.com`.
pub(super) fn is_address(email: &str) -> bool {
    email.to_ascii_lowercase().ends_with(".pagerduty.com")
}

/// Returns a text without the characters of a key that must not be shown.
pub(super) fn hidden(text: &str) -> String {
    if is_key(text) { format!("…{}", text.get(LENGTH - SHOWN..).unwrap_or_default()) } else { text.to_owned() }
}

/// Finds the integration with a key or an address, by reading the services with their integrations.
///
/// PagerDuty has no search for keys, so the key itself is not sent.
pub(super) async fn find(cx: &Context, key: &str) -> Result<Found> {
    let query = Query::new().with_all("include", &["integrations"]);
    let selection = [plain("id"), plain("name"), plain("html_url"), nested("integrations", INTEGRATION)];
    let wanted = ListRequest { limit: MOST_SERVICES, ..ListRequest::all() };
    let listing = cx.api.list::<Service>(query, wanted, &Selection::new(selection.to_vec(), Service::FACTS)).await?;
    let mut rows = Vec::new();
    for service in listing.rows.iter().map(|row| row.shown.members()) {
        let integrations = service.get("integrations").and_then(Value::as_array).into_iter().flatten();
        rows.extend(
            integrations.filter(|integration| has_key(integration, key)).map(|found| row(&service, found, key)),
        );
    }
    let mut remarks = Vec::new();
    if rows.is_empty() {
        let count = listing.rows.len();
        let first = if listing.end == End::Complete { "" } else { "first " };
        remarks.push(format!(
            "None of the {first}{count} {} has an integration with {}. A routing key may also belong to an event orchestration.",
            SERVICES.many,
            hidden(key)
        ));
    }
    Ok(Found { rows, remarks })
}

fn has_key(integration: &Value, key: &str) -> bool {
    let is =
        |field: &str| integration.get(field).and_then(Value::as_str).is_some_and(|of| of.eq_ignore_ascii_case(key));
    is("integration_key") || is("integration_email")
}

fn row(service: &Map<String, Value>, integration: &Value, key: &str) -> Map<String, Value> {
    let of = |object: &Value, name: &str| object.get(name).cloned().unwrap_or_default();
    let name = [of(integration, "name"), of(integration, "summary")].into_iter().find(Value::is_string);
    let service_of = |name: &str| service.get(name).cloned().unwrap_or_default();
    let members = [
        ("kind", "integrations".into()),
        ("id", of(integration, "id")),
        ("name", name.unwrap_or_default()),
        ("type", of(integration, "type")),
        (
            "service",
            Map::from_iter([("id".to_owned(), service_of("id")), ("name".to_owned(), service_of("name"))]).into(),
        ),
        ("url", service_of("html_url")),
        ("match", "exact".into()),
        ("key", hidden(key).into()),
    ];
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_show_only_their_end() {
        for key in ["0123456789abcdef0123456789abcdef", "R028NMN4RPLJC1TZ9TT7I9L2PNQJTYNI"] {
            assert!(is_key(key), "{key}");
            assert_eq!(hidden(key), format!("…{}", &key[28..]));
        }
        for text in ["Checkout", "01234567890123456789012345678901", "P1", "a b"] {
            assert!(!is_key(text) && hidden(text) == text, "{text}");
        }
        assert!(is_address("checkout@acme.PagerDuty.com") && !is_address("ada@acme.example"));
    }
}
