//! References: texts in the place of an ID that have to be looked up, and links whose account has to be checked.

use pagerduty_api::Resource;
use pagerduty_api::operations::priorities::PRIORITIES;
use pagerduty_api::operations::users::USERS;
use serde_json::{Map, Value};

use super::ids::{bare, is_pagerduty, link, subdomain};
use super::{Declaration, Form, is_null_word};
use crate::ids::{is_id, is_unusual};
use crate::names::{NAMED, may_be_name, normalized};

/// A text in the place of an ID that has to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The parameter.
    pub parameter: &'static str,
    /// The resource of the object that it stands for.
    pub resource: &'static Resource,
    /// The text, without quotation marks.
    pub text: String,
}

impl Reference {
    /// Returns whether the text stands for the user of the credential.
    #[must_use]
    pub fn is_me(&self) -> bool {
        self.resource == &USERS && normalized(&self.text) == "me"
    }
}

/// A text as a person writes it, by its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The user of the credential.
    Me,
    /// The link to an object, with the subdomain of its account, if the link names one.
    Link(&'static Resource, String, Option<String>),
    /// The number of an incident.
    Number(String),
    /// An ID.
    Id(String),
    /// An email address.
    Email(String),
    /// Another text.
    Text(String),
}

impl Written {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let plain = bare(text);
        if let Some((resource, id)) = link(plain) {
            return Self::Link(resource, id.to_owned(), subdomain(plain));
        }
        let digits = plain.strip_prefix('#').unwrap_or(plain);
        match plain {
            _ if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Number(digits.to_owned())
            }
            _ if is_id(plain) => Self::Id(plain.to_owned()),
            _ if is_email(plain) => Self::Email(plain.to_owned()),
            _ if normalized(plain) == "me" => Self::Me,
            _ => Self::Text(unquoted(text.trim()).to_owned()),
        }
    }
}

/// A link to the web page of an object in some account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The parameter.
    pub parameter: &'static str,
    /// The text of the argument.
    pub text: String,
    /// The subdomain of the account, in lower case.
    pub subdomain: String,
}

/// Returns the texts of a call that have to be looked up.
#[must_use]
pub fn references(arguments: &Map<String, Value>, declarations: &[Declaration]) -> Vec<Reference> {
    let mut found = Vec::new();
    for (declaration, value) in given(arguments, declarations) {
        replaced(declaration, value, &mut |reference| {
            found.push(reference.clone());
            Some(String::new())
        });
    }
    found
}

/// Returns the arguments with the ID that `id` returns in the place of each reference. Without an ID, the text stays.
pub fn with_ids(
    arguments: &Map<String, Value>,
    declarations: &[Declaration],
    mut id: impl FnMut(&Reference) -> Option<String>,
) -> Map<String, Value> {
    let mut arguments = arguments.clone();
    for declaration in declarations {
        if let Some(value) = arguments.get_mut(declaration.name)
            && let Some(replaced) = replaced(declaration, value, &mut id)
        {
            *value = replaced;
        }
    }
    arguments
}

/// Returns the links of a call that name an account.
#[must_use]
pub fn links(arguments: &Map<String, Value>, declarations: &[Declaration]) -> Vec<Link> {
    let mut links = Vec::new();
    for (declaration, value) in given(arguments, declarations) {
        for text in texts(declaration, value) {
            if let Some(subdomain) = subdomain(&text) {
                links.push(Link { parameter: declaration.name, text, subdomain });
            }
        }
    }
    links
}

/// Returns the texts of a call that were taken for IDs and may be names.
#[must_use]
pub fn unusual_ids(arguments: &Map<String, Value>, declarations: &[Declaration]) -> Vec<String> {
    let named =
        |form: Form| form.resource().is_some_and(|resource| NAMED.contains(&resource) && !has_short_names(resource));
    let given = given(arguments, declarations).filter(|(declaration, _)| named(declaration.form));
    let texts = given.flat_map(|(declaration, value)| texts(declaration, value));
    texts.map(|text| bare(&text).to_owned()).filter(|text| is_id(text) && is_unusual(text)).collect()
}

/// Returns the arguments that are IDs or lists of IDs.
fn given<'a>(
    arguments: &'a Map<String, Value>,
    declarations: &'a [Declaration],
) -> impl Iterator<Item = (&'a Declaration, &'a Value)> {
    let of_ids = declarations.iter().filter(|declaration| declaration.form.resource().is_some());
    of_ids.filter_map(|declaration| Some((declaration, arguments.get(declaration.name)?)))
}

/// Returns the texts of an argument.
fn texts(declaration: &Declaration, value: &Value) -> Vec<String> {
    match (declaration.form, value) {
        (Form::Id(_), Value::String(text)) => vec![text.clone()],
        (Form::Ids(resource), value) => items(resource, value).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Returns the value with an ID in the place of each reference, or `None` if it has no reference.
fn replaced(
    declaration: &Declaration,
    value: &Value,
    id: &mut impl FnMut(&Reference) -> Option<String>,
) -> Option<Value> {
    let resource = declaration.form.resource()?;
    if declaration.form.is_blank(value) {
        return None;
    }
    let mut has_references = false;
    let mut replace = |text: String| {
        let reference = |text| Reference { parameter: declaration.name, resource, text };
        let found = name(resource, &text).and_then(|text| id(&reference(text)));
        has_references |= found.is_some();
        Value::from(found.unwrap_or(text))
    };
    let value = match (declaration.form, value) {
        (Form::Id(_), Value::String(text)) => replace(text.clone()),
        (Form::Id(_), Value::Number(number)) => replace(number.to_string()),
        (Form::Ids(_), value) => items(resource, value)?.into_iter().map(&mut replace).collect(),
        _ => return None,
    };
    has_references.then_some(value)
}

/// Returns the entries of a list of IDs, or `None` if it has another form.
///
/// A plain text is split at commas. An entry of a list is split only if no part of it is a name, because names may have
/// commas.
fn items(resource: &'static Resource, value: &Value) -> Option<Vec<String>> {
    let split = |text: &str| text.split(',').map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let entry = |item: &Value| match item {
        Value::String(text) => {
            let parts = split(text);
            let has_name = parts.len() > 1 && parts.iter().any(|part| is_name(resource, part));
            Some(if has_name { vec![text.clone()] } else { parts })
        }
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Null => Some(Vec::new()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Array(list) => Some(list.iter().map(entry).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()),
        Value::String(text) if text.trim_start().starts_with('[') => match serde_json::from_str(text) {
            Ok(list @ Value::Array(_)) => items(resource, &list),
            _ => None,
        },
        Value::String(text) => Some(split(text)),
        _ => None,
    }
}

/// Returns whether a text in a list can only be a name: neither an ID, nor a link, nor an address, nor `me`.
fn is_name(resource: &'static Resource, text: &str) -> bool {
    name(resource, text).is_some_and(|text| !(is_email(&text) || resource == &USERS && normalized(&text) == "me"))
}

/// Returns whether a text has the form of an email address.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace))
}

/// Returns the text to look up, if a text in the place of an ID of this resource has to be looked up.
fn name(resource: &'static Resource, text: &str) -> Option<String> {
    let plain = bare(text);
    let is_id = is_id(plain) && !(is_unusual(plain) && has_short_names(resource));
    let is_known = !NAMED.contains(&resource) || is_id || is_null_word(text) || is_zero(plain);
    if is_known || link(plain).is_some() || is_address(plain) {
        return None;
    }
    // An address may be enclosed as in `<ada@acme.example>`. Other punctuation may belong to a name.
    let text = if is_email(plain) { plain } else { unquoted(text.trim()) };
    may_be_name(text).then(|| text.to_owned())
}

/// Returns whether names of a resource usually have the form of an ID, like `P1`.
fn has_short_names(resource: &Resource) -> bool {
    resource == &PRIORITIES
}

fn is_zero(text: &str) -> bool {
    super::without_fraction(text) == "0"
}

/// Returns whether a text is an address at PagerDuty, even one that names no object.
fn is_address(text: &str) -> bool {
    text.split_once('/').is_some_and(|(host, _)| is_pagerduty(host))
}

/// Returns a text without the quotation marks around it.
fn unquoted(text: &str) -> &str {
    const PAIRS: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’')];
    let inner = |(open, close)| text.strip_prefix(open)?.strip_suffix(close);
    PAIRS.into_iter().find_map(inner).map_or(text, str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;
    use crate::models::{Incident, Schedule, Team, User};
    use crate::params::{Ids, Params};
    use proptest::prelude::*;
    use serde_json::json;

    crate::params! {
        struct Example {
            "One"
            user_id: Option<Id<User>>,
            "Many"
            team_ids: Ids<Team>,
            "Many"
            schedule_ids: Ids<Schedule>,
            "One"
            incident_id: Option<Id<Incident>>,
        }
    }

    fn texts_of(arguments: &Value) -> Vec<String> {
        let references = references(arguments.as_object().unwrap(), Example::DECLARATIONS);
        references.into_iter().map(|reference| reference.text).collect()
    }

    #[test]
    fn ids_numbers_links_and_blank_values_are_no_references() {
        for arguments in [
            json!({"user_id": "P1", "team_ids": ["PABCDEF", "`PT1`", " "], "incident_id": "#42"}),
            json!({"user_id": "https://a.pagerduty.com/users/P1", "team_ids": "P1, P2", "schedule_ids": ["null"]}),
            json!({"user_id": "https://example.com/users/P1", "team_ids": ["P1,P2", 0, null, "0"]}),
            json!({"user_id": "null", "team_ids": "[\"P1\"]", "incident_id": "Disk full"}),
            json!({"incident_id": 7, "team_ids": [["Checkout"]], "schedule_ids": {"a": 1}}),
            json!({"user_id": "?", "team_ids": "x".repeat(2_000), "schedule_ids": "a.pagerduty.com/nothing"}),
        ] {
            assert_eq!(texts_of(&arguments), Vec::<String>::new(), "{arguments}");
        }
    }

    #[test]
    fn names_addresses_and_me_are_references() {
        let of = |value: Value| texts_of(&json!({"team_ids": value}));
        assert_eq!(of(json!(["Checkout", "P1", "\"Data Platform\""])), ["Checkout", "Data Platform"]);
        assert_eq!(of(json!("checkout, P1, SRE")), ["checkout", "SRE"]);
        assert_eq!(of(json!("[\"CI/CD\", \"R&D\"]")), ["CI/CD", "R&D"]);
        assert_eq!(of(json!(["Payments, EU", "P1,P2"])), ["Payments, EU"]);
        assert_eq!(texts_of(&json!({"user_id": "<ada@acme.example>"})), ["ada@acme.example"]);
        assert_eq!(texts_of(&json!({"user_id": "Me"})), ["Me"]);
        assert_eq!(texts_of(&json!({"user_id": 42, "team_ids": [911]})), ["42", "911"]);
        assert_eq!(texts_of(&json!({"user_id": "../users/me"})), ["../users/me"]);
    }

    #[test]
    fn ids_replace_references_in_their_places() {
        let arguments =
            json!({"user_id": "ada", "team_ids": ["P1", "Checkout", "", "https://a.pagerduty.com/teams/P9"]});
        let replaced = with_ids(arguments.as_object().unwrap(), Example::DECLARATIONS, |reference| {
            Some(format!("Q{}", reference.text.len()))
        });
        let decoded = Example::decode(&replaced).unwrap();
        assert_eq!(decoded.user_id.unwrap().as_str(), "Q3");
        assert!(decoded.schedule_ids.as_slice().is_empty() && decoded.incident_id.is_none());
        assert_eq!(decoded.team_ids.as_slice().iter().map(Id::as_str).collect::<Vec<_>>(), ["P1", "Q8", "P9"]);
    }

    #[test]
    fn links_name_their_accounts() {
        let arguments = json!({"user_id": "https://Acme.PagerDuty.com/users/P1", "incident_id": "/incidents/Q1",
            "team_ids": ["https://api.pagerduty.com/teams/P1", "<https://other.eu.pagerduty.com/teams/P2|P2>"]});
        let links = links(arguments.as_object().unwrap(), Example::DECLARATIONS);
        let links: Vec<_> = links.iter().map(|link| (link.parameter, link.subdomain.as_str())).collect();
        assert_eq!(links, [("user_id", "acme"), ("team_ids", "other")]);
    }

    proptest! {
        #[test]
        fn arguments_with_ids_for_references_have_none(text in "[A-Za-z0-9@. ,/\"'é-]{0,20}") {
            let arguments = json!({"user_id": text, "team_ids": [text]});
            let arguments = arguments.as_object().unwrap();
            let replaced = with_ids(arguments, Example::DECLARATIONS, |_| Some("P1".to_owned()));
            prop_assert!(references(&replaced, Example::DECLARATIONS).is_empty());
        }
    }
}
