//! Removes secrets from text that a server sent back, in every encoding in which servers and gateways echo a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The shortest part of a secret's Base64 that is searched for. A shorter one could occur by chance.
const MIN_BASE64: usize = 8;

/// Replaces each occurrence of `secret` by `mark`, in one pass.
///
/// A character may be itself, percent-encoded, a JSON or JavaScript escape, or an HTML character reference, each of them
/// repeatedly encoded. The secret may also be part of a text in Base64 of either alphabet, as in `Basic` authentication:
/// then all of the Base64 is replaced, since the neighbors of the secret share characters with it. Marks of hidden
/// characters within an occurrence are ignored.
pub fn redact(text: &str, secret: &str, mark: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    let base64 = base64_parts(secret);
    let mut redacted = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while at < text.len() {
        let found = occurrence(text, at, secret, is_equal).map(|end| (at, end));
        let found = found.or_else(|| {
            let end = base64.iter().find_map(|part| occurrence(text, at, part, is_equal_in_base64))?;
            Some(whole_base64(text, copied, at, end))
        });
        match found {
            Some((start, end)) => {
                redacted.push_str(text.get(copied..start).unwrap_or_default());
                redacted.push_str(mark);
                (copied, at) = (end, end);
            }
            None => at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8),
        }
    }
    redacted.push_str(text.get(copied..).unwrap_or_default());
    redacted
}

/// Returns the Base64 characters that depend on the secret alone, for each position that the secret can have in a group
/// of three bytes.
fn base64_parts(secret: &str) -> Vec<String> {
    let part = |before: usize| {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        encoded.get((before * 8).div_ceil(6)..bytes.len() * 8 / 6).unwrap_or_default().to_owned()
    };
    (0..3).map(part).filter(|part| part.len() >= MIN_BASE64).collect()
}

/// Returns the end of an occurrence of `wanted` that begins at `start`, if there is one.
fn occurrence(text: &str, start: usize, wanted: &str, is_equal: fn(u8, u8) -> bool) -> Option<usize> {
    let matching = |at, wanted| Encoded::all(text, at).filter(move |found| is_equal(found.byte, wanted));
    let (first, rest) = wanted.as_bytes().split_first()?;
    // Most positions end here, without an allocation.
    matching(start, *first).next()?;
    // An encoded character can be read in several ways if the secret itself has a percent sign or a backslash.
    let mut ends: Vec<_> = matching(start, *first).map(|found| found.end).collect();
    for wanted in rest {
        let next = ends.iter().flat_map(|end| matching(after_marks(text, *end), *wanted));
        let mut next: Vec<_> = next.map(|found| found.end).collect();
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.into_iter().filter(|end| text.is_char_boundary(*end)).max()
}

/// Skips the marks of hidden characters.
fn after_marks(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches(char::REPLACEMENT_CHARACTER).len()
}

fn is_equal(found: u8, wanted: u8) -> bool {
    // Form encoding writes a blank as a plus sign.
    found == wanted || (wanted == b' ' && found == b'+')
}

fn is_equal_in_base64(found: u8, wanted: u8) -> bool {
    found == wanted || matches!((found, wanted), (b'-', b'+') | (b'_', b'/'))
}

/// Extends the range of a part to all of the Base64 around it, but not before `earliest`.
fn whole_base64(text: &str, earliest: usize, start: usize, end: usize) -> (usize, usize) {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=%".contains(byte);
    let bytes = text.as_bytes();
    let before = bytes.get(earliest..start).unwrap_or_default().iter().rev().take_while(|byte| is_base64(byte)).count();
    let after = bytes.get(end..).unwrap_or_default().iter().take_while(|byte| is_base64(byte)).count();
    (start - before, end + after)
}

/// A byte that a text holds, in one of its encodings.
struct Encoded {
    byte: u8,
    end: usize,
}

impl Encoded {
    /// Returns the ways to read the bytes of `text` at `start`.
    fn all(text: &str, start: usize) -> impl Iterator<Item = Self> {
        let bytes = text.as_bytes().get(start..).unwrap_or_default();
        let ways = match bytes.first() {
            Some(b'%') => [literal(bytes), percent(bytes), repeated_percent(bytes)],
            Some(b'\\') => [literal(bytes), escape(bytes), escaped_itself(bytes)],
            Some(b'&') => [literal(bytes), reference(bytes), None],
            _ => [literal(bytes), None, None],
        };
        ways.into_iter().flatten().map(move |(byte, length)| Self { byte, end: start + length })
    }
}

fn literal(bytes: &[u8]) -> Option<(u8, usize)> {
    bytes.first().map(|byte| (*byte, 1))
}

/// Reads `%2B`.
fn percent(bytes: &[u8]) -> Option<(u8, usize)> {
    number(bytes.get(1..3)?, 16).map(|byte| (byte, 3))
}

/// Reads `%252B`, `%25252B` and so on.
fn repeated_percent(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut digits = 1;
    while bytes.get(digits..digits + 2) == Some(b"25") {
        digits += 2;
    }
    match bytes.get(digits..digits + 2).and_then(|digits| number(digits, 16)) {
        Some(byte) => Some((byte, digits + 2)),
        // The percent signs encode one another.
        None => (digits > 1).then_some((b'%', digits)),
    }
}

/// Reads `\u002b`, `\x2b` and `\/`, with any number of backslashes.
fn escape(bytes: &[u8]) -> Option<(u8, usize)> {
    let backslashes = bytes.iter().take_while(|byte| **byte == b'\\').count();
    let rest = bytes.get(backslashes..)?;
    let digits = match rest.first()? {
        b'u' | b'U' => 4,
        b'x' | b'X' => 2,
        escaped => return Some((*escaped, backslashes + 1)),
    };
    match rest.get(1..=digits).and_then(|digits| number(digits, 16)) {
        Some(byte) => Some((byte, backslashes + 1 + digits)),
        None => rest.first().map(|escaped| (*escaped, backslashes + 1)),
    }
}

/// Reads `\\` as a backslash.
fn escaped_itself(bytes: &[u8]) -> Option<(u8, usize)> {
    (bytes.get(1) == Some(&b'\\')).then_some((b'\\', 2))
}

/// Reads `&#43;`, `&#x2b;` and `&amp;`.
fn reference(bytes: &[u8]) -> Option<(u8, usize)> {
    let end = bytes.iter().take(12).position(|byte| *byte == b';')?;
    let byte = match bytes.get(1..end)? {
        b"amp" => b'&',
        b"lt" => b'<',
        b"gt" => b'>',
        b"quot" => b'"',
        b"apos" => b'\'',
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        _ => return None,
    };
    Some((byte, end + 1))
}

/// Returns the byte with this number.
fn number(digits: &[u8], radix: u32) -> Option<u8> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(trimmed(digits)?, radix).ok()
}

/// Returns digits without leading zeros, of which there may be many.
fn trimmed(digits: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(digits).ok()?;
    let trimmed = text.trim_start_matches('0');
    Some(if trimmed.is_empty() && !text.is_empty() { "0" } else { trimmed })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE;
    use proptest::prelude::*;

    use super::*;

    fn redacted(text: &str, secret: &str) -> String {
        redact(text, secret, "[secret]")
    }

    #[test]
    fn encoded_secret_is_redacted_with_the_rest_kept() {
        let secret = "u+SE%C/RET\\";
        for encoded in [
            secret,
            "u%2BSE%25C%2fRET%5C",
            "u%252BSE%2525C%252FRET%255C",
            r"u\u002bSE\u0025C\/RET\\",
            r"u\x2BSE%C/RET\\",
            "u&#43;SE&#x25;C&#0047;RET&#92;",
            "u+SE\u{fffd}%C/\u{fffd}\u{fffd}RET\\",
        ] {
            assert_eq!(
                redacted(&format!("a {encoded}, {encoded}\u{fffd} b"), secret),
                "a [secret], [secret]\u{fffd} b"
            );
        }
        assert_eq!(redacted("a+b%20c", "a b"), "[secret]%20c", "form encoding writes a blank as a plus sign");
        assert_eq!(redacted("anything", ""), "anything");
    }

    #[test]
    fn base64_of_a_short_secret_is_not_searched_for() {
        assert_eq!(redacted("YWJj", "abc"), "YWJj");
        assert_eq!(redacted("Basic eDphYmNkZWZnaDo= failed", "abcdefgh"), "Basic [secret] failed");
    }

    proptest! {
        #[test]
        fn base64_of_a_secret_is_redacted_in_any_position(
            secret in "[ -~]{8,40}", before in ".{0,9}", after in ".{0,9}", url in any::<bool>(),
        ) {
            let text = format!("{before}{secret}{after}");
            let encoded = if url { URL_SAFE.encode(text) } else { STANDARD_NO_PAD.encode(text) };
            prop_assert_eq!(redacted(&format!("key {encoded} refused"), &secret), "key [secret] refused");
        }
    }
}
