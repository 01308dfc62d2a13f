//! Reads the parts of an incident that have separate operations: numbers in place of IDs, past and related incidents.

use pagerduty_api::Operation;
use pagerduty_api::operations::incidents::{GET_INCIDENT, GET_PAST_INCIDENTS, GET_RELATED_INCIDENTS};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::Selection;
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::{Api, Query, Request, decode};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Incident, Model, Row, WRAPPED, past_incident, related_incident};

impl Api {
    /// Returns the ID of an incident that may have been given by its number. Writes and side requests take only IDs.
    pub async fn incident_id(&self, id: &Id<Incident>) -> Result<Id<Incident>> {
        if !id.is_number() {
            return Ok(id.clone());
        }
        Ok(self.incident_by_number(id, &Incident::facts_only()).await?.0)
    }

    /// Returns an incident by its number, and its ID.
    pub async fn incident_by_number(
        &self,
        number: &Id<Incident>,
        selection: &Selection<'_>,
    ) -> Result<(Id<Incident>, Row<Incident>)> {
        let row = self.one::<Incident>(number, Query::new(), selection).await?;
        let id =
            row.facts.id().and_then(Id::parse).ok_or_else(|| {
                self.unexpected(&Request::on(&GET_INCIDENT, number, Query::new()), "it has no usable id")
            })?;
        Ok((id, row))
    }

    /// Returns similar incidents of the past, the most similar first.
    pub async fn past_incidents(&self, id: &Id<Incident>) -> Result<Vec<Object>> {
        let mut incidents = self.wrapped_incidents(&GET_PAST_INCIDENTS, id, past_incident).await?;
        let score = |incident: &Map<String, Value>| {
            let score = incident.get("similarity_score")?;
            score.as_f64().or_else(|| score.as_str()?.trim().parse().ok())
        };
        incidents.sort_by(|a, b| score(b).unwrap_or(0.0).total_cmp(&score(a).unwrap_or(0.0)));
        Ok(incidents.into_iter().map(Object::from_members).collect())
    }

    /// Returns incidents that affect other services for a related reason.
    pub async fn related_incidents(&self, id: &Id<Incident>) -> Result<Vec<Object>> {
        let incidents = self.wrapped_incidents(&GET_RELATED_INCIDENTS, id, related_incident).await?;
        Ok(incidents.into_iter().map(Object::from_members).collect())
    }

    /// Reads incidents that are each wrapped in an object with what relates them, so that they are no rows of a model.
    async fn wrapped_incidents(
        &self,
        operation: &'static Operation,
        id: &Id<Incident>,
        unwrap: fn(&Facts<'_>) -> Map<String, Value>,
    ) -> Result<Vec<Map<String, Value>>> {
        let request = Request::on(operation, id, Query::new());
        self.send(&request, |body| decode::list(body, operation.key().unwrap_or_default(), WRAPPED, unwrap)).await
    }
}
