//! Changes for other people than the responders: the impact on business services, status updates and their subscribers.

use pagerduty_api::operations::communications::SET_INCIDENT_IMPACT;
use pagerduty_api::operations::dependencies::GET_INCIDENT_IMPACTS;
use pagerduty_rows::fields::{Field, plain};
use serde_json::{Map, Value, json};

use super::declared::{Declared, Done, Echo, Expected, Proof, Source, State};
use crate::client::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{BusinessService, Incident};
use crate::receipts::Fields;

/// The name of the field that says whether an incident impacts a business service.
pub const IMPACTED: &str = "impacted";

const IMPACT: &[Field] = &[plain("id"), plain("name"), plain("status")];

/// Returns the impact on a business service. PagerDuty lists those that an incident impacts.
fn impact(members: &Map<String, Value>) -> Fields {
    let is_impacted = members.get("status").is_none_or(|status| status != "not_impacted");
    let name = members.get("name").cloned().unwrap_or_default();
    Fields::from_iter([("name".to_owned(), name), (IMPACTED.to_owned(), is_impacted.into())])
}

/// Returns the way to the business services that an incident impacts.
fn impacts_of(incident: &Id<Incident>) -> Source {
    Source { request: Request::on(&GET_INCIDENT_IMPACTS, incident, Query::new()), fields: IMPACT, read: impact }
}

impl Api {
    /// Reads the business services that an incident impacts, by ID.
    pub async fn impacts(&self, incident: &Id<Incident>) -> Result<State> {
        self.state(&impacts_of(incident)).await
    }

    /// States whether an incident impacts a business service.
    pub async fn set_impact(
        &self,
        incident: &Id<Incident>,
        service: &Id<BusinessService>,
        is_impacted: bool,
    ) -> Result<Done> {
        let relation = if is_impacted { "impacted" } else { "not_impacted" };
        let value = |is_impacted: bool| Fields::from_iter([(IMPACTED.to_owned(), is_impacted.into())]);
        let unlisted = Some(value(false));
        let expected = Expected { fields: value(is_impacted), unlisted, ..Expected::of(service.as_str()) };
        let declared = Declared {
            request: Request::below(&SET_INCIDENT_IMPACT, incident, service, Query::new()),
            body: json!({ "relation": relation }),
            gerund: "setting the impact on",
            check: format!("get_dependencies with incident_id={incident}"),
            sources: vec![impacts_of(incident)],
            proof: Proof::Set(vec![expected]),
            echo: Echo::Envelope,
        };
        self.make(&declared, None).await
    }
}
