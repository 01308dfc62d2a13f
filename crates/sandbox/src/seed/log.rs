//! The log and the alerts of a seeded incident. They follow from its other fields, so that all of them agree.

use jiff::{Span, Timestamp};
use serde_json::Value;

use super::{Dice, signals};
use crate::account::{Account, Agent, Incident, Status, Urgency};
use crate::alerts::{Alert, Signal};
use crate::behavior::custom_fields::FIELDS;
use crate::documents::{Document, entries};
use crate::kinds::{ESCALATION_POLICY, USER};
use crate::log::{LogEvent, itself, person};
use crate::time::later;

/// The number of seconds for which an acknowledgement lasts, and for which a snoozed one does.
const ACKNOWLEDGED: i64 = 1_800;
const SNOOZED: i64 = 4 * 3_600;

/// Adds this many alerts to an incident, of which a third has ended before it.
pub fn add_alerts(incident: &mut Incident, count: usize, now: Timestamp) {
    let mut dice = Dice::new(u64::from(incident.number));
    let end = incident.resolved_at.unwrap_or(now);
    let seconds = (end.as_second() - incident.created_at.as_second()).max(1);
    let alert = |number: usize| {
        let after = if number == 0 { 0 } else { dice.between(0..(seconds / 2).max(1)) };
        let at = later(incident.created_at, Span::new().seconds(after));
        let (key, signal) = if number == 0 {
            (incident.key.clone(), Signal::First(incident.title.clone()))
        } else {
            (format!("{:016x}{:016x}", dice.0.u64(..), dice.0.u64(..)), Signal::Sample(signals::companion(&mut dice)))
        };
        // The last ones, so that the first alert lasts as long as the incident.
        let ended_before = (number >= count - count / 3).then(|| dice.between(after..seconds));
        let ended_at = ended_before.map(|after| later(incident.created_at, Span::new().seconds(after)));
        let mut alert = Alert::new(incident.number, number, at, key, signal);
        alert.resolved_at = ended_at.or(incident.resolved_at);
        alert
    };
    incident.alerts = (0..count).map(alert).collect();
    incident.alerts.sort_by_key(|alert| alert.at);
}

/// Sets the custom fields of some incidents.
pub fn set_fields(incident: &mut Incident) {
    let mut dice = Dice::new(u64::from(incident.number) << 9);
    for field in FIELDS.iter().filter(|_| dice.happens(60)).collect::<Vec<_>>() {
        let value = match field.data_type {
            "integer" => (dice.below(40) * 25).into(),
            "url" => format!("https://tickets.acme.example/OPS-{}", dice.below(9_000) + 1_000).into(),
            _ if field.is_list() => field.options.iter().filter(|_| dice.happens(50)).copied().collect(),
            _ => Value::from(dice.word(field.options)),
        };
        incident.custom_fields.insert(field.name.to_owned(), value);
    }
}

/// A log that is being written.
struct Story<'a> {
    account: &'a Account,
    dice: Dice,
    /// The user who is notified.
    user: Option<String>,
    entries: Vec<(Timestamp, Agent, LogEvent)>,
}

/// Writes the log of an incident. Its first user is the one on call, or one of these users.
pub fn write(account: &Account, incident: &mut Incident, responders: &[&str]) {
    let mut dice = Dice::new(u64::from(incident.number) << 8);
    let by_user = Some(&incident.changed_by).filter(|agent| agent.kind.name == USER.name).map(|agent| agent.id.clone());
    let any = dice.pick(responders).map(|user| (*user).to_owned());
    let assigned: Vec<String> = incident.assignments.iter().map(|one| one.user.clone()).collect();
    let first = if assigned.is_empty() { by_user.clone().or(any.clone()).into_iter().collect() } else { assigned };
    let user = by_user.or_else(|| first.first().cloned());
    let mut story = Story { account, dice, user, entries: Vec::new() };
    let at = incident.created_at;
    story.add(at, itself(incident), LogEvent::Trigger);
    match incident.status {
        Status::Triggered => {
            story.assign(incident, at, &first);
            story.notify(incident, &first, at, None);
        }
        Status::Acknowledged => {
            story.assign(incident, at, &first);
            story.notify(incident, &first, at, Some(incident.changed_at));
            story.acknowledge(incident.changed_at);
        }
        Status::Resolved => story.resolved(incident, first, any),
    }
    for note in &incident.notes {
        story.add(note.created_at, person(&note.user), LogEvent::Annotate(note.content.clone()));
    }
    let priority = incident.priority.clone().filter(|_| !incident.number.is_multiple_of(3));
    if let Some((to, user)) = priority.zip(story.user.clone()) {
        let end = incident.resolved_at.unwrap_or(incident.updated_at);
        let seconds = (end.as_second() - at.as_second()).clamp(1, 600);
        let after = story.dice.between(0..seconds);
        let event = LogEvent::Priority { from: None, to: Some(to) };
        story.add(later(at, Span::new().seconds(after)), person(&user), event);
    }
    let Story { mut entries, .. } = story;
    // The sort is stable: of two entries of one second, the first one added stays first.
    entries.sort_by_key(|(at, ..)| *at);
    incident.log.reserve(entries.len());
    for (at, agent, event) in entries {
        incident.write(at, agent, event);
    }
}

impl Story<'_> {
    fn add(&mut self, at: Timestamp, agent: Agent, event: LogEvent) {
        self.entries.push((at, agent, event));
    }

    fn assign(&mut self, incident: &Incident, at: Timestamp, users: &[String]) {
        if !users.is_empty() {
            self.add(at, itself(incident), LogEvent::Assign(users.to_vec()));
        }
    }

    /// Adds the notifications of these users that are sent before `until`.
    fn notify(&mut self, incident: &Incident, users: &[String], at: Timestamp, until: Option<Timestamp>) {
        let users = users.iter().filter_map(|user| self.account.documents.get(&USER, user));
        let notices = users.flat_map(|user| crate::log::notices(user, incident.urgency, at));
        let sent = notices.filter(|notice| until.is_none_or(|until| notice.at < until));
        self.entries.extend(sent.map(|notice| (notice.at, itself(incident), notice.event)));
    }

    fn acknowledge(&mut self, at: Timestamp) {
        if let Some(user) = self.user.clone() {
            self.add(at, person(&user), LogEvent::Acknowledge(Some(ACKNOWLEDGED)));
        }
    }

    /// Adds the events of a resolved incident: perhaps an escalation, acknowledgements, which can run out, and the end.
    fn resolved(&mut self, incident: &Incident, mut users: Vec<String>, other: Option<String>) {
        let (mut at, end) = (incident.created_at, incident.changed_at);
        let by_service = incident.changed_by.kind.name != USER.name;
        let seconds = |from: Timestamp| end.as_second() - from.as_second();
        let delay = self.delay(incident);
        let reacts = !by_service || self.dice.happens(50);
        let other = other.filter(|user| Some(user) != self.user.as_ref());
        let escalates = incident.urgency == Urgency::High && seconds(at) > delay + 120 && self.dice.happens(25);
        if let Some(other) = other.filter(|_| escalates && reacts) {
            // The first user does not react.
            let next = later(at, Span::new().seconds(delay));
            self.assign(incident, at, std::slice::from_ref(&other));
            self.notify(incident, &[other], at, Some(next));
            self.add(next, itself(incident), LogEvent::Escalate(users.clone()));
            at = next;
        } else {
            self.assign(incident, at, &users);
        }
        if !reacts {
            self.notify(incident, &users, at, Some(end));
            self.add(end, incident.changed_by.clone(), LogEvent::Resolve);
            return;
        }
        loop {
            let after = self.dice.between(20..(seconds(at) / 2).clamp(21, 420));
            let acknowledged = later(at, Span::new().seconds(after)).min(end);
            self.notify(incident, &users, at, Some(acknowledged));
            self.acknowledge(acknowledged);
            if self.user.is_some() {
                users = self.user.clone().into_iter().collect();
            }
            if seconds(acknowledged) <= ACKNOWLEDGED {
                break;
            }
            if let Some(user) = self.user.clone().filter(|_| seconds(acknowledged) <= SNOOZED && self.dice.happens(60))
            {
                let snoozed = later(acknowledged, Span::new().seconds(600));
                self.add(snoozed, person(&user), LogEvent::Snooze(SNOOZED));
                break;
            }
            at = later(acknowledged, Span::new().seconds(ACKNOWLEDGED));
            self.add(at, itself(incident), LogEvent::Unacknowledge);
        }
        self.add(end, incident.changed_by.clone(), LogEvent::Resolve);
    }

    /// Returns the number of seconds until an incident escalates to the second level.
    fn delay(&self, incident: &Incident) -> i64 {
        let policy = self.account.documents.get(&ESCALATION_POLICY, &incident.policy);
        policy.and_then(first_delay).map_or(i64::MAX / 2, |minutes| minutes * 60)
    }
}

/// Returns the delay of a policy's first level in minutes.
fn first_delay(policy: &Document) -> Option<i64> {
    entries(policy, "escalation_rules").first()?.get("escalation_delay_in_minutes")?.as_i64()
}
