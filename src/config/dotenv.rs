//! The `.env` file: read, never written into the environment.
//!
//! The nearest one of the working directory and its parents. It is often somebody else's: editors start servers in project
//! folders. So a line that cannot be read is passed over with a warning, unless it is about us; then starting without it
//! would only fail later, with a worse message. No message quotes a line, which may hold a credential. What the file may
//! decide, given what else is set, is for [`Variables`](super::Variables) to say.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::{env, fs};

use crate::error::{Code, Error, Result};

/// What all our variables begin with.
const PREFIX: &str = "PAGERDUTY_";

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
        let whole: Result<Vec<_>, _> = dotenvy::from_read_iter(Cursor::new(text)).collect();
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

/// Of two lines with the same name the first counts, as what is set already does.
fn first_of_each(pairs: Vec<(String, String)>) -> HashMap<String, String> {
    pairs.into_iter().rev().collect()
}

fn nearest() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(".env")).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
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
}
