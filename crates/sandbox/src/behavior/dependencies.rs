//! Dependencies between services, and the business services that open incidents impact.

use std::cmp::Reverse;
use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::account::{Account, Incident, Status, Urgency};
use crate::call::Call;
use crate::documents::{Document, id_of, text};
use crate::kind::Kind;
use crate::kinds::{BUSINESS_SERVICE, PRIORITY, SERVICE, SERVICE_DEPENDENCY};
use crate::reply::{self, Answer, OrNotFound};

/// The two sides of a dependency: the service that is needed, and the one that needs it.
const SUPPORTING: &str = "supporting_service";
const DEPENDENT: &str = "dependent_service";

/// The most business services in an answer about impact.
const MAX_IMPACTS: usize = 200;

/// Answers `GET /service_dependencies/technical_services/{id}`.
pub fn of_technical(account: &Account, call: &Call) -> Answer {
    of(&SERVICE, account, call)
}

/// Answers `GET /service_dependencies/business_services/{id}`.
pub fn of_business(account: &Account, call: &Call) -> Answer {
    of(&BUSINESS_SERVICE, account, call)
}

fn of(kind: &Kind, account: &Account, call: &Call) -> Answer {
    account.documents.get(kind, &call.id).or_404()?;
    let all = account.documents.all(&SERVICE_DEPENDENCY).iter();
    let of_it = all.filter(|one| [SUPPORTING, DEPENDENT].iter().any(|side| end(one, side) == Some(&call.id)));
    reply::all("relationships", of_it.map(shown))
}

fn shown(dependency: &Document) -> Value {
    let side = |side: &str| {
        let service = dependency.get(side)?;
        let is_business = text(service.as_object()?, "type").starts_with(BUSINESS_SERVICE.name);
        let kind = if is_business { "business_service_reference" } else { "technical_service_reference" };
        Some(json!({"id": id_of(service), "type": kind}))
    };
    json!({
        "supporting_service": side(SUPPORTING),
        "dependent_service": side(DEPENDENT),
        "id": text(dependency, "id"),
        "type": SERVICE_DEPENDENCY.name,
    })
}

/// Returns the ID of the service on a side of a dependency.
fn end<'d>(dependency: &'d Document, side: &str) -> Option<&'d str> {
    dependency.get(side).map(id_of)
}

/// Returns whether a service depends on another one directly.
pub fn depends(account: &Account, dependent: &str, supporting: &str) -> bool {
    let mut all = account.documents.all(&SERVICE_DEPENDENCY).iter();
    all.any(|one| end(one, DEPENDENT) == Some(dependent) && end(one, SUPPORTING) == Some(supporting))
}

/// Returns the IDs of the services that are reached from one by dependencies from a side to the other.
fn reached<'a>(account: &'a Account, from: &str, [side, other]: [&str; 2]) -> HashSet<&'a str> {
    let dependencies = account.documents.all(&SERVICE_DEPENDENCY);
    let (mut reached, mut next) = (HashSet::new(), vec![from]);
    while let Some(id) = next.pop() {
        let direct = dependencies.iter().filter(|one| end(one, side) == Some(id)).filter_map(|one| end(one, other));
        for service in direct.filter(|service| *service != from) {
            if reached.insert(service) {
                next.push(service);
            }
        }
    }
    reached
}

/// Returns whether an incident impacts a business service. All open ones of high urgency impact those above their service,
/// unless a user has stated something else.
fn has_impact(incident: &Incident, business_service: &str, is_above: bool) -> bool {
    let stated = incident.impacts.get(business_service).copied();
    incident.status != Status::Resolved && stated.unwrap_or(is_above && incident.urgency == Urgency::High)
}

/// The impact of open incidents on a business service.
struct Impact<'a> {
    service: &'a Document,
    /// The place of the highest priority in the account's list.
    priority: Option<usize>,
    latest: Option<Timestamp>,
}

impl<'a> Impact<'a> {
    fn on(account: &'a Account, service: &'a Document) -> Self {
        let id = text(service, "id");
        let below = reached(account, id, [DEPENDENT, SUPPORTING]);
        let priorities = account.documents.all(&PRIORITY);
        let place = |id: &str| priorities.iter().position(|priority| text(priority, "id") == id);
        let open = account.incidents.iter().filter(|one| has_impact(one, id, below.contains(one.service.as_str())));
        let (mut priority, mut latest) = (None, None);
        for incident in open {
            let place = incident.priority.as_deref().and_then(place);
            priority = [priority, place].into_iter().flatten().min();
            latest = latest.max(Some(incident.created_at));
        }
        Self { service, priority, latest }
    }

    fn shown(&self, account: &Account, with_priority: bool) -> Value {
        let status = if self.latest.is_some() { "impacted" } else { "not_impacted" };
        let (id, name) = (text(self.service, "id"), text(self.service, "name"));
        let mut shown = json!({"id": id, "name": name, "type": BUSINESS_SERVICE.name, "status": status});
        if let Some(fields) = shown.as_object_mut().filter(|_| with_priority) {
            let priorities = account.documents.all(&PRIORITY);
            let priority = self.priority.and_then(|place| priorities.get(place).map(|one| (place, one)));
            let priority =
                priority.map(|(place, one)| json!({"id": text(one, "id"), "order": 1 << (8 - place.min(8))}));
            fields.insert("additional_fields".to_owned(), json!({"highest_impacting_priority": priority}));
        }
        shown
    }
}

/// Answers `GET /business_services/impacts`: those that support no other business service, or those in `ids[]`.
pub fn impacts(account: &Account, call: &Call) -> Answer {
    let wanted = call.params.all("ids[]");
    let is_top = |id: &str| {
        let above = reached(account, id, [SUPPORTING, DEPENDENT]);
        !above.iter().any(|id| account.documents.get(&BUSINESS_SERVICE, id).is_some())
    };
    answer(account, call, |id| if wanted.is_empty() { is_top(id) } else { wanted.contains(&id) })
}

/// Answers `GET /business_services/{id}/supporting_services/impacts`.
pub fn supporting(account: &Account, call: &Call) -> Answer {
    account.documents.get(&BUSINESS_SERVICE, &call.id).or_404()?;
    let wanted = call.params.all("ids[]");
    let dependencies = account.documents.all(&SERVICE_DEPENDENCY).iter();
    let below: HashSet<_> = dependencies
        .filter(|one| end(one, DEPENDENT) == Some(&call.id))
        .filter_map(|one| end(one, SUPPORTING))
        .filter(|id| wanted.is_empty() || wanted.contains(id))
        .collect();
    answer(account, call, |id| below.contains(id))
}

/// Answers with the impact on the business services whose IDs pass, the most impacted first.
fn answer(account: &Account, call: &Call, passes: impl Fn(&str) -> bool) -> Answer {
    let fields = call.params.all("additional_fields[]");
    let services = account.documents.all(&BUSINESS_SERVICE).iter().filter(|service| passes(text(service, "id")));
    let mut impacts: Vec<_> = services.map(|service| Impact::on(account, service)).collect();
    impacts.sort_by_key(|one| {
        (
            one.latest.is_none(),
            one.priority.unwrap_or(usize::MAX),
            Reverse(one.latest),
            text(one.service, "name").to_owned(),
        )
    });
    let with_priority = fields.contains(&"services.highest_impacting_priority");
    let shown: Vec<_> = impacts.iter().take(MAX_IMPACTS).map(|one| one.shown(account, with_priority)).collect();
    let mut body = json!({"limit": MAX_IMPACTS, "more": impacts.len() > MAX_IMPACTS, "services": shown});
    if let Some(body) = body.as_object_mut().filter(|_| fields.contains(&"total_impacted_count")) {
        let count = impacts.iter().filter(|one| one.latest.is_some()).count();
        body.insert("additional_fields".to_owned(), json!({"total_impacted_count": count}));
    }
    reply::written(&body)
}

/// Answers `GET /incidents/{id}/business_services/impacts`: those above the incident's service.
pub fn of_incident(account: &Account, call: &Call) -> Answer {
    let incident = account.incident(&call.id).or_404()?;
    let above = reached(account, &incident.service, [SUPPORTING, DEPENDENT]);
    let services = account.documents.all(&BUSINESS_SERVICE).iter();
    let impacted = services.filter(|service| {
        let id = text(service, "id");
        has_impact(incident, id, above.contains(id))
    });
    let shown: Vec<_> = impacted.map(|service| Impact::on(account, service).shown(account, false)).collect();
    reply::written(&json!({"limit": MAX_IMPACTS, "next_cursor": null, "services": shown}))
}
