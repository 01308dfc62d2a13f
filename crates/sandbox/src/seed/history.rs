//! The incidents of the last 60 days: most are resolved, and a few are open.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::{Span, Timestamp};

use super::alarms::{ALARMS, Alarm, CHANNELS, NOTES, Reporter, Source, VARIABLES, fill};
use super::{Dice, log};
use crate::account::Status::{self, Acknowledged, Resolved, Triggered};
use crate::account::{Account, Agent, Body, Bridge, Event, Incident, Involvement, Note, Urgency, is_in};
use crate::behavior::communications::Subscriber;
use crate::behavior::escalation_policies::involves;
use crate::documents::{Document, id_of, text};
use crate::kinds::{ESCALATION_POLICY, PRIORITY, SERVICE, TEAM, USER};
use crate::time::{earlier, later};

/// An open incident.
struct Open {
    minutes_ago: i64,
    status: Status,
    at: Place,
}

/// The services in which an incident is raised.
#[derive(Clone, Copy)]
enum Place {
    CurrentUser,
    TeamlessUser,
    Any,
}

use Place::{Any, CurrentUser, TeamlessUser};

const fn open(minutes_ago: i64, status: Status, at: Place) -> Open {
    Open { minutes_ago, status, at }
}

/// The open incidents, newest first. They are fixed, so that every kind exists in each account.
const OPEN: &[Open] = &[
    open(4, Triggered, CurrentUser),
    open(11, Triggered, Any),
    open(19, Triggered, CurrentUser),
    open(26, Acknowledged, CurrentUser),
    open(38, Triggered, TeamlessUser),
    open(52, Triggered, CurrentUser),
    open(71, Acknowledged, Any),
    open(95, Acknowledged, CurrentUser),
    open(118, Triggered, CurrentUser),
    open(130, Triggered, Any),
    open(160, Acknowledged, CurrentUser),
    open(240, Acknowledged, TeamlessUser),
    open(300, Acknowledged, Any),
    open(340, Triggered, Any),
    open(1_500, Acknowledged, CurrentUser),
    open(2_900, Acknowledged, Any),
    open(5_200, Acknowledged, CurrentUser),
];

/// The age of resolved incidents.
const PAST_IN_SECONDS: std::ops::Range<i64> = 300 * 60..60 * 24 * 3600;

/// The share of all incidents that each service of a team has; 1 unless listed.
const LOAD: &[(&str, usize)] =
    &[("Payments", 6), ("Checkout", 6), ("Platform", 2), ("Kubernetes", 2), ("Data Platform", 2), ("Identity", 2)];

/// Returns this many incidents, in the order they were created.
pub fn write(account: &Account, dice: &mut Dice, now: Timestamp, incidents: usize) -> Vec<Incident> {
    let open_count = incidents.min(OPEN.len());
    let all = account.documents.all(&SERVICE);
    let team_of = |service: &&Document| account.team_of(text(service, "id"));
    let share = |service: &Document| {
        let team = account.team_of(text(service, "id")).and_then(|team| account.documents.get(&TEAM, team));
        let name = team.map_or("", |team| text(team, "name"));
        LOAD.iter().find(|(team, _)| *team == name).map_or(1, |(_, load)| *load)
    };
    let began = earlier(now, Span::new().seconds(PAST_IN_SECONDS.end));
    let is_older = |service: &&Document| text(service, "created_at").parse::<Timestamp>().is_ok_and(|at| at < began);
    let in_teams = all.iter().filter(is_older).filter(|service| team_of(service).is_some());
    let load: Vec<&Document> = in_teams.flat_map(|service| std::iter::repeat_n(service, share(service))).collect();
    let current = account.documents.get(&USER, &account.cast.current);
    let is_hers = |service: &&&Document| team_of(service).zip(current).is_some_and(|(team, user)| is_in(user, team));
    let hers: Vec<_> = load.iter().filter(is_hers).copied().collect();
    let vendors: Vec<_> = all.iter().filter(|service| team_of(service).is_none()).collect();
    let services = |place| match place {
        CurrentUser => &hers,
        TeamlessUser => &vendors,
        Any => &load,
    };
    let notified = all.iter().map(|service| (text(service, "id"), responders(account, service)));
    let notified: HashMap<&str, Vec<&str>> = notified.collect();
    let draft = |open: &Open| (open.minutes_ago * 60 + dice.between(0..60), open.status, open.at);
    let mut drafts: Vec<(i64, Status, Place)> = OPEN.iter().take(open_count).map(draft).collect();
    // One in fifty belongs to the contractor.
    let over = |_| (dice.between(PAST_IN_SECONDS), Resolved, if dice.happens(2) { TeamlessUser } else { Any });
    drafts.extend((open_count..incidents).map(over));
    drafts.sort_by_key(|(seconds_ago, ..)| Reverse(*seconds_ago));
    let incident = |(number, (seconds_ago, status, place)): (u32, (i64, Status, Place))| {
        let service = *dice.pick(services(place))?;
        let responders = notified.get(text(service, "id")).map(Vec::as_slice).unwrap_or_default();
        let created_at = earlier(now, Span::new().seconds(seconds_ago));
        Draft { account, service, responders, number, created_at, now }.incident(dice, status)
    };
    (FIRST_NUMBER..).zip(drafts).filter_map(incident).collect()
}

/// The number of the first incident. The company has had others before.
const FIRST_NUMBER: u32 = 20_451;

/// Returns the users who could be notified of incidents of a service: all of its team, or those of its policy if it has no
/// team.
fn responders<'a>(account: &'a Account, service: &Document) -> Vec<&'a str> {
    let team = account.team_of(text(service, "id"));
    let policy = account.documents.get(&ESCALATION_POLICY, policy_of(service));
    let responds = |user: &&Document| match team {
        Some(team) => is_in(user, team),
        None => policy.is_some_and(|policy| involves(account, policy, text(user, "id"))),
    };
    account.documents.all(&USER).iter().filter(responds).map(|user| text(user, "id")).collect()
}

/// Returns the ID of a service's escalation policy.
fn policy_of(service: &Document) -> &str {
    service.get("escalation_policy").map(id_of).unwrap_or_default()
}

struct Draft<'a> {
    account: &'a Account,
    service: &'a Document,
    responders: &'a [&'a str],
    number: u32,
    created_at: Timestamp,
    now: Timestamp,
}

impl Draft<'_> {
    fn incident(&self, dice: &mut Dice, status: Status) -> Option<Incident> {
        let alarm_number = dice.0.usize(..ALARMS.len());
        let alarm = ALARMS.get(alarm_number)?;
        let slug = text(self.service, "name").to_lowercase().replace(' ', "-");
        let values: Vec<(&str, &str)> = VARIABLES
            .iter()
            .map(|(name, values)| (*name, dice.word(values)))
            .chain([("service", slug.as_str())])
            .collect();
        let title = fill(alarm.title, &values);
        let responders = self.responders;
        // A resolved incident has no assignments.
        let policy = policy_of(self.service);
        let assignees = if status == Resolved { Vec::new() } else { self.account.on_call(policy, 1, self.now) };
        let any = dice.pick(responders).copied();
        let responder = assignees.first().map(String::as_str).or(any).map(str::to_owned);
        let acknowledger = responder.iter().filter(|_| status == Acknowledged).cloned();
        let changed_at = self.changed_at(dice, status);
        let notes = self.notes(dice, status, responders, &values, changed_at);
        let priority = self.priority(dice, alarm.urgency);
        let grave = priority.is_some_and(|priority| matches!(text(priority, "name"), "P1" | "P2"));
        let key = format!("{:016x}{:016x}", dice.0.u64(..), dice.0.u64(..));
        let (id, body) = (dice.event_id(), body(alarm, &values, dice));
        let changed_by = self.changed_by(dice, status, responder.as_deref());
        let alerts = 1 + dice.below(3) * dice.below(4);
        let mut incident = Incident {
            id,
            number: self.number,
            summary: format!("[#{}] {title}", self.number),
            body,
            title,
            key,
            alarm: alarm_number,
            kind: if grave { "major_incident" } else { "incident_default" },
            status,
            urgency: alarm.urgency,
            priority: priority.map(|priority| text(priority, "id").to_owned()),
            service: text(self.service, "id").to_owned(),
            policy: policy.to_owned(),
            created_at: self.created_at,
            updated_at: notes.last().map_or(changed_at, |note| changed_at.max(note.created_at)),
            changed_at,
            changed_by,
            acknowledgements: acknowledger.map(|user| Involvement { at: changed_at, user }).collect(),
            resolved_at: (status == Resolved).then_some(changed_at),
            assignments: assignees.into_iter().map(|user| Involvement { at: self.created_at, user }).collect(),
            alerts: Vec::new(),
            log_entry: dice.event_id(),
            log: Vec::new(),
            log_ids: 0,
            merged_into: None,
            snoozed_until: None,
            path: None,
            bridge: (grave && dice.happens(60)).then(|| bridge(dice)),
            notes,
            requests: Vec::new(),
            responders: Vec::new(),
            custom_fields: BTreeMap::new(),
            impacts: BTreeMap::new(),
            subscribers: self.subscribers(status),
            status_updates: Vec::new(),
        };
        log::add_alerts(&mut incident, alerts as usize, self.now);
        log::set_fields(&mut incident);
        log::write(self.account, &mut incident, responders);
        Some(incident)
    }

    /// Returns the subscribers. Two of three open incidents have some: the team of the service, and two managers.
    fn subscribers(&self, status: Status) -> Vec<Subscriber> {
        if status == Resolved || self.number % 3 == 1 {
            return Vec::new();
        }
        let users = self.account.documents.all(&USER).iter();
        let managers = users.filter(|user| matches!(text(user, "role"), "owner" | "admin")).take(2);
        let managers = managers.map(|user| Subscriber { id: text(user, "id").to_owned(), kind: "user".to_owned() });
        let team = self.account.team_of(text(self.service, "id"));
        let team = team.map(|team| Subscriber { id: team.to_owned(), kind: "team".to_owned() });
        team.into_iter().chain(managers).collect()
    }

    /// Returns the time of the last status change: not before the incident was created, and not after now.
    fn changed_at(&self, dice: &mut Dice, status: Status) -> Timestamp {
        let minutes = match status {
            Triggered => return self.created_at,
            Acknowledged => dice.between(1..4),
            Resolved if dice.happens(70) => dice.between(2..45),
            Resolved => dice.between(45..290),
        };
        later(self.created_at, Span::new().minutes(minutes).seconds(dice.between(0..60))).min(self.now)
    }

    /// Returns the user or service of the last status change. Two of five incidents are resolved by their service.
    fn changed_by(&self, dice: &mut Dice, status: Status, responder: Option<&str>) -> Agent {
        let by_service = status == Triggered || (status == Resolved && dice.happens(40));
        match responder {
            Some(user) if !by_service => Agent { kind: &USER, id: user.to_owned() },
            _ => Agent { kind: &SERVICE, id: text(self.service, "id").to_owned() },
        }
    }

    /// Returns the priority. Some incidents have one, and high ones are rare.
    fn priority(&self, dice: &mut Dice, urgency: Urgency) -> Option<&Document> {
        let (given, from) = match urgency {
            Urgency::High => (55, [0, 1, 1, 2, 2, 2, 3]),
            Urgency::Low => (25, [2, 3, 3, 3, 4, 4, 4]),
        };
        let given = dice.happens(given);
        let number = *dice.pick(&from)?;
        self.account.documents.all(&PRIORITY).get(number).filter(|_| given)
    }

    /// Returns up to five notes, written while the incident was open.
    fn notes(
        &self,
        dice: &mut Dice,
        status: Status,
        authors: &[&str],
        values: &[(&str, &str)],
        changed_at: Timestamp,
    ) -> Vec<Note> {
        let end = if status == Resolved { changed_at } else { self.now };
        let most = if dice.happens(45) { 5 } else { 1 };
        let seconds = end.as_second() - self.created_at.as_second();
        let mut moments: Vec<i64> = (0..dice.below(most + 1)).map(|_| dice.between(0..seconds.max(1))).collect();
        moments.sort_unstable();
        let note = |after| {
            Some(Note {
                id: dice.object_id(),
                user: (*dice.pick(authors)?).to_owned(),
                channel: dice.word(CHANNELS),
                content: fill(dice.word(NOTES), values),
                created_at: later(self.created_at, Span::new().seconds(after)),
            })
        };
        moments.into_iter().filter_map(note).collect()
    }
}

fn bridge(dice: &mut Dice) -> Bridge {
    let number = dice.below(10_000);
    Bridge {
        number: format!("+1-202-555-0147,,,,{number:04}#"),
        url: format!("https://meet.acme.example/incident-{number:04}"),
    }
}

fn body(alarm: &Alarm, values: &[(&str, &str)], dice: &mut Dice) -> Body {
    let details = alarm.details.iter().map(|(name, text)| (*name, fill(text, values)));
    match alarm.source {
        Reporter::Person if dice.happens(50) => Body::Empty,
        Reporter::Person => Body::Absent,
        Reporter::Monitor(Source { client_url: None, .. }) => Body::Text(details.map(|(_, text)| text).collect()),
        Reporter::Monitor(Source { client_url: Some(url), name, .. }) => {
            let client_url = fill(url, values);
            Body::Event(Event { client: name, client_url, class: alarm.class, details: details.collect() })
        }
    }
}
