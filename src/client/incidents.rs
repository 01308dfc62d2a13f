//! What only incidents have: extras of one incident, status changes, notes.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::decode::{self, Row};
use super::request::Repeat;
use super::resources::{INCIDENTS, NOTES};
use super::{Api, Query, Request};
use crate::error::{Code, Result};
use crate::fields::Selection;
use crate::ids::Id;
use crate::models::{Incident, Model, Note, past_incident, related_incident};
use crate::pagination::Want;

/// The status an incident can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewStatus {
    /// Somebody is on it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl NewStatus {
    const fn as_str(self) -> &'static str {
        match self {
            NewStatus::Acknowledged => "acknowledged",
            NewStatus::Resolved => "resolved",
        }
    }
}

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
        selection: &Selection,
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
        let score = |incident: &Map<String, Value>| incident.get("similarity_score").and_then(Value::as_f64);
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

    /// Sets the status. PagerDuty: operation `updateIncident`.
    ///
    /// Setting a status twice is the same as setting it once, so this is repeated like a read. When an earlier attempt
    /// took effect and only its answer was lost, the second is refused as already done: then the incident is read
    /// instead, because the caller's wish was fulfilled.
    pub async fn set_status(
        &self,
        id: &Id<Incident>,
        status: NewStatus,
        from: Option<String>,
        selection: &Selection,
    ) -> Result<Row<Incident>> {
        let body = json!({"incident": {"type": "incident", "status": status.as_str()}});
        let request = Request::one(&INCIDENTS, id, Query::new()).write(Method::PUT, body, from, Repeat::Always);
        let mut lost = false;
        let decode = |body: &[u8]| decode::one(body, INCIDENTS.one, selection);
        match self.send_noting(&request, decode, &mut lost).await {
            Err(error) if lost && matches!(error.code(), Code::AlreadyResolved | Code::AlreadyAcknowledged) => {
                let row = self.one::<Incident>(id, Query::new(), selection).await?;
                let now = row.facts.status.as_ref().and_then(|status| serde_json::to_value(status).ok());
                if now.as_ref().and_then(Value::as_str) == Some(status.as_str()) { Ok(row) } else { Err(error) }
            }
            other => other,
        }
    }

    /// Adds a note. PagerDuty: operation `createIncidentNote`.
    pub async fn add_note(&self, id: &Id<Incident>, content: &str, from: Option<String>) -> Result<Row<Note>> {
        let body = json!({"note": {"content": content}});
        let request = Request::below(&NOTES, id, Query::new()).write(Method::POST, body, from, Repeat::IfNotArrived);
        self.read_one(&request, NOTES.one, &Note::defaults()).await
    }
}
