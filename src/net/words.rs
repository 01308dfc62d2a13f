//! The message in an error body, in whichever of its forms.
//!
//! PagerDuty documents `{"error": {"code", "message", "errors": […]}}`. It also responds with text under `error`, a
//! message at the top, or `errors` as an object or a text, and proxies in front of it respond with plain text or a web
//! page. The text that is passed on is short and has no markup, invisible characters, line breaks or credentials.

use std::borrow::Cow;

use pagerduty_rows::repair::repair;
use pagerduty_rows::text::neutralize;
use serde_json::{Map, Value};

/// The mark that some file servers put before text. It is not part of JSON and does not change its meaning.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The most characters that are passed on.
pub const MAX_TEXT: usize = 500;

/// The most characters of a web page without a title that are passed on.
const MAX_PAGE_TEXT: usize = 200;

/// The most bytes that are read of a body that is not JSON.
const MAX_READ: usize = 64 * 1024;

/// The greatest depth of nested messages, and the most messages that are read.
const MAX_DEPTH: usize = 8;
const MAX_MESSAGES: usize = 20;

/// The most scopes that are named.
const MAX_SCOPES: usize = 10;

/// The members of an error that hold its text, in the order in which they are quoted.
const TEXT_MEMBERS: [&str; 9] =
    ["error", "message", "error_message", "error_description", "errors", "title", "detail", "details", "reason"];

/// The number of members at the start of [`TEXT_MEMBERS`] that only errors have.
const ERROR_ONLY_MEMBERS: usize = 5;

/// An error body that has been read.
#[derive(Debug, Default)]
pub struct ErrorBody {
    /// PagerDuty's code.
    pub code: Option<i64>,
    /// PagerDuty's message and reasons.
    pub text: Option<String>,
    /// The scopes that the credential lacks.
    pub scopes: Vec<String>,
    /// Set if the body is a web page, which does not come from the API itself.
    pub is_page: bool,
}

/// Returns a body without the byte order mark.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

impl ErrorBody {
    /// Reads a body. `redact` removes the parts of a text that must not be passed on.
    pub fn read(body: &[u8], redact: impl Fn(&str) -> String) -> Self {
        let body = without_mark(body).trim_ascii();
        let Some(said) = json(body) else {
            let text = plain_text(body).map(|text| shorten(&redact(&text), MAX_TEXT));
            return Self { text: text.filter(|text| !text.is_empty()), is_page: is_markup(body), ..Self::default() };
        };
        let mut texts = Vec::new();
        gather(&said, 0, &mut texts);
        let text = shorten(&redact(&texts.join("; ")), MAX_TEXT);
        let code = said.pointer("/error/code").or_else(|| said.get("code"));
        let mut scopes = Vec::new();
        find_scopes(&said, 0, &mut scopes);
        Self {
            code: code.and_then(|code| code.as_i64().or_else(|| code.as_str()?.trim().parse().ok())),
            text: (!text.is_empty()).then_some(text),
            scopes: scopes.iter().map(|scope| shorten(&redact(scope), 60)).collect(),
            is_page: false,
        }
    }

    /// Reads the body of a response with the status of a success. Returns `None` if it does not describe an error.
    pub fn from_success(body: &[u8], redact: impl Fn(&str) -> String) -> Option<Self> {
        let is_error = is_error(&json(without_mark(body).trim_ascii())?);
        is_error.then(|| Self::read(body, redact)).filter(|words| words.text.is_some())
    }

    /// Returns the words as the end of a sentence.
    pub fn quoted(&self) -> String {
        self.text.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
    }

    /// Returns whether the words contain one of these, ignoring case.
    pub fn mention(&self, any: &[&str]) -> bool {
        let text = self.text.as_deref().unwrap_or_default().to_lowercase();
        any.iter().any(|part| text.contains(part))
    }
}

/// Parses a body as JSON, after repairs if necessary.
fn json(body: &[u8]) -> Option<Value> {
    let read = |body: &[u8]| serde_json::from_slice(body).ok();
    read(body).or_else(|| read(&repair(body)?))
}

/// Returns whether JSON describes an error.
///
/// An object without its envelope may have a title and details too, but it has an ID.
fn is_error(said: &Value) -> bool {
    match said {
        Value::String(text) => !is_markup(text.trim().as_bytes()),
        Value::Array(items) => !items.is_empty() && items.iter().all(is_error),
        Value::Object(object) => {
            let names_one = TEXT_MEMBERS.iter().take(ERROR_ONLY_MEMBERS).any(|place| object.contains_key(*place));
            names_one || (has_place(object) && !object.contains_key("id"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Collects the texts of an error, each once.
fn gather(said: &Value, depth: usize, texts: &mut Vec<String>) {
    if depth == MAX_DEPTH || texts.len() >= MAX_MESSAGES {
        return;
    }
    match said {
        Value::String(text) => {
            let text = clean(text);
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, depth + 1, texts)),
        Value::Object(object) => {
            for (place, value) in TEXT_MEMBERS.iter().filter_map(|place| object.get_key_value(*place)) {
                match value {
                    Value::Object(reasons) if place.ends_with('s') && !has_place(reasons) => {
                        by_field(reasons, depth + 1, texts);
                    }
                    value => gather(value, depth + 1, texts),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn has_place(object: &Map<String, Value>) -> bool {
    TEXT_MEMBERS.iter().any(|place| object.contains_key(*place))
}

/// Collects reasons that are listed under field names: `{"name": ["is too short"]}`.
fn by_field(reasons: &Map<String, Value>, depth: usize, texts: &mut Vec<String>) {
    for (field, reasons) in reasons.iter().take(MAX_MESSAGES) {
        let mut of_field = Vec::new();
        match reasons {
            Value::Object(nested) if !has_place(nested) && depth < MAX_DEPTH => {
                by_field(nested, depth + 1, &mut of_field);
            }
            reasons => gather(reasons, depth, &mut of_field),
        }
        if !of_field.is_empty() && texts.len() < MAX_MESSAGES {
            texts.push(format!("{}: {}", clean(field), of_field.join(", ")));
        }
    }
}

/// Collects the scopes under `required_scopes`, a list or a text, at any depth.
fn find_scopes(said: &Value, depth: usize, scopes: &mut Vec<String>) {
    if depth == MAX_DEPTH {
        return;
    }
    match said {
        Value::Array(items) => items.iter().for_each(|item| find_scopes(item, depth + 1, scopes)),
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if name == "required_scopes" => add_scopes(text, scopes),
                    Value::Array(items) if name == "required_scopes" => {
                        items.iter().filter_map(Value::as_str).for_each(|text| add_scopes(text, scopes));
                    }
                    value => find_scopes(value, depth + 1, scopes),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn add_scopes(text: &str, scopes: &mut Vec<String>) {
    for scope in clean(text).split([' ', ',']).filter(|scope| !scope.is_empty()) {
        if scopes.len() < MAX_SCOPES && !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
}

/// Returns the text of a body that is not JSON, or `None` for truncated JSON and for data that is not text.
fn plain_text(body: &[u8]) -> Option<String> {
    let body = body.get(..MAX_READ).unwrap_or(body);
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        // The body was cut within a character, by the limit or in transit.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(body.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    let is_data = |c: char| c.is_control() && !c.is_whitespace();
    (!text.starts_with(['{', '[', '"']) && !text.contains(is_data)).then(|| clean(text))
}

fn is_markup(text: &[u8]) -> bool {
    text.starts_with(b"<")
}

/// Cleans a text before it is passed on.
///
/// Takes the title of a page or else its text, joins the lines, and marks invisible characters.
pub fn clean(text: &str) -> String {
    let text = text.trim();
    let text = if is_markup(text.as_bytes()) { page(text) } else { Cow::Borrowed(text) };
    one_line(&neutralize(&text))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the title of an HTML or XML page, or else the beginning of its text.
fn page(text: &str) -> Cow<'static, str> {
    let title = element(text, "title").map(|title| one_line(&without_tags(title))).filter(|title| !title.is_empty());
    title.unwrap_or_else(|| shorten(&one_line(&without_tags(text)), MAX_PAGE_TEXT)).into()
}

/// Returns the content of the first element of this name.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    // The length stays the same, since only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let opens = lower.find(&format!("<{name}"))?;
    let begins = opens + lower.get(opens..)?.find('>')? + 1;
    let ends = begins + lower.get(begins..)?.find(&format!("</{name}"))?;
    text.get(begins..ends)
}

/// Returns the text outside of tags and of elements whose content is not text.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(4096));
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        plain.push(' ');
        let lower = tag.get(..7.min(tag.len())).unwrap_or_default().to_ascii_lowercase();
        let (tag, end) = match () {
            () if lower.starts_with("script") => (tag, "</script"),
            () if lower.starts_with("style") => (tag, "</style"),
            () if lower.starts_with("!--") => (tag.get(3..).unwrap_or_default(), "--"),
            () => (tag, ""),
        };
        let tag = tag.split_once(end).map_or("", |(_, after)| after);
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    with_characters(&plain)
}

/// Replaces character references by their characters, except for characters that are part of markup.
fn with_characters(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let end = after.find(';').filter(|end| *end < 10);
        let known = end.and_then(|end| Some((character(after.get(..end)?)?, after.get(end + 1..)?)));
        let (character, after) = known.unwrap_or(('&', after));
        plain.push(character);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    let number = |digits: &str| match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    };
    let character = match name {
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => char::from_u32(number(name.strip_prefix('#')?)?)?,
    };
    (!matches!(character, '<' | '>')).then_some(character)
}

/// Returns the first `most` characters, with a mark if there are more.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::redact;

    fn words(body: &str) -> ErrorBody {
        ErrorBody::read(body.as_bytes(), |text| redact(text, "u+SECRET", "[credential]"))
    }

    #[test]
    fn message_is_found_in_every_form() {
        for (body, text) in [
            (
                r#"{"error": {"code": 2001, "message": "Invalid Input", "errors": ["Name is odd"]}}"#,
                "Invalid Input; Name is odd",
            ),
            (r#"{"error": "an account-level access token"}"#, "an account-level access token"),
            (r#"{"message": "Internal error", "status": 500}"#, "Internal error"),
            (r#"{"error": "Not Found", "message": "Not Found"}"#, "Not Found"),
            (
                r#"{"error": {"message": "Invalid", "errors": {"name": ["is short", "is odd"], "base": "is off"}}}"#,
                "Invalid; name: is short, is odd; base: is off",
            ),
            (r#"{"errors": {"service": {"id": ["is gone"]}}}"#, "service: id: is gone"),
            (r#"{"error": {"errors": "Name is odd"}}"#, "Name is odd"),
            (
                r#"{"errors": [["Name is odd", ["and long"]], {"message": "Type is odd"}]}"#,
                "Name is odd; and long; Type is odd",
            ),
            (r#"{"errors": [{"title": "Bad", "detail": "Too bad"}]}"#, "Bad; Too bad"),
            (r#"{"error": "invalid_request", "error_description": "no code"}"#, "invalid_request; no code"),
            (r#"["one", "two"]"#, "one; two"),
            (r#""text alone""#, "text alone"),
            ("Access denied.\r\n", "Access denied."),
            ("\u{feff}upstream  connect\nerror", "upstream connect error"),
            ("<html><head><title>502 Bad\nGateway</title></head><body><h1>No</h1></body></html>", "502 Bad Gateway"),
            ("<!DOCTYPE html><HTML><TITLE lang=en>Sorry &amp; bye &#8211; now</TITLE>", "Sorry & bye – now"),
            ("<html><style>b{}</style><!-- a > b --><script>x<y</script><body><h1>Nothing</h1><p>here", "Nothing here"),
            ("<Error><Code>AccessDenied</Code><Message>No &lt;b&gt;</Message></Error>", "AccessDenied No &lt;b&gt;"),
            (r#"{"message": "<html><title>Gone</title>"}"#, "Gone"),
            ("{\"message\": \"a\u{200b}b\u{202e}c\\nd\"}", "a\u{fffd}b\u{fffd}c d"),
            (r#"{"error": {"message": "Title cut \ud83d", "code": 1e999}}"#, "Title cut \u{fffd}"),
        ] {
            assert_eq!(words(body).text.as_deref(), Some(text), "{body}");
        }
    }

    #[test]
    fn body_without_message_has_no_text() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        for body in [
            "",
            "null",
            "{}",
            "[]",
            "7",
            r#"{"error": null}"#,
            r#"{"error": {"code": 7}}"#,
            "{\"error\": \"cut",
            "a\0b",
            &deep,
        ] {
            assert_eq!(words(body).text, None, "{body}");
        }
        assert_eq!(ErrorBody::read(b"\xff\xfe\x00", str::to_owned).text, None);
    }

    #[test]
    fn text_is_short_and_has_no_credential() {
        for padding in [0, MAX_TEXT - 4, MAX_TEXT + 10, 100_000] {
            let text = format!("{} u+SECRET {}", "x ".repeat(padding / 2), "y".repeat(100_000));
            for body in [
                text.clone(),
                format!("<p>{text}"),
                format!("<title>{text}</title>"),
                format!(r#"{{"error": {{"errors": {{"a": ["{text}"]}}, "message": ["{text}"]}}}}"#),
                format!(r#"{{"required_scopes": "{text}"}}"#),
            ] {
                let words = words(&body);
                let text = format!("{:?} {:?}", words.text, words.scopes);
                assert!(!text.contains("SECRET") && text.chars().count() < MAX_TEXT + 200, "{text}");
            }
        }
        for body in
            ["u\u{200b}+SEC\u{ad}RET", "<p>u&#43;SECRET", "<p>u&#x2B;SECRET", "{\"error\": \"u+\u{2060}SECRET\"}"]
        {
            assert_eq!(words(body).text.as_deref(), Some("[credential]"), "{body}");
        }
    }

    #[test]
    fn codes_and_scopes_are_read_in_every_form() {
        for (body, code) in [
            (r#"{"error": {"code": "1001"}}"#, Some(1001)),
            (r#"{"code": 2010, "message": "x"}"#, Some(2010)),
            (r#"{"error": "x", "code": []}"#, None),
        ] {
            assert_eq!(words(body).code, code, "{body}");
        }
        for body in [
            r#"{"error": {"message": "x", "required_scopes": ["a.read", "b.write"]}}"#,
            r#"{"required_scopes": "a.read b.write"}"#,
            r#"{"errors": [{"required_scopes": ["a.read,b.write", 7]}, {"required_scopes": ["a.read"]}]}"#,
        ] {
            assert_eq!(words(body).scopes, ["a.read", "b.write"], "{body}");
        }
    }
}
