//! Reads the parts of an incident that have separate operations: numbers in place of IDs, past and related incidents.

use jiff::Timestamp;
use pagerduty_api::Operation;
use pagerduty_api::operations::incidents::{
    GET_INCIDENT, GET_OUTLIER_INCIDENT, GET_PAST_INCIDENTS, GET_RELATED_INCIDENTS, LIST_INCIDENT_TYPES,
};
use pagerduty_rows::facts::Facts;
use pagerduty_rows::fields::{Field, Selection, plain};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::writes::Source;
use super::{Api, Query, Request, decode};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, Outlier, Row, WRAPPED, past_incident, related_incident, related_incident_with};
use crate::params::shorten;
use crate::receipts::Fields;

/// The fields of a type of incidents.
const TYPE: &[Field] = &[plain("id"), plain("name"), plain("display_name"), plain("enabled")];

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

    /// Returns the name of the type of incidents that a text means.
    ///
    /// If the types cannot be read, the text is the name: PagerDuty refuses an unknown one.
    pub async fn incident_type(&self, text: &str) -> Result<String> {
        let types = match self
            .state(&Source {
                request: Request::new(&LIST_INCIDENT_TYPES, Query::new()),
                fields: TYPE,
                read: Clone::clone,
            })
            .await
        {
            Ok(types) => types,
            Err(error) => {
                tracing::debug!(%error, "the types of incidents cannot be read");
                return Ok(text.to_owned());
            }
        };
        let names = |kind: &Fields| {
            ["name", "display_name"].map(|name| kind.get(name).and_then(Value::as_str).map(str::to_owned))
        };
        let is_meant = |name: &Option<String>| name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(text));
        let all: Vec<_> =
            types.values().filter(|kind| kind.get("enabled") != Some(&Value::Bool(false))).map(names).collect();
        if let Some([Some(name), _]) = all.iter().find(|names| names.iter().any(is_meant)) {
            return Ok(name.clone());
        }
        let known: Vec<_> = all.into_iter().filter_map(|[name, _]| name).collect();
        Err(Error::new(
            Code::InvalidParameter,
            format!("incident_type is {:?}, which is no type of the account", shorten(text)),
        )
        .hint(format!("Pass one of {}.", known.join(", "))))
    }

    /// Returns similar incidents of the past, the most similar first: at most `most`, or PagerDuty's default number.
    pub async fn past_incidents(&self, id: &Id<Incident>, most: Option<usize>) -> Result<Vec<Object>> {
        let query = Query::new().with("limit", most);
        let mut incidents = self.wrapped_incidents(&GET_PAST_INCIDENTS, id, query, past_incident).await?;
        let score = |incident: &Map<String, Value>| {
            let score = incident.get("similarity_score")?;
            score.as_f64().or_else(|| score.as_str()?.trim().parse().ok())
        };
        incidents.sort_by(|a, b| score(b).unwrap_or(0.0).total_cmp(&score(a).unwrap_or(0.0)));
        Ok(incidents.into_iter().map(Object::from_members).collect())
    }

    /// Returns incidents that affect other services for a related reason.
    pub async fn related_incidents(&self, id: &Id<Incident>) -> Result<Vec<Object>> {
        let incidents = self.wrapped_incidents(&GET_RELATED_INCIDENTS, id, Query::new(), related_incident).await?;
        Ok(incidents.into_iter().map(Object::from_members).collect())
    }

    /// Returns incidents that affect other services for a related reason, with these fields. PagerDuty sends few of them
    /// by default.
    pub async fn related_incidents_in_full(
        &self,
        id: &Id<Incident>,
        selection: &Selection<'_>,
    ) -> Result<Vec<Map<String, Value>>> {
        let query = Query::new().with_all("additional_details", &["incident"]);
        let read = |wrapped: &Facts<'_>| related_incident_with(wrapped, selection);
        self.wrapped_incidents(&GET_RELATED_INCIDENTS, id, query, read).await
    }

    /// Returns how often incidents like this one occur on its service.
    pub async fn outlier_incident(&self, id: &Id<Incident>, since: Option<Timestamp>) -> Result<Outlier> {
        let query = Query::new().with("since", since);
        let request = Request::on(&GET_OUTLIER_INCIDENT, id, query);
        Ok(self.read_one::<Outlier>(&request, &Outlier::facts_only()).await?.facts)
    }

    /// Reads incidents that are each wrapped in an object with what relates them, so that they are no rows of a model.
    async fn wrapped_incidents(
        &self,
        operation: &'static Operation,
        id: &Id<Incident>,
        query: Query,
        unwrap: impl Fn(&Facts<'_>) -> Map<String, Value> + Send + Sync,
    ) -> Result<Vec<Map<String, Value>>> {
        let request = Request::on(operation, id, query);
        self.send(&request, |body| decode::list(body, operation.key().unwrap_or_default(), WRAPPED, &unwrap)).await
    }
}
