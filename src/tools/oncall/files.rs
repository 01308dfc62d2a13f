//! Shifts as files: iCalendar (RFC 5545) and CSV (RFC 4180). It has no I/O.
//!
//! A calendar has one event for each shift, in UTC, without a time zone and without a recurrence. Readers of calendars
//! disagree about both, and all of them agree about this form.

use jiff::Timestamp;

use crate::shifts::Period;

/// The most octets of a line in a calendar.
const LONGEST_LINE: usize = 75;

/// The bounds of a shift that may only be those of what was read: the shift may be longer there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Set if the shift may begin earlier.
    pub start: bool,
    /// Set if the shift may end later.
    pub end: bool,
}

/// A shift for a file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The period.
    pub period: Period,
    /// The ID of the user.
    pub user_id: String,
    /// The name of the user.
    pub user: String,
    /// The ID of the schedule.
    pub schedule_id: String,
    /// The name of the schedule.
    pub schedule: String,
    /// The levels of policies, for people.
    pub policies: Vec<String>,
    /// The clashes, for people.
    pub clashes: Vec<String>,
    /// The start, the end and the length in the local zone, for people.
    pub local: String,
    /// The start in the local zone, for programs.
    pub start: String,
    /// The end in the local zone, for programs.
    pub end: String,
    /// The elapsed hours of a shift that is not cut.
    pub hours: Option<f64>,
    /// The bounds that are not known.
    pub cut: Cut,
}

/// A format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// iCalendar.
    Calendar,
    /// Comma-separated values.
    Table,
}

impl Format {
    /// Returns the format with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ics" => Some(Self::Calendar),
            "csv" => Some(Self::Table),
            _ => None,
        }
    }

    /// Returns the name and the media type of the file.
    pub fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Calendar => ("shifts.ics", "text/calendar"),
            Self::Table => ("shifts.csv", "text/csv"),
        }
    }

    /// Returns the text before the shifts.
    pub fn head(self, zone: &str) -> String {
        match self {
            Self::Calendar => [
                ("BEGIN", "VCALENDAR"),
                ("VERSION", "2.0"),
                ("PRODID", "-//pagerduty-mcp-server//On-call shifts//EN"),
                ("CALSCALE", "GREGORIAN"),
                ("X-WR-CALNAME", "On-call shifts"),
                ("X-WR-TIMEZONE", zone),
            ]
            .map(|(name, value)| property(name, value))
            .concat(),
            Self::Table => record(
                [
                    "start",
                    "end",
                    "hours",
                    "time_zone",
                    "user",
                    "user_id",
                    "schedule",
                    "schedule_id",
                    "policies",
                    "clashes",
                    "or_earlier",
                    "or_later",
                ]
                .map(str::to_owned),
            ),
        }
    }

    /// Returns the text of a shift. `now` is the time at which the file is written.
    pub fn shift(self, entry: &Entry, zone: &str, now: Timestamp) -> String {
        match self {
            Self::Calendar => event(entry, zone, now),
            Self::Table => record([
                entry.start.clone(),
                entry.end.clone(),
                entry.hours.map(|hours| hours.to_string()).unwrap_or_default(),
                zone.to_owned(),
                entry.user.clone(),
                entry.user_id.clone(),
                entry.schedule.clone(),
                entry.schedule_id.clone(),
                entry.policies.join("; "),
                entry.clashes.join("; "),
                yes(entry.cut.start),
                yes(entry.cut.end),
            ]),
        }
    }

    /// Returns the text after the shifts.
    pub fn tail(self) -> String {
        match self {
            Self::Calendar => property("END", "VCALENDAR"),
            Self::Table => String::new(),
        }
    }
}

fn yes(is_so: bool) -> String {
    if is_so { "true".to_owned() } else { String::new() }
}

fn event(entry: &Entry, zone: &str, now: Timestamp) -> String {
    let time = |time: Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let (start, end) = (time(entry.period.start()), time(entry.period.end()));
    // The same shift has the same UID in each file, and no two shifts share one. The start of a cut shift depends on the
    // range, and there is one such shift of a user on a schedule.
    let begin = if entry.cut.start { "open" } else { &start };
    let uid = format!("{}-{}-{begin}@pagerduty-mcp-server", entry.schedule_id, entry.user_id);
    let summary = format!("On call: {} ({})", entry.schedule, entry.user);
    let mut description = vec![format!("{} ({zone})", entry.local)];
    description.extend((!entry.policies.is_empty()).then(|| entry.policies.join("; ")));
    description.extend(entry.clashes.iter().map(|clash| format!("Clash: {clash}")));
    [
        ("BEGIN", "VEVENT".to_owned()),
        ("UID", uid),
        ("DTSTAMP", time(now)),
        ("DTSTART", start),
        ("DTEND", end),
        // Some readers drop an event whose summary has a line break.
        ("SUMMARY", escaped(&summary.replace(['\r', '\n'], " "))),
        ("DESCRIPTION", escaped(&description.join("\n"))),
        ("END", "VEVENT".to_owned()),
    ]
    .map(|(name, value)| property(name, &value))
    .concat()
}

/// Returns a text as a value in a calendar.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            character if character.is_control() => {}
            character => escaped.push(character),
        }
    }
    escaped
}

/// Returns a line of a calendar, folded between characters.
fn property(name: &str, value: &str) -> String {
    let mut line = String::with_capacity(name.len() + value.len() + 3);
    let mut octets = 0;
    for character in name.chars().chain([':']).chain(value.chars()) {
        if octets + character.len_utf8() > LONGEST_LINE {
            line.push_str("\r\n ");
            octets = 1;
        }
        line.push(character);
        octets += character.len_utf8();
    }
    line.push_str("\r\n");
    line
}

/// Returns a record of a table.
fn record<const N: usize>(fields: [String; N]) -> String {
    format!("{}\r\n", fields.map(|text| field(&text)).join(","))
}

/// Returns a field of a table. A spreadsheet would run a text that looks like a formula.
fn field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    let text = format!("{guard}{text}");
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unfolded(line: &str) -> String {
        line.replace("\r\n ", "")
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let value = "決済サービス当番".repeat(20);
        let line = property("SUMMARY", &value);
        assert!(line.split("\r\n").all(|part| part.len() <= LONGEST_LINE), "{line}");
        assert_eq!(unfolded(&line), format!("SUMMARY:{value}\r\n"));
        assert_eq!(property("A", &"x".repeat(73)).matches("\r\n").count(), 1, "75 octets fit");
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("a\\b;c,d\ne\r\u{7}"), "a\\\\b\\;c\\,d\\ne");
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("-2", "'-2"),
            ("@x,y", "\"'@x,y\""),
        ] {
            assert_eq!(field(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_line_unfolds_to_itself(value in "[^\r\n]{0,200}") {
            let line = property("SUMMARY", &value);
            prop_assert!(line.split("\r\n").all(|part| part.len() <= LONGEST_LINE));
            prop_assert_eq!(unfolded(&line), format!("SUMMARY:{value}\r\n"));
        }
    }
}
