//! The `.env` file: read, never written into the environment.
//!
//! The nearest one of the working directory and its parents. It is often somebody else's: editors start servers in project
//! folders. So a line that cannot be read is passed over with a warning, unless it is about us; then starting without it
//! would only fail later, with a worse message. No message quotes a line, which may hold a credential. A value is what the
//! line says: `$NAME` is not replaced, or the file could have the environment's secrets in its own values. What the file may
//! decide, given what else is set, is for [`Variables`](super::Variables) to say.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::{env, fs};

use crate::error::{Code, Error, Result};

/// What all our variables begin with.
const PREFIX: &str = "PAGERDUTY_";

/// Stands for `$` before `dotenvy`, which would replace what follows: a code point that Unicode keeps out of texts.
const DOLLAR: char = '\u{fdd0}';

/// The variables of a `.env` file.
#[derive(Clone, Default)]
pub struct Dotenv {
    variables: HashMap<String, String>,
    skipped: usize,
}

impl Dotenv {
    /// Reads the nearest `.env` file; none is no variables.
    pub fn load() -> Result<Self> {
        let Some(path) = nearest() else { return Ok(Self::default()) };
        let bytes = fs::read(&path).map_err(|error| {
            Error::new(Code::InvalidConfiguration, format!("{} cannot be read: {}", path.display(), error.kind()))
                .hint("Make the file readable, or remove it.")
        })?;
        // Other encodings in other people's comments are no concern of ours.
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = without_dollars(text);
        let whole: Result<Vec<_>, _> = dotenvy::from_read_iter(Cursor::new(&text)).collect();
        if let Ok(pairs) = whole {
            return Ok(Self { variables: first_of_each(pairs), skipped: 0 });
        }
        // One by one, since a quote that is not closed takes all lines after it along.
        let (mut pairs, mut skipped) = (Vec::new(), 0);
        for line in text.lines() {
            match dotenvy::from_read_iter(Cursor::new(line)).next() {
                None => {}
                Some(Ok(pair)) => pairs.push(pair),
                Some(Err(_)) if line.contains(PREFIX) => {
                    return Err(Error::new(
                        Code::InvalidConfiguration,
                        format!("a line of the .env file that names {PREFIX}… has a syntax error"),
                    )
                    .hint(
                        "Write one NAME=value per line; put values with spaces or # in double quotes, and close them.",
                    ));
                }
                Some(Err(_)) => skipped += 1,
            }
        }
        Ok(Self { variables: first_of_each(pairs), skipped })
    }

    /// The value of a variable of ours. Of others the file has no say: a folder's `.env` must not choose, say, which
    /// program is started as the browser.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|_| name.starts_with(PREFIX)).cloned()
    }

    /// Warns of lines that were passed over. Apart from reading, because what is logged may stand in the file itself.
    pub fn warn(&self) {
        if self.skipped > 0 {
            tracing::warn!(lines = self.skipped, "passed over lines of the .env file that cannot be read");
        }
    }
}

/// The text with [`DOLLAR`] for each `$`, but for those that are escaped: `dotenvy` takes `\$` for a plain one, and between
/// single quotes for what it is.
fn without_dollars(text: &str) -> String {
    let mut escaped = false;
    let replace = |c| {
        let plain = if c == '$' && !escaped { DOLLAR } else { c };
        escaped = c == '\\' && !escaped;
        plain
    };
    text.chars().map(replace).collect()
}

/// The values, with their dollars. Of two lines with the same name the first counts, as what is set already does.
fn first_of_each(pairs: Vec<(String, String)>) -> HashMap<String, String> {
    pairs.into_iter().rev().map(|(name, value)| (name, value.replace(DOLLAR, "$"))).collect()
}

fn nearest() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(".env")).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn other_peoples_lines_do_not_matter() {
        let text = "# comment\nAPP_NAME=My App\njust a line\nmy-var=1\nexport PAGERDUTY_REGION=eu\nQUOTED=\"a b\" # c\n\
                    PAGERDUTY_API_TOKEN='u+x'\n";
        let file = Dotenv::parse(text).unwrap();
        assert_eq!(file.get("PAGERDUTY_REGION").as_deref(), Some("eu"));
        assert_eq!(file.get("PAGERDUTY_API_TOKEN").as_deref(), Some("u+x"));
        assert_eq!(file.get("QUOTED"), None, "not ours");
        assert!(file.skipped >= 2, "{}", file.skipped);
        let quoted = Dotenv::parse("X='it's'\nPAGERDUTY_REGION=eu\nPAGERDUTY_REGION=us\n").unwrap();
        assert_eq!((quoted.get("PAGERDUTY_REGION").as_deref(), quoted.skipped), (Some("eu"), 1));
    }

    #[test]
    fn a_line_about_us_that_cannot_be_read_is_an_error_without_its_content() {
        for text in ["PAGERDUTY_API_TOKEN=a u+secret", "x y\nPAGERDUTY_API_TOKEN u+secret"] {
            let error = Dotenv::parse(text).map(|file| file.variables).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfiguration);
            assert!(!error.envelope().to_string().contains("secret"), "{error}");
        }
    }

    /// The value that a line gives `PAGERDUTY_API_TOKEN`.
    fn value(text: &str) -> Option<String> {
        Dotenv::parse(&format!("FOLDER=x\nPAGERDUTY_API_TOKEN={text}\n")).ok()?.get("PAGERDUTY_API_TOKEN")
    }

    #[test]
    fn a_dollar_stands_for_itself() {
        for (text, expected) in [
            ("$PATH", "$PATH"),
            ("${PATH}", "${PATH}"),
            ("\"$PATH ${PATH}\"", "$PATH ${PATH}"),
            ("'$PATH ${PATH}'", "$PATH ${PATH}"),
            ("$FOLDER${FOLDER}", "$FOLDER${FOLDER}"),
            ("a$b$", "a$b$"),
            ("${", "${"),
            // After a backslash, which is the escape it is in front of anything else.
            (r"\$PATH", "$PATH"),
            (r#""\${PATH}""#, "${PATH}"),
            (r"'\$PATH'", r"\$PATH"),
            (r"\\$PATH", r"\$PATH"),
            (r#""\\${PATH}""#, r"\${PATH}"),
            (r"'\\$PATH'", r"\\$PATH"),
            (r"\\\$PATH", r"\$PATH"),
            (r#"'a'"b"$PATH # c"#, "ab$PATH"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected), "{text}");
        }
        let lines = Dotenv::parse("what is this\nPAGERDUTY_API_TOKEN=$PATH${PATH}\n").unwrap();
        assert_eq!(lines.get("PAGERDUTY_API_TOKEN").as_deref(), Some("$PATH${PATH}"), "line by line");
    }

    proptest! {
        #[test]
        fn no_value_holds_any_of_the_environment(
            pieces in vec(select(&["$", "{", "}", "\\", "'", "\"", " ", "#", "\n", "PATH", "${PATH}", "$PATH", "a", "="][..]), 0..24),
        ) {
            let path = env::var("PATH").unwrap();
            prop_assert!(path.len() > 8);
            let text = format!("PAGERDUTY_API_TOKEN={}\nPAGERDUTY_REGION={}", pieces.concat(), pieces.concat());
            if let Ok(file) = Dotenv::parse(&text) {
                for value in file.variables.values() {
                    prop_assert!(!value.contains(&path), "{text:?}");
                    prop_assert!(value.matches("PATH").count() <= text.matches("PATH").count(), "{text:?}");
                }
            }
        }

        #[test]
        fn what_is_neither_quoted_nor_escaped_comes_out_as_it_is(text in r#"[^\pC\pZ'"\\#][^\pC\pZ'"\\]{0,40}"#) {
            prop_assert_eq!(value(&text), Some(text));
        }
    }
}
