//! The `.env` file: read, never written into the environment.
//!
//! The nearest one of the working directory and its parents is used. It often belongs to another program: editors start
//! servers in project folders. A file that cannot be read is therefore skipped with a warning, and so is a line, unless it
//! sets one of our variables: starting without that would only fail later, with a worse message. No message quotes a
//! line, because it may contain a credential. [`Variables`](super::Variables) determines which settings come from the file,
//! given the environment.
//!
//! Lines are read as `python-dotenv` reads them, except that `$NAME` is not expanded: otherwise the file could put
//! secrets of the environment into its values. Of two lines with the same name, the last one counts.

use std::path::PathBuf;
use std::{env, fmt};

use super::{InFile, Variable, is_similar_to_token, is_switched_off, named};
use crate::files;

/// The largest file that is read.
const LARGEST: u64 = 1024 * 1024;

/// The variables of a `.env` file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Dotenv {
    path: PathBuf,
    /// The lines that set our variables, each variable once.
    lines: Vec<Line>,
    /// The number of unreadable lines that set none of our variables.
    skipped: usize,
    /// The reason why the file was skipped.
    unreadable: Option<String>,
    /// A name that looks like a misspelling of the one for a key.
    similar: Option<String>,
}

/// A line that sets one of our variables.
#[derive(Clone, PartialEq, Eq)]
struct Line {
    name: &'static str,
    number: usize,
    content: Content,
}

#[derive(Clone, PartialEq, Eq)]
enum Content {
    /// The value.
    Value(String),
    /// A value that a file does not decide.
    Ignored,
    /// A syntax error.
    Broken,
}

impl fmt::Debug for Dotenv {
    /// Formats only the path: the values may include a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dotenv").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Dotenv {
    /// Reads the nearest `.env` file. An absent file counts as an empty one.
    #[must_use]
    pub fn load() -> Self {
        let Some(path) = nearest() else { return Self::default() };
        match files::read(&path, LARGEST) {
            Ok(text) => Self { path, ..Self::parse(&text) },
            Err(error) => Self { path, unreadable: Some(error.to_string()), ..Self::default() },
        }
    }

    /// Reads the text of a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let (mut rest, mut line) = (text.strip_prefix('\u{feff}').unwrap_or(text), 1);
        while !rest.is_empty() {
            let (entry, length) = entry(rest);
            file.take(entry, line);
            let (read, left) = rest.split_at_checked(length.max(1)).unwrap_or((rest, ""));
            line += read.replace("\r\n", "\n").matches(['\n', '\r']).count();
            rest = left;
        }
        file
    }

    fn take(&mut self, entry: Entry<'_>, number: usize) {
        let (variable, content) = match entry {
            Entry::Nothing => return,
            Entry::Broken(name) => match named(name.trim_end_matches(':')) {
                Some(variable) if variable.in_file == InFile::Ignored => return,
                Some(variable) => (variable, Some(Content::Broken)),
                None => {
                    self.skipped += 1;
                    return;
                }
            },
            Entry::Set(name, value) => {
                if let Some(variable) = named(name) {
                    (variable, content(variable, value))
                } else {
                    if is_similar_to_token(name) && !value.trim().is_empty() {
                        self.similar = Some(name.to_owned());
                    }
                    return;
                }
            }
        };
        self.lines.retain(|line| line.name != variable.name);
        self.lines.extend(content.map(|content| Line { name: variable.name, number, content }));
    }

    /// Returns the value of a variable that the file may set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.name == name).and_then(|line| match &line.content {
            Content::Value(value) => Some(value.as_str()),
            Content::Ignored | Content::Broken => None,
        })
    }

    /// Returns our variables that the file sets but never decides.
    #[must_use]
    pub fn ignored(&self) -> Vec<&'static str> {
        self.lines.iter().filter(|line| line.content == Content::Ignored).map(|line| line.name).collect()
    }

    /// Returns our variables whose lines cannot be read, each with its line.
    #[must_use]
    pub fn broken(&self) -> Vec<(&'static str, usize)> {
        let broken = self.lines.iter().filter(|line| line.content == Content::Broken);
        broken.map(|line| (line.name, line.number)).collect()
    }

    /// Returns a name in the file that looks like a misspelling of the one for a key.
    #[must_use]
    pub fn similar(&self) -> Option<&str> {
        self.similar.as_deref()
    }

    /// Returns the place of a variable, for messages: file and line.
    #[must_use]
    pub fn place(&self, name: &str) -> String {
        let line = self.lines.iter().find(|line| line.name == name);
        let line = line.map(|line| format!(", line {}", line.number)).unwrap_or_default();
        format!("{}{line}", self.name())
    }

    /// Returns the name of the file, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        if self.path.as_os_str().is_empty() { "the .env file".to_owned() } else { self.path.display().to_string() }
    }

    /// Returns whether there is a file.
    #[must_use]
    pub fn is_present(&self) -> bool {
        !self.path.as_os_str().is_empty()
    }

    /// Returns the faults that do not stop the start, as sentences without a value.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let unreadable = self.unreadable.as_ref().map(|why| format!("{} was skipped: {why}", self.name()));
        let skipped = (self.skipped > 0)
            .then(|| format!("skipped lines of {} that cannot be read ({})", self.name(), self.skipped));
        unreadable.into_iter().chain(skipped).collect()
    }
}

/// Returns the content of a line that gives a variable this value, or `None` if an ignored one is the same as the
/// default.
fn content(variable: &Variable, value: String) -> Option<Content> {
    let ignored = match variable.in_file {
        InFile::Ignored => !value.trim().is_empty() && !is_switched_off(variable, &value),
        InFile::Level => !value.trim().is_empty() && !is_level(&value),
        // A value with bytes that are not text is unknown.
        _ if value.contains(char::REPLACEMENT_CHARACTER) => return Some(Content::Broken),
        _ => false,
    };
    match variable.in_file {
        _ if ignored => Some(Content::Ignored),
        InFile::Ignored => None,
        _ => Some(Content::Value(value)),
    }
}

/// Returns whether this is a level of the log that a file may set.
fn is_level(value: &str) -> bool {
    ["error", "warn", "info", "debug"].iter().any(|level| value.trim().eq_ignore_ascii_case(level))
}

/// An entry of a file.
#[derive(Debug, PartialEq)]
enum Entry<'t> {
    /// An entry that sets nothing: an empty line, a comment, or a name without a value.
    Nothing,
    /// A name and its value.
    Set(&'t str, String),
    /// A syntax error, with the name as far as it was read.
    Broken(&'t str),
}

/// Reads the entry at the start of `rest`, and returns it with its length in bytes. A broken entry is only its line:
/// otherwise a missing closing quote would include all lines after it.
fn entry(rest: &str) -> (Entry<'_>, usize) {
    let (line, length) = first_line(rest);
    let text = line.trim();
    let text = text.strip_prefix("export").filter(|text| text.starts_with(is_blank)).unwrap_or(text).trim_start();
    if text.is_empty() || text.starts_with('#') {
        return (Entry::Nothing, length);
    }
    let (name, after) = match text.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'').unwrap_or(("", quoted)),
        None => text.split_at(text.find(|c: char| c == '=' || c == '#' || c.is_whitespace()).unwrap_or(text.len())),
    };
    let after = after.trim_start();
    let Some(value) = after.strip_prefix('=').map(str::trim_start) else {
        let alone = after.is_empty() || after.starts_with('#');
        return (if alone { Entry::Nothing } else { Entry::Broken(name) }, length);
    };
    let Some(quote) = value.chars().next().filter(|c| ['"', '\''].contains(c)) else {
        return (Entry::Set(name, unquoted(value)), length);
    };
    // A quoted value may span lines, so the closing quote is searched for in all of the remaining text.
    let start = line.trim_end().len() - value.len() + 1;
    match rest.get(start..).and_then(|text| quoted(text, quote)) {
        Some((value, taken)) => (Entry::Set(name, value), start + taken),
        None => (Entry::Broken(name), length),
    }
}

/// Returns the first line without its line break, and its length with it.
fn first_line(text: &str) -> (&str, usize) {
    let end = text.find(['\n', '\r']).unwrap_or(text.len());
    let (line, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let length = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
    (line, end + length)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace()
}

/// Returns an unquoted value, which ends before a `#` after a blank.
fn unquoted(text: &str) -> String {
    let comment = text.char_indices().zip(text.chars().skip(1)).find(|((_, c), next)| is_blank(*c) && *next == '#');
    let value = comment.and_then(|((at, _), _)| text.get(..at)).unwrap_or(text);
    let value = if value.starts_with("# ") { "" } else { value };
    value.trim_end().replace("\\$", "$")
}

/// Returns the value up to the closing quote, and the length of the text read. Only a comment may follow on the same
/// line.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut escaped = false;
    let close = text.char_indices().find(|(_, c)| {
        let closes = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    let (close, _) = close?;
    let (value, rest) = text.split_at_checked(close)?;
    let (tail, length) = first_line(rest.get(1..)?);
    let tail = tail.trim();
    (tail.is_empty() || tail.starts_with('#')).then(|| (unescaped(value, quote), close + 1 + length))
}

/// Returns the value with its escapes replaced: Python's escapes in double quotes, backslash and quote in single
/// quotes.
fn unescaped(value: &str, quote: char) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let next = characters.next();
        let replaced = match next {
            Some(c @ ('\\' | '\'')) => Some(c),
            Some(c @ ('"' | '$')) if quote == '"' => Some(c),
            Some('n') if quote == '"' => Some('\n'),
            Some('r') if quote == '"' => Some('\r'),
            Some('t') if quote == '"' => Some('\t'),
            Some('a') if quote == '"' => Some('\u{7}'),
            Some('b') if quote == '"' => Some('\u{8}'),
            Some('f') if quote == '"' => Some('\u{c}'),
            Some('v') if quote == '"' => Some('\u{b}'),
            _ => None,
        };
        match replaced {
            Some(c) => text.push(c),
            None => text.extend(['\\'].into_iter().chain(next)),
        }
    }
    text
}

/// Returns the path of the nearest file. A folder or pipe of that name is ignored: reading a pipe would wait for its
/// writer.
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
    fn lines_of_other_programs_are_ignored() {
        let text = "# comment\nAPP_NAME=My App\njust a line\nmy-var=1\nexport PAGERDUTY_REGION=eu\nQUOTED=\"a b\" # c\n\
                    NEXT_PUBLIC_PAGERDUTY_LABEL=\"On call now\nMY_PAGERDUTY_API_TOKEN 'x\nPAGERDUTY_API_TOKEN='u+x'\n";
        let file = Dotenv::parse(text);
        assert_eq!(file.get("PAGERDUTY_REGION"), Some("eu"));
        assert_eq!(file.get("PAGERDUTY_API_TOKEN"), Some("u+x"));
        assert_eq!(file.get("QUOTED"), None, "not ours");
        assert_eq!((file.skipped, file.broken()), (3, vec![]));
        let quoted = Dotenv::parse("X='it's'\nPAGERDUTY_REGION=us\nPAGERDUTY_REGION=eu\n");
        assert_eq!((quoted.get("PAGERDUTY_REGION"), quoted.skipped), (Some("eu"), 1));
    }

    #[test]
    fn broken_line_of_known_variable_is_kept_with_its_number() {
        for (text, line) in [
            ("PAGERDUTY_API_TOKEN=\"u+secret\n", 1),
            ("\r\n\r\nPAGERDUTY_API_TOKEN u+secret", 3),
            ("A=\"1\n2\"\nPAGERDUTY_API_TOKEN: u+secret", 3),
            ("\rexport PAGERDUTY_API_TOKEN='u+secret'x", 2),
            ("PAGERDUTY_API_TOKEN=u+\u{fffd}", 1),
        ] {
            let file = Dotenv::parse(text);
            assert_eq!(file.broken(), [("PAGERDUTY_API_TOKEN", line)], "{text}");
            assert_eq!(file.place("PAGERDUTY_API_TOKEN"), format!("the .env file, line {line}"));
            assert_eq!(file.get("PAGERDUTY_API_TOKEN"), None);
        }
        for fine in ["PAGERDUTY_API_TOKEN", "PAGERDUTY_API_TOKEN # none", "PAGERDUTY_RAW_TEXT=\"1", "FASTMCP_PORT 'x"] {
            assert_eq!(Dotenv::parse(fine).broken(), [], "{fine}: nothing that counts is set");
        }
    }

    #[test]
    fn last_of_several_lines_counts() {
        let file = |lines: &[&str]| Dotenv::parse(&lines.join("\n"));
        let (first, last, broken) = ("PAGERDUTY_API_TOKEN=u+a", "PAGERDUTY_API_TOKEN=u+b", "PAGERDUTY_API_TOKEN='u+c");
        let two = file(&[first, last]);
        assert_eq!(two.get("PAGERDUTY_API_TOKEN"), Some("u+b"));
        assert_eq!(two.place("PAGERDUTY_API_TOKEN"), "the .env file, line 2");
        assert_eq!(file(&[first, "PAGERDUTY_API_TOKEN="]).get("PAGERDUTY_API_TOKEN"), Some(""));
        let mended = file(&[broken, last]);
        assert_eq!((mended.get("PAGERDUTY_API_TOKEN"), mended.broken()), (Some("u+b"), vec![]));
        let spoiled = file(&[first, broken]);
        assert_eq!((spoiled.get("PAGERDUTY_API_TOKEN"), spoiled.broken()), (None, vec![("PAGERDUTY_API_TOKEN", 2)]));
        assert!(file(&["PAGERDUTY_RAW_TEXT=1", "PAGERDUTY_RAW_TEXT=0"]).ignored().is_empty());
    }

    #[test]
    fn file_sets_only_a_bare_log_level() {
        for level in ["error", "warn", "info", "debug", "DEBUG", ""] {
            let file = Dotenv::parse(&format!("PAGERDUTY_LOG={level}\n"));
            assert_eq!((file.get("PAGERDUTY_LOG"), file.ignored()), (Some(level), vec![]), "{level}");
        }
        for filter in ["off", "trace", "0", "rmcp=debug", "debug,rmcp=debug", "=debug", "pagerduty_mcp_server=off"] {
            let file = Dotenv::parse(&format!("PAGERDUTY_LOG=info\nPAGERDUTY_LOG={filter}\n"));
            assert_eq!((file.get("PAGERDUTY_LOG"), file.ignored()), (None, vec!["PAGERDUTY_LOG"]), "{filter}");
        }
    }

    /// The value that a line gives `PAGERDUTY_API_TOKEN`.
    fn value(text: &str) -> Option<String> {
        Dotenv::parse(&format!("FOLDER=x\nPAGERDUTY_API_TOKEN={text}\n")).get("PAGERDUTY_API_TOKEN").map(str::to_owned)
    }

    #[test]
    fn values_are_read_like_python_dotenv() {
        for (text, expected) in [
            ("a b", "a b"),
            ("  a b  ", "a b"),
            ("a b # c", "a b"),
            ("a\t# c", "a"),
            ("a#b", "a#b"),
            ("#b", "#b"),
            (" # c", ""),
            ("it's", "it's"),
            ("a\"b\"", "a\"b\""),
            ("'a b' # c", "a b"),
            ("\"a b\"# c", "a b"),
            ("\"a # b\"", "a # b"),
            ("\"a\\nb\\\"c\\\\\"", "a\nb\"c\\"),
            ("'a\\nb\\'c\\\\'", "a\\nb'c\\"),
            ("\"a\nb\"", "a\nb"),
            ("a=b=c", "a=b=c"),
            ("", ""),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "\u{feff}PAGERDUTY_REGION=eu",
            "export\tPAGERDUTY_REGION = eu",
            "'PAGERDUTY_REGION'=eu",
            "  PAGERDUTY_REGION=eu\r\nX=1\r\n",
            "X='\r\n\rPAGERDUTY_REGION=\"eu\"\r",
        ] {
            assert_eq!(Dotenv::parse(text).get("PAGERDUTY_REGION"), Some("eu"), "{text:?}");
        }
    }

    #[test]
    fn dollar_is_not_expanded() {
        for (text, expected) in [
            ("$PATH", "$PATH"),
            ("${PATH}", "${PATH}"),
            ("\"$PATH ${PATH}\"", "$PATH ${PATH}"),
            ("'$PATH ${PATH}'", "$PATH ${PATH}"),
            ("$FOLDER${FOLDER}", "$FOLDER${FOLDER}"),
            ("a$b$", "a$b$"),
            ("${", "${"),
            // This applies after a backslash too, except in single quotes.
            (r"\$PATH", "$PATH"),
            (r#""\${PATH}""#, "${PATH}"),
            (r"'\$PATH'", r"\$PATH"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn ignored_variable_is_reported_if_it_would_matter() {
        let file =
            Dotenv::parse("PAGERDUTY_RAW_TEXT=1\nBROWSER=x\nMCP_PORT=\nPAGERDUTY_TOKEN_STORE=keyring\nMCP_HOST=h");
        assert_eq!(file.ignored(), ["PAGERDUTY_RAW_TEXT", "BROWSER", "MCP_HOST"]);
        assert_eq!((file.get("BROWSER"), file.get("PAGERDUTY_RAW_TEXT")), (None, None));
    }

    proptest! {
        #[test]
        fn values_contain_nothing_of_the_environment(
            pieces in vec(select(&["$", "{", "}", "\\", "'", "\"", " ", "#", "\n", "\r", "PATH", "${PATH}", "a", "="][..]), 0..24),
        ) {
            let path = env::var("PATH").unwrap();
            prop_assert!(path.len() > 8);
            let text = format!("PAGERDUTY_API_TOKEN={}\nPAGERDUTY_REGION={}", pieces.concat(), pieces.concat());
            let file = Dotenv::parse(&text);
            for line in &file.lines {
                let (Content::Value(value), number) = (&line.content, line.number) else { continue };
                prop_assert!(!value.contains(&path), "{text:?}");
                prop_assert!(value.matches("PATH").count() <= text.matches("PATH").count(), "{text:?}");
                prop_assert!(number <= text.lines().count() + text.matches('\r').count(), "{text:?}");
            }
        }

        #[test]
        fn what_is_neither_quoted_nor_escaped_comes_out_as_it_is(text in r#"[^\pC\pZ'"\\#][^\pC\pZ'"\\]{0,40}"#) {
            prop_assume!(!text.contains(char::REPLACEMENT_CHARACTER));
            prop_assert_eq!(value(&text), Some(text));
        }
    }
}
