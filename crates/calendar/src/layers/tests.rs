use proptest::prelude::*;
use serde_json::{Value, from_value, json};

use super::*;
use crate::zone;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn users(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!({"user": {"id": name}})).collect()
}

fn layer(names: &[&str], turn: i64, restrictions: &Value) -> Layer {
    let fields = json!({
        "start": "2026-03-02T14:00:00Z",
        "rotation_turn_length_seconds": turn,
        "users": users(names),
        "restrictions": restrictions,
    });
    from_value(fields).unwrap()
}

fn daily(from: &str, hours: i64) -> Value {
    json!({"type": "daily_restriction", "start_time_of_day": from, "duration_seconds": hours * 3600})
}

fn weekly(day: i8, from: &str, hours: i64) -> Value {
    json!({
        "type": "weekly_restriction", "start_day_of_week": day, "start_time_of_day": from,
        "duration_seconds": hours * 3600,
    })
}

fn new_york(layers: Vec<Layer>) -> Layered {
    Layered { zone: zone("Eastern Time (US & Canada)").unwrap(), layers, overrides: Vec::new() }
}

/// Returns the shifts between two times, one per line, in the schedule's time zone.
fn lines(schedule: &Layered, since: &str, until: &str) -> Vec<String> {
    let local = |at: Timestamp| at.to_zoned(schedule.zone.clone()).strftime("%m-%dT%H:%M%:z").to_string();
    let shifts = schedule.shifts(Range { since: at(since), until: at(until) }).unwrap();
    shifts.iter().map(|one| format!("{} {} {}", one.user.as_ref().unwrap(), local(one.start), local(one.end))).collect()
}

#[test]
fn turns_keep_their_hour_across_clock_changes() {
    let weeks = new_york(vec![layer(&["A", "B"], 7 * DAY, &json!([]))]);
    assert_eq!(
        lines(&weeks, "2026-03-05T00:00:00Z", "2026-03-10T00:00:00Z"),
        ["A 03-02T09:00-05:00 03-09T09:00-04:00", "B 03-09T09:00-04:00 03-16T09:00-04:00"],
    );
    let halves = new_york(vec![layer(&["A", "B"], 12 * 3600, &json!([]))]);
    assert_eq!(
        lines(&halves, "2026-03-08T02:00:00Z", "2026-03-08T14:00:00Z"),
        ["B 03-07T21:00-05:00 03-08T09:00-04:00", "A 03-08T09:00-04:00 03-08T21:00-04:00"],
    );
    let hours = new_york(vec![layer(&["A", "B", "C"], 3600, &json!([]))]);
    assert_eq!(
        lines(&hours, "2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z"),
        ["B 03-08T01:00-05:00 03-08T03:00-04:00".to_owned(), "A 03-08T03:00-04:00 03-08T04:00-04:00".to_owned()],
        "two o'clock is the turn of C, and does not exist"
    );
}

#[test]
fn turns_begin_at_the_virtual_start_and_within_the_layer() {
    let mut one = layer(&["A", "B", "C"], DAY, &json!([]));
    one.virtual_start = at("2026-03-04T14:00:00Z");
    one.end = Some(at("2026-03-05T00:00:00Z"));
    assert_eq!(
        lines(&new_york(vec![one]), "2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        [
            "B 03-02T09:00-05:00 03-03T09:00-05:00",
            "C 03-03T09:00-05:00 03-04T09:00-05:00",
            "A 03-04T09:00-05:00 03-04T19:00-05:00",
        ],
    );
}

#[test]
fn restrictions_are_hours_on_the_wall_and_may_touch_or_overlap() {
    let night = new_york(vec![layer(&["A"], 7 * DAY, &json!([daily("22:00:00", 8)]))]);
    assert_eq!(
        lines(&night, "2026-03-08T00:00:00Z", "2026-03-09T04:00:00Z"),
        ["A 03-07T22:00-05:00 03-08T06:00-04:00", "A 03-08T22:00-04:00 03-09T06:00-04:00"],
    );
    let always = new_york(vec![layer(&["A"], 7 * DAY, &json!([daily("00:00:00", 24)]))]);
    assert_eq!(
        lines(&always, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"),
        ["A 03-09T09:00-04:00 03-16T09:00-04:00"],
    );
    let week = json!([weekly(5, "18:00:00", 63), weekly(1, "09:00:00", 1), weekly(1, "08:00:00", 3)]);
    let week = new_york(vec![layer(&["A", "B"], 7 * DAY, &week)]);
    assert_eq!(
        lines(&week, "2026-03-05T00:00:00Z", "2026-03-10T00:00:00Z"),
        ["A 03-06T18:00-05:00 03-09T09:00-04:00", "B 03-09T09:00-04:00 03-09T11:00-04:00"],
    );
}

#[test]
fn overrides_precede_layers_and_layers_each_other() {
    let mut both =
        new_york(vec![layer(&["D"], DAY, &json!([daily("09:00:00", 8)])), layer(&["N"], 7 * DAY, &json!([]))]);
    let replaced = |user: &str, start: &str, end: &str| {
        from_value(json!({"user": {"id": user}, "start": start, "end": end})).unwrap()
    };
    both.overrides = vec![
        replaced("O", "2026-07-01T15:00:00Z", "2026-07-01T17:00:00Z"),
        replaced("P", "2026-07-01T16:00:00Z", "2026-07-01T16:30:00Z"),
    ];
    assert_eq!(
        lines(&both, "2026-07-01T14:00:00Z", "2026-07-01T22:00:00Z"),
        [
            "D 07-01T09:00-04:00 07-01T11:00-04:00",
            "O 07-01T11:00-04:00 07-01T12:00-04:00",
            "P 07-01T12:00-04:00 07-01T12:30-04:00",
            "O 07-01T12:30-04:00 07-01T13:00-04:00",
            "D 07-01T13:00-04:00 07-01T17:00-04:00",
            "N 07-01T17:00-04:00 07-02T09:00-04:00",
        ],
    );
    let moment = lines(&both, "2026-07-01T16:00:00Z", "2026-07-01T16:00:00Z");
    assert_eq!(moment, ["P 07-01T12:00-04:00 07-01T12:30-04:00"]);
    let sources = both.shifts(Range { since: at("2026-07-01T16:40:00Z"), until: at("2026-07-01T22:00:00Z") });
    let sources: Vec<_> = sources.unwrap().into_iter().map(|shift| shift.source).collect();
    assert_eq!(sources, [Source::Override(0), Source::Layer(0), Source::Layer(1)]);
}

#[test]
fn layers_that_cannot_be_computed_are_refused() {
    let valid = json!({
        "start": "2026-03-02T14:00:00Z", "rotation_turn_length_seconds": DAY, "users": users(&["A"]),
    });
    for (field, value, expected) in [
        ("rotation_turn_length_seconds", json!(60), "must be 1 hour to 365 days, not 60 seconds"),
        ("restrictions", json!([weekly(8, "09:00", 1)]), "start_day_of_week must be 1 (Monday) to 7, not 8"),
        (
            "restrictions",
            json!([daily("24:00", 1)]),
            "start_time_of_day must be a time such as 09:00:00, not \"24:00\"",
        ),
        ("restrictions", json!([daily("09:00", 25)]), "duration_seconds must be 1 to 86400, not 90000"),
        ("restrictions", json!(vec![daily("09:00", 1); 101]), "restrictions must be at most 100, not 101"),
        (
            "restrictions",
            json!([{"type": "yearly", "start_time_of_day": "09:00", "duration_seconds": 1}]),
            "\"yearly\"",
        ),
    ] {
        let mut given = valid.clone();
        given[field] = value;
        let error = from_value::<Layer>(given).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn far_and_long_ranges_do_not_take_long() {
    let mut old = layer(&["A", "B"], 3600, &json!([daily("22:00:00", 8)]));
    (old.start, old.virtual_start) = (at("0001-01-01T04:56:02Z"), at("0001-01-01T04:56:02Z"));
    let schedule = new_york(vec![old, layer(&[], 3600, &json!([]))]);
    let year = Range { since: at("2026-01-01T00:00:00Z"), until: at("2027-01-01T00:00:00Z") };
    assert_eq!(schedule.shifts(year).unwrap().len(), 365 * 8 - 1);
    let ages = Range { since: Timestamp::MIN, until: Timestamp::MAX };
    let error = schedule.shifts(ages).unwrap_err().to_string();
    assert!(error.ends_with("days is longer than 1100 days"), "{error}");
    for end in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(schedule.shifts(Range { since: end, until: end }).unwrap().len().min(1), 0);
    }
}

fn restriction() -> impl Strategy<Value = Value> {
    (0..8i8, 0..24u8, 1..=24i64).prop_map(|(day, hour, hours)| {
        let from = format!("{hour:02}:30:00");
        if day == 0 { daily(&from, hours) } else { weekly(day, &from, hours * 7) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// One user at most is on call, and a part of the time has the shifts that the whole time has there.
    #[test]
    fn shifts_do_not_overlap_or_depend_on_the_range(
        layers in proptest::collection::vec((1..400i64, -50..50i64, proptest::collection::vec(restriction(), 0..3)), 1..4),
        overrides in proptest::collection::vec((0..2000i64, 1..200i64), 0..5),
        since in 0..2000i64, length in 0..500i64,
    ) {
        let hours = |count| at("2026-02-20T00:00:00Z") + SignedDuration::from_hours(count);
        let layers = layers.into_iter().map(|(turn, moved, restrictions)| {
            let one = layer(&["A", "B", "C"], turn * 3600, &restrictions.into());
            Layer { virtual_start: one.start + SignedDuration::from_hours(moved), ..one }
        });
        let mut schedule = new_york(layers.collect());
        let taken = |(start, length)| Override { user: "O".to_owned(), start: hours(start), end: hours(start + length) };
        schedule.overrides = overrides.into_iter().map(taken).collect();
        let range = Range { since: hours(since), until: hours(since + length) };
        let whole = schedule.shifts(Range { since: hours(-100), until: hours(3000) }).unwrap();
        prop_assert!(whole.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let some = schedule.shifts(range).unwrap();
        let expected: Vec<_> = whole.into_iter().filter(|shift| range.overlaps(shift.start, shift.end)).collect();
        prop_assert_eq!(some, expected);
    }
}
