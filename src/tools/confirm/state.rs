//! The state of a question between two calls: signed, so that the server needs no memory of it, and another instance can
//! continue.
//!
//! ```text
//! q1.<base64url of the payload and 32 bytes of HMAC-SHA256>
//! payload: [id, number, expiry, digest of the call, digest of the effect]
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::{digest as sha, hmac};
use serde_json::{Map, Value, json};

/// The beginning of a state, with the version of its format.
const VERSION: &str = "q1.";

/// The number of bytes of the signature.
const SIGNATURE: usize = 32;

/// The state of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The ID of the question.
    pub id: String,
    /// The number of questions about the call so far.
    pub number: u64,
    /// The time until which an answer counts, to the second.
    pub expires: Timestamp,
    /// The digest of the tool and its arguments.
    pub call: String,
    /// The digest of the effect that was shown.
    pub effect: String,
}

impl State {
    /// Creates the state of a new question.
    pub fn new(number: u64, expires: Timestamp, call: String, effect: String) -> Self {
        let expires = Timestamp::from_second(expires.as_second()).unwrap_or(expires);
        Self { id: format!("{:032x}", fastrand::u128(..)), number, expires, call, effect }
    }

    /// Returns the state as a text.
    pub fn seal(&self, key: &hmac::Key) -> String {
        let payload = json!([self.id, self.number, self.expires.as_second(), self.call, self.effect]);
        let mut payload = payload.to_string().into_bytes();
        let signature = hmac::sign(key, &payload);
        payload.extend(signature.as_ref());
        format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(payload))
    }

    /// Reads a state that was sealed with this key. It may have expired.
    pub fn open(text: &str, key: &hmac::Key) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(text.strip_prefix(VERSION)?).ok()?;
        let (payload, signature) = payload.split_at_checked(payload.len().checked_sub(SIGNATURE)?)?;
        hmac::verify(key, payload, signature).ok()?;
        let payload: Value = serde_json::from_slice(payload).ok()?;
        let [id, number, expires, call, effect] = payload.as_array()?.as_slice() else { return None };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let expires = Timestamp::from_second(expires.as_i64()?).ok()?;
        Some(Self { id: text(id)?, number: number.as_u64()?, expires, call: text(call)?, effect: text(effect)? })
    }
}

/// Returns the digest of a call. The order of the arguments does not matter.
pub fn digest(tool: &str, arguments: &Map<String, Value>) -> String {
    hash(&format!("{tool}\n{}", sorted(&Value::Object(arguments.clone()))))
}

/// Returns the digest of a text.
pub fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha::digest(&sha::SHA256, text.as_bytes()))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(secret: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
    }

    fn state() -> State {
        State::new(1, "2026-11-30T12:00:00.5Z".parse().unwrap(), hash("call"), hash("effect"))
    }

    #[test]
    fn state_is_read_back_with_its_key_only() {
        let state = state();
        let text = state.seal(&key("a"));
        assert_eq!(State::open(&text, &key("a")), Some(state.clone()));
        assert_eq!(State::open(&text, &key("b")), None);
        assert!(!text.contains(&state.effect), "{text}");
    }

    #[test]
    fn digest_ignores_the_order_of_arguments() {
        let of = |value: Value| digest("a", value.as_object().unwrap());
        assert_eq!(of(json!({"a": 1, "b": {"c": 1, "d": [2]}})), of(json!({"b": {"d": [2], "c": 1}, "a": 1})));
        assert_ne!(of(json!({"a": [1, 2]})), of(json!({"a": [2, 1]})));
        assert_ne!(of(json!({})), digest("b", &Map::new()));
    }

    proptest! {
        #[test]
        fn altered_state_is_refused(place in 0_usize..400, character in "[A-Za-z0-9_-]") {
            let text = state().seal(&key("a"));
            let place = place % text.len();
            let mut altered = text.clone();
            altered.replace_range(place..=place, &character);
            prop_assert!(altered == text || State::open(&altered, &key("a")).is_none());
        }

        #[test]
        fn any_text_is_no_state(text in ".{0,60}", tail in "[A-Za-z0-9_-]{0,90}") {
            prop_assert!(State::open(&text, &key("a")).is_none());
            let text = format!("{VERSION}{tail}");
            prop_assert!(State::open(&text, &key("a")).is_none());
        }
    }
}
