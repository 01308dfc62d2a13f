//! Variables that a client passed on instead of their values.

/// The start and the end of a variable in the syntax of a shell, a client or a template.
const VARIABLE_DELIMITERS: [(&str, &str); 6] =
    [("%", "%"), ("%{", "}e"), ("{", "}"), ("@@", "@@"), ("env:", ""), ("process.env.", "")];

/// Texts that only variables contain.
const VARIABLE_MARKS: [&str; 6] = ["${", "$(", "{{", "{env:", "<%", "#{"];

/// Returns whether this is a variable that was not filled in.
pub(crate) fn is_variable(text: &str) -> bool {
    let named = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let enclosed = |(start, end): &(&str, &str)| {
        text.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(|name| !name.is_empty())
    };
    text.strip_prefix('$').is_some_and(named)
        || VARIABLE_DELIMITERS.iter().any(enclosed)
        || VARIABLE_MARKS.iter().any(|part| text.contains(part))
}
