//! Reads IDs of PagerDuty's objects in the forms that people and programs write.

use pagerduty_api::operations::communications::TEMPLATES;
use pagerduty_api::operations::incidents::INCIDENTS;
use pagerduty_api::operations::schedules::SCHEDULES;
use pagerduty_api::{MAX_VALUES, Resource, operations};
use serde_json::{Value, json};

use super::{Form, Param, is_null_word, names_nothing, parts, quote, without_fraction};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::Model;

/// The most IDs in a list.
pub const MOST_IDS: usize = MAX_VALUES;

impl<M: Model> Param for Id<M> {
    const FORM: Form = Form::Id(M::RESOURCE);

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let id = match value {
            Value::String(text) => read(text),
            Value::Number(number) => read(&number.to_string()),
            _ => None,
        };
        id.ok_or_else(|| not_an_id::<M>(name, value))
    }
}

/// Characters that enclose an ID or a link in a sentence, or follow it there.
const OPENING: &[char] = &[' ', '\t', '\n', '\r', '<', '(', '"', '\'', '`', '“', '‘'];
const CLOSING: &[char] = &[' ', '\t', '\n', '\r', '>', ')', ']', '"', '\'', '`', '”', '’', '.', ',', ';', ':', '!'];

/// Returns an ID or a link without the punctuation around it.
pub(super) fn bare(text: &str) -> &str {
    // In Markdown, the address follows the text of the link: `[#42](https://…)`.
    let text = text.rsplit_once("](").map_or(text, |(_, address)| address);
    text.trim_start_matches(OPENING).trim_end_matches(CLOSING)
}

/// Reads an ID: plain, as the number of an incident (`#42`, `42.0`), or from a link to its object.
fn read<M: Model>(text: &str) -> Option<Id<M>> {
    let text = bare(text);
    match link(text) {
        Some((resource, id)) if resource.many == M::RESOURCE.many => Id::parse(id),
        Some(_) => None,
        None => Id::parse(number::<M>(text).unwrap_or(text)).filter(|id| !id.as_str().bytes().all(|byte| byte == b'0')),
    }
}

/// Returns the digits of an incident's number.
fn number<M: Model>(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let digits = without_fraction(digits).trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (M::RESOURCE.many == INCIDENTS.many && is_number).then_some(digits)
}

/// Returns the target of a link to PagerDuty: the kind of object and its ID.
///
/// Links to other hosts are not IDs, because their numbers mean something else.
pub(super) fn link(text: &str) -> Option<(&'static Resource, &str)> {
    let (host, path, has_scheme) = address(text)?;
    let is_path = !has_scheme && host.is_empty();
    if !is_path && !is_pagerduty(host) {
        return None;
    }
    let (path, fragment) = path.split_once('#').unwrap_or((path, ""));
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let mut segments = path.split('/').chain(fragment.split('/')).filter(|segment| !segment.is_empty());
    let resources = || operations::all().map(|operation| operation.resource);
    let resource = segments.find_map(|segment| resources().find(|resource| resource.pages.contains(&segment)))?;
    Some((resource, segments.next()?))
}

/// Returns the host and the path of an address, and whether it has a scheme.
fn address(text: &str) -> Option<(&str, &str, bool)> {
    // In Slack, the text of the link follows its address: `<https://…|#42>`.
    let text = text.split_once('|').map_or(text, |(address, _)| address);
    let address = ["https://", "http://"].iter().find_map(|scheme| strip_prefix_ignoring_case(text, scheme));
    let (host, path) = address.unwrap_or(text).split_once('/')?;
    Some((host, path, address.is_some()))
}

/// Hosts at PagerDuty that serve all accounts.
const SHARED_HOSTS: [&str; 5] = ["api", "app", "identity", "support", "www"];

/// Returns the subdomain of the account that a link belongs to, in lower case.
pub(super) fn subdomain(text: &str) -> Option<String> {
    let text = bare(text);
    link(text)?;
    account_of(address(text)?.0)
}

/// Returns the subdomain of the account whose web pages a host serves: `acme` for `acme.eu.pagerduty.com`.
pub(crate) fn account_of(host: &str) -> Option<String> {
    let (subdomain, rest) = host.split_once('.')?;
    let is_account = is_pagerduty(host) && rest.to_ascii_lowercase().contains("pagerduty.com");
    let subdomain = subdomain.to_ascii_lowercase();
    (is_account && !SHARED_HOSTS.contains(&subdomain.as_str())).then_some(subdomain)
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

pub(super) fn is_pagerduty(host: &str) -> bool {
    let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    is_name && (host == "pagerduty.com" || host.ends_with(".pagerduty.com"))
}

/// The tools that find the IDs of resources by another name than theirs.
const FOUND_BY: &[(&str, &str)] = &[
    ("actions", "get_automations"),
    ("business_services", "get_dependencies"),
    ("change_events", "get_changes"),
    ("incident_workflows", "get_automations"),
    ("integrations", "get_services"),
    ("posts", "get_status_pages"),
];

/// Returns the hint at the form of IDs and at the tool that finds them.
pub(crate) fn ids_hint(resource: &Resource) -> String {
    let other = FOUND_BY.iter().find(|(many, _)| *many == resource.many).map(|(_, tool)| (*tool).to_owned());
    let tool = other.unwrap_or_else(|| format!("get_{}", resource.many));
    // No tool lists templates.
    let finds = if resource == &TEMPLATES { String::new() } else { format!("; {tool} finds them") };
    format!("IDs are ASCII letters and digits, like PABC123{finds}.")
}

fn not_an_id<M: Model>(name: &str, value: &Value) -> Error {
    let resource = M::RESOURCE;
    let hint = ids_hint(resource);
    if let Some((other, id)) = value.as_str().and_then(|text| link(bare(text)))
        && other.many != resource.many
    {
        let message = format!("{name} is {}, which is a link to {} {id}", quote(value), other.noun);
        return Error::new(M::INVALID_ID, message).hint(format!("Pass a link to the {}. {hint}", resource.noun));
    }
    let number = if resource.many == INCIDENTS.many { " An incident's number works too." } else { "" };
    let message = format!("{name} is {}, which is not the ID of any {}", quote(value), resource.noun);
    Error::new(M::INVALID_ID, message).hint(format!("{hint}{number}"))
}

/// IDs of `M` without blank entries. An absent list and an empty one both mean no IDs.
#[derive(Clone, Debug)]
pub struct Ids<M>(Vec<Id<M>>);

impl<M> Ids<M> {
    /// Returns the IDs.
    #[must_use]
    pub fn as_slice(&self) -> &[Id<M>] {
        &self.0
    }
}

impl<M: Model> Param for Ids<M> {
    const FORM: Form = Form::Ids(M::RESOURCE);
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        list(name, value, MOST_IDS).map(Self)
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self(Vec::new()))
    }

    fn is_given(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Reads a list of at most so many IDs.
fn list<M: Model>(name: &'static str, value: &Value, most: usize) -> Result<Vec<Id<M>>> {
    let mut items = parts(name, value, "a list of IDs, like [\"PABC123\"]")?;
    // For PagerDuty's on-calls, "null" means on-calls that no schedule decides.
    let null_means_something = M::RESOURCE.many == SCHEDULES.many;
    let is_blank = |item: &String| is_null_word(item) || without_fraction(item) == "0";
    items.retain(|item| !is_blank(item) || (null_means_something && item == "null"));
    if items.is_empty() {
        return Err(names_nothing(Code::InvalidParameter, name, value));
    }
    if items.len() > most {
        let message = format!("{name} has {} IDs, more than {most}", items.len());
        return Err(Error::new(Code::InvalidParameter, message)
            .hint(format!("Pass at most {most} at a time, in several calls.")));
    }
    let id = |item: &String| read(item).ok_or_else(|| not_an_id::<M>(name, &json!(item)));
    items.iter().map(id).collect()
}

/// The most objects that one call changes.
const MOST_TARGETS: usize = 500;

/// The objects that a call changes: at least one, each once.
#[derive(Clone, Debug)]
pub struct Targets<M>(Vec<Id<M>>);

impl<M> Targets<M> {
    /// Returns the IDs.
    #[must_use]
    pub fn as_slice(&self) -> &[Id<M>] {
        &self.0
    }
}

impl<M: Model> Param for Targets<M> {
    const FORM: Form = Form::Ids(M::RESOURCE);

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let mut ids: Vec<Id<M>> = Vec::new();
        let nothing = |error: Error| {
            let hint = error.hint_text().map(|hint| hint.replace(&format!(", or leave {name} out"), ""));
            error.hint(hint.unwrap_or_default())
        };
        for id in list(name, value, MOST_TARGETS).map_err(nothing)? {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(Self(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{EscalationPolicy, Incident, Schedule, Service, Team, User};
    use proptest::prelude::*;

    fn id<M: Model>(text: &str) -> Option<String> {
        read::<M>(text).map(|id| id.to_string())
    }

    #[test]
    fn ids_are_read_from_links() {
        for text in [
            "https://acme.pagerduty.com/incidents/Q123",
            "https://acme.eu.pagerduty.com/incidents/Q123/timeline",
            "HTTPS://ACME.PagerDuty.com/incidents/Q123?utm_source=slack#log",
            "https://api.pagerduty.com/incidents/Q123",
            "acme.pagerduty.com/incidents/Q123/",
            "<https://acme.pagerduty.com/incidents/Q123>",
            "/incidents/Q123/timeline",
            " Q123\n",
            "https://acme.pagerduty.com/incidents/Q123.",
            "https://acme.pagerduty.com/incidents/Q123),",
            "(https://acme.pagerduty.com/incidents/Q123/timeline?x=1).",
            "https://acme.pagerduty.com/incidents/Q123>",
            "<https://acme.pagerduty.com/incidents/Q123|#42>",
            "<https://acme.pagerduty.com/incidents/Q123|[#42] Disk full (low)>.",
            "https://acme.pagerduty.com/incidents/Q123|#42",
            "[#42](https://acme.pagerduty.com/incidents/Q123)",
            "https://acme.pagerduty.com:443/incidents/Q123",
            "'https://acme.pagerduty.com/incidents/Q123'",
            "\"Q123\"",
            "'Q123'",
            "`Q123`,",
            "“Q123”",
        ] {
            assert_eq!(id::<Incident>(text).as_deref(), Some("Q123"), "{text}");
        }
        for text in ["https://a.pagerduty.com/service-directory/P1/activity", "https://a.pagerduty.com/services/P1"] {
            assert_eq!(id::<Service>(text).as_deref(), Some("P1"), "{text}");
        }
        for text in ["https://a.pagerduty.com/schedules#P1", "https://a.pagerduty.com/schedules/P1?since=2026-11-01"] {
            assert_eq!(id::<Schedule>(text).as_deref(), Some("P1"), "{text}");
        }
        assert_eq!(id::<User>("https://a.pagerduty.com/users/P1/contact").as_deref(), Some("P1"));
        assert_eq!(id::<Team>("https://a.pagerduty.com/teams/P1").as_deref(), Some("P1"));
        let policy = "https://a.eu.pagerduty.com/escalation_policies#P1";
        assert_eq!(id::<EscalationPolicy>(policy).as_deref(), Some("P1"));
    }

    #[test]
    fn links_to_other_objects_and_hosts_are_refused() {
        for text in [
            "https://a.pagerduty.com/services/P1",
            "https://a.pagerduty.com/incidents",
            "https://a.pagerduty.com/incidents?status=open",
            "https://a.pagerduty.com/incidents/Q1%2F..",
            "https://app.incident.example/incidents/42",
            "https://pagerduty.com.example/incidents/42",
            "https://evilpagerduty.com/incidents/42",
            "https://a.pagerduty.com:443.example/incidents/42",
            "https://a.pagerduty.com:@example/incidents/42",
            "<https://example.com/incidents/42|https://a.pagerduty.com/incidents/Q1>",
            "[https://a.pagerduty.com/incidents/Q1](https://example.com/incidents/42)",
            "https://x@example/.pagerduty.com/incidents/42",
            "../users/me",
            "incidents/Q1",
        ] {
            assert_eq!(id::<Incident>(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_for_incidents_only() {
        for text in ["42", "#42", "# 42", "42.0", "42.00", " #42 ", "\"42\"", "'#42'", "#42."] {
            assert_eq!(id::<Incident>(text).as_deref(), Some("42"), "{text}");
        }
        for text in ["#", ".0", "4.5", "-42", "##42", "#4 2", "#0", "\"\""] {
            assert_eq!(id::<Incident>(text), None, "{text}");
        }
        assert_eq!(id::<Team>("#42"), None);
        assert_eq!(id::<Team>("42.0"), None);
    }

    proptest! {
        #[test]
        fn ids_read_from_any_text_are_alphanumeric(text in "(https://a\\.pagerduty\\.com/incidents/)?.{0,40}") {
            if let Some(id) = id::<Incident>(&text) {
                prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }
    }
}
