//! Determines what has to change on a schedule so that a user takes a period, without I/O.
//!
//! PagerDuty's two kinds of schedules take different changes. An override of a schedule of layers replaces all who are on
//! call. One of a schedule of shifts replaces one member of one rotation or custom shift, so a period with several turns
//! needs several overrides, and a period without one needs a custom shift.

use crate::models::{Person, Place, ScheduleKind, Source, SourceKind, Turn};
use crate::shifts::{Period, gaps};

/// A turn within a bounded range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tools::oncall) struct Slot {
    /// The period.
    pub period: Period,
    /// The user. `None` if the shift is intentionally unassigned.
    pub user: Option<Person>,
    /// The part of the schedule that it comes from.
    pub source: Option<Source>,
}

impl Slot {
    /// Returns the parts of turns within a range.
    pub fn clipped(turns: &[Turn], range: Period) -> Vec<Self> {
        let slot = |turn: &Turn| {
            let period = Period::open(Some(turn.start), turn.end)?.clip(range)?;
            Some(Self { period, user: turn.user.clone(), source: turn.source.clone() })
        };
        turns.iter().filter_map(slot).collect()
    }

    pub fn is_of(&self, user: &str) -> bool {
        self.user.as_ref().is_some_and(|one| one.id == user)
    }

    pub fn is_override(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.kind == SourceKind::Override)
    }
}

/// A period that a user wants to take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'w> {
    /// The period.
    pub period: Period,
    /// The ID of the user.
    pub user: &'w str,
    /// The ID of the user to replace, if only one of those on call.
    pub replaces: Option<&'w str>,
    /// Whether the user is on call in addition to the others.
    pub extra: bool,
}

/// A change to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The period.
    pub period: Period,
    /// The place.
    pub place: Place,
}

impl Step {
    /// Returns whether a turn of another override takes the place of this change.
    pub fn is_hidden_by(&self, slot: &Slot) -> bool {
        let source = slot.source.as_ref();
        match &self.place {
            Place::Layers => true,
            Place::Rotation { id, .. } => source.is_some_and(|source| source.rotation_id.as_ref() == Some(id)),
            Place::CustomShift { id, .. } => source.is_some_and(|source| source.custom_shift_id.as_ref() == Some(id)),
            Place::Extra => false,
        }
    }
}

impl Place {
    /// Returns whether a turn is one that a change in this place replaces.
    fn replaces(&self, slot: &Slot) -> bool {
        match self {
            Self::Layers => true,
            Self::Rotation { id, member } => {
                slot.is_of(member) && slot.source.as_ref().is_some_and(|one| one.rotation_id.as_ref() == Some(id))
            }
            Self::CustomShift { id, member } => {
                slot.is_of(member) && slot.source.as_ref().is_some_and(|one| one.id.as_ref() == Some(id))
            }
            Self::Extra => false,
        }
    }
}

/// The changes that a wish needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// The changes, by time. Without any, the user has the period already.
    pub steps: Vec<Step>,
    /// Overrides by others that are in the way.
    pub conflicts: Vec<Slot>,
    /// Turns of several users at a time, without a choice between them.
    pub unclear: Vec<Slot>,
    /// Turns whose place PagerDuty does not say.
    pub unplaced: Vec<Slot>,
    /// Parts of the period that an override gives to the user already, if only one user is to be replaced.
    pub held: Vec<Period>,
    /// Parts of the period in which the user to replace is not on call.
    pub left: Vec<Period>,
}

/// Returns what has to change for a wish on a schedule with these turns.
pub(super) fn plan(kind: ScheduleKind, slots: &[Slot], wish: Wish<'_>) -> Plan {
    let mut plan = Plan::default();
    for part in parts(slots, wish.period) {
        let on: Vec<&Slot> = slots.iter().filter(|slot| slot.period.contains(part.start())).collect();
        plan.add(kind, &on, wish, part);
    }
    plan
}

/// Returns the parts of a period between the times at which a turn starts or ends.
fn parts(slots: &[Slot], period: Period) -> Vec<Period> {
    let mut times: Vec<_> = slots.iter().flat_map(|slot| [slot.period.start(), slot.period.end()]).collect();
    times.extend([period.start(), period.end()]);
    times.retain(|time| period.start() <= *time && *time <= period.end());
    times.sort_unstable();
    times.iter().zip(times.iter().skip(1)).filter_map(|(start, end)| Period::new(*start, *end)).collect()
}

impl Plan {
    /// Adds what has to change in a part of the period, in which the turns `on` do not change.
    fn add(&mut self, kind: ScheduleKind, on: &[&Slot], wish: Wish<'_>, part: Period) {
        let mine: Vec<_> = on.iter().filter(|slot| slot.is_of(wish.user)).collect();
        let is_extra = |slot: &&&Slot| slot.source.as_ref().is_some_and(|one| one.kind == SourceKind::CustomShift);
        let others: Vec<&Slot> =
            on.iter().copied().filter(|slot| slot.user.is_some() && !slot.is_of(wish.user)).collect();
        if wish.extra {
            if !mine.iter().any(is_extra) {
                self.step(part, Place::Extra);
            }
        } else if let Some(replaced) = wish.replaces {
            match on.iter().find(|slot| slot.is_of(replaced)) {
                Some(slot) => self.replace(kind, slot, part),
                None if mine.iter().any(|slot| slot.is_override()) => extend(&mut self.held, part),
                None => extend(&mut self.left, part),
            }
        } else if mine.is_empty() {
            match others.as_slice() {
                [] if kind == ScheduleKind::Layers => self.step(part, Place::Layers),
                [] => self.step(part, Place::Extra),
                [one] => self.replace(kind, one, part),
                several => several.iter().for_each(|slot| add(&mut self.unclear, slot, part)),
            }
        }
    }

    fn replace(&mut self, kind: ScheduleKind, slot: &Slot, part: Period) {
        if slot.is_override() {
            return add(&mut self.conflicts, slot, part);
        }
        let member = slot.user.as_ref().map(|user| user.id.clone()).unwrap_or_default();
        let source = slot.source.as_ref();
        let place = match kind {
            ScheduleKind::Layers => Some(Place::Layers),
            ScheduleKind::Shifts => match source.map(|source| source.kind) {
                Some(SourceKind::CustomShift) => {
                    source.and_then(|source| source.id.clone()).map(|id| Place::CustomShift { id, member })
                }
                _ => source.and_then(|source| source.rotation_id.clone()).map(|id| Place::Rotation { id, member }),
            },
        };
        match place {
            Some(place) => self.step(part, place),
            None => add(&mut self.unplaced, slot, part),
        }
    }

    /// Adds a step, or continues one in the same place that ends where it starts.
    fn step(&mut self, period: Period, place: Place) {
        let last = self.steps.iter_mut().find(|step| step.place == place && step.period.end() == period.start());
        match last.and_then(|step| Some((Period::new(step.period.start(), period.end())?, step))) {
            Some((joined, step)) => step.period = joined,
            None => self.steps.push(Step { period, place }),
        }
    }
}

/// Adds the part of a turn, or continues the one before.
fn add(slots: &mut Vec<Slot>, slot: &Slot, part: Period) {
    let same = |one: &&mut Slot| one.user == slot.user && one.source == slot.source && one.period.end() == part.start();
    match slots.iter_mut().find(same).and_then(|one| Some((Period::new(one.period.start(), part.end())?, one))) {
        Some((joined, one)) => one.period = joined,
        None => slots.push(Slot { period: part, ..slot.clone() }),
    }
}

fn extend(periods: &mut Vec<Period>, part: Period) {
    let last = periods.last_mut().filter(|last| last.end() == part.start());
    match last.and_then(|last| Some((Period::new(last.start(), part.end())?, last))) {
        Some((joined, last)) => *last = joined,
        None => periods.push(part),
    }
}

/// Returns the turns after these steps, as PagerDuty will render them, by time.
pub(super) fn after(slots: &[Slot], steps: &[Step], user: &Person) -> Vec<Slot> {
    let mut slots = slots.to_vec();
    for step in steps {
        let (cut, mut kept): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|slot| step.place.replaces(slot) && slot.period.clip(step.period).is_some());
        for slot in cut {
            let before = Period::new(slot.period.start(), step.period.start());
            let after = Period::new(step.period.end(), slot.period.end());
            kept.extend([before, after].into_iter().flatten().map(|period| Slot { period, ..slot.clone() }));
        }
        kept.push(Slot { period: step.period, user: Some(user.clone()), source: Some(source(&step.place)) });
        slots = kept;
    }
    slots.sort_by_key(|slot| slot.period);
    slots
}

/// An existing override or custom shift with new times or another user.
pub(super) struct Changed<'c> {
    /// The ID.
    pub id: &'c str,
    /// The place.
    pub place: Place,
    /// The period after the change.
    pub period: Period,
    /// The user after the change.
    pub user: &'c Person,
    /// The user who is replaced.
    pub member: Option<Person>,
}

impl Changed<'_> {
    /// Returns what it changes in a schedule with these turns, and the turns after that, as PagerDuty will render them.
    pub fn apply(&self, slots: &[Slot]) -> (Vec<Step>, Vec<Slot>) {
        let id_of = |slot: &Slot| slot.source.as_ref().and_then(|source| source.id.clone());
        let without = slots.iter().filter_map(|slot| {
            let is_own = id_of(slot).as_deref() == Some(self.id);
            if is_own { self.replaced().map(|source| self.given_back(slot, source)) } else { Some(slot.clone()) }
        });
        let without: Vec<_> = without.collect();
        let step = |period| Step { period, place: self.place.clone() };
        let steps: Vec<_> = if self.place == Place::Extra {
            let upon = |slot: &&Slot| {
                let source = slot.source.as_ref().filter(|_| slot.is_override());
                source.is_some_and(|source| source.custom_shift_id.as_deref() == Some(self.id))
            };
            gaps(self.period, without.iter().filter(upon).map(|slot| slot.period)).into_iter().map(step).collect()
        } else {
            let replaced = without.iter().filter(|slot| self.place.replaces(slot));
            replaced.filter_map(|slot| slot.period.clip(self.period)).map(step).collect()
        };
        let mut joined = Vec::new();
        for mut slot in after(&without, &steps, self.user) {
            if let Some(made) = slot.source.as_mut().filter(|made| **made == source(&self.place)) {
                made.id = Some(self.id.to_owned());
            }
            let period = slot.period;
            add(&mut joined, &slot, period);
        }
        (steps, joined)
    }

    /// Returns the source of the turns that it replaces.
    fn replaced(&self) -> Option<Source> {
        let (kind, id, rotation_id) = match &self.place {
            Place::Rotation { id, .. } => (SourceKind::Rotation, None, Some(id.clone())),
            Place::CustomShift { id, .. } => (SourceKind::CustomShift, Some(id.clone()), None),
            Place::Layers | Place::Extra => return None,
        };
        Some(Source { kind, custom_shift_id: id.clone(), id, rotation_id })
    }

    fn given_back(&self, slot: &Slot, source: Source) -> Slot {
        Slot { period: slot.period, user: self.member.clone(), source: Some(source) }
    }
}

/// Returns the source of the turn that a change in this place makes.
fn source(place: &Place) -> Source {
    let (kind, rotation_id, custom_shift_id) = match place {
        Place::Layers => (SourceKind::Override, None, None),
        Place::Rotation { id, .. } => (SourceKind::Override, Some(id.clone()), None),
        Place::CustomShift { id, .. } => (SourceKind::Override, None, Some(id.clone())),
        Place::Extra => (SourceKind::CustomShift, None, None),
    };
    Source { kind, id: None, rotation_id, custom_shift_id }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn period(start: i64, end: i64) -> Period {
        Period::new(Timestamp::from_second(start).unwrap(), Timestamp::from_second(end).unwrap()).unwrap()
    }

    fn person(id: &str) -> Person {
        Person { id: id.to_owned(), ..Person::default() }
    }

    fn origin(kind: SourceKind, id: &str) -> Source {
        let rotation_id = (kind == SourceKind::Rotation).then(|| id.to_owned());
        let own = (kind != SourceKind::Rotation).then(|| id.to_owned());
        Source { kind, id: own, rotation_id, custom_shift_id: None }
    }

    fn slot(start: i64, end: i64, user: &str, kind: SourceKind, id: &str) -> Slot {
        Slot { period: period(start, end), user: Some(person(user)), source: Some(origin(kind, id)) }
    }

    fn wish(start: i64, end: i64, user: &str) -> Wish<'_> {
        Wish { period: period(start, end), user, replaces: None, extra: false }
    }

    fn rotation(id: &str, member: &str) -> Place {
        Place::Rotation { id: id.to_owned(), member: member.to_owned() }
    }

    use SourceKind::{CustomShift, Layer, Override, Rotation};

    #[test]
    fn turns_of_layers_take_one_override() {
        let slots = [slot(0, 10, "bo", Layer, ""), slot(10, 20, "cy", Layer, ""), slot(30, 40, "ada", Layer, "")];
        let found = plan(ScheduleKind::Layers, &slots, wish(5, 35, "ada"));
        assert_eq!(found.steps, [Step { period: period(5, 30), place: Place::Layers }], "a gap is taken, too");
        let only = Wish { replaces: Some("cy"), ..wish(5, 35, "ada") };
        let found = plan(ScheduleKind::Layers, &slots, only);
        assert_eq!(found.steps, [Step { period: period(10, 20), place: Place::Layers }]);
        assert_eq!(found.left, [period(5, 10), period(20, 35)]);
    }

    #[test]
    fn turns_of_shifts_take_an_override_each() {
        let slots = [
            slot(0, 10, "bo", Rotation, "R1"),
            slot(10, 20, "cy", Rotation, "R1"),
            slot(20, 25, "dee", CustomShift, "C1"),
        ];
        let found = plan(ScheduleKind::Shifts, &slots, wish(5, 30, "ada"));
        let custom = Place::CustomShift { id: "C1".into(), member: "dee".into() };
        let expected = [(5, 10, rotation("R1", "bo")), (10, 20, rotation("R1", "cy")), (20, 25, custom)];
        let expected = expected.into_iter().chain([(25, 30, Place::Extra)]);
        let expected: Vec<_> = expected.map(|(start, end, place)| Step { period: period(start, end), place }).collect();
        assert_eq!(found.steps, expected);
    }

    #[test]
    fn simultaneous_turns_need_a_choice() {
        let slots = [slot(0, 10, "bo", Rotation, "R1"), slot(0, 20, "cy", Rotation, "R2")];
        let found = plan(ScheduleKind::Shifts, &slots, wish(5, 15, "ada"));
        assert_eq!(found.unclear.iter().map(|slot| slot.period).collect::<Vec<_>>(), [period(5, 10); 2]);
        let chosen = Wish { replaces: Some("cy"), ..wish(5, 15, "ada") };
        let found = plan(ScheduleKind::Shifts, &slots, chosen);
        assert_eq!(found.steps, [Step { period: period(5, 15), place: rotation("R2", "cy") }]);
        assert_eq!((found.unclear, found.left), (vec![], vec![]));
        let extra = Wish { extra: true, ..wish(5, 15, "ada") };
        let found = plan(ScheduleKind::Shifts, &slots, extra);
        assert_eq!(found.steps, [Step { period: period(5, 15), place: Place::Extra }]);
    }

    #[test]
    fn override_by_other_user_is_a_conflict() {
        for (kind, below) in [(ScheduleKind::Layers, Layer), (ScheduleKind::Shifts, Rotation)] {
            let slots = [slot(0, 10, "bo", below, "R1"), slot(10, 20, "cy", Override, "O1")];
            let found = plan(kind, &slots, wish(5, 30, "ada"));
            assert_eq!(found.conflicts, [slot(10, 20, "cy", Override, "O1")]);
            let own = plan(kind, &slots, wish(12, 18, "cy"));
            assert_eq!(own, Plan::default(), "it is the same user's");
        }
    }

    #[test]
    fn turn_without_a_place_is_reported() {
        let unknown = Slot { source: None, ..slot(0, 10, "bo", Rotation, "R1") };
        let found = plan(ScheduleKind::Shifts, &[unknown], wish(0, 10, "ada"));
        assert_eq!((found.steps.len(), found.unplaced.len()), (0, 1));
    }

    fn slots(kind: ScheduleKind) -> impl Strategy<Value = Vec<Slot>> {
        let source = if kind == ScheduleKind::Layers { Layer } else { Rotation };
        let one = (0i64..3, 1i64..12, "[abc]").prop_map(move |(gap, length, user)| (gap, length, user, source));
        proptest::collection::vec(one, 0..8).prop_map(|turns| {
            let mut now = 0;
            let slot = |(gap, length, user, source): (i64, i64, String, SourceKind)| {
                let start = now + gap;
                now = start + length;
                slot(start, now, &user, source, "R1")
            };
            turns.into_iter().map(slot).collect()
        })
    }

    proptest! {
        #[test]
        fn planned_period_belongs_to_the_user_and_no_other_changes(
            layers in slots(ScheduleKind::Layers), shifts in slots(ScheduleKind::Shifts), start in 0i64..40, length in 1i64..30,
        ) {
            for (kind, slots) in [(ScheduleKind::Layers, layers), (ScheduleKind::Shifts, shifts)] {
                let wanted = period(start, start + length);
                let found = plan(kind, &slots, Wish { period: wanted, ..wish(0, 1, "a") });
                let after = after(&slots, &found.steps, &person("a"));
                for second in 0..100 {
                    let at = Timestamp::from_second(second).unwrap();
                    let on = |slots: &[Slot]| -> Vec<String> {
                        let on = slots.iter().filter(|slot| slot.period.contains(at));
                        on.map(|slot| slot.user.clone().unwrap().id).collect()
                    };
                    if wanted.contains(at) {
                        prop_assert_eq!(on(&after), ["a"]);
                    } else {
                        prop_assert_eq!(on(&after), on(&slots));
                    }
                }
                let again = plan(kind, &after, Wish { period: wanted, ..wish(0, 1, "a") });
                prop_assert_eq!(again, Plan::default(), "nothing is left to do");
            }
        }
    }
}
