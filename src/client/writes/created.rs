//! Creates incidents, each with a key by which it is found if the response is lost.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pagerduty_api::operations::incidents::{CREATE_INCIDENT, LIST_INCIDENTS};
use ring::digest;
use serde_json::{Value, json};

use super::declared::{Declared, Done, Echo, Proof, Source, State};
use super::incident_state::{STATE, members, read};
use crate::client::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::Service;
use crate::receipts::Fields;

/// The number of bytes of a hash in a key.
const HASH: usize = 12;

/// An incident to create.
#[derive(Clone, Debug)]
pub struct NewIncident {
    /// The service.
    pub service: Id<Service>,
    /// The key that no other open incident of the service has.
    pub key: String,
    /// The details, as the user wrote them.
    pub details: Option<String>,
    /// The values of the fields that can be changed later, with `title`.
    pub fields: Fields,
}

impl NewIncident {
    /// Creates an incident whose key follows from its values, so that an identical request has the same key.
    #[must_use]
    pub fn new(service: &Id<Service>, details: Option<&str>, fields: Fields) -> Self {
        let text = json!([service.as_str(), details, fields]).to_string();
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let hash = URL_SAFE_NO_PAD.encode(digest.as_ref().get(..HASH).unwrap_or_default());
        Self { service: service.clone(), key: format!("mcp-{hash}"), details: details.map(str::to_owned), fields }
    }

    /// Returns the body of the request. It has no value that was not given but the key.
    fn body(&self) -> Value {
        let Self { service, key, details, fields } = self;
        let mut incident = members(fields);
        incident.insert("type".to_owned(), "incident".into());
        incident.insert("service".to_owned(), json!({"id": service.as_str(), "type": "service_reference"}));
        incident.insert("incident_key".to_owned(), key.as_str().into());
        let details = details.as_ref().map(|details| json!({"type": "incident_body", "details": details}));
        incident.extend(details.map(|details| ("body".to_owned(), details)));
        json!({ "incident": incident })
    }

    /// Returns the way to the incidents of the service that have the key, the latest first.
    fn source(&self) -> Source {
        let query = Query::new()
            .with("incident_key", Some(&self.key))
            .with_all("service_ids", std::slice::from_ref(&self.service))
            .with("date_range", Some("all"))
            .with("sort_by", Some("created_at:desc"));
        Source { request: Request::new(&LIST_INCIDENTS, query), fields: STATE, read }
    }
}

impl Api {
    /// Reads the incidents of a service that have the key of a new one.
    pub async fn incidents_like(&self, new: &NewIncident) -> Result<State> {
        self.state(&new.source()).await
    }

    /// Creates an incident.
    pub async fn create_incident(&self, new: &NewIncident, from: Option<String>) -> Result<Done> {
        let NewIncident { service, key, .. } = new;
        let wanted = Fields::from_iter([
            ("incident_key".to_owned(), Value::from(key.as_str())),
            ("service".to_owned(), service.as_str().into()),
        ]);
        let declared = Declared {
            request: Request::new(&CREATE_INCIDENT, Query::new()),
            body: new.body(),
            gerund: "creating",
            check: format!("search_incidents with incident_key={key}"),
            sources: vec![new.source()],
            proof: Proof::New { fields: wanted, at: Some("created_at") },
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, from).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_only_given_values() {
        let fields: Fields = serde_json::from_value(
            json!({"title": "down", "assignees": [{"id": "PU"}], "conference_url": "https://a"}),
        )
        .unwrap();
        let new =
            NewIncident { key: "k".to_owned(), ..NewIncident::new(&Id::parse("P1").unwrap(), Some("more"), fields) };
        let incident = json!({
            "type": "incident", "title": "down", "incident_key": "k",
            "assignments": [{"assignee": {"id": "PU", "type": "user_reference"}}],
            "conference_bridge": {"conference_url": "https://a"},
            "service": {"id": "P1", "type": "service_reference"},
            "body": {"type": "incident_body", "details": "more"},
        });
        assert_eq!(new.body(), json!({ "incident": incident }));
    }

    #[test]
    fn key_follows_from_the_values() {
        let new = |service: &str, details: Option<&str>, title: &str| {
            let fields = Fields::from_iter([("title".to_owned(), title.into())]);
            NewIncident::new(&Id::parse(service).unwrap(), details, fields).key
        };
        let key = new("P1", None, "down");
        assert_eq!(key, new("P1", None, "down"));
        assert!(key.starts_with("mcp-") && key.len() == 20, "{key}");
        let others = [new("P2", None, "down"), new("P1", Some(""), "down"), new("P1", None, "up")];
        assert!(others.iter().all(|other| *other != key), "{others:?}");
    }
}
