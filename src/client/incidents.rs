//! What only incidents have: numbers beside IDs, notes, past and related incidents.

use pagerduty_rows::fields::Selection;
use serde_json::{Map, Value};

use super::decode::{self, Row};
use super::resources::{INCIDENTS, NOTES};
use super::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Incident, Model, Note, past_incident, related_incident};
use crate::pagination::Want;

impl Api {
    /// The ID of an incident that may have been given by its number. Writes and the extras take only IDs.
    pub async fn incident_id(&self, id: &Id<Incident>) -> Result<Id<Incident>> {
        if !id.is_number() {
            return Ok(id.clone());
        }
        Ok(self.incident_by_number(id, &Incident::facts_only()).await?.0)
    }

    /// An incident by its number, and its ID.
    pub async fn incident_by_number(
        &self,
        number: &Id<Incident>,
        selection: &Selection<'_>,
    ) -> Result<(Id<Incident>, Row<Incident>)> {
        let row = self.one::<Incident>(number, Query::new(), selection).await?;
        let id =
            row.facts.id().and_then(Id::parse).ok_or_else(|| {
                self.unexpected(&Request::one(&INCIDENTS, number, Query::new()), "it has no usable id")
            })?;
        Ok((id, row))
    }

    /// The notes of an incident, oldest first as PagerDuty gives them.
    pub async fn notes(&self, id: &Id<Incident>) -> Result<Vec<Map<String, Value>>> {
        let listing = self.list_below::<Note, _>(&NOTES, id, Query::new(), Want::all(), &Note::defaults()).await?;
        Ok(listing.rows.into_iter().map(|row| row.shown).collect())
    }

    /// Similar incidents of the past, most similar first. PagerDuty: operation `getPastIncidents`.
    pub async fn past_incidents(&self, id: &Id<Incident>) -> Result<Vec<Map<String, Value>>> {
        let items = self.extras(id, "past_incidents").await?;
        let mut incidents: Vec<_> = items.iter().map(past_incident).collect();
        let score = |incident: &Map<String, Value>| {
            let score = incident.get("similarity_score")?;
            score.as_f64().or_else(|| score.as_str()?.trim().parse().ok())
        };
        incidents.sort_by(|a, b| score(b).unwrap_or(0.0).total_cmp(&score(a).unwrap_or(0.0)));
        Ok(incidents)
    }

    /// Incidents that affect other services for a related reason. PagerDuty: operation `getRelatedIncidents`.
    pub async fn related_incidents(&self, id: &Id<Incident>) -> Result<Vec<Map<String, Value>>> {
        Ok(self.extras(id, "related_incidents").await?.iter().map(related_incident).collect())
    }

    /// Both kinds wrap the incident in an object with what relates it, so they are not resources of the table.
    async fn extras(&self, id: &Id<Incident>, key: &'static str) -> Result<Vec<Value>> {
        let request = Request::get(format!("{}/{id}/{key}", INCIDENTS.path), Query::new(), format!("incident {id}"));
        let request = Request { template: format!("{}/{{id}}/{key}", INCIDENTS.path), ..request };
        self.send(&request, |body| decode::list(body, key)).await
    }
}
