//! The users who may know about an incident, and how well they fit. It has no I/O.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::similar::read::Similar;
use crate::models::{Change, Person};
use crate::shifts::Shift;
use crate::tools::oncall::read::{Duty, Reach, shown, spoken};
use crate::tools::subject::Subject;
use crate::tools::times::{Local, length};
use crate::tools::words::{list, quoted, sentence};

/// The hours of the day in which users count as awake.
const DAY: std::ops::Range<i8> = 7..23;

/// The most characters of a change in a line.
const MAX_CHANGE: usize = 80;

/// A user who may know about the incident.
#[derive(Debug, Default)]
pub struct Helper {
    /// The user.
    pub person: Person,
    /// The level on which the user is on call, and the end of the shift.
    duty: Option<(usize, Option<Timestamp>)>,
    /// The labels of the past incidents that the user resolved, the last one first.
    resolved: Vec<(String, Option<Timestamp>)>,
    /// The summaries of the changes that the user made.
    changed: Vec<(String, Option<Timestamp>)>,
    /// Set if the user has the incident already.
    has_it: bool,
    /// Set if the credential belongs to the user.
    pub is_caller: bool,
    /// The number of past incidents like it whose end is known.
    of_past: usize,
    /// The user's own zone, if it is known.
    zone: Option<Local>,
    /// Whether it is day in that zone.
    pub is_awake: Option<bool>,
    /// The last page, and whether there was none if it is missing.
    last_page: Option<Timestamp>,
    has_no_page: bool,
    /// The kinds of the user's contact methods.
    contacts: Vec<String>,
}

/// Returns the users who are on call, resolved incidents like it, or made changes before it.
pub fn helpers(
    subject: &Subject,
    on_call: &[Shift<Duty>],
    past: &[Similar],
    changes: &[Change],
    authors: &HashMap<String, String>,
    now: Timestamp,
) -> Vec<Helper> {
    let mut found = Found::default();
    for duty in on_call.iter().filter(|duty| duty.period.contains(now)) {
        let end = Some(duty.period.end()).filter(|end| *end != Timestamp::MAX);
        let helper = found.of(&duty.of.user);
        if helper.duty.is_none_or(|(level, _)| duty.of.level < level) {
            helper.duty = Some((duty.of.level, end));
        }
    }
    let mut past: Vec<_> = past.iter().map(|row| &row.incident).filter(|incident| incident.is_resolved()).collect();
    past.sort_by_key(|incident| std::cmp::Reverse(incident.created_at));
    let count = past.len();
    for incident in past {
        if let Some(by) = incident.changed_by.as_ref().filter(|by| by.is_user) {
            let person = Person { id: by.named.id.clone(), name: by.named.name.clone(), ..Person::default() };
            let helper = found.of(&person);
            helper.resolved.push((incident.label(), incident.resolved_at));
            helper.of_past = count;
        }
    }
    for change in changes {
        let Some(id) = change.author.as_ref().and_then(|text| authors.get(text)) else { continue };
        let summary = change.summary.clone().unwrap_or_default();
        found.of(&Person { id: id.clone(), ..Person::default() }).changed.push((summary, change.timestamp));
    }
    for holder in subject.assigned.iter().chain(&subject.acknowledged) {
        if let Some(helper) = found.0.iter_mut().find(|helper| helper.person.id == holder.user.id) {
            helper.has_it = true;
        }
    }
    found.0
}

/// The users in the order in which they were found.
#[derive(Default)]
struct Found(Vec<Helper>);

impl Found {
    fn of(&mut self, person: &Person) -> &mut Helper {
        let place = self.0.iter().position(|helper| helper.person.id == person.id);
        let place = place.unwrap_or_else(|| {
            self.0.push(Helper { person: person.clone(), ..Helper::default() });
            self.0.len() - 1
        });
        // The place was just found or added.
        #[allow(clippy::indexing_slicing, reason = "the place exists")]
        &mut self.0[place]
    }
}

impl Helper {
    /// Adds the data of the user, and their last page.
    pub fn complete(&mut self, reach: Option<&Reach>, pages: &(HashMap<String, Timestamp>, bool), now: Timestamp) {
        if let Some(reach) = reach {
            self.person.deleted |= reach.person.deleted;
            self.person.name = self.person.name.take().or_else(|| reach.person.name.clone());
            self.person.email.clone_from(&reach.person.email);
            self.zone = reach.time_zone.as_deref().map(|name| Local::in_zone(Some(name)));
            self.is_awake = self.zone.as_ref().map(|zone| DAY.contains(&zone.hour(now)));
            let mut kinds: Vec<_> = reach.contacts.iter().map(|contact| contact.kind.replace('_', " ")).collect();
            kinds.sort_unstable();
            kinds.dedup();
            self.contacts = kinds;
        }
        self.last_page = pages.0.get(&self.person.id).copied();
        self.has_no_page = self.last_page.is_none() && pages.1;
    }

    /// Returns whether the user works on the incident already: such a user is no additional help.
    pub fn is_at_work(&self) -> bool {
        self.has_it || self.is_caller
    }

    /// Returns how well the user fits. A user on call comes first, then one who knows the problem. Users who would be woken
    /// come later, unless they are on call.
    pub fn points(&self) -> usize {
        let duty = self.duty.map_or(0, |(level, _)| 60_usize.saturating_sub(15 * level).max(10));
        let resolved = 15 * self.resolved.len().min(3);
        let changed = if self.changed.is_empty() { 0 } else { 20 };
        let awake = if self.is_awake == Some(false) { 0 } else { 15 };
        duty + resolved + changed + awake
    }

    /// Returns the user for an answer.
    pub fn shown(&self, local: &Local, now: Timestamp) -> Map<String, Value> {
        let mut row = shown(&self.person);
        row.insert("line".to_owned(), self.line(local, now).into());
        let mut set = |name: &str, value: Option<Value>| {
            row.extend(value.map(|value| (name.to_owned(), value)));
        };
        let on_call =
            |(level, end): (usize, Option<Timestamp>)| json!({"level": level, "until": end.map(|end| local.iso(end))});
        set("on_call", self.duty.map(on_call));
        set("resolved_like_it", (!self.resolved.is_empty()).then(|| self.resolved.len().into()));
        set("changes_made", (!self.changed.is_empty()).then(|| self.changed.len().into()));
        set("has_it", self.has_it.then(|| true.into()));
        set("you", self.is_caller.then(|| true.into()));
        set("local_time", self.zone.as_ref().map(|zone| zone.iso(now).into()));
        set("awake", self.is_awake.map(Value::from));
        set("last_page_at", self.last_page.map(|at| local.iso(at).into()));
        set("email", self.person.email.as_deref().map(Value::from));
        set("contact_types", (!self.contacts.is_empty()).then(|| self.contacts.clone().into()));
        row
    }

    /// Returns the user as a sentence.
    fn line(&self, local: &Local, now: Timestamp) -> String {
        let mut parts = Vec::new();
        if self.has_it {
            parts.push("has it already".to_owned());
        }
        if let Some((level, end)) = self.duty {
            let until = end.map(|end| format!(" until {}", local.text(end))).unwrap_or_default();
            parts.push(format!("on call at level {level}{until}"));
        }
        if let Some((last, at)) = self.resolved.first() {
            let at = at.map(|at| format!(" on {}", local.text(at))).unwrap_or_default();
            parts.push(match (self.resolved.len(), self.of_past) {
                (1, 1) => format!("resolved the one like it: {last}{at}"),
                (count, all) => format!("resolved {count} of {all} like it, last {last}{at}"),
            });
        }
        if let Some((summary, at)) = self.changed.first() {
            let at = at.map(|at| format!(" on {}", local.text(at))).unwrap_or_default();
            parts.push(format!("made the change {}{at}", quoted(summary, MAX_CHANGE)));
        }
        if let (Some(zone), Some(is_awake)) = (&self.zone, self.is_awake) {
            let state = if is_awake { "day" } else { "night" };
            parts.push(format!("it is {state} there, {}", zone.text(now)));
        }
        match self.last_page {
            Some(at) => parts.push(format!("last page {} ago", length(now.duration_since(at)))),
            None if self.has_no_page => parts.push("no page in the last 24 h".to_owned()),
            None => {}
        }
        if !self.contacts.is_empty() {
            parts.push(format!("reached by {}", list(&self.contacts)));
        }
        let you = if self.is_caller { " (you)" } else { "" };
        sentence(format!("{}{you}: {}", spoken(&self.person), parts.join("; ")))
    }
}
