use jiff::Zoned;
use proptest::prelude::*;

use super::*;
use crate::zone;

/// Parses a rule that begins at nine on a day in Berlin.
fn rule(day: &str, lines: &[&str]) -> Result<Recurrence, Invalid> {
    let first: DateTime = format!("{day}T09:00").parse().unwrap();
    Recurrence::parse(lines.iter().copied(), first, zone("Europe/Berlin").unwrap())
}

fn days(found: &[Occurrence]) -> Vec<String> {
    found.iter().map(|one| one.wall.strftime("%m-%d").to_string()).collect()
}

/// Returns the days of the occurrences from `day` to the end of 2027.
fn occurrences(day: &str, lines: &[&str]) -> String {
    let end = "2027-12-31T23:59".parse().unwrap();
    let found = rule(day, lines).unwrap().between("2026-01-01T00:00".parse().unwrap(), end).unwrap();
    days(&found).join(" ")
}

#[test]
fn rules_select_the_days_of_rfc_5545() {
    for (first, rule, expected) in [
        ("2026-03-02", "FREQ=DAILY;INTERVAL=10;COUNT=3", "03-02 03-12 03-22"),
        ("2026-03-02", "FREQ=DAILY;BYDAY=SA,SU;COUNT=3", "03-07 03-08 03-14"),
        ("2026-03-02", "FREQ=WEEKLY;COUNT=2", "03-02 03-09"),
        ("2026-03-03", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "03-03 03-08 03-17 03-22"),
        ("2026-03-03", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "03-03 03-15 03-17 03-29"),
        ("2026-01-31", "FREQ=MONTHLY;COUNT=3", "01-31 03-31 05-31"),
        ("2026-01-01", "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "01-31 02-28 03-31"),
        ("2026-01-01", "FREQ=MONTHLY;BYDAY=-1FR,1MO;COUNT=4", "01-05 01-30 02-02 02-27"),
        ("2026-01-01", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "01-30 02-27 03-31"),
        ("2026-01-01", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=2", "02-13 03-13"),
        ("2026-02-03", "FREQ=YEARLY;COUNT=2", "02-03 02-03"),
        ("2026-02-03", "FREQ=YEARLY;BYMONTH=1,3;COUNT=3", "03-03 01-03 03-03"),
        ("2026-01-01", "FREQ=YEARLY;BYDAY=20MO;COUNT=2", "05-18 05-17"),
        ("2026-01-01", "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU;COUNT=2", "11-01 11-07"),
        ("2026-03-02", "FREQ=HOURLY;INTERVAL=36;COUNT=3", "03-02 03-03 03-05"),
        ("2026-03-02", "FREQ=HOURLY;BYHOUR=9;BYDAY=WE;UNTIL=20260312", "03-04 03-11"),
        ("2026-03-02", "FREQ=DAILY;UNTIL=20260304T080000Z", "03-02 03-03 03-04"),
        ("2026-03-02", "FREQ=DAILY;UNTIL=20260304T075959Z", "03-02 03-03"),
        ("2026-03-02", "FREQ=DAILY;UNTIL=20260304T090000", "03-02 03-03 03-04"),
        ("2026-03-02", "freq=daily;until=20260304", "03-02 03-03 03-04"),
    ] {
        assert_eq!(occurrences(first, &[&format!("RRULE:{rule}")]), expected, "{rule}");
    }
}

#[test]
fn exceptions_remove_and_add_days_without_renumbering() {
    let lines = ["RRULE:FREQ=DAILY;COUNT=6", "EXDATE:20260303T080000Z", "EXDATE;TZID=America/New_York:20260304T030000"];
    let more = ["EXDATE;VALUE=DATE:20260305", "RDATE;VALUE=DATE:20260401,20260306", "RDATE:20260306T110000Z"];
    let found = rule("2026-03-02", &[&lines[..], &more].concat()).unwrap();
    let found = found.between(DateTime::MIN, "2027-01-01T00:00".parse().unwrap()).unwrap();
    assert_eq!(days(&found), ["03-02", "03-06", "03-06", "03-07", "04-01"]);
    assert_eq!(found.iter().map(|one| one.number).collect::<Vec<_>>(), [0, 4, 5, 6, 7]);
}

#[test]
fn missing_and_repeated_times_are_counted_once() {
    let first = "2027-03-27T02:30".parse().unwrap();
    let recurrence = |line: &str| Recurrence::parse([line], first, zone("Berlin").unwrap()).unwrap();
    let daily = recurrence("RRULE:FREQ=DAILY;COUNT=3").between(first, "2028-01-01T00:00".parse().unwrap()).unwrap();
    let at: Vec<_> = daily.iter().map(|one| one.at.to_string()).collect();
    assert_eq!(at, ["2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"]);
    // The last is at 02:30 on a day at which UNTIL, too, is between three and four o'clock.
    for (until, count) in [("20270328T011500Z", 1), ("20270328T013000Z", 2)] {
        let found = recurrence(&format!("RRULE:FREQ=DAILY;UNTIL={until}"));
        assert_eq!(found.between(first, "2028-01-01T00:00".parse().unwrap()).unwrap().len(), count, "{until}");
    }
    let repeated = ["RRULE:FREQ=DAILY;COUNT=1", "RDATE:20271031T003000Z,20271031T013000Z", "RDATE:20271031T013000Z"];
    let repeated = Recurrence::parse(repeated, first, zone("Berlin").unwrap()).unwrap();
    assert_eq!(repeated.between(DateTime::MIN, DateTime::MAX).unwrap().len(), 3, "both half past two");
    let gap = ["RRULE:FREQ=WEEKLY;UNTIL=20270401", "RDATE:20270328T013000Z,20270403T010000Z"];
    let gap = Recurrence::parse(gap, "2027-03-28T02:30".parse().unwrap(), zone("Berlin").unwrap()).unwrap();
    assert_eq!(
        days(&gap.between(DateTime::MIN, DateTime::MAX).unwrap()),
        ["03-28", "04-03"],
        "03:30 is the missing 02:30"
    );
    let ended = rule("2026-03-02", &["RRULE:FREQ=DAILY;UNTIL=20260301", "RDATE;VALUE=DATE:20260302"]).unwrap();
    assert_eq!(days(&ended.between(DateTime::MIN, DateTime::MAX).unwrap()), ["03-02"]);
}

#[test]
fn invalid_recurrence_names_the_part() {
    for (line, expected) in [
        ("FREQ=DAILY", "recurrence must be RRULE, EXDATE or RDATE and a value, not \"FREQ=DAILY\""),
        ("EXRULE:FREQ=DAILY", "recurrence must be RRULE, EXDATE or RDATE and a value, not \"EXRULE:FREQ=DAILY\""),
        ("RRULE:INTERVAL=2", "RRULE must have FREQ"),
        ("RRULE:FREQ=SECONDLY", "FREQ must be YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY, not \"SECONDLY\""),
        ("RRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL must be 1 to 1000000, not \"0\""),
        ("RRULE:FREQ=DAILY;INTERVAL=9999999999999999999", "INTERVAL must be 1 to 1000000, not \"9999999999999999999\""),
        ("RRULE:FREQ=DAILY;BYSECOND=1", "RRULE must not have BYSECOND, which is not supported"),
        ("RRULE:FREQ=DAILY;FREQ=DAILY", "RRULE must have FREQ once"),
        ("RRULE:FREQ=DAILY;BYDAY=1MO", "RRULE must have numbers in BYDAY only if FREQ is MONTHLY or YEARLY"),
        ("RRULE:FREQ=WEEKLY;BYDAY=Mö", "BYDAY must be days such as MO, 1MO or -1FR, not \"Mö\""),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY must be -31 to 31, not \"32\""),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=0", "RRULE must not have 0 in BYMONTHDAY or BYSETPOS"),
        ("RRULE:FREQ=DAILY;COUNT=1;UNTIL=20270101", "RRULE must have COUNT or UNTIL, not both"),
        (
            "RRULE:FREQ=DAILY;UNTIL=2027-01-01",
            "UNTIL must be a date or time such as 20261231T235959Z, not \"2027-01-01\"",
        ),
        ("EXDATE;TZID=Mars:20270101T000000", "time zone \"Mars\" is unknown"),
        ("EXDATE:20270101", "recurrence must have exactly one RRULE"),
        ("RDATE;VALUE=PERIOD:20270101", "RDATE must have TZID, VALUE=DATE or VALUE=DATE-TIME, not \"VALUE=PERIOD\""),
    ] {
        assert_eq!(rule("2026-03-02", &[line]).unwrap_err().to_string(), expected, "{line}");
    }
}

#[test]
fn rules_that_would_take_long_are_refused_or_end() {
    let end = "2027-01-01T00:00".parse().unwrap();
    let minutes: Vec<_> = (0..60).map(|minute| minute.to_string()).collect();
    let dense = format!("RRULE:FREQ=HOURLY;BYMINUTE={}", minutes.join(","));
    for line in ["RRULE:FREQ=HOURLY", dense.as_str()] {
        let error = rule("0001-01-01", &[line]).unwrap().between(end, end).unwrap_err().to_string();
        assert!(error.starts_with("the recurrence has too many occurrences to count from 0001-01-01"), "{error}");
    }
    for line in [
        "RRULE:FREQ=YEARLY;INTERVAL=1000000",
        "RRULE:FREQ=MONTHLY;INTERVAL=1000000",
        "RRULE:FREQ=HOURLY;INTERVAL=1000000;COUNT=18446744073709551615",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    ] {
        let found = rule("2026-03-02", &[line]).unwrap().between(end, DateTime::MAX).unwrap();
        assert!(found.len() < 100, "{line}");
    }
}

fn part() -> impl Strategy<Value = String> {
    let list = |name: &'static str, values: std::ops::RangeInclusive<i32>| {
        proptest::collection::vec(values, 1..4).prop_map(move |values| {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            format!(";{name}={}", values.join(","))
        })
    };
    prop_oneof![
        Just(String::new()),
        list("BYMONTH", 1..=12),
        list("BYMONTHDAY", -31..=31),
        list("BYHOUR", 0..=23),
        list("BYMINUTE", 0..=59),
        list("BYSETPOS", -5..=5),
        "(;BYDAY=(MO|TU|SU)(,WE|,FR){0,2})",
        "(;BYDAY=(-1|2)(MO|TU|SU))",
        "(;WKST=(MO|SA|SU))",
        "(;COUNT=[1-9][0-9]?)",
        "(;UNTIL=202[6-7]0[1-9]1[0-9])",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any text is a rule or an error, and a part of the time has the occurrences that the whole time has there.
    #[test]
    fn occurrences_do_not_depend_on_the_range(
        every in "(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY)", interval in 1..20u8, parts in proptest::collection::vec(part(), 0..4),
    ) {
        let line = format!("RRULE:FREQ={every};INTERVAL={interval}{}", parts.concat());
        let Ok(recurrence) = rule("2026-03-02", &[&line]) else { return Ok(()) };
        let at = |text: &str| text.parse::<DateTime>().unwrap();
        let whole = recurrence.between(at("2026-01-01T00:00"), at("2028-01-01T00:00"));
        let Ok(whole) = whole else { return Ok(()) };
        let (since, until) = (at("2026-10-01T00:00"), at("2027-04-01T00:00"));
        let some = recurrence.between(since, until).unwrap();
        prop_assert!(whole.is_sorted_by_key(|one| one.wall), "{}", line);
        let cut: Vec<_> = whole.into_iter().filter(|one| since <= one.wall && one.wall <= until).collect();
        prop_assert_eq!(some, cut, "{}", line);
    }

    #[test]
    fn any_text_is_a_recurrence_or_an_error(line in "(RRULE|EXDATE|RDATE)[;:]?\\PC{0,40}") {
        let _ = rule("2026-03-02", &[&line]);
        let _ = rule("2026-03-02", &["RRULE:FREQ=DAILY", &line]);
    }
}

#[test]
fn first_occurrence_is_the_start_only_if_the_rule_has_it() {
    let start: Zoned = "2026-03-02T09:00[Europe/Berlin]".parse().unwrap();
    assert_eq!(start.weekday(), Weekday::Monday);
    assert_eq!(occurrences("2026-03-02", &["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2"]), "03-03 03-10");
}
