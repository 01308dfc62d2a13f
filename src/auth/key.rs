//! Reads a text that was given as a credential, from any source.
//!
//! Users paste keys with quotes or the scheme of a header around them, and clients pass on variables that they did not
//! fill in. Additions that are not part of any key are removed. A text that cannot be a key is refused, with the
//! reason, before it is sent. PagerDuty documents no alphabet for its keys, so length and prefixes are not checked.

use secrecy::SecretString;

use crate::config::{API_TOKEN, USER_API_KEY, is_variable};
use crate::error::{Code, Error, Result};

/// Words before a key that belong to a header or to a command, ignoring case.
const PREFIX_WORDS: [&str; 4] = ["bearer ", "token ", "export ", "set "];

/// Names before a key that are followed by `:` or `=`, ignoring case.
const PREFIX_NAMES: [&str; 6] = [
    "authorization",
    "x-pagerduty-token",
    "token",
    "pagerduty_api_token",
    "pagerduty_user_api_key",
    "pagerduty_api_key",
];

/// Words that programs write for "no value", as lowercase letters and digits. `snil` is Go's `%!s(<nil>)`.
const NO_VALUE_WORDS: [&str; 12] =
    ["null", "undefined", "none", "nil", "snil", "nan", "objectobject", "true", "false", "na", "empty", "unset"];

/// Placeholders from instructions and from programs that hide secrets, in the same form.
const PLACEHOLDERS: [&str; 10] = [
    "changeme",
    "replaceme",
    "todo",
    "apikeyhere",
    "tokenhere",
    "insertkeyhere",
    "pagerdutyapitoken",
    "pagerdutyuserapikey",
    "redacted",
    "placeholder",
];

/// The start of a reference to a file or to a secret store. PagerDuty's keys have none of `:`, `/` and `~`.
const REFERENCES: [&str; 7] = ["op://", "vault:", "arn:", "file:", "keyring:", "/", "~/"];

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
    /// The text is a reference to a file or to a secret store.
    Reference,
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
        let shorter = without_name(trimmed).or_else(|| PREFIX_WORDS.iter().find_map(|word| after(trimmed, word)));
        let shorter = shorter.unwrap_or(trimmed);
        if shorter.len() == text.len() {
            return text;
        }
        text = shorter;
    }
}

/// Returns the text after a name and its `:` or `=`.
fn without_name(text: &str) -> Option<&str> {
    PREFIX_NAMES.iter().find_map(|name| after(text, name)?.trim_start().strip_prefix([':', '=']))
}

/// Returns the text after `start`, ignoring case.
fn after<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.split_at_checked(start.len()).filter(|(head, _)| head.eq_ignore_ascii_case(start)).map(|(_, rest)| rest)
}

/// Returns whether a header holds a JSON Web Token, which no PagerDuty key is.
#[must_use]
pub fn is_web_token(given: &str) -> bool {
    let text = bare(given);
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() >= 2
}

/// Returns whether a text was left empty, or holds a variable or a word for "no value".
#[must_use]
pub fn is_unfilled(given: &str) -> bool {
    matches!(flaw(bare(given)), Some(Flaw::Empty | Flaw::Nothing | Flaw::Variable))
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
    if NO_VALUE_WORDS.contains(&word.as_str()) {
        Some(Flaw::Nothing)
    } else if is_variable(key) {
        Some(Flaw::Variable)
    } else if is_placeholder(key, &word) {
        Some(Flaw::Placeholder)
    } else if word.is_empty() && key.is_ascii() {
        Some(Flaw::Nothing)
    } else if is_reference(key) {
        Some(Flaw::Reference)
    } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some(Flaw::Characters)
    } else {
        None
    }
}

/// Returns whether this is a reference to a secret, or an absolute path.
fn is_reference(key: &str) -> bool {
    let drive = key.get(1..3).is_some_and(|root| [":\\", ":/"].contains(&root));
    drive || REFERENCES.iter().any(|start| after(key, start).is_some())
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
        (Flaw::Reference, _) => invalid("holds a reference to a file or a secret store, and no key".to_owned())
            .hint("References are not resolved: put the key itself in its place."),
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
    fn additions_to_key_are_removed() {
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
            "PAGERDUTY_API_TOKEN: u+abc",
            "PAGERDUTY_API_TOKEN = u+abc",
            "set PAGERDUTY_API_TOKEN=u+abc",
            "Token token = u+abc",
            "X-PagerDuty-Token : u+abc",
        ] {
            assert_eq!(key(given).as_deref(), Some("u+abc"), "{given}");
        }
    }

    #[test]
    fn text_that_cannot_be_a_key_is_refused() {
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
            ("%{PD_KEY}e", Flaw::Variable),
            ("{PD_KEY}", Flaw::Variable),
            ("#{pd_key}", Flaw::Variable),
            ("@@PD_KEY@@", Flaw::Variable),
            ("process.env.PD_KEY", Flaw::Variable),
            ("-", Flaw::Nothing),
            ("$", Flaw::Nothing),
            ("true", Flaw::Nothing),
            ("False", Flaw::Nothing),
            ("n/a", Flaw::Nothing),
            ("(empty)", Flaw::Nothing),
            ("unset", Flaw::Nothing),
            ("[REDACTED]", Flaw::Placeholder),
            ("placeholder", Flaw::Placeholder),
            ("op://vault/pagerduty/key", Flaw::Reference),
            ("vault:secret/pagerduty#key", Flaw::Reference),
            ("arn:aws:secretsmanager:eu-west-1:1:secret:pd", Flaw::Reference),
            ("file:///run/secrets/pd", Flaw::Reference),
            ("/run/secrets/pd", Flaw::Reference),
            ("C:\\secrets\\pd", Flaw::Reference),
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
    fn variable_is_named_and_key_never_is() {
        let error = |given| read(given, API_TOKEN, Door::Header).unwrap_err().envelope().to_string();
        assert!(error("${PD_KEY_OF_JO}").contains("PD_KEY_OF_JO"));
        for given in ["${u+AbC_dEf}", "u+AbC_d ef", "your-token-u+AbC_dEf", "<u+AbC_dEf>", "Bearer u+AbC_d\tEf"] {
            assert!(!error(given).contains("AbC"), "{given}");
        }
    }

    proptest! {
        #[test]
        fn keys_of_pagerdutys_forms_are_kept(
            text in "(u\\+|y_|e\\+|pdus\\+_|pdeu\\+_)?[A-Za-z0-9+_-]{20}|pdus\\+_0X[A-Z0-9]{6}_[0-9a-f-]{36}|[0-9a-f]{64}|[A-Za-z0-9+][A-Za-z0-9+/]{29}=="
        ) {
            prop_assert_eq!(key(&text), Some(text.clone()));
            let wrapped = format!("\"Token token={text}\"\n");
            prop_assert_eq!(key(&wrapped), Some(text));
        }
    }
}
