//! `get_dependencies`, and the services around one for other tools.

mod graph;
mod overview;
mod state;

use jiff::Timestamp;
use pagerduty_api::Resource;
use pagerduty_api::operations::dependencies::{
    GET_BUSINESS_SERVICE, GET_BUSINESS_SERVICE_DEPENDENCIES, GET_IMPACTS, GET_INCIDENT_IMPACTS,
    GET_TECHNICAL_SERVICE_DEPENDENCIES, LIST_BUSINESS_SERVICES,
};
use pagerduty_api::operations::incidents::{GET_INCIDENT, LIST_INCIDENTS};
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_rows::fields::{Field, Selection, plain, reference};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};

use super::impacts;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, Node, Service};
use crate::params::{Flag, Limit};
use crate::reply::Reply;
use crate::tools::gather::beside;
use crate::tools::oncall::read::Named;
use crate::tools::times::{Local, length};
use crate::tools::tool::{About, run};
use crate::tools::words::{list, name, quoted};
use crate::tools::{Context, Tool};
use graph::{BOTH, Place, walk};

pub use graph::Side;
pub use state::{OpenIncident, State};

/// Returns the services around one, or the business services.
pub(super) const GET_DEPENDENCIES: Tool = Tool::new::<Params>(
    "get_dependencies",
    About {
        title: "Service dependencies, upstream and downstream (blast radius)",
        description: "Upstream and downstream services (blast radius): what it depends on, what breaks with it, open incidents. \
                      Without an ID: business services, worst first.",
        hint: "depend depends dependency dependencies upstream downstream blast radius affected broken",
    },
    &[
        &GET_IMPACTS,
        &GET_TECHNICAL_SERVICE_DEPENDENCIES,
        &GET_BUSINESS_SERVICE_DEPENDENCIES,
        &GET_INCIDENT,
        &GET_INCIDENT_IMPACTS,
        &LIST_INCIDENTS,
        &GET_SERVICE,
        &LIST_BUSINESS_SERVICES,
        &GET_BUSINESS_SERVICE,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, get_dependencies),
);

crate::params! {
    struct Params {
        "Service, or ID of a business service"
        service_id: Option<Id<Service>>,
        "Instead: of its service"
        incident_id: Option<Id<Incident>>,
        "Levels, 1 to 5; default 2"
        depth: Option<Limit>,
        "Only those with open incidents"
        impacted_only: Flag<false>,
    }
}

/// The rows of the answer.
const DEPENDENCIES: Resource = Resource { noun: "dependency", one: "dependency", many: "dependencies", pages: &[] };

/// The levels if no depth is given.
const DEPTH: usize = 2;

/// The most levels.
const MAX_DEPTH: usize = 5;

/// The most incidents of a service that a row has.
const MAX_SHOWN: usize = 5;

/// The most characters of a title in a sentence.
const MAX_TITLE: usize = 80;

/// A service near another one.
#[derive(Clone, Debug)]
pub struct Neighbor {
    /// The service.
    pub node: Node,
    /// Whether the other one needs it, or is needed by it.
    pub side: Side,
    /// The number of dependencies between the two.
    pub distance: usize,
    /// The services between, one dependency nearer.
    pub via: Vec<Node>,
    /// Its name, status and open incidents.
    pub state: State,
}

/// A service, and the services around it.
#[derive(Debug)]
pub struct Dependencies {
    /// The service.
    pub root: Node,
    /// Its state.
    pub state: State,
    /// The services around it: those with open incidents first, then those that it needs, the nearest first.
    pub neighbors: Vec<Neighbor>,
    /// Warnings about what is missing.
    pub warnings: Vec<String>,
}

/// Returns the services around a technical service, up to `depth` dependencies away, in `depth + 1` round trips.
///
/// A part that fails is a warning, unless it is the service's own dependencies.
pub async fn of_service(cx: &Context, id: &Id<Service>, depth: usize) -> Result<Dependencies> {
    Box::pin(of_node(cx, Node { id: id.to_string(), is_business: false }, depth)).await
}

/// Returns the services around a service of either kind.
async fn of_node(cx: &Context, root: Node, depth: usize) -> Result<Dependencies> {
    let found = walk(cx, std::slice::from_ref(&root), BOTH, depth).await?;
    let nodes = found.places.iter().map(|place| place.node.clone()).chain([root.clone()]);
    let mut states = state::states(cx, nodes).await;
    let neighbor = |place: Place| {
        let state = states.states.get(&place.node).cloned().unwrap_or_default();
        let Place { node, side, distance, via } = place;
        Neighbor { node, side, distance, via, state }
    };
    let mut neighbors: Vec<_> = found.places.into_iter().map(neighbor).collect();
    neighbors.sort_by_key(|one| (!one.is_impacted(), one.side, one.distance, one.state.name.clone()));
    let state = states.states.remove(&root).unwrap_or_default();
    Ok(Dependencies { root, state, neighbors, warnings: [found.warnings, states.warnings].concat() })
}

impl Neighbor {
    /// Returns whether it has an open incident, or is a business service that one impacts.
    pub fn is_impacted(&self) -> bool {
        self.state.is_impacted()
    }
}

impl State {
    /// Returns whether its open incidents were read, or for a business service the impact on it.
    pub fn is_known(&self) -> bool {
        self.open.is_some() || matches!(self.status.as_deref(), Some("impacted" | "not_impacted"))
    }

    /// Returns whether the service has an open incident, or is a business service that one impacts.
    pub fn is_impacted(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.is_empty()) || self.status.as_deref() == Some("impacted")
    }
}

impl Dependencies {
    /// Returns the name of a service, if it is known.
    pub fn name(&self, node: &Node) -> Option<&str> {
        let states = self.neighbors.iter().map(|one| (&one.node, &one.state));
        let found = states.chain([(&self.root, &self.state)]).find(|(known, _)| *known == node);
        found.and_then(|(_, state)| state.name.as_deref())
    }

    /// Returns a service around this one as a sentence. `since` is the start of the incident in question, if there is one.
    ///
    /// `Payments Database, which Payments API depends on: 1 open incident, #21043 “disk is full” (triggered, high, since
    /// Tue 2026-12-01 03:02 EST, 8 min before this one).`
    pub fn line(&self, one: &Neighbor, local: &Local, since: Option<Timestamp>) -> String {
        let kind = if one.node.is_business { " (business service)" } else { "" };
        let label = |node: &'_ Node| name(self.name(node).unwrap_or(&node.id)).into_owned();
        let via: Vec<_> = one.via.iter().map(label).collect();
        let relation = match (one.side, via.len()) {
            (Side::Upstream, 1) => format!("which {} depends on", via.concat()),
            (Side::Upstream, _) => format!("which {} depend on", list(&via)),
            (Side::Downstream, _) => format!("which depends on {}", list(&via)),
        };
        format!("{}{kind}, {relation}: {}.", label(&one.node), one.state.words(local, since))
    }

    /// Returns a service around this one for an answer.
    pub fn shown(&self, one: &Neighbor, local: &Local, since: Option<Timestamp>) -> Map<String, Value> {
        let named = |node: &Node| json!({"id": node.id, "name": self.name(node)});
        let mut row = Map::new();
        let side = if one.side == Side::Upstream { "upstream" } else { "downstream" };
        row.insert("line".to_owned(), self.line(one, local, since).into());
        row.insert("service".to_owned(), named(&one.node));
        row.insert("type".to_owned(), kind(&one.node).into());
        row.insert("direction".to_owned(), side.into());
        row.insert("distance".to_owned(), one.distance.into());
        row.insert("via".to_owned(), one.via.iter().map(named).collect());
        row.extend(one.state.shown(local));
        row
    }
}

fn kind(node: &Node) -> &'static str {
    if node.is_business { "business_service" } else { "service" }
}

impl State {
    /// Returns the state in words: `1 open incident, #7 “disk is full” (triggered, high)`.
    fn words(&self, local: &Local, since: Option<Timestamp>) -> String {
        let status = match self.status.as_deref() {
            Some("maintenance") => "in maintenance, ",
            Some("disabled") => "disabled, ",
            Some("impacted") => return "impacted".to_owned(),
            Some("not_impacted") => return "not impacted".to_owned(),
            _ => "",
        };
        match self.open.as_deref() {
            None => format!("{status}state unknown"),
            Some([]) => format!("{status}no open incidents"),
            Some([first]) => format!("{status}1 open incident, {}", first.words(local, since)),
            Some([first, rest @ ..]) => {
                format!("{status}{} open incidents, the most urgent is {}", rest.len() + 1, first.words(local, since))
            }
        }
    }

    /// Returns the status and the open incidents for an answer.
    fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut members = Map::new();
        members.extend(self.status.as_deref().map(|status| ("status".to_owned(), status.into())));
        if let Some(open) = &self.open {
            members.insert("open_incident_count".to_owned(), open.len().into());
            let shown: Vec<_> = open.iter().take(MAX_SHOWN).map(|one| Value::Object(one.shown(local))).collect();
            members.extend((!shown.is_empty()).then(|| ("open_incidents".to_owned(), shown.into())));
        }
        members
    }
}

impl OpenIncident {
    /// Returns the incident in words: `#7 “disk is full” (triggered, high, P2, since Tue 2026-12-01 03:02 EST)`. An incident
    /// that began before `since` has the difference.
    pub fn words(&self, local: &Local, since: Option<Timestamp>) -> String {
        let number = self.number.map_or_else(|| self.id.clone(), |number| format!("#{number}"));
        let priority = self.priority.as_ref().map(|priority| priority.label().into_owned());
        let at = self.created_at.map(|at| format!("since {}", local.text(at)));
        let earlier = self.created_at.zip(since).filter(|(at, since)| at < since);
        let earlier = earlier.map(|(at, since)| format!("{} before this one", length(since.duration_since(at))));
        let urgency = if self.is_high { "high" } else { "low" };
        let facts = [Some(self.status.clone()), Some(urgency.to_owned()), priority, at, earlier];
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        format!("{number} {} ({})", quoted(&self.title, MAX_TITLE), facts.join(", "))
    }

    /// Returns the incident for an answer.
    pub fn shown(&self, local: &Local) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("id".to_owned(), self.id.as_str().into());
        members.extend(self.number.map(|number| ("incident_number".to_owned(), number.into())));
        members.insert("title".to_owned(), self.title.as_str().into());
        members.insert("status".to_owned(), self.status.as_str().into());
        members.insert("urgency".to_owned(), if self.is_high { "high" } else { "low" }.into());
        members.extend(self.priority.as_ref().map(|priority| ("priority".to_owned(), priority.shown())));
        members.extend(self.created_at.map(|at| ("created_at".to_owned(), local.iso(at).into())));
        members
    }
}

/// The most services whose dependencies are read to find those between them.
const MAX_LINKED: usize = 25;

/// Returns the direct dependencies of these services, as pairs of a service and one that needs it, with warnings about what
/// is missing.
pub async fn below(cx: &Context, services: &[Id<Service>]) -> (Vec<(String, String)>, Vec<String>) {
    let mut roots: Vec<_> =
        services.iter().map(|id| Node { id: id.to_string(), is_business: false }).take(MAX_LINKED).collect();
    roots.dedup();
    let walk = match walk(cx, &roots, &[Side::Upstream], 1).await {
        Ok(walk) => walk,
        Err(error) => return (Vec::new(), vec![format!("Dependencies could not be fetched: {error}")]),
    };
    let pairs = walk.pairs().filter(|(supporting, dependent)| !supporting.is_business && roots.contains(dependent));
    let pairs = pairs.map(|(supporting, dependent)| (supporting.id.clone(), dependent.id.clone())).collect();
    let left = services.len().saturating_sub(MAX_LINKED);
    let cut = (left > 0).then(|| format!("The dependencies of {left} of {} services were not read.", services.len()));
    (pairs, walk.warnings.into_iter().chain(cut).collect())
}

const INCIDENT: &[Field] = &[plain("id"), plain("incident_number"), plain("created_at"), reference("service")];

/// The incident that the services are about.
struct Subject {
    id: String,
    number: Option<u64>,
    created_at: Option<Timestamp>,
}

async fn get_dependencies(cx: Context, params: Params) -> Result<Reply> {
    let depth = params.depth.map_or(DEPTH, Limit::get);
    if depth > MAX_DEPTH {
        return Err(Error::new(Code::InvalidParameter, format!("depth is {depth}, more than {MAX_DEPTH}"))
            .hint(format!("Pass a depth from 1 to {MAX_DEPTH}.")));
    }
    let local = Local::of(&cx, None);
    match (&params.service_id, &params.incident_id) {
        (Some(_), Some(_)) => {
            Err(Error::new(Code::ConflictingParameters, "service_id cannot be combined with incident_id")
                .hint("Pass service_id alone, or incident_id for the service of that incident."))
        }
        (None, None) => {
            let (found, local) = tokio::join!(overview::read(&cx, depth), local);
            Ok(overview::reply(&cx, found?, params.impacted_only.is_on(), &local))
        }
        (Some(id), None) => {
            let (found, local) = tokio::join!(of_either_kind(&cx, id, depth), local);
            Ok(reply(&cx, &found?, None, params.impacted_only.is_on(), &local))
        }
        (None, Some(id)) => {
            let (found, local) = tokio::join!(of_incident(&cx, id, depth), local);
            let (found, subject, impacts) = found?;
            let mut reply = reply(&cx, &found, subject.created_at, params.impacted_only.is_on(), &local);
            reply.set("incident", json!({"id": subject.id, "incident_number": subject.number}));
            match impacts {
                Ok(impacts) => {
                    let shown = impacts.services.iter().map(Named::shown).collect::<Value>();
                    reply.set("impacted_business_services", shown);
                }
                Err(error) => reply.warn(format!("The impact of the incident could not be fetched: {error}")),
            }
            Ok(reply)
        }
    }
}

/// Returns the services around a technical service, or around the business service with this ID.
async fn of_either_kind(cx: &Context, id: &Id<Service>, depth: usize) -> Result<Dependencies> {
    let technical = of_service(cx, id, depth).await;
    let may_be_business = match &technical {
        Err(error) => error.code() == Code::NotFound,
        // An unknown ID may have an empty list, too.
        Ok(found) => found.neighbors.is_empty() && found.state.status.is_none(),
    };
    if !may_be_business {
        return technical;
    }
    match of_node(cx, Node { id: id.to_string(), is_business: true }, depth).await {
        Err(error) if error.code() != Code::NotFound && technical.is_err() => Err(error),
        Err(_) => technical,
        found => found,
    }
}

/// Returns the services around that of an incident, and the impact of the incident.
async fn of_incident(
    cx: &Context,
    id: &Id<Incident>,
    depth: usize,
) -> Result<(Dependencies, Subject, Result<impacts::Impacts>)> {
    let id = cx.api.incident_id(id).await?;
    let around = async {
        let row = cx.api.one(&id, Query::new(), &Selection::new(INCIDENT.to_vec(), Incident::FACTS)).await?;
        let members = row.shown.members();
        let subject = Subject {
            id: id.to_string(),
            number: members.get("incident_number").and_then(Value::as_u64),
            created_at: members.get("created_at").and_then(Value::as_str).and_then(|at| at.parse().ok()),
        };
        let service = members.get("service").and_then(Named::read).and_then(|service| Id::parse(&service.id));
        let service = service.ok_or_else(|| {
            Error::new(Code::NotFound, format!("incident {id} names no service")).hint("Pass service_id.")
        })?;
        Ok::<_, Error>((of_service(cx, &service, depth).await?, subject))
    };
    let (around, impacts) = beside(cx, Box::pin(around), impacts::of_incident(cx, &id)).await;
    let (found, subject) = around?;
    Ok((found, subject, impacts.and_then(|impacts| impacts)))
}

/// Returns the answer about a service.
fn reply(cx: &Context, found: &Dependencies, since: Option<Timestamp>, impacted_only: bool, local: &Local) -> Reply {
    let shown = found.neighbors.iter().filter(|one| !impacted_only || one.is_impacted());
    let rows: Vec<_> = shown.map(|one| Object::from_members(found.shown(one, local, since))).collect();
    let is_alone = found.neighbors.is_empty() && found.warnings.is_empty();
    let mut reply = cx.composed(&DEPENDENCIES, rows, "a smaller depth, or impacted_only");
    let mut service = Map::new();
    service.insert("id".to_owned(), found.root.id.as_str().into());
    service.extend(found.state.name.as_deref().map(|name| ("name".to_owned(), name.into())));
    service.insert("type".to_owned(), kind(&found.root).into());
    service.extend(found.state.shown(local));
    reply.set("service", service);
    local.name_in(&mut reply);
    if is_alone {
        reply.warn("PagerDuty has no dependencies of this service.");
    }
    reply.warned(found.warnings.iter().cloned())
}
