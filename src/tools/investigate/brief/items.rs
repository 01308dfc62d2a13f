//! The facts of a brief in sentences. It has no I/O.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write;

use jiff::Timestamp;
use pagerduty_payloads::Link;
use serde_json::{Map, Value, json};

use super::super::alerts::{self, links};
use super::super::automations::{Automations, Remembered};
use super::super::changes;
use super::super::dependencies::{Dependencies, Neighbor, Side};
use super::super::explain::Next;
use super::super::impacts::Impacts;
use super::super::maintenance::Window;
use super::super::similar::line as similar_line;
use super::super::similar::read::{Remark, Similar};
use super::super::timeline::Entry;
use super::compose::{Item, Part};
use crate::models::{Alert, Change};
use crate::shifts::Shift;
use crate::tools::oncall::read::{Duty, Named, shown, spoken};
use crate::tools::subject::{Holder, Subject};
use crate::tools::times::{Local, length};
use crate::tools::words::{list, name, quoted, sentence};

/// The most characters of a note in a line.
const MAX_NOTE: usize = 300;

/// The most steps that follow without a reaction.
const MAX_STEPS: usize = 3;

/// The most links of an item.
const MAX_LINKS: usize = 3;

/// The incident and the times that the sentences refer to.
pub struct Frame<'a> {
    /// The incident.
    pub subject: &'a Subject,
    /// The zone of the times.
    pub local: &'a Local,
    /// The time of the call.
    pub now: Timestamp,
    /// The time after which facts are new, if only those are requested.
    pub since: Option<Timestamp>,
}

impl Frame<'_> {
    fn is_new(&self, at: Option<Timestamp>) -> bool {
        // An event of the second at which the previous brief was made may be missing there, so it is shown again.
        self.since.is_none_or(|since| at.is_some_and(|at| at >= since))
    }

    /// Returns the first sentence: what it is, how it stands, and since when.
    pub fn headline(&self) -> String {
        let Self { subject, local, now, .. } = self;
        let mut line = format!("Incident {}", subject.label());
        if let Some(service) = &subject.service {
            let _ = write!(line, " on {}", service.label());
        }
        let urgency = subject.urgency.as_ref().map(|urgency| format!("{urgency} urgency"));
        let status = if subject.is_resolved() { subject.end() } else { subject.status.clone() };
        let state = [status, urgency, subject.priority.clone()];
        let state: Vec<_> = state.into_iter().flatten().collect();
        if !state.is_empty() {
            let _ = write!(line, ": {}", state.join(", "));
        }
        match subject.created_at {
            Some(at) if subject.is_resolved() => _ = write!(line, ", triggered {}", local.text(at)),
            Some(at) => _ = write!(line, ", since {} ({})", local.text(at), length(now.duration_since(at))),
            None => {}
        }
        line.push('.');
        line
    }

    /// Returns the incident for programs.
    pub fn incident(&self) -> Value {
        let Self { subject, local, .. } = self;
        let mut incident = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            incident.extend(value.map(|value| (name.to_owned(), value)));
        };
        set("id", Some(subject.id.as_str().into()));
        set("incident_number", subject.number.map(Value::from));
        set("title", Some(subject.title.as_str().into()));
        set("status", subject.status.as_deref().map(Value::from));
        set("urgency", subject.urgency.as_deref().map(Value::from));
        set("priority", subject.priority.as_deref().map(Value::from));
        set("service", subject.service.as_ref().map(Named::shown));
        set("created_at", subject.created_at.map(|at| local.iso(at).into()));
        set("ended", subject.ended(|at| local.iso(at)));
        incident.into()
    }

    /// Returns the alerts that are new, the most severe first. Repeats are one item.
    pub fn alerts(&self, alerts: &[Alert]) -> Vec<Item> {
        let mut groups: Vec<(&Alert, usize)> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for alert in alerts.iter().filter(|alert| self.is_new(alert.resolved_at.or(alert.created_at))) {
            let key = alert.payload.repeats.as_ref().map(|repeats| repeats.key.as_str()).or(alert.key.as_deref());
            if let Some((_, count)) = key.and_then(|key| groups.get_mut(*known.get(key)?)) {
                *count += 1;
            } else {
                known.extend(key.map(|key| (key, groups.len())));
                groups.push((alert, 1));
            }
        }
        let severities = ["critical", "error", "warning", "info"];
        groups.sort_by_key(|(alert, _)| {
            let severity = alert.severity.as_deref().and_then(|one| severities.iter().position(|known| *known == one));
            (alert.status.as_deref() == Some("resolved"), severity.unwrap_or(severities.len()))
        });
        let item = |(alert, count): (&Alert, usize)| {
            let mut line = format!("Alert: {}", alerts::line(alert, self.local));
            if count > 1 {
                let _ = write!(line, " {count} alerts like it.");
            }
            let mut data = Map::new();
            data.extend(alert.id.as_deref().map(|id| ("id".to_owned(), id.into())));
            data.extend(alert.status.as_deref().map(|status| ("status".to_owned(), status.into())));
            data.extend(alert.created_at.map(|at| ("at".to_owned(), self.local.iso(at).into())));
            data.extend((count > 1).then(|| ("count".to_owned(), count.into())));
            Item { links: linked(&alert.payload.links), ..Item::new(Part::Alerts, line, data) }
        };
        groups.into_iter().map(item).collect()
    }

    /// Returns the changes that are new, the last one before the incident first.
    pub fn changes(&self, mut changes: Vec<Change>) -> Vec<Item> {
        let start = self.subject.created_at;
        changes.retain(|change| self.is_new(change.timestamp));
        changes.sort_by_key(|change| (change.timestamp > start, Reverse(change.timestamp)));
        let item = |change: &Change| {
            let mut data = Map::new();
            data.extend(change.id.as_deref().map(|id| ("id".to_owned(), id.into())));
            data.extend(change.timestamp.map(|at| ("at".to_owned(), self.local.iso(at).into())));
            let line = format!("Change: {}", changes::line(change, self.local, start));
            Item { links: linked(&change.links), ..Item::new(Part::Changes, line, data) }
        };
        let items: Vec<_> = changes.iter().map(item).collect();
        if items.is_empty() && self.since.is_none() {
            let line = "No change of the service is recorded for the day before it.".to_owned();
            return vec![Item::new(Part::Changes, line, Map::new())];
        }
        items
    }

    /// Returns the users who have the incident.
    pub fn holders(&self) -> Item {
        let Self { subject, local, .. } = self;
        let names = |holders: &[Holder]| {
            let names = holders.iter().map(|holder| match holder.at {
                Some(at) => format!("{} since {}", spoken(&holder.user), local.text(at)),
                None => spoken(&holder.user),
            });
            list(&names.collect::<Vec<_>>())
        };
        let users = |holders: &[Holder]| {
            let user = |holder: &Holder| Value::Object(shown(&holder.user));
            holders.iter().map(user).collect::<Value>()
        };
        let mut line = match (subject.assigned.as_slice(), subject.acknowledged.as_slice()) {
            ([], []) if subject.is_resolved() => "It is resolved, so it is assigned to no user.".to_owned(),
            ([], []) => "It is assigned to no user.".to_owned(),
            (assigned, []) => format!("Assigned to {}, and not acknowledged.", names(assigned)),
            (_, acknowledged) => format!("Acknowledged by {}.", names(acknowledged)),
        };
        match subject.pages_again_at {
            Some(at) if at > self.now => _ = write!(line, " It pages again at {}.", local.text(at)),
            Some(at) => _ = write!(line, " It was to page again at {}.", local.text(at)),
            None => {}
        }
        let mut data = Map::new();
        for (name, holders) in [("assigned_to", &subject.assigned), ("acknowledged_by", &subject.acknowledged)] {
            if !holders.is_empty() {
                data.insert(name.to_owned(), users(holders));
            }
        }
        Item::new(Part::Oncall, line, data)
    }

    /// Returns the next step without a reaction, the users on call, and the steps after it.
    pub fn next(&self, next: &Next) -> Vec<Item> {
        let steps = next.steps.iter().take(MAX_STEPS).map(|step| {
            let line = format!("Without a reaction: {}", step.line(self.local, self.now));
            let mut data = match step.shown(self.local, self.now) {
                Value::Object(data) => data,
                _ => Map::new(),
            };
            data.shift_remove("line");
            Item::new(Part::Oncall, line, data)
        });
        let mut items: Vec<_> = steps.collect();
        items.insert(items.len().min(1), self.on_call(next));
        items
    }

    /// Returns the users on call, level by level.
    fn on_call(&self, next: &Next) -> Item {
        let duties: Vec<_> = next.duties.iter().filter(|duty| duty.period.contains(self.now)).collect();
        let of_policy = next.policy.as_ref().map_or(0, |policy| policy.levels.len());
        let levels = duties.iter().map(|duty| duty.of.level).max().unwrap_or(0).max(of_policy);
        let policy = self.subject.policy.as_ref().map_or("its escalation policy".into(), Named::label);
        let (mut said, mut data) = (Vec::new(), Vec::new());
        for level in 1..=levels {
            let mut users: Vec<&Shift<Duty>> = Vec::new();
            for duty in duties.iter().filter(|duty| duty.of.level == level) {
                match users.iter_mut().find(|known| known.of.user.id == duty.of.user.id) {
                    Some(known) if duty.period.end() > known.period.end() => *known = duty,
                    Some(_) => {}
                    None => users.push(duty),
                }
            }
            let until = |duty: &Shift<Duty>| Some(duty.period.end()).filter(|end| *end != Timestamp::MAX);
            let names = users.iter().map(|duty| match until(duty) {
                Some(end) => format!("{} until {}", spoken(&duty.of.user), self.local.text(end)),
                None => spoken(&duty.of.user),
            });
            let names: Vec<_> = names.collect();
            let names = if names.is_empty() { "no user".to_owned() } else { list(&names) };
            said.push(format!("level {level} {names}"));
            let entries = users.iter().map(|duty| {
                let mut entry = shown(&duty.of.user);
                entry.insert("level".to_owned(), level.into());
                entry.extend(until(duty).map(|end| ("until".to_owned(), self.local.iso(end).into())));
                Value::Object(entry)
            });
            data.extend(entries);
        }
        let said = if said.is_empty() { "no user".to_owned() } else { said.join("; ") };
        let line = format!("On call for {policy}: {said}.");
        let mut shown = Map::from_iter([("on_call".to_owned(), data.into())]);
        let policy = self.subject.policy.as_ref();
        shown.extend(policy.map(|policy| ("escalation_policy_id".to_owned(), policy.id.as_str().into())));
        Item::new(Part::Oncall, line, shown)
    }

    /// Returns the notes that are new, the last one first.
    pub fn notes(&self, mut notes: Vec<Remark>) -> Vec<Item> {
        notes.retain(|note| self.is_new(note.at));
        notes.sort_by_key(|note| Reverse(note.at));
        let item = |note: Remark| {
            let by = note.by.as_deref().map(|by| format!(" by {}", name(by))).unwrap_or_default();
            let at = note.at.map(|at| format!(", {}", self.local.text(at))).unwrap_or_default();
            let line = sentence(format!("Note{by}{at}: {}", quoted(&note.text, MAX_NOTE)));
            let mut data = Map::new();
            data.extend(note.at.map(|at| ("at".to_owned(), self.local.iso(at).into())));
            data.extend(note.by.map(|by| ("by".to_owned(), by.into())));
            Item { at: note.at, ..Item::new(Part::Notes, line, data) }
        };
        notes.into_iter().map(item).collect()
    }

    /// Returns the past incidents like it: those whose end is known first, the last one before the others.
    pub fn similar(&self, mut rows: Vec<Similar>) -> Vec<Item> {
        // Rows of unknown end stay in the order of their similarity.
        let known = |row: &Similar| row.incident.is_resolved().then_some(row.incident.created_at);
        rows.sort_by_key(|row| Reverse(known(row)));
        let items: Vec<_> = rows.iter().map(|row| self.like(row, Part::Similar, "Like it")).collect();
        if items.is_empty() {
            let line = "No past incident like it is known.".to_owned();
            return vec![Item::new(Part::Similar, line, Map::new())];
        }
        items
    }

    /// Returns the related incidents that are new, those that are open first.
    pub fn related(&self, mut rows: Vec<Similar>) -> Vec<Item> {
        rows.retain(|row| self.is_new(row.incident.created_at));
        rows.sort_by_key(|row| row.incident.is_resolved());
        rows.iter().map(|row| self.like(row, Part::Related, "Related")).collect()
    }

    fn like(&self, row: &Similar, part: Part, prefix: &str) -> Item {
        let line = format!("{prefix}: {}", similar_line(row, self.subject, self.local));
        let mut data = Map::from_iter([("id".to_owned(), row.incident.id.as_str().into())]);
        data.extend(row.incident.number.map(|number| ("incident_number".to_owned(), number.into())));
        data.extend(row.incident.status.as_deref().map(|status| ("status".to_owned(), status.into())));
        data.extend(row.score.map(|score| ("score".to_owned(), score.into())));
        data.extend(row.relation.as_deref().map(|relation| ("relation".to_owned(), relation.into())));
        Item::new(part, line, data)
    }

    /// Returns the impact on the business.
    pub fn impact(impacts: &Impacts) -> Item {
        let services: Vec<_> = impacts.services.iter().map(Named::shown).collect();
        let mut data = Map::new();
        if !services.is_empty() {
            data.insert("business_services".to_owned(), services.into());
        }
        Item::new(Part::Impact, impacts.line(), data)
    }

    /// Returns the maintenance windows of the service.
    pub fn maintenance(&self, windows: &[Window]) -> Vec<Item> {
        let item = |window: &Window| {
            let mut data = Map::from_iter([("maintenance_window_id".to_owned(), window.id.as_str().into())]);
            data.insert("service_count".to_owned(), window.services.into());
            Item::new(Part::Service, window.line(self.local, self.now), data)
        };
        windows.iter().map(item).collect()
    }

    /// Returns the state of the service, and of those around it that have open incidents.
    pub fn dependencies(&self, found: &Dependencies) -> Vec<Item> {
        let item = |line: String, data: Value| {
            let data = if let Value::Object(data) = data { data } else { Map::new() };
            Item::new(Part::Service, line, data)
        };
        let name = self.subject.service.as_ref().map_or("The service".into(), Named::label);
        let mut items = Vec::new();
        let others = found.state.open.iter().flatten().filter(|open| open.id != self.subject.id.as_str());
        let others: Vec<_> = others.collect();
        if let Some(first) = others.first() {
            let ids: Vec<_> = others.iter().map(|open| open.id.as_str()).take(5).collect();
            let count = others.len();
            let are = if count == 1 { "is 1 other open incident" } else { "are other open incidents" };
            let first = first.words(self.local, self.subject.created_at);
            let line = if count == 1 {
                format!("There {are} of {name}: {first}.")
            } else {
                format!("There {are} of {name}, {count} in all, the most urgent is {first}.")
            };
            items.push(item(line, json!({"open_incident_ids": ids})));
        }
        for one in found.neighbors.iter().filter(|one| one.is_impacted()) {
            let open = one.state.open.iter().flatten().map(|open| open.id.as_str()).take(5);
            let side = if one.side == Side::Upstream { "upstream" } else { "downstream" };
            let data = json!({"id": one.node.id, "direction": side, "open_incident_ids": open.collect::<Vec<_>>()});
            items.push(item(found.line(one, self.local, self.subject.created_at), data));
        }
        // A service of unknown state may have open incidents.
        let is_quiet = |one: &&Neighbor| one.state.is_known() && !one.is_impacted();
        let count = |side: Side| found.neighbors.iter().filter(is_quiet).filter(|one| one.side == side).count();
        let (needs, needed) = (count(Side::Upstream), count(Side::Downstream));
        if needs + needed > 0 {
            let others = if items.is_empty() { "" } else { "further " };
            let services =
                |count: usize| format!("{count} {others}{}", if count == 1 { "service" } else { "services" });
            let depend = if needed == 1 { "depends" } else { "depend" };
            let above = (needs > 0).then(|| format!("{name} depends on {}", services(needs)));
            let on = if needs > 0 { "it" } else { name.as_ref() };
            let below = (needed > 0).then(|| format!("{} {depend} on {on}", services(needed)));
            let both: Vec<_> = above.into_iter().chain(below).collect();
            items.push(item(format!("{}: no open incident of them is known.", list(&both)), Value::Null));
        }
        items
    }

    /// Returns the events that are new, what users did before notifications, and the last one first. `has_notes` says that
    /// notes are in another part.
    pub fn timeline(&self, mut entries: Vec<Entry>, has_notes: bool) -> Vec<Item> {
        entries.retain(|entry| self.is_new(Some(entry.last)) && !(has_notes && entry.kind == "annotate"));
        for entry in &mut entries {
            entry.name_reopened(self.subject.created_at);
        }
        entries.sort_by_key(|entry| (entry.kind == "notify", Reverse(entry.at)));
        let item = |entry: Entry| {
            let line = sentence(format!("{}: {}", self.local.text(entry.at), entry.line));
            let mut data = Map::from_iter([("id".to_owned(), entry.id.into())]);
            data.insert("at".to_owned(), self.local.iso(entry.at).into());
            data.insert("type".to_owned(), entry.kind.into());
            Item { at: Some(entry.at), ..Item::new(Part::Timeline, line, data) }
        };
        entries.into_iter().map(item).collect()
    }

    /// Returns what can be run, and what ran.
    pub fn automation(&self, found: &Automations) -> Vec<Item> {
        let item = |kind: &str, id: &str, line: String| {
            let data = Map::from_iter([("type".to_owned(), kind.into()), ("id".to_owned(), id.into())]);
            Item::new(Part::Automation, line, data)
        };
        let runs = found.runs.iter().map(|run| item("run", &run.id, run.line(self.local)));
        let actions = found.actions.iter().map(|one| item("action", &one.named.id, one.line(self.local)));
        let workflows = found.workflows.iter().map(|one| item("workflow", &one.workflow.id, one.line()));
        runs.chain(actions).chain(workflows).collect()
    }

    /// Returns the texts that PagerDuty's agent keeps.
    pub fn memories(found: &Automations) -> Vec<Item> {
        let item = |memory: &Remembered| {
            let data = Map::from_iter([("id".to_owned(), memory.id.as_str().into())]);
            Item::new(Part::Memories, memory.line(), data)
        };
        found.memories.iter().map(item).collect()
    }
}

/// Returns the first links, if there are any.
fn linked(all: &[Link]) -> Option<Value> {
    all.get(..all.len().min(MAX_LINKS)).filter(|first| !first.is_empty()).map(links)
}
