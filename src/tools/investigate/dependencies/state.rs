//! The names, the states and the open incidents of services, read side by side.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use pagerduty_api::operations::dependencies::GET_IMPACTS;
use pagerduty_rows::fields::{Field, Selection, line, plain, reference};
use serde_json::{Map, Value};
use tokio::sync::SetOnce;

use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{BusinessService, Impact, Incident, Model, Node, Service};
use crate::pagination::{End, ListRequest};
use crate::tools::Context;
use crate::tools::gather::{in_time, side_by_side};
use crate::tools::oncall::read::Named;

/// The most services that are read by ID for one answer.
const MAX_NAMED: usize = 40;

/// The most open incidents that are read for one answer.
const MAX_OPEN: usize = 100;

/// An open incident.
#[derive(Clone, Debug)]
pub struct OpenIncident {
    /// The ID.
    pub id: String,
    /// The number.
    pub number: Option<u64>,
    /// The title, as its sender wrote it.
    pub title: String,
    /// `triggered` or `acknowledged`.
    pub status: String,
    /// Set for high urgency.
    pub is_high: bool,
    /// Its priority.
    pub priority: Option<Named>,
    /// The time at which it was created.
    pub created_at: Option<Timestamp>,
    /// The service.
    pub service: Named,
}

/// The state of a service.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The name, if it is known.
    pub name: Option<String>,
    /// For a technical service `active`, `warning`, `critical`, `maintenance` or `disabled`, for a business service
    /// `impacted` or `not_impacted`.
    pub status: Option<String>,
    /// The open incidents of a technical service, the most urgent first. `None` if they are not known.
    pub open: Option<Vec<OpenIncident>>,
}

/// The states of services, with warnings about what is missing.
#[derive(Debug, Default)]
pub struct States {
    /// The states by service.
    pub states: HashMap<Node, State>,
    /// Warnings.
    pub warnings: Vec<String>,
}

const INCIDENT: &[Field] = &[
    plain("id"),
    plain("incident_number"),
    line("title"),
    plain("status"),
    plain("urgency"),
    plain("created_at"),
    reference("priority"),
    reference("service"),
];

const SERVICE: &[Field] = &[plain("id"), plain("name"), plain("status")];

impl OpenIncident {
    fn read(row: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            id: text("id")?,
            number: row.get("incident_number").and_then(Value::as_u64),
            title: text("title").unwrap_or_default(),
            status: text("status").unwrap_or_default(),
            is_high: text("urgency").as_deref() == Some("high"),
            priority: row.get("priority").and_then(Named::read),
            created_at: text("created_at").and_then(|at| at.parse().ok()),
            service: row.get("service").and_then(Named::read)?,
        })
    }

    /// Returns the order of incidents: the most urgent first, then the ones that are not acknowledged, then the oldest.
    fn rank(&self) -> (bool, bool, Option<Timestamp>) {
        (!self.is_high, self.status != "triggered", self.created_at)
    }
}

/// Reads the states of services in one round of requests. A part that fails or is late becomes a warning.
pub async fn states(cx: &Context, nodes: impl IntoIterator<Item = Node>) -> States {
    let nodes: BTreeSet<Node> = nodes.into_iter().collect();
    let (business, technical): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.is_business);
    let technical: Vec<Id<Service>> = technical.iter().filter_map(|node| Id::parse(&node.id)).collect();
    let business: Vec<Id<BusinessService>> = business.iter().filter_map(|node| Id::parse(&node.id)).collect();
    let late = SetOnce::new_with(Some(cx.api.grace()));
    let (open, services, impacts) = tokio::join!(
        in_time(open_incidents(cx, &technical), &late),
        side_by_side(cx, technical.iter().take(MAX_NAMED).map(|id| in_time(service(cx, id), &late))),
        in_time(impacts(cx, &business), &late),
    );
    let mut found = States::default();
    let node = |id: &str, is_business| Node { id: id.to_owned(), is_business };
    let mut failures = Vec::new();
    for (id, service) in technical.iter().zip(services) {
        match service {
            Ok(read) => _ = found.states.insert(node(id.as_str(), false), read),
            Err(error) => failures.push((id, error)),
        }
    }
    if let Some((id, error)) = failures.first() {
        let others = if failures.len() > 1 { format!(" and {} others", failures.len() - 1) } else { String::new() };
        found.warnings.push(format!("Service {id}{others} could not be fetched: {error}"));
    }
    if technical.len() > MAX_NAMED {
        found.warnings.push(format!("Names of {MAX_NAMED} of {} services were read.", technical.len()));
    }
    match impacts {
        Ok(impacts) => {
            for impact in impacts {
                let Some(id) = impact.id.as_deref() else { continue };
                let status = impact.is_impacted.map(|is| if is { "impacted" } else { "not_impacted" }.to_owned());
                found.states.insert(node(id, true), State { name: impact.name.clone(), status, open: None });
            }
        }
        Err(error) => {
            found.warnings.push(format!("The impact on business services could not be fetched: {error}"));
            let some = business.iter().take(MAX_NAMED);
            let named = side_by_side(cx, some.clone().map(|id| in_time(business_service(cx, id), &late))).await;
            for (id, name) in some.zip(named) {
                let state = State { name: name.ok().flatten(), ..State::default() };
                found.states.insert(node(id.as_str(), true), state);
            }
        }
    }
    match open {
        Ok((incidents, warning)) => {
            found.warnings.extend(warning);
            for id in &technical {
                found.states.entry(node(id.as_str(), false)).or_default().open = Some(Vec::new());
            }
            for incident in incidents {
                let state = found.states.entry(node(&incident.service.id, false)).or_default();
                state.name = state.name.take().or_else(|| incident.service.name.clone());
                state.open.get_or_insert_default().push(incident);
            }
        }
        Err(error) => found.warnings.push(format!("Open incidents could not be fetched: {error}")),
    }
    found
}

/// Reads the open incidents of services, the most urgent first, with a warning if some are missing.
pub async fn open_incidents(cx: &Context, services: &[Id<Service>]) -> Result<(Vec<OpenIncident>, Option<String>)> {
    if services.is_empty() {
        return Ok((Vec::new(), None));
    }
    let query = Query::new().with_all("service_ids", services).with_all("statuses", &["triggered", "acknowledged"]);
    // Without a range, PagerDuty lists those of the last month only.
    let query = query.with("date_range", Some("all")).with("sort_by", Some("urgency:desc,created_at:desc"));
    let selection = Selection::new(INCIDENT.to_vec(), Incident::FACTS);
    let wanted = ListRequest { limit: MAX_OPEN, ..ListRequest::all() };
    let listing = cx.api.list::<Incident>(query, wanted, &selection).await?;
    let warning = (listing.end != End::Complete)
        .then(|| format!("There are more than {MAX_OPEN} open incidents: only the first ones were read."));
    let mut open: Vec<_> = listing.rows.iter().filter_map(|row| OpenIncident::read(&row.shown.members())).collect();
    open.sort_by_key(OpenIncident::rank);
    Ok((open, warning))
}

async fn service(cx: &Context, id: &Id<Service>) -> Result<State> {
    let row = cx.api.one(id, Query::new(), &Selection::new(SERVICE.to_vec(), Service::FACTS)).await?;
    let members = row.shown.members();
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(State { name: text("name"), status: text("status"), open: None })
}

/// Reads the name of a business service.
async fn business_service(cx: &Context, id: &Id<BusinessService>) -> Result<Option<String>> {
    Ok(cx.api.one(id, Query::new(), &BusinessService::facts_only()).await?.facts.name)
}

/// Reads the impact on these business services.
pub async fn impacts(cx: &Context, ids: &[Id<BusinessService>]) -> Result<Vec<Impact>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let page = cx.api.first::<Impact>(&GET_IMPACTS, Query::new().with_all("ids", ids), &Impact::facts_only()).await?;
    Ok(page.rows.into_iter().flatten().map(|row| row.facts).collect())
}
