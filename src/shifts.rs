//! Arithmetic on periods and shifts: clip, merge, gaps, overlaps. It has no I/O.
//!
//! A period includes its start and excludes its end, so a shift that ends at the start of another touches it and does not
//! overlap it. All times are instants, so clock changes need no care here.

use jiff::{SignedDuration, Timestamp};

/// A period of time: from `start` until just before `end`. It is never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    start: Timestamp,
    end: Timestamp,
}

impl Period {
    /// The period without a start and an end, for a user who is always on call.
    pub const ALWAYS: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// Returns the period between two times, unless it would be empty.
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Returns the period between two times. A missing time means that there is no start or no end.
    #[must_use]
    pub fn open(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<Self> {
        Self::new(start.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX))
    }

    /// Returns the start.
    #[must_use]
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// Returns the end.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.end
    }

    /// Returns the elapsed time.
    #[must_use]
    pub fn length(self) -> SignedDuration {
        self.end.duration_since(self.start)
    }

    /// Returns whether a time is within the period.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Returns the common part of both periods.
    #[must_use]
    pub fn clip(self, to: Self) -> Option<Self> {
        Self::new(self.start.max(to.start), self.end.min(to.end))
    }

    /// Returns whether both periods share an instant, or one starts when the other ends.
    #[must_use]
    pub fn touches(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// Returns the periods in order, joined where they touch or overlap.
#[must_use]
pub fn merged(periods: impl IntoIterator<Item = Period>) -> Vec<Period> {
    let mut periods: Vec<_> = periods.into_iter().collect();
    periods.sort_unstable();
    let mut merged: Vec<Period> = Vec::with_capacity(periods.len());
    for period in periods {
        match merged.last_mut() {
            Some(last) if last.touches(period) => last.end = last.end.max(period.end),
            _ => merged.push(period),
        }
    }
    merged
}

/// Returns the parts of `range` that none of the periods covers, in order.
#[must_use]
pub fn gaps(range: Period, covered: impl IntoIterator<Item = Period>) -> Vec<Period> {
    let covered = merged(covered.into_iter().filter_map(|period| period.clip(range)));
    let starts = std::iter::once(range.start).chain(covered.iter().map(|period| period.end));
    let ends = covered.iter().map(|period| period.start).chain([range.end]);
    starts.zip(ends).filter_map(|(start, end)| Period::new(start, end)).collect()
}

/// A shift: a period, and the person on call during it with whatever else describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift<T> {
    /// The period.
    pub period: Period,
    /// The person, the schedule, and so on.
    pub of: T,
}

impl<T> Shift<T> {
    /// Creates a shift.
    #[must_use]
    pub fn new(period: Period, of: T) -> Self {
        Self { period, of }
    }

    /// Returns the part of the shift within a range.
    #[must_use]
    pub fn clip(self, to: Period) -> Option<Self> {
        Some(Self { period: self.period.clip(to)?, of: self.of })
    }
}

/// Returns the shifts by start, joined where equal ones touch or overlap: PagerDuty splits a shift at each
/// handoff, also between shifts of one person.
#[must_use]
pub fn joined<T: PartialEq>(shifts: Vec<Shift<T>>) -> Vec<Shift<T>> {
    join(shifts, Period::touches)
}

/// Returns the shifts by start, joined where equal ones overlap, but not where they only touch.
#[must_use]
pub fn united<T: PartialEq>(shifts: Vec<Shift<T>>) -> Vec<Shift<T>> {
    join(shifts, |one, other| one.clip(other).is_some())
}

fn join<T: PartialEq>(mut shifts: Vec<Shift<T>>, are_one: impl Fn(Period, Period) -> bool) -> Vec<Shift<T>> {
    shifts.sort_by_key(|shift| shift.period);
    let mut joined: Vec<Shift<T>> = Vec::with_capacity(shifts.len());
    for shift in shifts {
        let same = joined.iter_mut().find(|other| other.of == shift.of && are_one(other.period, shift.period));
        match same {
            Some(other) => other.period.end = other.period.end.max(shift.period.end),
            None => joined.push(shift),
        }
    }
    joined
}

/// Returns the pairs of shifts that overlap and that `clash` with each other, and the common part of each, by start.
#[must_use]
pub fn overlaps<T>(shifts: &[Shift<T>], clash: impl Fn(&T, &T) -> bool) -> Vec<(&Shift<T>, &Shift<T>, Period)> {
    let mut by_start: Vec<_> = shifts.iter().collect();
    by_start.sort_by_key(|shift| shift.period);
    let mut found = Vec::new();
    for (index, first) in by_start.iter().enumerate() {
        let later = by_start.iter().skip(index + 1).take_while(|other| other.period.start < first.period.end);
        for second in later.filter(|other| clash(&first.of, &other.of)) {
            found.extend(first.period.clip(second.period).map(|common| (*first, *second, common)));
        }
    }
    found.sort_by_key(|(_, _, common)| *common);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn period((start, end): (i64, i64)) -> Period {
        Period::new(at(start), at(end)).unwrap()
    }

    fn periods<const N: usize>(bounds: [(i64, i64); N]) -> Vec<Period> {
        bounds.into_iter().map(period).collect()
    }

    #[test]
    fn periods_are_clipped_merged_and_their_gaps_found() {
        assert_eq!(Period::new(at(1), at(1)), None);
        assert_eq!(period((0, 5)).clip(period((5, 9))), None, "they only touch");
        assert_eq!(period((0, 5)).clip(Period::ALWAYS), Some(period((0, 5))));
        assert_eq!(merged(periods([(5, 9), (0, 3), (3, 4), (6, 7)])), periods([(0, 4), (5, 9)]));
        assert_eq!(gaps(period((0, 10)), periods([(2, 4), (-5, 1), (4, 6), (9, 20)])), periods([(1, 2), (6, 9)]));
        assert_eq!(gaps(period((0, 10)), []), periods([(0, 10)]));
        assert_eq!(gaps(period((0, 10)), [Period::ALWAYS]), []);
    }

    #[test]
    fn touching_shifts_of_one_person_are_joined() {
        let turn = |bounds, of| Shift::new(period(bounds), of);
        let turns = vec![turn((4, 6), "a"), turn((0, 2), "a"), turn((2, 4), "b"), turn((6, 8), "a"), turn((1, 5), "c")];
        let expected = [turn((0, 2), "a"), turn((1, 5), "c"), turn((2, 4), "b"), turn((4, 8), "a")];
        assert_eq!(joined(turns), expected);
        let turns = vec![turn((0, 2), "a"), turn((2, 4), "a"), turn((3, 5), "a"), turn((0, 2), "a")];
        assert_eq!(united(turns), [turn((0, 2), "a"), turn((2, 5), "a")], "touching ones stay apart");
    }

    #[test]
    fn overlapping_shifts_that_clash_are_found() {
        let turns: Vec<_> = [((0, 5), ("a", 1)), ((3, 9), ("a", 2)), ((4, 6), ("b", 2)), ((9, 12), ("a", 1))]
            .map(|(bounds, of)| Shift::new(period(bounds), of))
            .into();
        let found = overlaps(&turns, |one, other| one.0 == other.0 && one.1 != other.1);
        assert_eq!(found.iter().map(|(.., common)| *common).collect::<Vec<_>>(), periods([(3, 5)]));
    }

    proptest! {
        #[test]
        fn each_second_is_covered_or_in_a_gap(bounds in proptest::collection::vec((0i64..60, 1i64..20), 0..12)) {
            let covered: Vec<_> = bounds.iter().map(|(start, length)| period((*start, start + length))).collect();
            let range = period((10, 50));
            let (joined, gaps) = (merged(covered.clone()), gaps(range, covered.clone()));
            for second in 10..50 {
                let is_in = |periods: &[Period]| periods.iter().filter(|period| period.contains(at(second))).count();
                let is_covered = is_in(&covered) > 0;
                prop_assert_eq!(is_in(&joined), usize::from(is_covered));
                prop_assert_eq!(is_in(&gaps), usize::from(!is_covered));
            }
            prop_assert!(joined.windows(2).all(|pair| pair[0].end() < pair[1].start()));
        }
    }
}
