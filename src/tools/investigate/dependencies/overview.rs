//! The business services of the account, the worst first, with the incidents below them.

use std::cmp::Reverse;

use pagerduty_api::operations::dependencies::{BUSINESS_SERVICES, GET_IMPACTS};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::MAX_SHOWN;
use super::graph::{Side, walk};
use super::state::{OpenIncident, open_incidents};
use crate::client::Query;
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{BusinessService, Impact, Model, Node};
use crate::pagination::ListRequest;
use crate::reply::Reply;
use crate::tools::Context;
use crate::tools::times::Local;

/// The most business services whose supporting services are read.
const MAX_ROOTS: usize = 20;

/// The most business services that are listed without their impact.
const MAX_LISTED: usize = 100;

/// The business services, with the open incidents below them.
pub(super) struct Overview {
    rows: Vec<Row>,
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
    let (impacts, more) = match cx.api.first::<Impact>(&GET_IMPACTS, query, &Impact::facts_only()).await {
        Ok(page) => (page.rows.into_iter().flatten().map(|row| row.facts).collect(), page.more),
        // The plan may lack impacts, but not business services.
        Err(error) if matches!(error.code(), Code::MissingAbility | Code::PermissionDenied | Code::NotFound) => {
            warnings.push(format!("The impact on business services could not be fetched: {error}"));
            (listed(cx).await?, false)
        }
        Err(error) => return Err(error),
    };
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
    Ok(Overview { rows, more, warnings })
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
    let rows = shown.map(|row| Object::from_members(row.shown(local))).collect();
    let mut reply = cx.composed(&BUSINESS_SERVICES, rows, "impacted_only, or service_id");
    if found.more {
        reply.warn("The account has more business services: PagerDuty lists the most impacted ones.");
    }
    reply.set("time_zone", local.name());
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

    /// Returns the state as a sentence: `Online Shop: impacted, highest priority P2; 3 open incidents below it, the most urgent
    /// on Payments API: #7 “disk is full” (triggered, high).`
    fn line(&self, local: &Local) -> String {
        let name = self.impact.name.as_deref().or(self.impact.id.as_deref()).unwrap_or_default();
        let state = match self.impact.is_impacted {
            Some(true) => "impacted",
            Some(false) => "not impacted",
            None => "impact unknown",
        };
        let priority = self.priority().map(|name| format!(", highest priority {name}")).unwrap_or_default();
        let open = match self.open.as_deref() {
            None => String::new(),
            Some([]) => "; no open incidents found below it".to_owned(),
            Some([first, rest @ ..]) => {
                let count =
                    if rest.is_empty() { "1 open incident" } else { &format!("{} open incidents", rest.len() + 1) };
                let first = format!("{}: {}", first.service.label(), first.words(local, None));
                format!("; {count} below it, {}on {first}", if rest.is_empty() { "" } else { "the most urgent " })
            }
        };
        format!("{name}: {state}{priority}{open}.")
    }

    fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("line".to_owned(), self.line(local).into());
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
