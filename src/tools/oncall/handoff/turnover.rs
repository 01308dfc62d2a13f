//! Finds the next change of the users on call, without I/O.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::models::{Person, Turn};
use crate::shifts::Period;

/// The next change of the users on call on a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Turnover {
    /// The users on call at the time of the question.
    pub from: Vec<Person>,
    /// The time since when they are on call together, if it is in the range.
    pub since: Option<Timestamp>,
    /// The time of the change, if it is in the range.
    pub at: Option<Timestamp>,
    /// The users on call after it.
    pub to: Vec<Person>,
    /// The start of the next turn, if no user is on call after the change.
    pub resumes: Option<Timestamp>,
}

/// Returns the next change after `now` of the users on call. A change of turns between the same users is none.
pub(super) fn turnover(turns: &[Turn], now: Timestamp, range: Period) -> Turnover {
    let periods: Vec<_> =
        turns.iter().filter_map(|turn| Some((Period::open(Some(turn.start), turn.end)?, turn))).collect();
    let on = |at: Timestamp| -> Vec<&Person> {
        let mut seen = BTreeSet::new();
        let turns = periods.iter().filter(|(period, _)| period.contains(at));
        let users = turns.filter_map(|(_, turn)| turn.user.as_ref());
        users.filter(|user| seen.insert(user.id.as_str())).collect()
    };
    let ids = |users: &[&Person]| users.iter().map(|user| user.id.clone()).collect::<BTreeSet<_>>();
    let mut times: Vec<_> = periods.iter().flat_map(|(period, _)| [period.start(), period.end()]).collect();
    times.retain(|time| range.start() < *time && *time < range.end());
    times.sort_unstable();
    times.dedup();
    let from = on(now);
    let known = ids(&from);
    let differs = |time: &&Timestamp| ids(&on(**time)) != known;
    let at = times.iter().filter(|time| **time > now).find(differs).copied();
    let to = at.map(on).unwrap_or_default();
    // The last time before which the users were others.
    let earlier = times.iter().rev().filter(|time| **time <= now);
    let mut since = None;
    for time in earlier {
        if ids(&on(*time)) != known {
            break;
        }
        since = Some(*time);
    }
    let was_so_before = since.is_some_and(|since| {
        let before = times.iter().rev().find(|time| **time < since).copied().unwrap_or(range.start());
        ids(&on(before)) == known
    });
    let resumes =
        at.filter(|_| to.is_empty()).and_then(|at| times.iter().find(|time| **time > at && !on(**time).is_empty()));
    Turnover {
        from: from.into_iter().cloned().collect(),
        since: since.filter(|_| !was_so_before),
        at,
        to: to.into_iter().cloned().collect(),
        resumes: resumes.copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn turn(start: i64, end: i64, user: &str) -> Turn {
        let user = Some(Person { id: user.to_owned(), ..Person::default() });
        Turn { start: at(start), end: Some(at(end)), user, source: None }
    }

    type Found = (Vec<String>, Option<i64>, Option<i64>, Vec<String>, Option<i64>);

    fn found(turns: &[Turn], now: i64) -> Found {
        let found = turnover(turns, at(now), Period::new(at(0), at(100)).unwrap());
        let ids = |users: Vec<Person>| users.into_iter().map(|user| user.id).collect();
        let second = |time: Option<Timestamp>| time.map(Timestamp::as_second);
        (ids(found.from), second(found.since), second(found.at), ids(found.to), second(found.resumes))
    }

    #[test]
    fn next_change_of_users_is_found() {
        let ids = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let turns = [turn(10, 20, "a"), turn(20, 30, "a"), turn(30, 40, "b"), turn(60, 70, "c")];
        assert_eq!(found(&turns, 25), (ids("a"), Some(10), Some(30), ids("b"), None));
        assert_eq!(found(&turns, 35), (ids("b"), Some(30), Some(40), ids(""), Some(60)), "a gap follows");
        assert_eq!(found(&turns, 50), (ids(""), Some(40), Some(60), ids("c"), None), "in a gap");
        assert_eq!(found(&turns, 80).2, None, "nothing follows in the range");
        let both = [turn(-5, 50, "a"), turn(10, 30, "b"), turn(30, 60, "c")];
        assert_eq!(found(&both, 20), (ids("ab"), Some(10), Some(30), ids("ac"), None));
        assert_eq!(
            found(&[turn(-5, 50, "a")], 20),
            (ids("a"), None, Some(50), ids(""), None),
            "it began before the range"
        );
    }
}
