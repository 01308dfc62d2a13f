//! Receipts: the values that a change replaced, signed, from which the change can be undone.
//!
//! A receipt is self-contained, so that every process with the same credential can use it. The signature rejects a receipt
//! that was altered on the way through a model, and that of another credential. It is no permission: undoing a change
//! needs the same rights as making it.
//!
//! ```text
//! v1.<base64url of the payload and 12 bytes of HMAC-SHA256>
//! payload: [kind, owner, time, [["ID ID", {before}, {after}], …]]
//! ```
//!
//! A receipt of many incidents has their numbers, as the differences in base 36: 500 incidents of a day cost some 1,500
//! characters, and their IDs would cost 10,000.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::{digest, hmac};
use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Result};

/// The values of fields, by name.
pub type Fields = Map<String, Value>;

/// The beginning of a receipt, with the version of its format.
const VERSION: &str = "v1.";

/// The number of bytes of the signature: enough that none can be guessed, and few tokens.
const SIGNATURE: usize = 12;

/// The time for which a receipt is valid.
pub const VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The length of texts in `after` beyond which their hash is stored instead.
const LONGEST_TEXT: usize = 64;

/// The member of an object that stands for a long text.
const HASH: &str = "#";

/// A change, with what it replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The kind of the changed objects.
    pub kind: String,
    /// The ID of the object that they are part of, or nothing.
    pub owner: String,
    /// The time of the change, to the microsecond, so that equal changes have different receipts.
    pub at: Timestamp,
    /// The changed objects.
    pub rows: Vec<Row>,
}

/// Objects whose change was the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The IDs.
    pub ids: Vec<String>,
    /// The values before the change.
    pub before: Fields,
    /// The values after it.
    pub after: Fields,
}

impl Receipt {
    /// Creates a receipt for changes of single objects: the ID, the values before and the values after each.
    #[must_use]
    pub fn new(
        kind: &str,
        owner: &str,
        at: Timestamp,
        changes: impl IntoIterator<Item = (String, Fields, Fields)>,
    ) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for (id, before, after) in changes {
            let after = after.into_iter().map(|(name, value)| (name, shortened(value))).collect();
            match rows.iter_mut().find(|row| row.before == before && row.after == after) {
                Some(row) => row.ids.push(id),
                None => rows.push(Row { ids: vec![id], before, after }),
            }
        }
        for row in &mut rows {
            if let Some(numbers) = numbers(&row.ids) {
                row.ids = numbers.iter().map(u64::to_string).collect();
            }
        }
        let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        Self { kind: kind.to_owned(), owner: owner.to_owned(), at, rows }
    }

    /// Returns the receipt as text.
    #[must_use]
    pub fn sign(&self, key: &hmac::Key) -> String {
        let rows = self.rows.iter().map(|row| json!([packed(&row.ids), row.before, row.after]));
        let rows: Value = rows.collect();
        let mut payload = json!([self.kind, self.owner, self.at.as_microsecond(), rows]).to_string().into_bytes();
        let signature = hmac::sign(key, &payload);
        payload.extend(signature.as_ref().iter().take(SIGNATURE));
        format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(payload))
    }

    /// Reads a receipt that was signed with this key and is still valid.
    pub fn read(text: &str, key: &hmac::Key, now: Timestamp) -> Result<Self> {
        // Models quote receipts, or break them into lines.
        let text: String = text.split_whitespace().collect();
        let text = text.trim_matches(['"', '\'', '`']);
        let payload = text.strip_prefix(VERSION).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let payload = payload.filter(|payload| payload.len() > SIGNATURE);
        let payload = payload.ok_or_else(|| {
            refused("this is not a receipt").hint("Pass the receipt of a change whole, as its answer has it.")
        })?;
        let (payload, signature) = payload.split_at(payload.len() - SIGNATURE);
        let expected = hmac::sign(key, payload);
        let expected = expected.as_ref().get(..SIGNATURE).unwrap_or_default();
        if !is_same(expected, signature) {
            return Err(refused("the receipt was altered, or belongs to another credential")
                .hint("Copy the receipt whole, and use the credential with which the change was made."));
        }
        let receipt = serde_json::from_slice(payload).ok().as_ref().and_then(Self::from_payload);
        let receipt =
            receipt.ok_or_else(|| refused("the receipt cannot be read").hint("Change the object directly."))?;
        if now.duration_since(receipt.at) > VALIDITY {
            let message = format!("the receipt is of {}, and receipts are valid for 7 days", receipt.at);
            return Err(refused(&message).hint("Change the object directly."));
        }
        Ok(receipt)
    }

    fn from_payload(payload: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let [kind, owner, at, rows] = payload.as_array()?.as_slice() else { return None };
        let row = |row: &Value| {
            let [ids, before, after] = row.as_array()?.as_slice() else { return None };
            Some(Row {
                ids: unpacked(ids.as_str()?)?,
                before: before.as_object()?.clone(),
                after: after.as_object()?.clone(),
            })
        };
        Some(Self {
            kind: text(kind)?,
            owner: text(owner)?,
            at: Timestamp::from_microsecond(at.as_i64()?).ok()?,
            rows: rows.as_array()?.iter().map(row).collect::<Option<_>>()?,
        })
    }
}

/// The mark of IDs that are numbers.
const NUMBERS: char = '#';

/// The base of packed numbers.
const BASE: u32 = 36;

/// Returns IDs as ascending numbers, if all of them are numbers.
fn numbers(ids: &[String]) -> Option<Vec<u64>> {
    let mut numbers = ids.iter().map(|id| id.parse().ok()).collect::<Option<Vec<u64>>>()?;
    numbers.sort_unstable();
    Some(numbers)
}

fn packed(ids: &[String]) -> String {
    let Some(numbers) = numbers(ids) else { return ids.join(" ") };
    let previous = std::iter::once(0).chain(numbers.iter().copied());
    let differences = numbers.iter().zip(previous).map(|(number, previous)| in_base(number - previous));
    format!("{NUMBERS}{}", differences.collect::<Vec<_>>().join(" "))
}

fn unpacked(text: &str) -> Option<Vec<String>> {
    let Some(differences) = text.strip_prefix(NUMBERS) else {
        return Some(text.split(' ').map(str::to_owned).collect());
    };
    let mut number = 0_u64;
    let mut next = |difference: &str| {
        number = number.checked_add(u64::from_str_radix(difference, BASE).ok()?)?;
        Some(number.to_string())
    };
    differences.split(' ').map(&mut next).collect()
}

fn in_base(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % u64::from(BASE)).unwrap_or_default();
        digits.extend(char::from_digit(digit, BASE));
        number /= u64::from(BASE);
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// Compares in constant time.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

fn refused(message: &str) -> Error {
    Error::new(Code::InvalidReceipt, message)
}

/// Returns a value in the form that a receipt stores it after a change: a long text is only compared, never restored.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST_TEXT => json!({HASH: hash(&text)}),
        value => value,
    }
}

fn hash(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref().get(..9).unwrap_or_default())
}

/// Returns whether an object still has a value that a receipt stores.
#[must_use]
pub fn is_still(stored: &Value, current: &Value) -> bool {
    stored == current || *stored == shortened(current.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(secret: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
    }

    fn fields(value: Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    fn receipt() -> Receipt {
        let change = |id: &str, priority: Value| {
            (id.to_owned(), fields(json!({ "priority": priority })), fields(json!({"priority": "P1"})))
        };
        let changes = [change("Q1", json!(null)), change("Q2", json!("P2")), change("Q3", json!(null))];
        Receipt::new("incidents", "", "2026-11-30T10:00:00Z".parse().unwrap(), changes)
    }

    fn later(receipt: &Receipt, hours: i64) -> Timestamp {
        receipt.at + SignedDuration::from_hours(hours)
    }

    #[test]
    fn receipt_is_read_back_with_equal_changes_together() {
        let receipt = receipt();
        assert_eq!(receipt.rows.len(), 2);
        assert_eq!(receipt.rows[0].ids, ["Q1", "Q3"]);
        let text = receipt.sign(&key("a"));
        assert_eq!(Receipt::read(&text, &key("a"), later(&receipt, 1)).unwrap(), receipt);
        let quoted = format!(" `{}\n{}` ", &text[..20], &text[20..]);
        assert_eq!(Receipt::read(&quoted, &key("a"), later(&receipt, 1)).unwrap(), receipt);
    }

    #[test]
    fn receipt_of_another_credential_is_refused() {
        let receipt = receipt();
        let error = Receipt::read(&receipt.sign(&key("a")), &key("b"), later(&receipt, 1)).unwrap_err();
        assert_eq!(error.code(), Code::InvalidReceipt);
        assert!(error.message().contains("another credential") && error.hint_text().is_some(), "{error}");
    }

    #[test]
    fn receipt_expires_after_a_week() {
        let receipt = receipt();
        let text = receipt.sign(&key("a"));
        assert!(Receipt::read(&text, &key("a"), later(&receipt, 7 * 24)).is_ok());
        let error = Receipt::read(&text, &key("a"), later(&receipt, 7 * 24 + 1)).unwrap_err();
        assert!(error.message().contains("7 days"), "{error}");
    }

    #[test]
    fn long_text_after_a_change_is_only_compared() {
        let long = "x".repeat(LONGEST_TEXT + 1);
        let change = ("N1".to_owned(), fields(json!({"content": "a"})), fields(json!({ "content": long })));
        let receipt = Receipt::new("note", "Q1", Timestamp::UNIX_EPOCH, [change]);
        let stored = &receipt.rows[0].after["content"];
        assert!(!receipt.sign(&key("a")).contains(&long) && stored.is_object());
        assert!(is_still(stored, &json!(long)) && !is_still(stored, &json!(format!("{long}y"))));
        assert!(is_still(&json!("a"), &json!("a")) && !is_still(&json!("a"), &json!("b")));
    }

    #[test]
    fn numbers_are_stored_as_their_differences() {
        let ids = ["21050", "20993", "21051"].map(str::to_owned);
        assert_eq!(packed(&ids), "#g75 1l 1");
        assert_eq!(unpacked("#g75 1l 1").unwrap(), ["20993", "21050", "21051"]);
        assert_eq!(unpacked("Q1 Q2").unwrap(), ["Q1", "Q2"]);
        assert!(unpacked("#g75 +").is_none() && unpacked("#").is_none());
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_back(mut numbers in proptest::collection::vec(any::<u64>(), 1..20)) {
            let ids: Vec<_> = numbers.iter().map(u64::to_string).collect();
            numbers.sort_unstable();
            let sorted: Vec<_> = numbers.iter().map(u64::to_string).collect();
            prop_assert_eq!(unpacked(&packed(&ids)), Some(sorted));
        }

        #[test]
        fn altered_receipt_is_refused(place in 0_usize..400, character in "[A-Za-z0-9_-]") {
            let receipt = receipt();
            let text = receipt.sign(&key("a"));
            let place = VERSION.len() + place % (text.len() - VERSION.len());
            let mut altered = text.clone();
            altered.replace_range(place..=place, &character);
            prop_assert!(altered == text || Receipt::read(&altered, &key("a"), receipt.at).is_err());
        }

        #[test]
        fn any_text_is_no_receipt(text in ".{0,60}", tail in "[A-Za-z0-9_-]{0,60}") {
            prop_assert!(Receipt::read(&text, &key("a"), Timestamp::UNIX_EPOCH).is_err());
            let text = format!("{VERSION}{tail}");
            prop_assert!(Receipt::read(&text, &key("a"), Timestamp::UNIX_EPOCH).is_err());
        }
    }
}
