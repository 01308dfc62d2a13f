use serde_json::{Value, from_value, json};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn member(user: &str) -> Value {
    json!({"type": "user_member", "user_id": user})
}

fn rotating(users: &[&str], shifts_per_member: u64) -> Value {
    let members: Vec<_> = users.iter().copied().map(member).collect();
    json!({
        "type": "rotating_member_assignment_strategy", "shifts_per_member": shifts_per_member, "members": members,
    })
}

/// An event in Berlin, since the beginning of 2026.
fn event(start: &str, end: &str, rule: &str, assignment: &Value) -> Value {
    let time = |wall: &str| json!({"date_time": wall, "time_zone": "Europe/Berlin"});
    json!({
        "start_time": time(start), "end_time": time(end), "effective_since": "2026-01-01T00:00:00Z",
        "recurrence": [format!("RRULE:{rule}")], "assignment_strategy": assignment,
    })
}

fn schedule(event: &Value) -> Value {
    json!({"rotations": [{"id": "R", "events": [event]}]})
}

/// Returns the shifts between two times, one per line, in Berlin.
fn lines(schedule: &Value, since: &str, until: &str) -> Vec<String> {
    let local = |at: Timestamp| at.to_zoned(zone("Berlin").unwrap()).strftime("%m-%dT%H:%M%:z").to_string();
    let schedule: Rotations = from_value(schedule.clone()).unwrap();
    let shifts = schedule.shifts(Range { since: at(since), until: at(until) }).unwrap();
    let user = |shift: &Shift| shift.user.clone().unwrap_or_else(|| "-".to_owned());
    shifts.iter().map(|one| format!("{} {} {}", user(one), local(one.start), local(one.end))).collect()
}

#[test]
fn missing_time_does_not_move_later_turns() {
    let weekly = event("2027-03-21T02:30:00Z", "2027-03-28T02:30:00Z", "FREQ=WEEKLY", &rotating(&["A", "B", "C"], 1));
    let mut weekly = weekly;
    weekly["effective_since"] = json!("2027-03-01T00:00:00Z");
    assert_eq!(
        lines(&schedule(&weekly), "2027-03-22T00:00:00Z", "2027-04-05T00:00:00Z"),
        [
            "A 03-21T02:30+01:00 03-28T03:30+02:00",
            "B 03-28T03:30+02:00 04-04T02:30+02:00",
            "C 04-04T02:30+02:00 04-11T02:30+02:00",
        ],
    );
}

#[test]
fn event_may_begin_at_a_missing_time() {
    let hour = event("2026-03-29T02:30", "2026-03-29T03:30", "FREQ=DAILY", &rotating(&["A", "B"], 1));
    assert_eq!(
        lines(&schedule(&hour), "2026-03-29T00:00:00Z", "2026-03-30T12:00:00Z"),
        ["B 03-30T02:30+02:00 03-30T03:30+02:00"],
    );
}

#[test]
fn shifts_end_at_the_wall_time_and_within_the_effective_time() {
    let mut night = event("2026-03-02T22:00", "2026-03-03T06:00", "FREQ=DAILY", &rotating(&["A", "B"], 2));
    night["effective_since"] = json!("2026-03-27T23:00:00Z");
    night["effective_until"] = json!("2026-03-29T22:00:00Z");
    assert_eq!(
        lines(&schedule(&night), "2026-03-01T00:00:00Z", "2026-04-05T00:00:00Z"),
        [
            "A 03-28T00:00+01:00 03-28T06:00+01:00",
            "B 03-28T22:00+01:00 03-29T06:00+02:00",
            "B 03-29T22:00+02:00 03-30T00:00+02:00",
        ],
    );
}

#[test]
fn every_member_is_on_call_at_once() {
    let strategy = json!({
        "type": "every_member_assignment_strategy", "members": [member("B"), {"type": "empty_member"}, member("A")],
    });
    let office = event("2026-03-02T09:00:00Z", "2026-03-02T17:00:00Z", "FREQ=WEEKLY;BYDAY=MO", &strategy);
    assert_eq!(
        lines(&schedule(&office), "2026-03-09T10:00:00Z", "2026-03-09T10:00:00Z"),
        [
            "- 03-09T09:00+01:00 03-09T17:00+01:00",
            "A 03-09T09:00+01:00 03-09T17:00+01:00",
            "B 03-09T09:00+01:00 03-09T17:00+01:00",
        ],
    );
}

#[test]
fn overrides_replace_one_user_of_one_origin() {
    let daily = event("2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z", "FREQ=DAILY", &rotating(&["A"], 1));
    let mut whole = schedule(&daily);
    let time = |hour: u8| format!("2026-03-02T{hour:02}:00:00Z");
    whole["custom_shifts"] = json!([
        {"id": "C", "start_time": time(10), "end_time": time(14), "assignments": [{"member": member("A")}]},
    ]);
    let replace = |id: &str, origin: &str, id_of_origin: &str, from: u8, [one, other]: [Value; 2]| {
        json!({
            "id": id, origin: id_of_origin, "start_time": time(from), "end_time": time(from + 2),
            "overridden_member": one, "overriding_member": other,
        })
    };
    whole["overrides"] = json!([
        replace("O1", "rotation_id", "R", 12, [member("A"), member("B")]),
        replace("O2", "rotation_id", "R", 13, [member("B"), json!({"type": "empty_member"})]),
        replace("O3", "custom_shift_id", "C", 13, [member("A"), member("D")]),
        replace("O4", "custom_shift_id", "C", 10, [member("X"), member("D")]),
        replace("O5", "rotation_id", "C", 10, [member("A"), member("D")]),
    ]);
    assert_eq!(
        lines(&whole, "2026-03-02T09:00:00Z", "2026-03-02T20:00:00Z"),
        [
            "A 03-02T09:00+01:00 03-02T13:00+01:00",
            "A 03-02T11:00+01:00 03-02T14:00+01:00",
            "B 03-02T13:00+01:00 03-02T14:00+01:00",
            "- 03-02T14:00+01:00 03-02T15:00+01:00",
            "D 03-02T14:00+01:00 03-02T15:00+01:00",
            "A 03-02T15:00+01:00 03-03T09:00+01:00",
        ],
    );
    let whole: Rotations = from_value(whole).unwrap();
    let shifts = whole.shifts(Range { since: at("2026-03-02T13:00:00Z"), until: at("2026-03-02T13:00:00Z") }).unwrap();
    let sources: Vec<_> = shifts.into_iter().map(|shift| shift.source).collect();
    let [r, o2, c, o3] = ["R", "O2", "C", "O3"].map(str::to_owned);
    assert_eq!(sources, [Source::RotationOverride(r, o2), Source::CustomShiftOverride(c, o3)]);
}

#[test]
fn utc_mark_is_ignored_and_offset_is_not() {
    for (date_time, zone, expected) in [
        ("2025-03-03T09:00:00Z", "America/New_York", "2025-03-03T14:00:00Z"),
        ("2025-03-03T09:00:00", "America/New_York", "2025-03-03T14:00:00Z"),
        ("2025-03-03T09:00:00.000Z", "America/New_York", "2025-03-03T14:00:00Z"),
        ("2025-03-03T15:00:00+01:00", "America/New_York", "2025-03-03T14:00:00Z"),
        ("2025-03-03T09:00:00Z", "UTC", "2025-03-03T09:00:00Z"),
    ] {
        let time = WallTime::parse(date_time, zone).unwrap();
        assert_eq!(instant(&time.zone, time.wall).to_string(), expected, "{date_time}");
    }
    for (date_time, zone, expected) in [
        ("soon", "UTC", "date_time must be a time such as 2025-03-03T09:00:00, not \"soon\""),
        ("2025-03-03T09:00:00", "Mars", "time zone \"Mars\" is unknown"),
    ] {
        assert_eq!(WallTime::parse(date_time, zone).unwrap_err().to_string(), expected);
    }
}

#[test]
fn invalid_events_are_refused() {
    let valid = event("2026-03-02T09:00", "2026-03-02T17:00", "FREQ=DAILY", &rotating(&["A"], 1));
    assert!(from_value::<Event>(valid.clone()).is_ok());
    for (path, value, expected) in [
        (
            "/end_time/date_time",
            json!("2026-03-02T09:00"),
            "end_time must be after start_time by at most 366 days, not 2026-03-02T09:00:00 to",
        ),
        ("/start_time/time_zone", json!("Mars"), "time zone \"Mars\" is unknown"),
        ("/assignment_strategy/shifts_per_member", json!(0), "shifts_per_member must be 1 or more"),
        ("/assignment_strategy/members", json!([]), "members must not be empty"),
        ("/assignment_strategy/type", json!("random"), "\"random\""),
        ("/recurrence/0", json!("RRULE:FREQ=MINUTELY"), "FREQ must be"),
    ] {
        let mut given = valid.clone();
        *given.pointer_mut(path).unwrap() = value;
        let error = from_value::<Event>(given).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn hourly_event_of_a_year_is_bounded() {
    let users: Vec<_> = (0..20).map(|user| user.to_string()).collect();
    let users: Vec<_> = users.iter().map(String::as_str).collect();
    let mut strategy = rotating(&users, 1);
    let hourly = event("2020-01-01T00:00", "2020-01-01T01:00", "FREQ=HOURLY", &strategy);
    let year = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    // Of the missing hour, start and end are one instant.
    assert_eq!(lines(&schedule(&hourly), year.0, year.1).len(), 365 * 24 - 1);
    strategy["type"] = json!("every_member_assignment_strategy");
    let dense = event("2020-01-01T00:00", "2020-01-01T01:00", "FREQ=HOURLY;BYMINUTE=0,15,30,45", &strategy);
    let dense: Rotations = from_value(schedule(&dense)).unwrap();
    let error = dense.shifts(Range { since: at(year.0), until: at(year.1) }).unwrap_err();
    assert_eq!(error.to_string(), "the schedule has more than 200000 shifts in the range");
}
