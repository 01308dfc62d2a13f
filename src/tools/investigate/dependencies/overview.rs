//! The business services of the account, the worst first, with the incidents below them.

use std::cmp::Reverse;

use pagerduty_api::operations::dependencies::{BUSINESS_SERVICES, GET_IMPACTS};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};
use tokio::sync::SetOnce;

use super::MAX_SHOWN;
use super::graph::{Side, walk};
use super::state::{OpenIncident, impacts, open_incidents};
use crate::client::Query;
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{BusinessService, Impact, Model, Node};
use crate::pagination::ListRequest;
use crate::reply::Reply;
use crate::tools::gather::{beside, in_time};
use crate::tools::times::Local;
use crate::tools::{Context, words};

/// The most business services whose supporting services are read.
const MAX_ROOTS: usize = 20;

/// The most business services that are listed without their impact.
const MAX_LISTED: usize = 100;

/// The business services, with the open incidents below them.
pub(super) struct Overview {
    rows: Vec<Row>,
    /// The number of dependencies up to which services below were read.
    depth: usize,
    more: bool,
    warnings: Vec<String>,
}

/// A business service.
struct Row {
    impact: Impact,
    /// The open incidents on the services that support it, the most urgent first. `None` if they were not read.
    open: Option<Vec<OpenIncident>>,
}

/// Reads the business services and what is open below the impacted ones.
pub(super) async fn read(cx: &Context, depth: usize) -> Result<Overview> {
    let mut warnings = Vec::new();
    let fields = ["services.highest_impacting_priority"];
    let query = Query::new().with_all("additional_fields", &fields);
    let selection = Impact::facts_only();
    let impacts = cx.api.first::<Impact>(&GET_IMPACTS, query, &selection);
    let (impacts, others) = beside(cx, impacts, listed(cx)).await;
    let others = others.and_then(|others| others);
    let (mut impacts, more) = match impacts {
        Ok(page) => (page.rows.into_iter().flatten().map(|row| row.facts).collect::<Vec<_>>(), page.more),
        // The plan may lack impacts, but not business services.
        Err(error) if matches!(error.code(), Code::MissingAbility | Code::PermissionDenied | Code::NotFound) => {
            warnings.push(format!("The impact on business services could not be fetched: {error}"));
            (others.clone()?, false)
        }
        Err(error) => return Err(error),
    };
    // PagerDuty lists only those that support no other business service.
    match others {
        Ok(others) => {
            let is_missing = |one: &Impact| !impacts.iter().any(|known| known.id == one.id);
            let missing: Vec<_> = others.into_iter().filter(is_missing).collect();
            impacts.extend(with_impact(cx, missing, &mut warnings).await);
        }
        Err(error) => warnings.push(format!("Business services that others depend on could not be fetched: {error}")),
    }
    let mut rows: Vec<_> = impacts.into_iter().map(|impact| Row { impact, open: None }).collect();
    let roots: Vec<_> = rows.iter().filter(|row| row.impact.is_impacted != Some(false)).filter_map(Row::node).collect();
    if roots.len() > MAX_ROOTS {
        warnings.push(format!("Open incidents were read for {MAX_ROOTS} of {} business services.", roots.len()));
    }
    let roots = roots.get(..roots.len().min(MAX_ROOTS)).unwrap_or_default();
    if !roots.is_empty() {
        match below(cx, roots, depth).await {
            Ok((found, missing)) => {
                warnings.extend(missing);
                for (root, open) in roots.iter().zip(found) {
                    if let Some(row) = rows.iter_mut().find(|row| row.node().as_ref() == Some(root)) {
                        row.open = Some(open);
                    }
                }
            }
            Err(error) => warnings.push(format!("The services below could not be fetched: {error}")),
        }
    }
    // The order of PagerDuty is by impact, and remains among equals.
    rows.sort_by_key(|row| {
        (row.impact.is_impacted != Some(true), Reverse(row.open.as_ref().map_or(0, Vec::len).min(1)))
    });
    Ok(Overview { rows, depth, more, warnings })
}

/// Returns business services with the impact on them, as far as it can be read.
async fn with_impact(cx: &Context, services: Vec<Impact>, warnings: &mut Vec<String>) -> Vec<Impact> {
    let ids: Vec<_> = services.iter().filter_map(|one| Id::<BusinessService>::parse(one.id.as_deref()?)).collect();
    if ids.is_empty() {
        return services;
    }
    let until = SetOnce::new_with(Some(cx.api.grace()));
    match in_time(impacts(cx, &ids), &until).await {
        Ok(read) => services
            .into_iter()
            .map(|one| read.iter().find(|impact| impact.id == one.id).cloned().unwrap_or(one))
            .collect(),
        Err(error) => {
            warnings.push(format!("The impact on {} business services could not be fetched: {error}", services.len()));
            services
        }
    }
}

/// Returns the business services without their impact.
async fn listed(cx: &Context) -> Result<Vec<Impact>> {
    let wanted = ListRequest { limit: MAX_LISTED, ..ListRequest::all() };
    let listing = cx.api.list::<BusinessService>(Query::new(), wanted, &BusinessService::facts_only()).await?;
    let impact = |service: BusinessService| Impact {
        id: service.id().map(str::to_owned),
        name: service.name,
        is_impacted: None,
        priority: None,
    };
    Ok(listing.rows.into_iter().map(|row| impact(row.facts)).collect())
}

/// Returns the open incidents below each of the roots, with warnings.
async fn below(cx: &Context, roots: &[Node], depth: usize) -> Result<(Vec<Vec<OpenIncident>>, Vec<String>)> {
    let walk = walk(cx, roots, &[Side::Upstream], depth).await?;
    let below: Vec<_> = roots.iter().map(|root| walk.reached(root, Side::Upstream)).collect();
    let mut services: Vec<_> = below.iter().flatten().filter(|node| !node.is_business).map(|node| &node.id).collect();
    services.sort_unstable();
    services.dedup();
    let services: Vec<_> = services.into_iter().filter_map(|id| Id::parse(id)).collect();
    let (open, warning) = open_incidents(cx, &services).await?;
    let of = |nodes: &std::collections::BTreeSet<Node>| {
        let is_below = |incident: &&OpenIncident| nodes.iter().any(|node| node.id == incident.service.id);
        open.iter().filter(is_below).cloned().collect()
    };
    Ok((below.iter().map(of).collect(), walk.warnings.into_iter().chain(warning).collect()))
}

/// Returns the answer about business services.
pub(super) fn reply(cx: &Context, found: Overview, impacted_only: bool, local: &Local) -> Reply {
    let shown = found.rows.iter().filter(|row| !impacted_only || row.is_impacted());
    let rows = shown.map(|row| Object::from_members(row.shown(local, found.depth))).collect();
    let mut reply = cx.composed(&BUSINESS_SERVICES, rows, "impacted_only, or service_id");
    if found.more {
        reply.warn("The account has more business services: PagerDuty lists the most impacted ones.");
    }
    local.name_in(&mut reply);
    reply.warned(found.warnings)
}

impl Row {
    fn node(&self) -> Option<Node> {
        let id = self.impact.id.clone().filter(|id| Id::<BusinessService>::parse(id).is_some())?;
        Some(Node { id, is_business: true })
    }

    fn is_impacted(&self) -> bool {
        self.impact.is_impacted.unwrap_or_else(|| self.open.as_ref().is_some_and(|open| !open.is_empty()))
    }

    /// Returns the highest priority that impacts it, if it is known by name.
    fn priority(&self) -> Option<&str> {
        let id = self.impact.priority.as_deref()?;
        let priorities = self.open.iter().flatten().filter_map(|incident| incident.priority.as_ref());
        priorities.into_iter().find(|priority| priority.id == id)?.name.as_deref()
    }

    /// Returns the state as a sentence: `Online Shop: impacted, highest priority P2; 3 open incidents up to 2 dependencies below
    /// it, the most urgent
    /// on Payments API: #7 “disk is full” (triggered, high).`
    fn line(&self, local: &Local, depth: usize) -> String {
        let name = words::name(self.impact.name.as_deref().or(self.impact.id.as_deref()).unwrap_or_default());
        let state = match self.impact.is_impacted {
            Some(true) => "impacted",
            Some(false) => "not impacted",
            None => "impact unknown",
        };
        let priority = self.priority().map(|name| format!(", highest priority {name}")).unwrap_or_default();
        let steps = if depth == 1 { "1 dependency".to_owned() } else { format!("{depth} dependencies") };
        let open = match self.open.as_deref() {
            None => String::new(),
            Some([]) => format!("; no open incidents found up to {steps} below it"),
            Some([first, rest @ ..]) => {
                let count =
                    if rest.is_empty() { "1 open incident" } else { &format!("{} open incidents", rest.len() + 1) };
                let first = format!("{}: {}", first.service.label(), first.words(local, None));
                format!(
                    "; {count} up to {steps} below it, {}on {first}",
                    if rest.is_empty() { "" } else { "the most urgent " }
                )
            }
        };
        format!("{name}: {state}{priority}{open}.")
    }

    fn shown(&self, local: &Local, depth: usize) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("line".to_owned(), self.line(local, depth).into());
        row.insert("id".to_owned(), self.impact.id.clone().into());
        row.insert("name".to_owned(), self.impact.name.clone().into());
        let status = self.impact.is_impacted.map(|is| if is { "impacted" } else { "not_impacted" });
        row.extend(status.map(|status| ("status".to_owned(), status.into())));
        row.extend(self.priority().map(|name| ("highest_priority".to_owned(), name.into())));
        if let Some(open) = &self.open {
            row.insert("open_incident_count".to_owned(), open.len().into());
            let incident = |one: &OpenIncident| {
                let mut members = one.shown(local);
                members.insert("service".to_owned(), one.service.shown());
                Value::Object(members)
            };
            row.insert("open_incidents".to_owned(), open.iter().take(MAX_SHOWN).map(incident).collect());
        }
        row
    }
}
