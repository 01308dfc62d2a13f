//! The services around one, level by level, in both directions.

use std::collections::{BTreeSet, HashMap, HashSet};

use pagerduty_api::operations::dependencies::{GET_BUSINESS_SERVICE_DEPENDENCIES, GET_TECHNICAL_SERVICE_DEPENDENCIES};

use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{BusinessService, Model, Node, Relationship, Service};
use crate::tools::Context;
use crate::tools::gather::side_by_side;

/// The most services whose dependencies are read for one answer.
const MAX_READ: usize = 60;

/// A direction from a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The services that it needs.
    Upstream,
    /// The services that need it.
    Downstream,
}

/// Both directions.
pub const BOTH: &[Side] = &[Side::Upstream, Side::Downstream];

/// A service near one of the roots.
#[derive(Clone, Debug)]
pub struct Place {
    /// The service.
    pub node: Node,
    /// The direction from the roots.
    pub side: Side,
    /// The number of dependencies between it and the nearest root.
    pub distance: usize,
    /// The services that it is connected by, one dependency nearer to the roots.
    pub via: Vec<Node>,
}

/// The services near the roots, the nearest first.
#[derive(Debug, Default)]
pub struct Walk {
    /// The services, without the roots. One that is needed and needs a root itself has two places.
    pub places: Vec<Place>,
    /// The dependencies of each service that was read.
    known: HashMap<Node, Vec<Relationship>>,
    /// Warnings about dependencies that are missing.
    pub warnings: Vec<String>,
}

impl Walk {
    /// Returns the services on a side of a service, as far as they were found.
    pub fn reached(&self, from: &Node, side: Side) -> BTreeSet<Node> {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(node) = next.pop() {
            let beyond = self.known.get(node).into_iter().flatten().filter_map(|one| beyond(one, node, side));
            next.extend(beyond.filter(|one| *one != from && reached.insert((*one).clone())));
        }
        reached
    }

    /// Returns the dependencies that were read, as pairs of a service and one that needs it.
    pub fn pairs(&self) -> impl Iterator<Item = (&Node, &Node)> {
        let pairs: BTreeSet<_> = self
            .known
            .values()
            .flatten()
            .filter_map(|one| Some((one.supporting.as_ref()?, one.dependent.as_ref()?)))
            .collect();
        pairs.into_iter()
    }
}

/// Finds the services up to `depth` dependencies away from the roots.
///
/// The dependencies of each service are read once, so that a cycle ends. It fails if those of no root can be read.
pub async fn walk(cx: &Context, roots: &[Node], sides: &[Side], depth: usize) -> Result<Walk> {
    let mut walk = Walk::default();
    let (mut failed, mut unread) = (Vec::new(), BTreeSet::new());
    let mut seen: HashSet<(Side, Node)> = HashSet::new();
    let mut frontier: Vec<(Side, Node)> =
        sides.iter().flat_map(|side| roots.iter().map(move |root| (*side, root.clone()))).collect();
    seen.extend(frontier.iter().cloned());
    for distance in 1..=depth {
        let mut wanted: Vec<Node> = Vec::new();
        for (_, end) in &frontier {
            if !walk.known.contains_key(end) && !wanted.contains(end) {
                wanted.push(end.clone());
            }
        }
        let room = MAX_READ.saturating_sub(walk.known.len() + failed.len());
        unread.extend(wanted.iter().skip(room).cloned());
        wanted.truncate(room);
        let answers = side_by_side(cx, wanted.iter().map(|end| relationships(cx, end))).await;
        for (end, answer) in wanted.into_iter().zip(answers) {
            match answer {
                Ok(found) => _ = walk.known.insert(end, found),
                Err(error) => failed.push((end, error)),
            }
        }
        if walk.known.is_empty()
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        let mut next: Vec<Place> = Vec::new();
        for (side, end) in frontier {
            for neighbor in walk.known.get(&end).into_iter().flatten().filter_map(|one| beyond(one, &end, side)) {
                let same = next.iter_mut().find(|place| place.side == side && place.node == *neighbor);
                match same {
                    Some(place) if !place.via.contains(&end) => place.via.push(end.clone()),
                    None if seen.insert((side, neighbor.clone())) => {
                        next.push(Place { node: neighbor.clone(), side, distance, via: vec![end.clone()] });
                    }
                    _ => {}
                }
            }
        }
        frontier = next.iter().map(|place| (place.side, place.node.clone())).collect();
        walk.places.extend(next);
        if frontier.is_empty() {
            break;
        }
    }
    if let Some((end, error)) = failed.first() {
        let others = if failed.len() > 1 { format!(" and {} others", failed.len() - 1) } else { String::new() };
        walk.warnings.push(format!("The dependencies of service {}{others} could not be fetched: {error}", end.id));
    }
    if !unread.is_empty() {
        walk.warnings.push(format!(
            "The dependencies of {MAX_READ} services were read; those of {} more are missing. Pass a smaller depth.",
            unread.len()
        ));
    }
    Ok(walk)
}

/// Reads the direct dependencies of a service, in both directions.
async fn relationships(cx: &Context, end: &Node) -> Result<Vec<Relationship>> {
    let selection = Relationship::facts_only();
    let Some(id) = Id::<Service>::parse(&end.id) else { return Ok(Vec::new()) };
    let page = if end.is_business {
        let id = id.cast::<BusinessService>();
        cx.api.page_below::<Relationship, _>(&GET_BUSINESS_SERVICE_DEPENDENCIES, &id, Query::new(), &selection).await?
    } else {
        cx.api.page_below::<Relationship, _>(&GET_TECHNICAL_SERVICE_DEPENDENCIES, &id, Query::new(), &selection).await?
    };
    Ok(page.rows.into_iter().flatten().map(|row| row.facts).collect())
}

/// Returns the service at the other end of a dependency, if that is on this side.
fn beyond<'r>(one: &'r Relationship, end: &Node, side: Side) -> Option<&'r Node> {
    let (supporting, dependent) = (one.supporting.as_ref()?, one.dependent.as_ref()?);
    let (from, to) = match side {
        Side::Upstream => (dependent, supporting),
        Side::Downstream => (supporting, dependent),
    };
    (from == end && to != end).then_some(to)
}
