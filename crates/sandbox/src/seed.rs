//! The account as it is when the sandbox starts: a company that sells things on the internet, and the last 60 days of
//! its alarms.
//!
//! It is the same every time, except for times, which are relative to the moment at which it is seeded. Its content is
//! in tables ([`company`], [`people`], [`alarms`]), from which [`organisation`] and [`history`] make objects.

mod alarms;
mod company;
mod history;
mod organisation;
mod people;

use fastrand::Rng;
use jiff::Timestamp;

use super::account::{Account, Cast};
use super::time::{Clock, Zone};

/// Returns the account as it was at the moment `seeded`, with this many `incidents`.
pub fn account(clock: Clock, seeded: Timestamp, incidents: usize) -> Account {
    let mut organisation = organisation::found(&mut Dice::new(1), seeded);
    let incidents = history::write(&organisation, &mut Dice::new(2), seeded, incidents);
    organisation.sort_by_name();
    let organisation::Organisation {
        current,
        teamless,
        read_only,
        teams,
        users,
        schedules,
        policies,
        services,
        priorities,
        ..
    } = organisation;
    let cast = Cast { current, teamless, read_only };
    let zone = Zone::named(company::HOME);
    Account {
        clock,
        zone,
        cast,
        seeded,
        teams,
        users,
        schedules,
        policies,
        services,
        priorities,
        incidents,
        notes_written: 0,
        records: Vec::new(),
    }
}

/// How many kinds of alarm there are.
pub const ALARM_COUNT: usize = alarms::ALARMS.len();

/// Chance, the same in every run.
struct Dice(Rng);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// An ID as PagerDuty makes them: a letter for what it is, and capitals and digits.
    fn id(&mut self, initial: char, length: usize) -> String {
        let rest =
            std::iter::repeat_with(|| self.0.choice(*b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789").map_or('0', char::from));
        std::iter::once(initial).chain(rest.take(length)).collect()
    }

    /// The seven characters of most objects.
    fn object_id(&mut self) -> String {
        self.id('P', 6)
    }

    /// The fourteen characters of incidents and log entries.
    fn event_id(&mut self) -> String {
        self.id('Q', 13)
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0.u32(..end.max(1))
    }

    fn between(&mut self, range: std::ops::Range<i64>) -> i64 {
        self.0.i64(range)
    }

    /// True so many times out of a hundred.
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

    use super::super::account::{Body, Status, Urgency};
    use super::super::time::{Range, earlier};
    use super::*;

    fn seeded(now: &str, incidents: usize) -> Account {
        let now = now.parse().unwrap();
        account(Clock::Stopped(now), now, incidents)
    }

    #[test]
    fn there_is_enough_of_everything() {
        let account = seeded("2026-08-05T10:30:00Z", 600);
        assert!(account.teams.len() >= 12 && account.teams.iter().any(|team| team.parent.is_some()));
        assert!(account.users.len() >= 60);
        assert!(account.services.len() >= 40);
        assert!(account.policies.len() >= 25);
        assert!(account.schedules.len() >= 20);
        assert_eq!(account.incidents.len(), 600);
        assert!(account.schedules.iter().flat_map(|schedule| &schedule.layers).any(|layer| layer.id.is_none()));
        assert!(account.schedules.iter().any(|schedule| schedule.layers.len() == 2));
        assert!(account.schedules.iter().any(|schedule| !schedule.overrides.is_empty()));
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
                    .any(|incident| incident.priority.as_ref().is_some_and(|given| given.name == name))
            );
        }
    }

    /// Whatever the time of day and year, the demonstration works.
    #[test]
    fn the_current_user_has_a_busy_month_and_is_on_call() {
        for now in ["2026-08-05T10:30:00Z", "2026-03-09T13:00:00Z", "2026-11-01T05:59:59Z", "2028-02-29T23:59:00Z"] {
            let account = seeded(now, 600);
            let now = account.clock.now();
            let user = &account.cast.current;
            let month = Range { since: earlier(now, jiff::Span::new().days(30)), until: now };
            let hers = account.incidents.iter().filter(|incident| {
                let team = incident.service.team.as_ref();
                month.contains(incident.created_at) && team.is_some_and(|team| user.is_in(team))
            });
            let hers: Vec<_> = hers.collect();
            let with = |status| hers.iter().filter(|incident| incident.status == status).count();
            assert!(hers.len() >= 120, "{} incidents", hers.len());
            assert!(with(Status::Triggered) >= 3 && with(Status::Acknowledged) >= 3);
            assert!(
                account.policies.iter().any(|policy| policy.on_call(now).iter().any(|on_call| on_call.id == user.id))
            );
            let assigned = |id: &str| {
                let open = account.incidents.iter().flat_map(|incident| &incident.assignments);
                open.filter(|assignment| assignment.user.id == id).count()
            };
            assert!(assigned(&user.id) >= 1);
            assert!(assigned(&account.cast.teamless.id) >= 1);
            assert!(account.cast.teamless.memberships.is_empty());
        }
    }

    #[test]
    fn it_comes_out_the_same_at_another_time_but_for_times() {
        let (one, other) = (seeded("2026-08-05T10:30:00Z", 50), seeded("2027-01-01T00:00:00Z", 50));
        let ids = |account: &Account| account.incidents.iter().map(|incident| incident.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&one), ids(&other));
        assert_eq!(
            one.incidents.last().map(|incident| &incident.title),
            other.incidents.last().map(|incident| &incident.title)
        );
        assert_eq!(one.cast.current.id, seeded("2026-08-05T10:30:00Z", 0).cast.current.id);
    }

    #[test]
    fn no_id_stands_for_two_things_and_nothing_happens_in_the_future() {
        let account = seeded("2026-08-05T10:30:00Z", 600);
        let ids: HashSet<&str> = account.incidents.iter().map(|incident| incident.id.as_str()).collect();
        assert_eq!(ids.len(), 600);
        let users: HashSet<&str> = account.users.iter().map(|user| user.id.as_str()).collect();
        assert_eq!(users.len(), account.users.len());
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
