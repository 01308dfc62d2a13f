//! Arguments, decoded into types that only have valid values.
//!
//! A tool declares its parameters once, as a struct in [`params!`](crate::params!). The JSON Schema, the decoding and the
//! documentation follow from its names, types and descriptions. Decoded arguments are not checked again.
//!
//! Decoding is strict about meaning and lenient about form. A misspelled parameter or an impossible value is an error that
//! names a valid one, because a call that silently does something else is worse than a failed one. Common slips of models
//! are accepted: `"2"` for 2, `"false"` for false, `"triggered"` or `"[\"triggered\"]"` for a list.
//!
//! A blank value (`""`, `[]`, a limit or an ID of 0, `null`, or the text `"null"`) is the same as no value, because
//! clients that must fill every parameter send one. A list that has entries but names nothing, such as `[""]`, is an
//! error: ignoring it would widen the query.

mod form;
mod ids;
mod include;
mod references;
mod settings;
mod time;
mod types;
mod when;

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};

pub use form::Form;
pub use ids::{Ids, MOST_IDS, Targets};
pub(crate) use ids::{account_of, ids_hint};
pub use include::{Extras, Include};
pub use references::{Link, Reference, Written, links, references, unusual_ids, with_ids};
pub use settings::Settings;
pub use time::{Moment, Range, is_on_a_clock};
pub use types::{
    Choice, Choices, Content, Flag, Json, Limit, Offset, Statuses, Switch, Text, Texts, Urgencies, WebAddress, Word,
};
pub use when::When;

/// The type of a parameter.
pub trait Param: Sized {
    /// The form of its values.
    const FORM: Form;

    /// Whether the parameter must be given.
    const REQUIRED: bool = true;

    /// Reads a value that is not blank.
    fn decode(name: &'static str, value: &Value) -> Result<Self>;

    /// Returns the value used when the parameter is absent or blank.
    fn absent(name: &'static str) -> Result<Self> {
        Err(Error::new(Code::MissingParameter, format!("{name} is missing")).hint(format!("Pass {name}.")))
    }

    /// Returns whether the parameter has a value other than its default.
    fn is_given(&self) -> bool {
        true
    }
}

impl<T: Param> Param for Option<T> {
    const FORM: Form = T::FORM;
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        T::decode(name, value).map(Some)
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(None)
    }

    fn is_given(&self) -> bool {
        self.is_some()
    }
}

/// The declaration of a parameter.
pub struct Declaration {
    /// The name.
    pub name: &'static str,
    /// The purpose, for a model that has never seen PagerDuty.
    pub description: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// The form of its values.
    pub form: Form,
}

/// A struct of parameters. [`params!`](crate::params!) implements it.
pub trait Params: Sized + Send + 'static {
    /// The parameters, in order.
    const DECLARATIONS: &'static [Declaration];

    /// Reads the arguments of a call.
    fn decode(arguments: &Map<String, Value>) -> Result<Self>;
}

/// Declares the parameters of a tool: a struct whose field docs are the descriptions.
///
/// ```
/// use pagerduty_mcp_server::params::{Params, Text};
///
/// pagerduty_mcp_server::params! {
///     /// Parameters of an example.
///     pub struct Example {
///         "Part of the name."
///         query: Option<Text>,
///     }
/// }
///
/// let example = Example::decode(&serde_json::Map::new()).unwrap();
/// assert!(example.query.is_none());
/// assert_eq!(Example::DECLARATIONS[0].description, "Part of the name.");
/// ```
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* $vis:vis struct $struct:ident { $($description:literal $name:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug)]
        // Descriptions are plain text for models, not Markdown.
        #[allow(clippy::doc_markdown)]
        $vis struct $struct {
            $(#[doc = $description] pub $name: $type,)*
        }

        impl $crate::params::Params for $struct {
            const DECLARATIONS: &'static [$crate::params::Declaration] = &[
                $($crate::params::Declaration {
                    name: stringify!($name),
                    description: $description,
                    required: <$type as $crate::params::Param>::REQUIRED,
                    form: <$type as $crate::params::Param>::FORM,
                },)*
            ];

            fn decode(
                arguments: &serde_json::Map<String, serde_json::Value>,
            ) -> $crate::error::Result<Self> {
                $crate::params::check_names(arguments, Self::DECLARATIONS)?;
                Ok(Self { $($name: $crate::params::read(arguments, stringify!($name))?,)* })
            }
        }
    };
}

/// Names of parameters, each with whether it has a value other than its default.
pub type Given<'g> = &'g [(&'static str, bool)];

/// Returns which of the named parameters have a value, as an array for [`Given`](crate::params::Given).
macro_rules! given {
    ($params:expr, [$($name:ident),+ $(,)?]) => {{
        use $crate::params::Param as _;
        [$((stringify!($name), $params.$name.is_given())),+]
    }};
}

pub(crate) use given;

/// Returns the JSON Schema (2020-12) of a tool's arguments.
#[must_use]
pub fn schema(declarations: &[Declaration]) -> Map<String, Value> {
    let properties: Map<_, _> = declarations
        .iter()
        .map(|declaration| {
            let mut property = declaration.form.schema();
            property.insert("description".into(), declaration.description.into());
            (declaration.name.to_owned(), Value::Object(property))
        })
        .collect();
    let required: Vec<_> = declarations.iter().filter(|one| one.required).map(|one| one.name).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    // Some clients refuse a schema without this keyword, even if there are no properties.
    schema.insert("properties".into(), properties.into());
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    schema.insert("additionalProperties".into(), false.into());
    schema
}

/// Refuses a name that the tool does not have. Ignoring a misspelled parameter would answer another question.
#[doc(hidden)]
pub fn check_names(arguments: &Map<String, Value>, declarations: &[Declaration]) -> Result<()> {
    let known = |name: &str| declarations.iter().any(|declaration| declaration.name == name);
    let Some(unknown) = arguments.keys().find(|name| !known(name)) else { return Ok(()) };
    let names: Vec<_> = declarations.iter().map(|declaration| declaration.name).collect();
    let error =
        Error::new(Code::UnknownParameter, format!("there is no parameter {}", shorten(&format!("{unknown:?}"))));
    if names.is_empty() {
        return Err(error.hint("This tool takes no parameters."));
    }
    let nearest = nearest(unknown, names.iter().copied()).map(|name| format!("Did you mean {name}? "));
    Err(error.hint(format!("{}Valid parameters: {}.", nearest.unwrap_or_default(), names.join(", "))))
}

/// Reads one argument. A blank one counts as absent.
#[doc(hidden)]
pub fn read<T: Param>(arguments: &Map<String, Value>, name: &'static str) -> Result<T> {
    match arguments.get(name).filter(|value| !T::FORM.is_blank(value)) {
        None => T::absent(name),
        Some(value) => T::decode(name, value),
    }
}

/// Returns the remarks on the arguments of a call that were understood.
#[must_use]
pub fn remarks(arguments: &Map<String, Value>, declarations: &[Declaration]) -> Vec<String> {
    let remark = |one: &Declaration| one.form.remark(one.name, arguments.get(one.name)?);
    declarations.iter().filter_map(remark).collect()
}

/// Requires a parameter that the schema leaves optional.
pub fn require(arguments: &Map<String, Value>, declarations: &[Declaration], name: &str) -> Result<()> {
    let given = |one: &Declaration| arguments.get(name).is_some_and(|value| !one.form.is_blank(value));
    if declarations.iter().any(|one| one.name == name && given(one)) {
        return Ok(());
    }
    let value = arguments.get(name).map_or_else(|| "missing".to_owned(), quote);
    Err(Error::new(Code::MissingParameter, format!("{name} is {value}")).hint(format!("Pass {name}.")))
}

/// Returns whether a text is a program's word for "no value".
pub(crate) fn is_null_word(text: &str) -> bool {
    ["null", "none", "nil", "undefined"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

/// Returns the name closest to a text, if one is close enough to be meant.
fn nearest<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let written = written.to_ascii_lowercase();
    let scored = names.map(|name| (strsim::jaro_winkler(&written, name), name));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Returns the error for a value of the wrong form, with the parameter, the value, and the expected form.
fn invalid(name: &str, value: &Value, expected: &str) -> Error {
    Error::new(Code::InvalidParameter, format!("{name} is {}", quote(value))).hint(format!("Pass {expected}."))
}

/// Returns a value for a message, shortened, because it may be a whole document.
fn quote(value: &Value) -> String {
    shorten(&value.to_string())
}

/// Returns a text for a message, shortened.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(80).chain(['…']).collect() }
}

/// Returns the error for a list that has entries but names nothing.
pub(crate) fn names_nothing(code: Code, name: &str, value: &Value) -> Error {
    Error::new(code, format!("{name} is {}, which names nothing", quote(value)))
        .hint(format!("Name at least one, or leave {name} out."))
}

/// Reads a list of words, leaving out blank ones.
fn items(name: &'static str, value: &Value, expected: &str) -> Result<Vec<String>> {
    let mut items = parts(name, value, expected)?;
    items.retain(|item| !is_null_word(item));
    Ok(items)
}

/// Reads a list from an array, from the JSON text of one, from comma-separated text, or from a single value.
fn parts(name: &'static str, value: &Value, expected: &str) -> Result<Vec<String>> {
    let one = |item: &Value| match item {
        // No valid entry of a list contains a comma.
        Value::String(text) => Ok(text.split(',').map(|part| part.trim().to_owned()).collect()),
        Value::Number(number) => Ok(vec![number.to_string()]),
        Value::Null => Ok(Vec::new()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(invalid(name, value, expected)),
    };
    let list: Vec<Vec<String>> = match value {
        Value::Array(list) => list.iter().map(one).collect::<Result<_>>()?,
        Value::String(text) if text.trim_start().starts_with('[') => match serde_json::from_str(text) {
            Ok(list @ Value::Array(_)) => return parts(name, &list, expected),
            _ => return Err(invalid(name, value, expected)),
        },
        other => vec![one(other)?],
    };
    Ok(list.into_iter().flatten().filter(|item| !item.is_empty()).collect())
}

/// Returns the digits of a whole number that is written with a fraction of zeros, as some clients write every number.
fn without_fraction(number: &str) -> &str {
    match number.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => digits,
        _ => number,
    }
}

/// Reads a whole number, from a number or the text of one.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => without_fraction(&number.to_string()).parse().ok(),
        Value::String(text) => without_fraction(text.trim()).parse().ok(),
        _ => None,
    }
}
