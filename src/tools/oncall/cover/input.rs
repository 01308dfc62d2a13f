//! Reads the times and lines of `override_oncall`.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::params::{Form, Param, When, is_null_word, names_nothing, shorten};

/// The most lines of `shifts`: the holidays of a year.
pub(super) const MAX_LINES: usize = 25;

/// A valid line of `shifts`.
const EXAMPLE: &str = "2026-12-24 08:00 / 2026-12-25 08:00: ada@example.com";

/// The time for which a start may lie in the past, since a caller computes it before the request: it counts as now.
const START_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A period and its user, as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The start.
    pub start: When,
    /// The end.
    pub end: When,
    /// The user: an ID, a name, an email address or `me`.
    pub user: String,
    /// The line as it was given.
    pub text: String,
}

impl Line {
    /// Reads `START / END: USER`.
    fn parse(text: &str) -> Option<Self> {
        let (start, rest) = text.split_once('/')?;
        // Times contain colons, too.
        let at = |(colon, _)| Some((When::parse(rest.get(..colon)?)?, rest.get(colon + 1..)?.trim()));
        let (end, user) = rest.rmatch_indices(':').find_map(at)?;
        // "08:00" at the end is a part of the time.
        user.contains(char::is_alphabetic).then_some(Self {
            start: When::parse(start)?,
            end,
            user: user.to_owned(),
            text: text.to_owned(),
        })
    }
}

/// The lines of `shifts`.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(pub Vec<Line>);

impl Param for Lines {
    const FORM: Form = Form::List(&[]);
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let parsed: Option<Value> = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        let texts: Vec<&str> = match parsed.as_ref().filter(|list| list.is_array()).unwrap_or(value) {
            Value::Array(list) => list.iter().map(|line| line.as_str().unwrap_or_default()).collect(),
            Value::String(text) => text.lines().collect(),
            _ => vec![""],
        };
        let is_blank = |text: &str| is_null_word(text) || !text.contains(char::is_alphanumeric);
        let texts: Vec<_> = texts.into_iter().map(str::trim).filter(|text| !is_blank(text)).collect();
        let hint = || format!("Write each line like {EXAMPLE:?}.");
        if texts.is_empty() {
            return Err(names_nothing(Code::InvalidParameter, name, value));
        }
        if texts.len() > MAX_LINES {
            let message = format!("{name} has {} lines, more than {MAX_LINES}", texts.len());
            return Err(Error::new(Code::InvalidParameter, message)
                .hint(format!("Pass at most {MAX_LINES} at a time, in several calls.")));
        }
        let line = |text: &&str| {
            Line::parse(text).ok_or_else(|| {
                let message = format!("{name} has the line {:?}, which cannot be read", shorten(text));
                Error::new(Code::InvalidParameter, message).hint(hint())
            })
        };
        texts.iter().map(line).collect::<Result<_>>().map(Self)
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self::default())
    }

    fn is_given(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Checks a period against now, and returns its start, which is now if it was just before.
pub(super) fn checked(start: Timestamp, end: Timestamp, now: Timestamp) -> Result<Timestamp> {
    let refused = |message: String, hint: &str| Err(Error::new(Code::InvalidTimeRange, message).hint(hint));
    if start >= end {
        let what = if start == end { "the same as" } else { "after" };
        return refused(format!("start {start} is {what} end {end}"), "Pass a start that is before end.");
    }
    if end <= now {
        return refused(
            format!("end {end} is in the past"),
            "Pass a period that is still to come. Nothing was changed.",
        );
    }
    if start < now - START_TOLERANCE {
        return refused(
            format!("start {start} is in the past"),
            "Pass start=now: who was on call before cannot be changed.",
        );
    }
    Ok(start.max(now))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn lines_are_read_with_times_of_any_form() {
        for (text, end, user) in [
            ("2026-12-24 08:00 / 2026-12-25 08:00: ada@example.com", "2026-12-25 08:00", "ada@example.com"),
            ("2026-12-24 / 2026-12-25: me", "2026-12-25", "me"),
            ("now/2026-12-25T08:00:00+01:00:PABC123", "2026-12-25T08:00:00+01:00", "PABC123"),
            ("2026-12-24T08:00Z / 2026-12-25 08:00:30: Lovelace: Ada", "2026-12-25 08:00:30", "Lovelace: Ada"),
        ] {
            let line = Line::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((Some(line.end), line.user.as_str()), (When::parse(end), user), "{text}");
        }
        for text in
            ["", "ada", "2026-12-24 08:00 / 2026-12-25 08:00", "2026-12-24 / soon: ada", "2026-12-24: ada", "a / b: c"]
        {
            assert_eq!(Line::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lists_of_lines_may_have_several_forms() {
        let line = "2026-12-24 / 2026-12-25: ada";
        for value in [json!([line, line]), json!(format!("{line}\n{line}\n")), json!(json!([line, line]).to_string())] {
            assert_eq!(Lines::decode("shifts", &value).unwrap().0.len(), 2, "{value}");
        }
        let error = Lines::decode("shifts", &json!(["tomorrow: ada"])).unwrap_err();
        assert!(error.hint_text().unwrap().contains("2026-12-24 08:00 / "), "{error}");
        for value in [json!([]), json!([7]), json!(vec![line; MAX_LINES + 1]), json!({})] {
            assert_eq!(Lines::decode("shifts", &value).unwrap_err().code(), Code::InvalidParameter, "{value}");
        }
    }

    #[test]
    fn period_in_the_past_is_refused() {
        let now = at("2026-12-01T12:00:00Z");
        let check = |start, end| checked(at(start), at(end), now).map_err(|error| error.code());
        let refused = Err(Code::InvalidTimeRange);
        assert_eq!(check("2026-12-01T13:00:00Z", "2026-12-01T14:00:00Z"), Ok(at("2026-12-01T13:00:00Z")));
        assert_eq!(check("2026-12-01T11:58:00Z", "2026-12-01T14:00:00Z"), Ok(now), "it is now");
        assert_eq!(check("2026-12-01T11:00:00Z", "2026-12-01T14:00:00Z"), refused);
        assert_eq!(check("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z"), refused);
        assert_eq!(check("2026-12-01T14:00:00Z", "2026-12-01T14:00:00Z"), refused);
        assert_eq!(check("2026-12-01T15:00:00Z", "2026-12-01T14:00:00Z"), refused);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(text in "(2026-12-24 08:00 / )?.{0,40}") {
            let _ = Line::parse(&text);
        }
    }
}
