//! The account as it is when the sandbox starts: a company that sells things on the internet, and the last 60 days of
//! its alarms.
//!
//! It is the same every time, except for times, which are relative to the moment at which it is seeded. Its objects are
//! documents in `seed/*.json`, in the order of [`KINDS`]; [`history`] makes the incidents from the tables in [`alarms`].

mod alarms;
mod changes;
mod history;
mod log;
mod runs;
pub mod signals;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::account::{Account, Cast};
use super::documents::{Documents, text};
use super::kinds::{KINDS, USER};
use super::scenario::{Scenario, Script};
use super::time::{Clock, Zone};

/// The time zone of the company's headquarters, and so of the account.
const HOME: &str = "America/New_York";

/// The initial content of an account.
#[derive(Debug)]
pub struct Seed {
    /// The number of incidents in the last 60 days.
    pub incidents: usize,
    /// Documents to add to those of the company, or null.
    pub documents: Value,
    /// The scripted events, if there are any.
    pub scenario: Option<Scenario>,
}

impl Seed {
    /// Returns the account as it was at the moment `seeded`.
    ///
    /// # Errors
    /// If an added document cannot be used.
    pub fn account(&self, clock: Clock, seeded: Timestamp) -> Result<Account, String> {
        let mut company = Map::new();
        for kind in KINDS {
            let documents = serde_json::from_str(kind.seed).map_err(|why| format!("{}.json: {why}", kind.many))?;
            company.insert(kind.many.to_owned(), documents);
        }
        let mut documents = Documents::default();
        documents.add(&company.into(), seeded)?;
        // The first users of the file.
        let ids: Vec<String> = documents.all(&USER).iter().take(3).map(|user| text(user, "id").to_owned()).collect();
        let [current, teamless, read_only] = ids.try_into().map_err(|_| "users.json has fewer than three users")?;
        let mut account = Account {
            clock,
            zone: Zone::named(HOME)?,
            cast: Cast { current, teamless, read_only },
            seeded,
            documents,
            incidents: Vec::new(),
            changes: Vec::new(),
            notes_written: 0,
            script: self.scenario.map(Script::of),
            records: Vec::new(),
        };
        account.incidents = history::write(&account, &mut Dice::new(2), seeded, self.incidents);
        account.changes = changes::write(&account, seeded)?;
        let runs = runs::write(&account);
        account.documents.add(&runs, seeded)?;
        if !self.documents.is_null() {
            account.documents.add(&self.documents, seeded)?;
        }
        account.documents.sort();
        Ok(account)
    }
}

/// The number of alarms.
pub const ALARM_COUNT: usize = alarms::ALARMS.len();

/// Returns the number of the alarm with this text in its title.
pub fn alarm_like(text: &str) -> Option<usize> {
    alarms::ALARMS.iter().position(|alarm| alarm.title.contains(text))
}

/// Random choices, the same in every run.
pub struct Dice(Rng);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// Returns an ID as PagerDuty makes them: a letter for the kind, then capitals and digits.
    fn id(&mut self, initial: char, length: usize) -> String {
        let rest =
            std::iter::repeat_with(|| self.0.choice(*b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789").map_or('0', char::from));
        std::iter::once(initial).chain(rest.take(length)).collect()
    }

    /// Returns an ID of seven characters, as most objects have.
    fn object_id(&mut self) -> String {
        self.id('P', 6)
    }

    /// Returns an ID of fourteen characters, as incidents and log entries have.
    fn event_id(&mut self) -> String {
        self.id('Q', 13)
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0.u32(..end.max(1))
    }

    fn between(&mut self, range: std::ops::Range<i64>) -> i64 {
        self.0.i64(range)
    }

    /// Returns true with this probability, in percent.
    fn happens(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.0.usize(..from.len().max(1)))
    }

    fn word(&mut self, from: &[&'static str]) -> &'static str {
        self.pick(from).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::account::{Body, Status, Urgency, is_in};
    use super::super::behavior::rotation::Rotation;
    use super::super::documents::entries;
    use super::super::kinds::{ESCALATION_POLICY, PRIORITY, SCHEDULE, SERVICE, TEAM};
    use super::super::time::{Range, earlier};
    use super::*;

    fn seeded(now: &str, incidents: usize) -> Account {
        let now = now.parse().unwrap();
        Seed { incidents, documents: Value::Null, scenario: None }.account(Clock::Stopped(now), now).unwrap()
    }

    #[test]
    fn seed_has_objects_of_every_form() {
        let account = seeded("2026-08-05T10:30:00Z", 600);
        let all = |kind| account.documents.all(kind);
        assert!(all(&TEAM).len() >= 12 && all(&TEAM).iter().any(|team| !team["parent"].is_null()));
        assert!(all(&USER).len() >= 60);
        assert!(all(&SERVICE).len() >= 40);
        assert!(all(&ESCALATION_POLICY).len() >= 25);
        assert!(all(&SCHEDULE).len() >= 20);
        let schedules: Vec<_> = all(&SCHEDULE).iter().map(|schedule| Rotation::read(schedule).unwrap()).collect();
        assert_eq!(account.incidents.len(), 600);
        assert!(schedules.iter().flat_map(|schedule| &schedule.layers).any(|layer| layer.id.is_none()));
        assert!(schedules.iter().any(|schedule| schedule.layers.len() == 2));
        assert!(schedules.iter().any(|schedule| !schedule.overrides().is_empty()));
        let count =
            |which: fn(&Body) -> bool| account.incidents.iter().filter(|incident| which(&incident.body)).count();
        assert!(count(|body| matches!(body, Body::Event(_))) > 300);
        assert!(count(|body| matches!(body, Body::Text(_))) > 20);
        assert!(count(|body| matches!(body, Body::Empty)) > 5);
        assert!(count(|body| matches!(body, Body::Absent)) > 5);
        assert!(account.incidents.iter().any(|incident| incident.title.starts_with("No Data: ")));
        assert!(account.incidents.iter().any(|incident| incident.urgency == Urgency::Low));
        assert!(account.incidents.iter().any(|incident| incident.bridge.is_some()));
        for name in ["P1", "P2", "P3", "P4", "P5"] {
            assert!(
                account
                    .incidents
                    .iter()
                    .filter_map(|incident| account.documents.get(&PRIORITY, incident.priority.as_deref()?))
                    .any(|priority| priority["name"] == name)
            );
        }
    }

    /// The demonstration works at every time of day and year.
    #[test]
    fn current_user_has_recent_incidents_and_is_on_call() {
        for now in ["2026-08-05T10:30:00Z", "2026-03-09T13:00:00Z", "2026-11-01T05:59:59Z", "2028-02-29T23:59:00Z"] {
            let account = seeded(now, 600);
            let now = account.clock.now();
            let current = &account.cast.current;
            let user = account.documents.get(&USER, current).unwrap();
            let month = Range { since: earlier(now, jiff::Span::new().days(30)), until: now };
            let hers = account.incidents.iter().filter(|incident| {
                let team = account.team_of(&incident.service);
                month.contains(incident.created_at) && team.is_some_and(|team| is_in(user, team))
            });
            let hers: Vec<_> = hers.collect();
            let with = |status| hers.iter().filter(|incident| incident.status == status).count();
            assert!(hers.len() >= 120, "{} incidents", hers.len());
            assert!(with(Status::Triggered) >= 3 && with(Status::Acknowledged) >= 3);
            let mut policies = account.documents.all(&ESCALATION_POLICY).iter();
            assert!(policies.any(|policy| account.on_call(text(policy, "id"), 1, now).contains(current)));
            let assigned = |id: &str| {
                let open = account.incidents.iter().flat_map(|incident| &incident.assignments);
                open.filter(|assignment| assignment.user == id).count()
            };
            assert!(assigned(current) >= 1);
            assert!(assigned(&account.cast.teamless) >= 1);
            let teamless = account.documents.get(&USER, &account.cast.teamless).unwrap();
            assert!(entries(teamless, "teams").is_empty());
        }
    }

    #[test]
    fn seed_at_another_time_differs_in_times_only() {
        let (one, other) = (seeded("2026-08-05T10:30:00Z", 50), seeded("2027-01-01T00:00:00Z", 50));
        let ids = |account: &Account| account.incidents.iter().map(|incident| incident.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&one), ids(&other));
        assert_eq!(
            one.incidents.last().map(|incident| &incident.title),
            other.incidents.last().map(|incident| &incident.title)
        );
        assert_eq!(one.cast.current, seeded("2026-08-05T10:30:00Z", 0).cast.current);
    }

    #[test]
    fn ids_are_unique_and_times_are_past() {
        let account = seeded("2026-08-05T10:30:00Z", 600);
        let ids: HashSet<&str> = account.incidents.iter().map(|incident| incident.id.as_str()).collect();
        assert_eq!(ids.len(), 600);
        let documents = KINDS.iter().flat_map(|kind| account.documents.all(kind));
        let documents: Vec<&str> = documents.map(|document| text(document, "id")).collect();
        assert_eq!(documents.iter().collect::<HashSet<_>>().len(), documents.len());
        let now = account.clock.now();
        assert!(account.incidents.is_sorted_by_key(|incident| (incident.created_at, incident.number)));
        for incident in &account.incidents {
            assert!(incident.created_at <= incident.changed_at && incident.changed_at <= now);
            assert!(incident.notes.iter().all(|note| incident.created_at <= note.created_at && note.created_at <= now));
            assert_eq!(incident.resolved_at.is_some(), incident.status == Status::Resolved);
            assert_eq!(incident.assignments.is_empty(), incident.status == Status::Resolved);
        }
    }
}
