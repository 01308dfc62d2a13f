//! Reads a text that was given as a credential, from any source.
//!
//! People paste keys with quotes or the scheme of a header around them, and clients pass on variables that they did not
//! fill in. Additions that are not part of any key are removed. A text that cannot be a key is refused, with the
//! reason, before it is sent. PagerDuty documents no alphabet for its keys, so length and prefixes are not checked.

use secrecy::SecretString;

use crate::config::{API_TOKEN, USER_API_KEY};
use crate::error::{Code, Error, Result};

/// Texts before a key that belong to a header or to an assignment, compared without regard to case.
const PREFIXES: [&str; 8] = [
    "authorization:",
    "x-pagerduty-token:",
    "bearer ",
    "token ",
    "token=",
    "export ",
    "pagerduty_api_token=",
    "pagerduty_user_api_key=",
];

/// Words that programs write for "no value", as lowercase letters and digits. `snil` is Go's `%!s(<nil>)`.
const NOTHING: [&str; 7] = ["null", "undefined", "none", "nil", "snil", "nan", "objectobject"];

/// Placeholders from instructions, in the same form.
const PLACEHOLDERS: [&str; 8] = [
    "changeme",
    "replaceme",
    "todo",
    "apikeyhere",
    "tokenhere",
    "insertkeyhere",
    "pagerdutyapitoken",
    "pagerdutyuserapikey",
];

/// The source of a text, which decides the advice in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// An environment variable, a `.env` file or an argument.
    Settings,
    /// A header of an HTTP request.
    Header,
}

/// The reason why a text cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// The text is empty once its wrapping is removed.
    Empty,
    /// The text is a program's word for "no value".
    Nothing,
    /// The text is a variable that was not filled in.
    Variable,
    /// The text is a placeholder from instructions.
    Placeholder,
    /// The text has blanks, control characters or non-ASCII characters, which a header cannot carry within a key.
    Characters,
}

/// Returns the key in `given`, or an error that names `source` and the reason why there is none. The error quotes
/// nothing of the text except the name of a variable.
pub fn read(given: &str, source: &str, door: Door) -> Result<SecretString> {
    let key = bare(given);
    match flaw(key) {
        None => Ok(key.into()),
        Some(flaw) => Err(refusal(flaw, key, source, door)),
    }
}

/// Removes everything that surrounds a key.
fn bare(given: &str) -> &str {
    let mut text = given;
    loop {
        let trimmed = text.trim_matches(is_wrapping).trim_end_matches([',', ';']);
        let prefix = PREFIXES
            .iter()
            .find(|prefix| trimmed.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
        let shorter = prefix.and_then(|prefix| trimmed.get(prefix.len()..)).unwrap_or(trimmed);
        if shorter.len() == text.len() {
            return text;
        }
        text = shorter;
    }
}

/// Returns whether a character is a blank, a quote or invisible. No key begins or ends with one.
fn is_wrapping(c: char) -> bool {
    let quotes = ['"', '\'', '`', '\\', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}'];
    let unseen = ['\u{feff}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{2060}'];
    c.is_whitespace() || quotes.contains(&c) || unseen.contains(&c)
}

fn flaw(key: &str) -> Option<Flaw> {
    if key.is_empty() || ["bearer", "token"].iter().any(|scheme| key.eq_ignore_ascii_case(scheme)) {
        return Some(Flaw::Empty);
    }
    let word: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if NOTHING.contains(&word.as_str()) {
        Some(Flaw::Nothing)
    } else if is_variable(key) {
        Some(Flaw::Variable)
    } else if is_placeholder(key, &word) {
        Some(Flaw::Placeholder)
    } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some(Flaw::Characters)
    } else {
        None
    }
}

/// Returns whether this is a reference in the syntax of a shell, a client or a secret store.
pub(crate) fn is_variable(text: &str) -> bool {
    let dollar =
        text.strip_prefix('$').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    let percent = text.len() > 2 && text.starts_with('%') && text.ends_with('%');
    let braces = ["${", "$(", "{{", "{env:", "<%"].iter().any(|start| text.contains(start));
    dollar || percent || braces || ["env:", "op://"].iter().any(|start| text.starts_with(start))
}

fn is_placeholder(key: &str, word: &str) -> bool {
    let advice = word.contains("your") && ["key", "token"].iter().any(|what| word.contains(what));
    let angled = key.starts_with('<') && key.ends_with('>');
    let mut characters = key.chars();
    let first = characters.next();
    let repeated = first.is_some_and(|c| "xX*.-_\u{2022}\u{2026}".contains(c)) && characters.all(|c| Some(c) == first);
    advice || angled || PLACEHOLDERS.contains(&word) || (repeated && (key.len() > 2 || !key.is_ascii()))
}

/// Returns the reference in a text, if it is certainly the name of a variable: a key must not be quoted.
fn variable_name(key: &str) -> Option<&str> {
    let name = key
        .trim_start_matches(|c: char| !c.is_ascii_uppercase())
        .trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let plain = name.contains('_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    plain.then_some(name)
}

fn refusal(flaw: Flaw, key: &str, source: &str, door: Door) -> Error {
    let invalid = |what: String| Error::new(Code::InvalidConfiguration, format!("{source} {what}"));
    let make = "Make a key in PagerDuty under My Profile > User Settings > Create API User Token.";
    match (flaw, door) {
        (Flaw::Empty | Flaw::Nothing, Door::Header) => Error::new(
            Code::MissingCredentials,
            format!("{source} holds no key: the gateway or the client did not fill it in"),
        )
        .hint("Check the setting that fills the header in; Apache writes (null), and nginx leaves the header out, for a variable without a value."),
        (Flaw::Empty, Door::Settings) => invalid("holds quotes or a scheme, and no key".to_owned())
            .hint(format!("Set {API_TOKEN} to the key alone, or leave it out.")),
        (Flaw::Nothing, Door::Settings) => invalid("holds a program's word for \"no value\", and no key".to_owned())
            .hint(format!("Set {API_TOKEN} to a key, or leave it out. {make}")),
        (Flaw::Variable, _) => {
            let name = variable_name(key);
            let shown = name.map(|name| format!(" ({name})")).unwrap_or_default();
            let name = name.filter(|name| ![API_TOKEN, USER_API_KEY].contains(name)).unwrap_or("NAME");
            invalid(format!("holds a variable that was not filled in{shown}, and no key")).hint(match door {
                Door::Header => format!(
                    "The client sent the text as it stands. In Codex use env_http_headers, in opencode {{env:{name}}}, in Claude \
                     Code and Gemini CLI ${{{name}}}; and set the variable where the client starts."
                ),
                Door::Settings => format!(
                    "The client passed the text on as it stands. In Codex name the variable in env_vars, in opencode write \
                     {{env:{name}}}, in Continue ${{{{ secrets.{name} }}}}, in Claude Code, Copilot CLI and Gemini CLI ${{{name}}}; and set \
                     the variable where the client starts."
                ),
            })
        }
        (Flaw::Placeholder, _) => {
            invalid("holds a placeholder, and no key".to_owned()).hint(format!("Put a key in its place. {make}"))
        }
        (Flaw::Characters, _) => {
            invalid("holds characters that no PagerDuty key has, such as blanks or line breaks".to_owned())
                .hint("Copy the key again, without spaces, quotes or line breaks.")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn key(given: &str) -> Option<String> {
        read(given, API_TOKEN, Door::Settings).ok().map(|key| key.expose_secret().to_owned())
    }

    #[test]
    fn additions_to_a_key_are_removed() {
        for given in [
            "u+abc",
            " u+abc\r\n",
            "\"u+abc\"",
            "'u+abc'",
            "\\\"u+abc\\\"",
            "\"u+abc\",",
            "\u{201c}u+abc\u{201d}",
            "\u{feff}u+abc\u{200b}",
            "Token token=u+abc",
            "token token=\"u+abc\"",
            "\"Token token=u+abc\"",
            "Token u+abc",
            "token=u+abc",
            "Bearer u+abc",
            "BEARER  u+abc",
            "Authorization: Token token=u+abc",
            "PAGERDUTY_API_TOKEN=u+abc",
            "export PAGERDUTY_API_TOKEN='u+abc'",
        ] {
            assert_eq!(key(given).as_deref(), Some("u+abc"), "{given}");
        }
    }

    #[test]
    fn texts_that_cannot_be_keys_are_refused() {
        for (given, expected) in [
            ("\"\"", Flaw::Empty),
            ("Bearer ", Flaw::Empty),
            ("Bearer", Flaw::Empty),
            ("Token token=", Flaw::Empty),
            ("(null)", Flaw::Nothing),
            ("null", Flaw::Nothing),
            ("None", Flaw::Nothing),
            ("undefined", Flaw::Nothing),
            ("Bearer undefined", Flaw::Nothing),
            ("[object Object]", Flaw::Nothing),
            ("<nil>", Flaw::Nothing),
            ("${PAGERDUTY_API_TOKEN}", Flaw::Variable),
            ("Token token=${PAGERDUTY_API_TOKEN}", Flaw::Variable),
            ("${PAGERDUTY_API_TOKEN:-x}", Flaw::Variable),
            ("$PAGERDUTY_API_TOKEN", Flaw::Variable),
            ("$env:PAGERDUTY_API_TOKEN", Flaw::Variable),
            ("%PAGERDUTY_API_TOKEN%", Flaw::Variable),
            ("{env:PAGERDUTY_API_TOKEN}", Flaw::Variable),
            ("${{ secrets.PAGERDUTY_API_TOKEN }}", Flaw::Variable),
            ("{{ pagerduty.key }}", Flaw::Variable),
            ("${input:pagerduty-key}", Flaw::Variable),
            ("$(cat key)", Flaw::Variable),
            ("op://vault/pagerduty/key", Flaw::Variable),
            ("your-api-key", Flaw::Placeholder),
            ("YOUR_PAGERDUTY_API_TOKEN_HERE", Flaw::Placeholder),
            ("<your key>", Flaw::Placeholder),
            ("<key>", Flaw::Placeholder),
            ("xxxxxxxx", Flaw::Placeholder),
            ("********", Flaw::Placeholder),
            ("...", Flaw::Placeholder),
            ("\u{2026}", Flaw::Placeholder),
            ("PAGERDUTY_API_TOKEN", Flaw::Placeholder),
            ("u+ab c", Flaw::Characters),
            ("u+ab\nu+cd", Flaw::Characters),
            ("u+ab\0", Flaw::Characters),
            ("u+\u{e4}bc", Flaw::Characters),
        ] {
            assert_eq!(flaw(bare(given)), Some(expected), "{given}");
            for door in [Door::Settings, Door::Header] {
                let error = read(given, API_TOKEN, door).unwrap_err();
                assert!(error.message().starts_with(API_TOKEN) && error.hint_text().is_some(), "{error}");
            }
        }
    }

    #[test]
    fn a_variable_is_named_and_a_key_never_is() {
        let error = |given| read(given, API_TOKEN, Door::Header).unwrap_err().envelope().to_string();
        assert!(error("${PD_KEY_OF_JO}").contains("PD_KEY_OF_JO"));
        for given in ["${u+AbC_dEf}", "u+AbC_d ef", "your-token-u+AbC_dEf", "<u+AbC_dEf>", "Bearer u+AbC_d\tEf"] {
            assert!(!error(given).contains("AbC"), "{given}");
        }
    }

    proptest! {
        #[test]
        fn keys_of_pagerdutys_forms_are_kept(
            text in "(u\\+|y_|e\\+|pdus\\+_|pdeu\\+_)?[A-Za-z0-9+_-]{20}|pdus\\+_0X[A-Z0-9]{6}_[0-9a-f-]{36}|[0-9a-f]{64}|[A-Za-z0-9+/]{30}=="
        ) {
            prop_assert_eq!(key(&text), Some(text.clone()));
            let wrapped = format!("\"Token token={text}\"\n");
            prop_assert_eq!(key(&wrapped), Some(text));
        }
    }
}
