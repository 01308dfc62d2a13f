//! Tests of reading JSON by tokens.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

/// Skips the only value of a text.
fn skip(text: &str) -> Result<(), Unreadable> {
    let mut scanner = Scanner::new(text);
    scanner.skip()?;
    match scanner.peek() {
        None => Ok(()),
        Some(_) => Err(scanner.error("trailing characters")),
    }
}

#[test]
fn errors_read_as_those_of_the_json_library() {
    for text in [
        "",
        "[",
        "[1",
        "[1,",
        "[1 2]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\" 1}",
        "{a",
        "\"a",
        "\"\\x\"",
        "nul",
        "nothing",
        "-",
        "[1]x",
        "<html>",
        "{\n \"a\": [\n  <",
        "01",
        "{\"a\":1 2}",
        "\"\\u12\"",
    ] {
        let expected = serde_json::from_str::<IgnoredAny>(text).unwrap_err();
        let error = skip(text).unwrap_err();
        assert_eq!(error.cut_off, expected.is_eof(), "{text:?}: {error:?}, {expected}");
        assert_eq!(error.why.starts_with("EOF while parsing a"), error.cut_off, "{text:?}: {error:?}");
        if !error.cut_off && !text.starts_with(['-', '0', 'n']) && !text.contains("\\u") {
            assert_eq!(error.why, expected.to_string(), "{text:?}");
        }
    }
}

#[test]
fn deep_values_are_skipped_without_recursion() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        assert!(skip(&format!("{}1{}", open.repeat(100_000), close.repeat(100_000))).is_ok());
        assert!(skip(&format!("{}1{}", open.repeat(1_000), close.repeat(999))).unwrap_err().cut_off);
    }
}

#[test]
fn string_ends_at_its_quote_at_each_place() {
    for length in 0..40 {
        for (end, is_plain) in [("", true), ("\\\"é", false), ("\u{1f}", false), ("é\u{7f}", true)] {
            let text = format!("\"{}{end}\" 1", "a".repeat(length));
            let literal = Scanner::new(&text).string().unwrap();
            assert_eq!((literal.text().len(), literal.is_plain), (length + end.len(), is_plain), "{text:?}");
        }
    }
}

proptest! {
    #[test]
    fn scanner_accepts_what_the_json_library_accepts(text in "[\\[\\]{}:,\"\\\\ua0-9.eE+\\- \ntrfnlsué]{0,24}") {
        let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        let has_control = text.contains('\n');
        prop_assert!(skip(&text).is_ok() == expected || has_control, "{text:?}: {:?}", skip(&text));
    }
}
