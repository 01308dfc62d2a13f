//! Who is on call when: layers, their turns and restrictions, and overrides on top.
//!
//! Turns are counted in days of the schedule's time zone, as PagerDuty does, so a hand-off at nine stays at nine when
//! the clocks change.

use std::sync::Arc;

use jiff::{Span, Timestamp, Zoned};

use super::account::{Layer, Schedule, Shift, User};
use super::time::Range;

impl Schedule {
    /// Its users, each once, in order of layers.
    pub fn users(&self) -> Vec<&User> {
        let mut users: Vec<&User> = Vec::new();
        for user in self.layers.iter().flat_map(|layer| &layer.users) {
            if users.iter().all(|known| known.id != user.id) {
                users.push(user);
            }
        }
        users
    }

    /// The final schedule: every shift that overlaps `range`, in order, whole even where it begins before or ends
    /// after.
    pub fn shifts(&self, range: Range) -> Vec<Shift> {
        // A shift at the edge of the range is cut by what goes on beyond it, up to the longest turn away.
        let wide = range.widened(Span::new().days(8));
        let mut shifts = self.overrides.clone();
        for layer in &self.layers {
            let free =
                layer.shifts(self, wide).into_iter().flat_map(|shift| without(shift, &shifts)).collect::<Vec<_>>();
            shifts.extend(free);
        }
        shifts.retain(|shift| range.overlaps(shift.start, shift.end));
        shifts.sort_by_key(|shift| shift.start);
        shifts
    }
}

impl Layer {
    /// Every shift of this layer alone that overlaps `range`.
    pub fn shifts(&self, schedule: &Schedule, range: Range) -> Vec<Shift> {
        let start = self.start.to_zoned(schedule.zone.rules.clone());
        let elapsed = range.since.as_second().saturating_sub(self.start.as_second()).max(0);
        // One turn early, since turns that span a change of the clocks are an hour longer or shorter than counted here.
        let first = (elapsed / (86_400 * self.turn_in_days.max(1)) - 1).max(0);
        let mut shifts = Vec::new();
        for (turn, user) in (first..).zip(self.rotation_from(first)) {
            let Some((from, to)) = self.turn(&start, turn).filter(|(from, _)| from.timestamp() <= range.until) else {
                break;
            };
            let hours = self.hours(&from, &to).into_iter().filter(|(start, end)| range.overlaps(*start, *end));
            shifts.extend(hours.map(|(start, end)| Shift { user: Arc::clone(user), start, end }));
        }
        shifts
    }

    /// The users in the order of their turns, from turn number `first` on, without end.
    fn rotation_from(&self, first: i64) -> impl Iterator<Item = &Arc<User>> {
        let count = i64::try_from(self.users.len()).unwrap_or(i64::MAX).max(1);
        self.users.iter().cycle().skip(usize::try_from(first % count).unwrap_or_default())
    }

    fn turn(&self, start: &Zoned, number: i64) -> Option<(Zoned, Zoned)> {
        let day = |turn: i64| start.checked_add(Span::new().try_days(turn.checked_mul(self.turn_in_days)?).ok()?).ok();
        Some((day(number)?, day(number + 1)?))
    }

    /// The parts of a turn in which the layer applies: all of it, or some hours of each day.
    fn hours(&self, from: &Zoned, to: &Zoned) -> Vec<(Timestamp, Timestamp)> {
        let Some(restriction) = self.restriction else { return vec![(from.timestamp(), to.timestamp())] };
        let days = (0..=self.turn_in_days).filter_map(|day| {
            let date = from.date().checked_add(Span::new().days(day)).ok()?;
            let start = date.at(restriction.from_hour, 0, 0, 0).to_zoned(from.time_zone().clone()).ok()?;
            let end = start.checked_add(Span::new().hours(restriction.hours)).ok()?;
            Some((start.max(from.clone()).timestamp(), end.min(to.clone()).timestamp()))
        });
        days.filter(|(start, end)| start < end).collect()
    }
}

/// What is left of a shift outside the `taken` ones.
fn without(shift: Shift, taken: &[Shift]) -> Vec<Shift> {
    taken.iter().fold(vec![shift], |left, taken| {
        let around = |shift: Shift| {
            let before = Shift { end: shift.end.min(taken.start), ..shift.clone() };
            let after = Shift { start: shift.start.max(taken.end), ..shift };
            [before, after].into_iter().filter(|part| part.start < part.end)
        };
        left.into_iter().flat_map(around).collect()
    })
}

/// The shifts with what is outside `range` cut off.
pub fn clipped(shifts: Vec<Shift>, range: Range) -> Vec<Shift> {
    let clip = |shift: Shift| Shift { start: shift.start.max(range.since), end: shift.end.min(range.until), ..shift };
    shifts.into_iter().map(clip).collect()
}

/// How much of `range` the shifts cover, in per cent with one decimal.
pub fn coverage(shifts: &[Shift], range: Range) -> f64 {
    let seconds = |start: Timestamp, end: Timestamp| end.as_second().saturating_sub(start.as_second());
    let covered: i64 = clipped(shifts.to_vec(), range).iter().map(|shift| seconds(shift.start, shift.end)).sum();
    let tenths = covered.saturating_mul(1000) / seconds(range.since, range.until).max(1);
    f64::from(i32::try_from(tenths).unwrap_or(1000)) / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::account::{Restriction, Team};
    use super::super::time::Zone;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn user(id: &'static str) -> Arc<User> {
        Arc::new(User {
            id: id.to_owned(),
            name: id,
            email: String::new(),
            time_zone: "Etc/UTC",
            color: "",
            role: "user",
            job_title: "",
            description: None,
            memberships: Vec::new(),
            contact_methods: Vec::new(),
            notification_rules: Vec::new(),
        })
    }

    fn layer(users: &[&'static str], turn_in_days: i64, restriction: Option<Restriction>) -> Layer {
        let users = users.iter().map(|id| user(id)).collect();
        Layer { id: None, name: "Layer", start: at("2026-03-02T14:00:00Z"), turn_in_days, users, restriction }
    }

    fn schedule(layers: Vec<Layer>, overrides: Vec<Shift>) -> Schedule {
        Schedule {
            id: String::new(),
            name: String::new(),
            description: String::new(),
            zone: Zone::named("America/New_York"),
            team: Arc::new(Team { id: String::new(), name: "", description: "", parent: None }),
            layers,
            overrides,
            shift_based: false,
        }
    }

    /// The shifts between two times, one a line, in the schedule's time zone.
    fn check(schedule: &Schedule, since: &str, until: &str, expected: &[&str]) {
        let line = |shift: &Shift| {
            format!("{} {} {}", shift.user.id, schedule.zone.write(shift.start), schedule.zone.write(shift.end))
        };
        let shifts = schedule.shifts(Range { since: at(since), until: at(until) });
        assert_eq!(shifts.iter().map(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn turns_keep_their_hour_when_the_clocks_change() {
        let weekly = schedule(vec![layer(&["A", "B"], 7, None)], Vec::new());
        check(
            &weekly,
            "2026-03-05T00:00:00Z",
            "2026-03-10T00:00:00Z",
            &[
                "A 2026-03-02T09:00:00-05:00 2026-03-09T09:00:00-04:00",
                "B 2026-03-09T09:00:00-04:00 2026-03-16T09:00:00-04:00",
            ],
        );
    }

    #[test]
    fn a_moment_has_one_shift_and_the_time_before_the_start_none() {
        let daily = schedule(vec![layer(&["A", "B", "C"], 1, None)], Vec::new());
        let shift = &["B 2026-07-04T09:00:00-04:00 2026-07-05T09:00:00-04:00"];
        check(&daily, "2026-07-04T13:00:00Z", "2026-07-04T13:00:00Z", shift);
        check(&daily, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z", &[]);
    }

    #[test]
    fn the_first_layer_comes_before_the_second_and_overrides_before_both() {
        let office = Restriction { from_hour: 9, hours: 8 };
        let replaced = Shift { user: user("O"), start: at("2026-07-01T15:00:00Z"), end: at("2026-07-01T16:00:00Z") };
        let both = schedule(vec![layer(&["D"], 1, Some(office)), layer(&["N"], 7, None)], vec![replaced]);
        check(
            &both,
            "2026-07-01T14:00:00Z",
            "2026-07-01T22:00:00Z",
            &[
                "D 2026-07-01T09:00:00-04:00 2026-07-01T11:00:00-04:00",
                "O 2026-07-01T11:00:00-04:00 2026-07-01T12:00:00-04:00",
                "D 2026-07-01T12:00:00-04:00 2026-07-01T17:00:00-04:00",
                "N 2026-07-01T17:00:00-04:00 2026-07-02T09:00:00-04:00",
            ],
        );
    }

    #[test]
    fn coverage_counts_only_what_is_inside() {
        let range = Range { since: at("2026-07-01T00:00:00Z"), until: at("2026-07-03T00:00:00Z") };
        let office = schedule(vec![layer(&["D"], 1, Some(Restriction { from_hour: 9, hours: 8 }))], Vec::new());
        assert!((coverage(&office.shifts(range), range) - 33.3).abs() < 0.01);
    }
}
