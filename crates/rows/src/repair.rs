//! Rewrites JSON that the decoder refuses or rounds, so that one odd value does not make a whole answer unreadable.
//!
//! PagerDuty passes on what monitoring programs send: a title cut in the middle of a surrogate pair, `1e400`, a 30-digit
//! number, `-0`. The decoder reads an answer as it came first. It reads it again after this rewrite only if that fails
//! or if a number was read as a float, so ordinary answers have no extra cost.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Rewrites a body, or returns `None` if there is nothing to rewrite.
///
/// - Half of a surrogate pair, and bytes that are not UTF-8, become U+FFFD.
/// - A control character inside a string is escaped.
/// - A number that a 64-bit integer or float cannot hold becomes a string with the same digits, since a client would
///   round it as well. So do `NaN` and `Infinity`.
/// - The integer `-0` becomes `0`: the decoder reads it as a float, which is written as `-0.0`.
///
/// Anything else that is not JSON stays as it is.
#[must_use]
pub fn repair(body: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(body);
    let mut changed = matches!(text, Cow::Owned(_));
    let mut repaired = String::with_capacity(text.len() + 16);
    let mut rest = text.as_ref();
    while let Some(first) = rest.chars().next() {
        let (piece, replacement) = match first {
            '"' => string(rest),
            '-' | '0'..='9' | 'N' | 'I' => number(rest),
            _ => (first.len_utf8(), None),
        };
        let (piece, after) = rest.split_at_checked(piece).unwrap_or((rest, ""));
        changed |= replacement.is_some();
        repaired.push_str(replacement.as_deref().unwrap_or(piece));
        rest = after;
    }
    changed.then(|| repaired.into_bytes())
}

/// Returns the length of the string literal at the start of `text`, and its replacement if it has to change.
pub(crate) fn string(text: &str) -> (usize, Option<String>) {
    let mut written = String::from("\"");
    let (mut changed, mut end) = (false, text.len());
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        let piece = match c {
            '"' => {
                end = at + 1;
                written.push('"');
                break;
            }
            '\\' => escape(text.get(at..).unwrap_or_default()),
            c if c.is_ascii_control() && c != '\u{7f}' => {
                changed = true;
                _ = write!(written, "\\u{:04x}", u32::from(c));
                continue;
            }
            c => {
                written.push(c);
                continue;
            }
        };
        if piece.is_empty() {
            changed = true;
            written.push_str("\\ufffd");
            // Skip the six characters of the half pair; the first one has been read.
            chars.by_ref().take(5).for_each(drop);
        } else {
            written.push_str(piece);
            chars.by_ref().take(piece.chars().count() - 1).for_each(drop);
        }
    }
    (end, changed.then_some(written))
}

/// Returns the escape at the start of `text`, or an empty string for half a surrogate pair. A whole pair is one escape.
fn escape(text: &str) -> &str {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let length = match (unit(0), unit(6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
        (Some(0xd800..=0xdfff), _) => 0,
        (Some(_), _) => 6,
        (None, _) => text.chars().take(2).map(char::len_utf8).sum(),
    };
    text.get(..length).unwrap_or(text)
}

/// Returns the length of the number at the start of `text`, and its replacement if it has to change.
pub(crate) fn number(text: &str) -> (usize, Option<String>) {
    for word in ["NaN", "Infinity", "-Infinity"] {
        if text.starts_with(word) {
            return (word.len(), Some(format!("\"{word}\"")));
        }
    }
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(text.len());
    let number = text.get(..end).unwrap_or_default();
    if number.is_empty() {
        return (text.chars().next().map_or(1, char::len_utf8), None);
    }
    let replacement = match number {
        "-0" => Some("0".to_owned()),
        number if is_exact(number) => None,
        number => Some(format!("\"{number}\"")),
    };
    (end, replacement)
}

/// Returns whether the decoder reads a number without rounding it. Text that is not a number is left for the decoder to
/// refuse.
fn is_exact(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(float) = number.parse::<f64>() else { return true };
    let is_integer = number.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let Some((digits, _)) = decimal(number) else { return false };
    // Of several texts with as many digits that are read as this float, the decoder writes the nearest.
    let written = format!("{float:.0$e}", digits.len().saturating_sub(1));
    float.is_finite() && !is_integer && decimal(number) == decimal(&written)
}

/// Splits a decimal number into its significant digits and the power of ten of the last digit, without the sign.
fn decimal(number: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    let last = i64::try_from(dropped).ok()? - i64::try_from(fraction.len()).ok()?;
    Some((significant.to_owned(), exponent.parse::<i64>().ok()?.checked_add(last)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn repaired(body: &str) -> String {
        repair(body.as_bytes()).map_or_else(|| body.to_owned(), |body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn repair_odd_strings_readable() {
        for (body, expected) in [
            (r#""cut \ud83d""#, r#""cut \ufffd""#),
            (r#""\udd25 low""#, r#""\ufffd low""#),
            (r#""\uD83D\uD83D\uDD25""#, r#""\ufffd\uD83D\uDD25""#),
            (r#""\ud83dx\\ud83d""#, r#""\ufffdx\\ud83d""#),
            (r#"{"\ud83d": ["\"\ud83d\""]}"#, r#"{"\ufffd": ["\"\ufffd\""]}"#),
            ("\"a\nb\u{0}\"", r#""a\u000ab\u0000""#),
        ] {
            assert_eq!(repaired(body), expected);
            assert!(serde_json::from_str::<Value>(expected).is_ok());
        }
        assert_eq!(repair(b"[\"a\xffb\"]").unwrap(), "[\"a\u{fffd}b\"]".as_bytes());
    }

    #[test]
    fn repair_inexact_numbers_as_text() {
        for number in [
            "1e400",
            "-1E+400",
            "18446744073709551616",
            "-9223372036854775809",
            "100000000000000000000",
            "0.1234567890123456789",
            "9007199254740993.5",
            "1e-400",
            "NaN",
            "-Infinity",
        ] {
            assert_eq!(repaired(&format!("[{number},1]")), format!("[\"{number}\",1]"));
        }
    }

    #[test]
    fn repair_minus_zero_as_integer() {
        assert_eq!(repaired(r#"{"-0": [-0, "-0", -0.0, -01], "n": -0}"#), r#"{"-0": [0, "-0", -0.0, -01], "n": 0}"#);
    }

    #[test]
    fn repair_exact_numbers_unchanged() {
        for number in [
            "0",
            "-0.0",
            "-0e0",
            "18446744073709551615",
            "0.1",
            "1.10",
            "1e2",
            "46.80",
            "714040851761069.2",
            "9.204938554384979e297",
        ] {
            assert_eq!(repair(number.as_bytes()), None, "{number}");
        }
    }

    #[test]
    fn repair_other_damage_unchanged() {
        for body in ["", "{", "\"open", "\"open\\", "\"\\u12", "[1.2.3]", "--", "{\"a\" 1}", "Nope", "\"\\x\""] {
            let body = repaired(body);
            assert!(serde_json::from_str::<Value>(&body).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn repair_valid_json_unchanged(value in "\\PC*", number in any::<i64>(), float in any::<f64>()) {
            let body = serde_json::json!({"text": value, value.clone(): [number, null, true], "float": float});
            prop_assert_eq!(repair(body.to_string().as_bytes()), None);
        }

        #[test]
        fn repair_is_idempotent(body in "[\\\\\"ud83c0-9eE.,\\[\\]{}:NI\u{0}é -]{0,60}") {
            if let Some(once) = repair(body.as_bytes()) {
                prop_assert_eq!(repair(&once), None);
            }
        }
    }
}
