//! PagerDuty IDs, checked once.
//!
//! An ID goes into a URL path, so it must not be able to change where the request goes. An [`Id`] can only be made from
//! ASCII letters and digits, and the client takes nothing else; `../users/me` never gets that far.

use std::fmt;
use std::marker::PhantomData;

/// The longest ID. PagerDuty's have 7 or 14 characters.
const LONGEST: usize = 64;

/// The ID of an `M`: opaque, case-sensitive, ASCII letters and digits, unique per type only.
pub struct Id<M> {
    text: String,
    of: PhantomData<fn() -> M>,
}

impl<M> Id<M> {
    /// An ID from text, surrounding space trimmed; `None` if anything but ASCII letters and digits remains, or nothing, or
    /// more than an ID can have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let valid = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        valid.then(|| Self { text: text.to_owned(), of: PhantomData })
    }

    /// The ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is an incident's number rather than its ID. PagerDuty's IDs always have a letter.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

// By hand, because a derive would ask the same of `M`.
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
        fn whatever_becomes_an_id_cannot_leave_its_path_segment(text in ".{0,40}") {
            if let Some(id) = Id::<()>::parse(&text) {
                prop_assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
                prop_assert_eq!(id.as_str(), text.trim());
            }
        }

        #[test]
        fn every_plain_id_is_one(text in "[A-Za-z0-9]{1,20}") {
            prop_assert_eq!(Id::<()>::parse(&format!(" {text}\n")).unwrap().to_string(), text);
        }
    }

    #[test]
    fn paths_queries_and_other_alphabets_are_not_ids() {
        for text in ["", "  ", "../users/me", "P1/notes", "P1?x=1", "P 1", "ＰＡ１", "P1\u{200b}", "é"] {
            assert!(Id::<()>::parse(text).is_none(), "{text:?}");
        }
    }
}
