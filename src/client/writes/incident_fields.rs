//! Sets fields of incidents, of one or of many in a request.
//!
//! `incident_state` has the table of the fields. Custom fields have a separate operation.

use std::collections::{BTreeSet, VecDeque};

use futures_util::future::join_all;
use jiff::Timestamp;
use pagerduty_api::Operation;
use pagerduty_api::operations::incidents::{SET_INCIDENT_FIELD_VALUES, UPDATE_INCIDENT, UPDATE_INCIDENTS};
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::declared::{Declared, Done, Echo, Expected, Proof, Source, State, has};
use super::incident_state::{CUSTOM, UNECHOED, is_echoed, members, readable, source, steps};
use super::responses::is_about_an_item;
use crate::client::{Api, Query, Request};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::Incident;
use crate::receipts::Fields;

/// The most incidents that PagerDuty changes in one request.
/// <https://developer.pagerduty.com/api-reference/b3A6Mjc0ODE0MQ-manage-incidents>
const PORTION: usize = 250;

/// The most requests that find the incidents of a portion that PagerDuty refuses.
const MAX_SPLITS: usize = 40;

/// An incident, with its fields before a change and the wanted ones.
#[derive(Clone, Debug)]
pub struct IncidentChange {
    /// The ID.
    pub id: Id<Incident>,
    /// The fields as they were read.
    pub before: Fields,
    /// The wanted values.
    pub wanted: Fields,
}

/// The outcome of a change of an incident.
#[derive(Debug)]
pub struct IncidentOutcome {
    /// The fields as they are now, as far as they are known.
    pub after: Fields,
    /// Whether a step took effect.
    pub applied: bool,
    /// Whether another request made the change since the fields were read.
    pub by_another: bool,
    /// The reason why a step did not take effect, or may not have.
    pub error: Option<Error>,
    /// Additional information for the caller.
    pub warnings: Vec<String>,
}

/// A request's part about one incident.
struct Item {
    /// The place of the incident among those of the call.
    place: usize,
    fields: Fields,
}

impl Api {
    /// Waits until no other call with this credential changes one of these incidents with its fields read before, and
    /// prevents others from changing them until the returned guards are dropped.
    pub async fn hold_incidents(&self, ids: &[Id<Incident>]) -> Vec<OwnedMutexGuard<()>> {
        // Two calls that wait for each other would never end, so all wait in the same order.
        let ids: BTreeSet<_> = ids.iter().map(Id::as_str).collect();
        let mut held = Vec::with_capacity(ids.len());
        for id in ids {
            held.push(self.account.memory.lock(&format!("incident {id}")).await);
        }
        held
    }

    /// Prevents other calls with this credential from changing these incidents, unless one is changing one of them.
    pub fn hold_incidents_at_once(&self, ids: &[Id<Incident>]) -> Option<Vec<OwnedMutexGuard<()>>> {
        let ids: BTreeSet<_> = ids.iter().map(Id::as_str).collect();
        ids.into_iter().map(|id| self.account.memory.try_lock(&format!("incident {id}"))).collect()
    }

    /// Returns the IDs of incidents that may be given by their numbers.
    pub async fn incident_ids(&self, ids: &[Id<Incident>]) -> Vec<Result<Id<Incident>>> {
        join_all(ids.iter().map(|id| self.incident_id(id))).await
    }

    /// Returns PagerDuty's time, or that of this machine if no response has shown it.
    #[must_use]
    pub fn time_of_changes(&self) -> Timestamp {
        self.account.clock.at(Instant::now()).unwrap_or_else(Timestamp::now)
    }

    /// Remembers that the change of a receipt was taken back.
    pub fn uses_receipt(&self, receipt: &str) {
        self.account.memory.removes(format!("receipt {receipt}"));
    }

    /// Returns whether the change of a receipt was taken back before.
    #[must_use]
    pub fn has_used_receipt(&self, receipt: &str) -> bool {
        self.account.memory.was_removed(&format!("receipt {receipt}"))
    }

    /// Returns the key that signs receipts of this credential.
    pub async fn receipt_key(&self) -> Result<hmac::Key> {
        self.signing_key("receipts").await
    }

    /// Returns the key that signs questions to the user of this credential.
    pub async fn confirmation_key(&self) -> Result<hmac::Key> {
        self.signing_key("confirmations").await
    }

    async fn signing_key(&self, label: &str) -> Result<hmac::Key> {
        // The tokens of a login change, and its user stays.
        let user = if self.credential.is_login() { self.me_for_a_write().await?.id.to_string() } else { String::new() };
        Ok(self.credential.signing_key(label, &user))
    }

    /// Remembers that a confirmation is used, and returns whether it is the first time.
    #[must_use]
    pub fn uses_confirmation(&self, id: &str) -> bool {
        self.account.memory.removes_first(format!("confirmation {id}"))
    }

    /// Reads the fields of incidents, by ID or number, with the custom fields and the conference bridge if one of `names`
    /// is about them.
    pub async fn incident_fields(&self, ids: &[Id<Incident>], names: &[String]) -> Vec<Result<(Id<Incident>, Fields)>> {
        let sources: Vec<_> = ids.iter().map(|id| source(id, names)).collect();
        let states = self.states(&sources).await;
        let first = |(state, source): (Result<State>, &Source)| {
            let found = state?.into_iter().next().and_then(|(id, fields)| Some((Id::parse(&id)?, fields)));
            found.ok_or_else(|| self.unexpected(&source.request, "it has no usable id"))
        };
        states.into_iter().zip(&sources).map(first).collect()
    }

    /// Sets fields of incidents, step by step where PagerDuty does not take them together.
    pub async fn set_incident_fields(&self, changes: &[IncidentChange], from: Option<&str>) -> Vec<IncidentOutcome> {
        let outcome = |change: &IncidentChange| IncidentOutcome {
            after: change.before.clone(),
            applied: false,
            by_another: false,
            error: None,
            warnings: Vec::new(),
        };
        let mut outcomes: Vec<_> = changes.iter().map(outcome).collect();
        let steps: Vec<_> = changes.iter().map(|change| steps(&change.before, &change.wanted)).collect();
        for step in 0..steps.iter().map(Vec::len).max().unwrap_or_default() {
            let mut items = Vec::new();
            for (place, (steps, outcome)) in steps.iter().zip(&outcomes).enumerate() {
                if let Some(fields) = steps.get(step).filter(|_| outcome.error.is_none()) {
                    items.push(Item { place, fields: fields.clone() });
                }
            }
            let (custom, plain): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| is_custom(&item.fields));
            for portion in plain.chunks(PORTION) {
                self.set_portion(changes, portion.iter().collect(), from, &mut outcomes).await;
            }
            for item in &custom {
                let Some(change) = changes.get(item.place) else { continue };
                let made = self.make(&custom_fields(change, &item.fields), from.map(str::to_owned)).await;
                settle(&mut outcomes, change, item, made.as_ref());
            }
        }
        outcomes
    }

    /// Sets fields of the incidents of one portion.
    ///
    /// PagerDuty changes all of them or none, and does not say which one it refuses. A refused portion is sent again in
    /// halves, so that the others are changed.
    async fn set_portion<'i>(
        &self,
        changes: &[IncidentChange],
        portion: Vec<&'i Item>,
        from: Option<&str>,
        outcomes: &mut [IncidentOutcome],
    ) {
        let (mut left, mut queue) = (MAX_SPLITS, VecDeque::from([portion]));
        while let Some(items) = queue.pop_front() {
            let of = |item: &&'i Item| Some((changes.get(item.place)?, *item));
            let named: Vec<_> = items.iter().filter_map(of).collect();
            let Some(declared) = together(&named, outcomes) else { continue };
            left = left.saturating_sub(1);
            let made = self.make(&declared, from.map(str::to_owned)).await;
            if let Err(error) = &made
                && is_about_an_item(error)
                && items.len() > 1
                && left > 0
            {
                let (first, second) = items.split_at(items.len() / 2);
                queue.extend([first.to_vec(), second.to_vec()]);
                continue;
            }
            for (change, item) in &named {
                settle(outcomes, change, item, made.as_ref());
            }
            match &made {
                Err(error) if error.code() == Code::OutcomeUnknown && items.len() > 1 => {
                    self.look_again(&named, outcomes, false).await;
                }
                Err(error) if is_about_an_item(error) => self.look_again(&named, outcomes, true).await,
                _ => {}
            }
        }
    }

    /// Reads incidents that were not changed, or may not have been, once more: some may be as wanted.
    async fn look_again(&self, named: &[(&IncidentChange, &Item)], outcomes: &mut [IncidentOutcome], refused: bool) {
        let sources: Vec<_> = named.iter().map(|(change, item)| source(&change.id, item.fields.keys())).collect();
        for ((change, item), state) in named.iter().zip(self.states(&sources).await) {
            let (Ok(state), Some(outcome)) = (state, outcomes.get_mut(item.place)) else { continue };
            if let Some(now) = state.get(change.id.as_str()).filter(|now| is_shown(now, &item.fields)) {
                outcome.error = None;
                if refused {
                    outcome.by_another = true;
                    continue;
                }
                outcome.after.clone_from(now);
                outcome.applied = true;
                outcome.warnings.push("PagerDuty did not confirm the change, but it is in effect.".to_owned());
            }
        }
    }
}

fn is_shown(now: &Fields, wanted: &Fields) -> bool {
    let readable: Fields = readable(wanted);
    !readable.is_empty() && has(now, &readable)
}

fn is_custom(fields: &Fields) -> bool {
    fields.keys().any(|name| name.starts_with(CUSTOM))
}

/// Records the outcome of a step for an incident.
fn settle(outcomes: &mut [IncidentOutcome], change: &IncidentChange, item: &Item, made: Result<&Done, &Error>) {
    let Some(outcome) = outcomes.get_mut(item.place) else { return };
    match made {
        Ok(done) => {
            // A response does not have all fields.
            let wanted = readable(&item.fields);
            outcome.after.extend(wanted.into_iter().filter(|(name, _)| !is_echoed(name)));
            if let Some(now) = done.after.get(change.id.as_str()) {
                let known = now.iter().filter(|(name, _)| is_echoed(name));
                outcome.after.extend(known.map(|(name, value)| (name.clone(), value.clone())));
            }
            outcome.applied = true;
            outcome.warnings.extend(done.warning.clone());
        }
        Err(error) => outcome.error = Some(error.clone()),
    }
}

/// Returns the change of some incidents in one request, or of one in its own.
fn together(named: &[(&IncidentChange, &Item)], outcomes: &[IncidentOutcome]) -> Option<Declared> {
    let expected = |(change, item): &(&IncidentChange, &Item)| {
        let now = outcomes.get(item.place).map(|outcome| &outcome.after);
        let is_escalated = item.fields.contains_key("escalation_level");
        let assignees = now.and_then(|now| now.get("assignees")).filter(|_| is_escalated);
        let replaced = assignees.map(|users| ("assignees".to_owned(), users.clone())).into_iter().collect();
        Expected { fields: readable(&item.fields), replaced, ..Expected::of(change.id.as_str()) }
    };
    let sources = named.iter().map(|(change, item)| source(&change.id, item.fields.keys())).collect();
    let (request, body, check) = match named {
        [] => return None,
        [(change, item)] => {
            let body = json!({"incident": members(&item.fields)});
            (Request::on(&UPDATE_INCIDENT, &change.id, Query::new()), body, check(&change.id))
        }
        several => {
            let item = |(change, item): &(&IncidentChange, &Item)| {
                let mut members = members(&item.fields);
                members.insert("id".to_owned(), change.id.as_str().into());
                Value::Object(members)
            };
            let ids: Vec<_> = several.iter().map(|(change, _)| change.id.as_str()).collect();
            let request = bulk(&UPDATE_INCIDENTS, &ids);
            let body = json!({"incidents": several.iter().map(item).collect::<Value>()});
            (request, body, "get_incidents with the incident_id of each".to_owned())
        }
    };
    let proof = Proof::Set(named.iter().map(expected).collect());
    Some(Declared { request, body, gerund: "changing", check, sources, proof, echo: Echo::Objects(UNECHOED) })
}

/// Returns a request about several incidents.
fn bulk(operation: &'static Operation, ids: &[&str]) -> Request {
    let request = Request::new(operation, Query::new()).about(&format!("{} incidents", ids.len()));
    request.naming(ids.join(","))
}

fn check(id: &Id<Incident>) -> String {
    format!("get_incidents with incident_id={id}")
}

/// Returns the change of custom fields of an incident.
fn custom_fields(change: &IncidentChange, fields: &Fields) -> Declared {
    let field = |(name, value): (&String, &Value)| {
        let name = name.strip_prefix(CUSTOM).unwrap_or(name);
        json!({"name": name, "value": value})
    };
    Declared {
        request: Request::on(&SET_INCIDENT_FIELD_VALUES, &change.id, Query::new()),
        body: json!({"custom_fields": fields.iter().map(field).collect::<Value>()}),
        gerund: "changing the custom fields of",
        check: format!("{} and include=custom_fields", check(&change.id)),
        sources: vec![source(&change.id, fields.keys())],
        proof: Proof::Set(vec![Expected { fields: fields.clone(), ..Expected::of(change.id.as_str()) }]),
        echo: Echo::Envelope,
    }
}
