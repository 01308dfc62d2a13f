//! Times in events.

use jiff::Timestamp;

/// Reads a time that has an offset, or that is the number of seconds or milliseconds since 1970.
///
/// A time without an offset is no instant: it belongs to a zone that the event does not name.
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse().ok()?;
        return match text.len() {
            9 | 10 => Timestamp::from_second(number).ok(),
            12 | 13 => Timestamp::from_millisecond(number).ok(),
            _ => None,
        };
    }
    text.parse().ok()
}
