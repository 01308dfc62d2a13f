//! PagerDuty IDs, checked once.
//!
//! An ID becomes part of a URL path, so it must not be able to change the path. An [`Id`] contains only ASCII letters and
//! digits, and the client accepts no other type.

use std::fmt;
use std::marker::PhantomData;

/// The length of the longest ID. PagerDuty's have 7 or 14 characters.
const MAX_LENGTH: usize = 64;

/// The lengths of PagerDuty's IDs.
const LENGTHS: [usize; 3] = [7, 14, 26];

/// Returns whether a text has the form of an ID rather than of a name.
///
/// An ID consists of uppercase ASCII letters and digits, and has a letter. It has a digit too, or else the length of
/// PagerDuty's IDs: `SRE` and `PAYMENTS` are names, `PABCDEF` and `EU1` are IDs. A name is compared without regard to case,
/// so a name of this form can be written in lower case.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let has = |class: fn(&u8) -> bool| text.as_bytes().iter().any(class);
    let is_plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    is_plain
        && text.len() <= MAX_LENGTH
        && has(u8::is_ascii_uppercase)
        && (has(u8::is_ascii_digit) || LENGTHS.contains(&text.len()))
}

/// Returns whether an ID has another length than PagerDuty's, so that it may be meant as a name: `EU1`.
#[must_use]
pub fn is_unusual(id: &str) -> bool {
    !LENGTHS.contains(&id.len())
}

/// The ID of an `M`: opaque, case-sensitive, of ASCII letters and digits, and unique per type only.
pub struct Id<M> {
    text: String,
    of: PhantomData<fn() -> M>,
}

impl<M> Id<M> {
    /// Parses an ID, ignoring surrounding white space. Returns `None` if the text is empty, too long, or has characters
    /// other than ASCII letters and digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let valid = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        valid.then(|| Self { text: text.to_owned(), of: PhantomData })
    }

    /// Returns the same ID as one of another type, for objects that PagerDuty has under two types.
    #[must_use]
    pub fn cast<N>(&self) -> Id<N> {
        Id { text: self.text.clone(), of: PhantomData }
    }

    /// Returns the ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether it is an incident's number rather than its ID. PagerDuty's IDs always have a letter.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

// Written by hand, because a derive would require `M: Clone`.
impl<M> Clone for Id<M> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}

impl<M> PartialEq for Id<M> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<M> fmt::Debug for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<M> fmt::Display for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parsed_id_cannot_leave_its_path_segment(text in ".{0,40}") {
            if let Some(id) = Id::<()>::parse(&text) {
                prop_assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
                prop_assert_eq!(id.as_str(), text.trim());
            }
        }

        #[test]
        fn plain_id_is_accepted(text in "[A-Za-z0-9]{1,20}") {
            prop_assert_eq!(Id::<()>::parse(&format!(" {text}\n")).unwrap().to_string(), text);
        }
    }

    #[test]
    fn ids_and_names_are_told_apart_by_form() {
        for text in ["P1", "PT4KHLK", "PABCDEF", "Q123", "Q02JTSNZWHSEKV", "01CS1685B2UDM4I3XUUOXPPORM", "EU1"] {
            assert!(is_id(text) && Id::<()>::parse(text).is_some(), "{text}");
        }
        for text in ["", "SRE", "ada", "Checkout", "payments", "PAYMENTS", "eu1", "42", "P 1", "P-1", "É1", "me"] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn path_query_or_other_alphabet_is_rejected() {
        for text in ["", "  ", "../users/me", "P1/notes", "P1?x=1", "P 1", "ＰＡ１", "P1\u{200b}", "é"] {
            assert!(Id::<()>::parse(text).is_none(), "{text:?}");
        }
    }
}
