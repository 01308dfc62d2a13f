//! The incident that a tool is about, and others like it, as typed values.

use jiff::{SignedDuration, Timestamp};
use pagerduty_rows::fields::{Field, Selection, line, nested, plain, reference};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};

use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Incident, Model, Person, Team};
use crate::tools::Context;
use crate::tools::oncall::read::{Named, spoken, text};
use crate::tools::times::{Local, length};
use crate::tools::words::{list, quoted};

/// The most characters of a title within a line.
pub const MAX_TITLE: usize = 100;

/// The author of a change: a user, a service, or an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The ID and the name.
    pub named: Named,
    /// Set for a user.
    pub is_user: bool,
}

/// A user since a time: an assignment or an acknowledgement.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The user.
    pub user: Person,
    /// The start.
    pub at: Option<Timestamp>,
}

/// An incident. PagerDuty sends less of one that it compares with another, so most parts may be unknown.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The ID.
    pub id: Id<Incident>,
    /// The number.
    pub number: Option<u64>,
    /// The title.
    pub title: String,
    /// `triggered`, `acknowledged` or `resolved`.
    pub status: Option<String>,
    /// `high` or `low`.
    pub urgency: Option<String>,
    /// The name of the priority.
    pub priority: Option<String>,
    /// The service.
    pub service: Option<Named>,
    /// The escalation policy.
    pub policy: Option<Named>,
    /// The teams.
    pub teams: Vec<Id<Team>>,
    /// The time at which it was triggered.
    pub created_at: Option<Timestamp>,
    /// The time at which it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// The author of the last change of its status.
    pub changed_by: Option<Agent>,
    /// The name of the incident that it was merged into.
    pub merged_into: Option<String>,
    /// The users that it is assigned to.
    pub assigned: Vec<Holder>,
    /// The users who have acknowledged it.
    pub acknowledged: Vec<Holder>,
    /// The time at which it pages again.
    pub pages_again_at: Option<Timestamp>,
    /// The next actions of PagerDuty by itself, with their times: `escalate`, `unacknowledge`, `resolve`.
    pub pending: Vec<(String, Timestamp)>,
    /// Set if PagerDuty sent the list of these actions.
    pub has_pending: bool,
    /// The number of its alerts.
    pub alerts: Option<u64>,
    /// The responders who joined.
    pub joined: Vec<Person>,
    /// Set if it was assigned to its users by a user, and not by its escalation policy.
    pub is_direct: bool,
}

const AGENT: &[Field] = &[plain("id"), plain("summary"), plain("type")];

/// The fields that are read.
const FIELDS: &[Field] = &[
    plain("id"),
    plain("incident_number"),
    line("title"),
    plain("status"),
    plain("urgency"),
    plain("created_at"),
    plain("resolved_at"),
    plain("last_status_change_at"),
    nested("last_status_change_by", AGENT),
    nested("resolve_reason", &[plain("type"), reference("incident")]),
    reference("priority"),
    reference("service"),
    reference("escalation_policy"),
    reference("teams"),
    nested("assignments", &[nested("assignee", AGENT), plain("at")]),
    nested("acknowledgements", &[nested("acknowledger", AGENT), plain("at")]),
    plain("pending_actions"),
    plain("alert_counts"),
    plain("assigned_via"),
    nested("incidents_responders", &[plain("state"), nested("user", AGENT)]),
];

impl Subject {
    /// Returns the selection of the fields that are read.
    pub fn selection() -> Selection<'static> {
        Selection::new(FIELDS.to_vec(), Incident::FACTS)
    }

    /// Reads an incident by its ID or number.
    pub async fn read(cx: &Context, id: &Id<Incident>) -> Result<Self> {
        let row = cx.api.one(id, Query::new(), &Self::selection()).await?;
        let unnamed = || Self::of(id.clone(), &Value::Null);
        Ok(Self::from_row(&row.shown).unwrap_or_else(unnamed))
    }

    /// Returns an incident from a row of PagerDuty, unless it has no ID.
    pub fn from_row(row: &Object) -> Option<Self> {
        Self::from_members(row.members())
    }

    /// Returns an incident from the fields of a row, unless it has no ID.
    pub fn from_members(members: Map<String, Value>) -> Option<Self> {
        let value = Value::Object(members);
        Some(Self::of(Id::parse(&text(&value, "id")?)?, &value))
    }

    fn of(id: Id<Incident>, value: &Value) -> Self {
        let named = |name: &str| value.get(name).and_then(Named::read);
        let list = |name: &str| value.get(name).and_then(Value::as_array).into_iter().flatten();
        let holders = |name: &str, user: &str| {
            let holder =
                |one: &Value| Some(Holder { user: Person::from_reference(one.get(user)?)?, at: time(one, "at") });
            list(name).filter_map(holder).collect()
        };
        let status = text(value, "status");
        let changed_at = time(value, "last_status_change_at").filter(|_| status.as_deref() == Some("resolved"));
        let again = |action: &&Value| text(action, "type").as_deref() == Some("unacknowledge");
        let by = value.get("last_status_change_by");
        // Without a type, it is not known whether a user made the change.
        let kind = by.and_then(|by| text(by, "type"));
        let is_user = kind.as_ref().is_some_and(|kind| kind.starts_with("user"));
        Self {
            id,
            number: value.get("incident_number").and_then(Value::as_u64),
            title: text(value, "title").unwrap_or_default(),
            urgency: text(value, "urgency"),
            priority: named("priority").and_then(|priority| priority.name),
            service: named("service"),
            policy: named("escalation_policy"),
            teams: list("teams").filter_map(|team| Id::parse(&text(team, "id")?)).collect(),
            created_at: time(value, "created_at"),
            resolved_at: time(value, "resolved_at").or(changed_at),
            changed_by: by.filter(|_| kind.is_some()).and_then(Named::read).map(|named| Agent { named, is_user }),
            merged_into: value
                .get("resolve_reason")
                .and_then(|reason| Named::read(reason.get("incident")?))
                .map(|incident| incident.name.unwrap_or(incident.id)),
            assigned: holders("assignments", "assignee"),
            acknowledged: holders("acknowledgements", "acknowledger"),
            pages_again_at: list("pending_actions").find(again).and_then(|action| time(action, "at")),
            pending: list("pending_actions")
                .filter_map(|action| Some((text(action, "type")?, time(action, "at")?)))
                .collect(),
            has_pending: value.get("pending_actions").is_some_and(Value::is_array),
            alerts: value.get("alert_counts").and_then(|counts| counts.get("all")?.as_u64()),
            joined: list("incidents_responders")
                .filter(|responder| text(responder, "state").as_deref() == Some("joined"))
                .filter_map(|responder| Person::from_reference(responder.get("user")?))
                .collect(),
            is_direct: text(value, "assigned_via").as_deref() == Some("direct_assignment"),
            status,
        }
    }

    /// Returns whether it is resolved.
    pub fn is_resolved(&self) -> bool {
        self.status.as_deref() == Some("resolved")
    }

    /// Returns whether its urgency is high.
    pub fn is_high(&self) -> bool {
        self.urgency.as_deref() == Some("high")
    }

    /// Returns its number and title for a sentence: `#42 “disk is full”`.
    pub fn label(&self) -> String {
        let name = self.number.map_or_else(|| self.id.to_string(), |number| format!("#{number}"));
        if self.title.is_empty() { name } else { format!("{name} {}", quoted(&self.title, MAX_TITLE)) }
    }

    /// Returns the time from its start to its end.
    pub fn lasted(&self) -> Option<SignedDuration> {
        Some(self.resolved_at?.duration_since(self.created_at?))
    }

    /// Returns the end for a sentence: `resolved by Ada Lovelace after 22 min`.
    pub fn end(&self) -> Option<String> {
        let status = self.status.as_deref()?;
        if !self.is_resolved() {
            return Some(format!("still {status}"));
        }
        if let Some(other) = &self.merged_into {
            return Some(format!("merged into {}", quoted(other, MAX_TITLE)));
        }
        let after = self.lasted().map(|lasted| format!(" after {}", length(lasted))).unwrap_or_default();
        Some(match &self.changed_by {
            Some(by) if by.is_user => format!("resolved by {}{after}", by.named.label()),
            Some(_) => format!("resolved by itself{after}"),
            None => format!("resolved{after}"),
        })
    }

    /// Returns how it stands and by whom, as a sentence, unless it is triggered: `It is acknowledged by Ada since Mon
    /// 2026-11-30 03:04 EST.`
    pub fn state(&self, local: &Local, now: Timestamp) -> Option<String> {
        match self.status.as_deref()? {
            "resolved" => {
                let at = self.resolved_at.map(|at| format!(" ({})", local.text(at))).unwrap_or_default();
                Some(format!("It is {}{at}.", self.end()?))
            }
            "acknowledged" => {
                let holders = self.acknowledged.iter().map(|holder| match holder.at {
                    Some(at) => format!("{} since {}", spoken(&holder.user), local.text(at)),
                    None => spoken(&holder.user),
                });
                let holders: Vec<_> = holders.collect();
                let by = if holders.is_empty() { String::new() } else { format!(" by {}", list(&holders)) };
                let until = self.pages_again_at.filter(|at| *at > now);
                let until = until.map(|at| format!(", until {}", local.text(at))).unwrap_or_default();
                Some(format!("It is acknowledged{by}{until}."))
            }
            _ => None,
        }
    }

    /// Returns the end for programs.
    pub fn ended(&self, iso: impl Fn(Timestamp) -> String) -> Option<Value> {
        let at = self.resolved_at.filter(|_| self.is_resolved())?;
        let mut ended = Map::from_iter([("at".to_owned(), iso(at).into())]);
        ended.extend(self.lasted().map(|lasted| ("minutes".to_owned(), lasted.as_mins().into())));
        let by = self.changed_by.as_ref();
        let by = by.map(|by| if by.is_user { by.named.shown() } else { json!("service") });
        ended.extend(by.map(|by| ("by".to_owned(), by)));
        Some(ended.into())
    }
}

/// Returns the time in a member.
pub fn time(value: &Value, name: &str) -> Option<Timestamp> {
    value.get(name)?.as_str()?.parse().ok()
}
