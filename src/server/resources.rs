//! The resources: one document, `docs://tools`, with the documentation of the tools as Markdown, and templates for objects
//! of PagerDuty.
//!
//! Reading them is optional. The tool list alone must be enough, because few clients show resources to the model; so the
//! document contains nothing that is needed and missing in the tools' descriptions, and an object reads like the answer of
//! its tool.

use std::borrow::Cow;

use pagerduty_api::operations::incidents::INCIDENTS;
use pagerduty_api::operations::schedules::SCHEDULES;
use pagerduty_api::operations::services::SERVICES;
use rmcp::ErrorData;
use rmcp::model::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
};
use serde_json::{Map, Value, json};

use super::caching::{CACHE_SCOPE, TTL_MS};
use crate::error::{Code, Error, Family};
use crate::params::shorten;
use crate::reply::Reply;
use crate::tools::{self, Tool};

const TOOLS_URI: &str = "docs://tools";

/// Some clients offer each resource to the model as a tool of this name, so it must not look like a tool that lists
/// tools. It has only letters and hyphens, because model APIs refuse other tool names.
const NAME: &str = "pagerduty-tool-documentation";

const MARKDOWN: &str = "text/markdown";

const JSON: &str = "application/json";

/// The variable of each template.
const VARIABLE: &str = "{id}";

/// A kind of objects that are resources: each reads like the answer of a tool to its ID.
struct Template {
    /// The template of the URIs (RFC 6570), with one variable.
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// The tool. Without it, the template does not exist.
    tool: &'static str,
    parameter: &'static str,
    /// The resource whose names the variable takes.
    names: &'static pagerduty_api::Resource,
}

const TEMPLATES: &[Template] = &[
    Template {
        uri: "pagerduty://schedules/{id}",
        name: "pagerduty-schedule",
        title: "On-call schedule (rota)",
        description: "An on-call schedule of either kind, by ID or name.",
        tool: "get_schedules",
        parameter: "schedule_id",
        names: &SCHEDULES,
    },
    Template {
        uri: "pagerduty://incidents/{id}",
        name: "pagerduty-incident",
        title: "Incident brief",
        description: "All that matters about an incident, by ID or number.",
        tool: "get_incident_brief",
        parameter: "incident_id",
        names: &INCIDENTS,
    },
    Template {
        uri: "pagerduty://incidents/{id}/timeline",
        name: "pagerduty-incident-timeline",
        title: "Incident timeline",
        description: "The log of an incident in words, in order, by ID or number.",
        tool: "get_timeline",
        parameter: "incident_id",
        names: &INCIDENTS,
    },
    Template {
        uri: "pagerduty://services/{id}/dependencies",
        name: "pagerduty-service-dependencies",
        title: "Service dependencies",
        description: "The services around a service with their open incidents, by ID or name.",
        tool: "get_dependencies",
        parameter: "service_id",
        names: &SERVICES,
    },
];

impl Template {
    /// Returns the value of the variable in a URI of this template.
    fn id<'u>(&self, uri: &'u str) -> Option<Cow<'u, str>> {
        let (before, after) = self.uri.split_once(VARIABLE)?;
        let id = uri.strip_prefix(before)?.strip_suffix(after)?;
        // A slash inside of a name is percent-encoded.
        (!id.is_empty() && !id.contains(['/', '?', '#'])).then(|| decoded(id)).flatten()
    }
}

/// Decodes the percent-encoding of a URI. Returns `None` if it is malformed or the text is not UTF-8.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let Some((first, rest)) = text.split_once('%') else { return Some(text.into()) };
    let mut bytes = first.as_bytes().to_vec();
    for part in rest.split('%') {
        let (code, after) = part.split_at_checked(2)?;
        let is_hexadecimal = code.bytes().all(|byte| byte.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(code, 16).ok().filter(|_| is_hexadecimal)?);
        bytes.extend(after.bytes());
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Returns the templates whose tools are among `tools`.
fn offered(tools: &[&'static Tool]) -> impl Iterator<Item = &'static Template> {
    TEMPLATES.iter().filter(|template| tools.iter().any(|tool| tool.name == template.tool))
}

/// Returns the resource whose names the variable of a template takes, if there is such a template and variable.
pub(super) fn names(uri: &str, variable: &str, tools: &[&'static Tool]) -> Option<&'static pagerduty_api::Resource> {
    let template = offered(tools).find(|template| template.uri == uri)?;
    (variable == VARIABLE.trim_matches(['{', '}'])).then_some(template.names)
}

/// Returns the answer to `resources/templates/list`.
pub(super) fn templates(tools: &[&'static Tool]) -> ListResourceTemplatesResult {
    let template = |template: &Template| {
        ResourceTemplate::new(template.uri, template.name)
            .with_title(template.title)
            .with_description(template.description)
            .with_mime_type(JSON)
    };
    let templates = offered(tools).map(template).collect();
    ListResourceTemplatesResult::with_all_items(templates).with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE)
}

/// Returns the tool call that reads the object at this URI, if the URI belongs to a template.
pub(super) fn call(uri: &str, tools: &[&'static Tool]) -> Option<(&'static str, Map<String, Value>)> {
    let (template, id) = offered(tools).find_map(|template| Some((template, template.id(uri)?)))?;
    Some((template.tool, Map::from_iter([(template.parameter.to_owned(), id.into_owned().into())])))
}

/// Returns the answer to `resources/read` of an object, from the answer of its tool.
///
/// It expires at once: the object may change at any time.
pub(super) fn answer(uri: &str, outcome: Result<Reply, Error>) -> Result<ReadResourceResult, ErrorData> {
    let reply = outcome.map_err(|error| {
        let data = error.envelope().get("error").map(|error| json!({"uri": uri, "error": error}));
        let hint = error.hint_text().map(|hint| format!(". {hint}")).unwrap_or_default();
        let message = format!("{}{hint}", error.message());
        match error.code() {
            code if code == Code::NotFound || code.family() == Family::Arguments => {
                ErrorData::resource_not_found(message, data)
            }
            _ => ErrorData::internal_error(message, data),
        }
    })?;
    let contents = ResourceContents::text(reply.into_value().to_string(), uri).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(0).with_cache_scope(CACHE_SCOPE))
}

/// Returns the answer to `resources/list`.
pub(super) fn list() -> ListResourcesResult {
    let tools = Resource::new(TOOLS_URI, NAME)
        .with_title("Tool documentation")
        .with_description("Every tool with its parameters, and the fields of every resource. Optional reading.")
        .with_mime_type(MARKDOWN);
    ListResourcesResult::with_all_items(vec![tools]).with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE)
}

/// Returns the answer to `resources/read`: the documentation of exactly the tools that are offered.
///
/// An unknown URI is an error, never empty contents (2025-11-25, "Resources", "Error Handling"). `rmcp` turns its code,
/// -32002, into the -32602 of 2026-07-28 for clients of that revision.
pub(super) fn read(uri: &str, tools: &[&'static Tool]) -> Result<ReadResourceResult, ErrorData> {
    if uri != TOOLS_URI {
        let known: Vec<_> = std::iter::once(TOOLS_URI).chain(offered(tools).map(|template| template.uri)).collect();
        return Err(ErrorData::resource_not_found(
            format!("there is no resource {}; there are: {}", shorten(&format!("{uri:?}")), known.join(", ")),
            Some(json!({"uri": uri})),
        ));
    }
    let contents = ResourceContents::text(tools::markdown(tools), TOOLS_URI).with_mime_type(MARKDOWN);
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_of_schedule_has_id_or_name() {
        let template = &TEMPLATES[0];
        for (uri, id) in [
            ("pagerduty://schedules/PABC123", Some("PABC123")),
            ("pagerduty://schedules/Payments%20primary", Some("Payments primary")),
            ("pagerduty://schedules/B%C3%BCro%2FNacht", Some("Büro/Nacht")),
            ("pagerduty://schedules/", None),
            ("pagerduty://schedules", None),
            ("pagerduty://schedules/P1/users", None),
            ("pagerduty://schedules/P1?x=1", None),
            ("pagerduty://schedules/P%1", None),
            ("pagerduty://schedules/P%+1", None),
            ("pagerduty://schedules/%FF", None),
            ("pagerduty://teams/P1", None),
        ] {
            assert_eq!(template.id(uri).as_deref(), id, "{uri}");
        }
    }
    #[test]
    fn uri_belongs_to_one_template() {
        for (uri, expected) in [
            ("pagerduty://incidents/42", "pagerduty-incident"),
            ("pagerduty://incidents/42/timeline", "pagerduty-incident-timeline"),
            ("pagerduty://services/Checkout%20API/dependencies", "pagerduty-service-dependencies"),
            ("pagerduty://incidents/42/notes", ""),
            ("pagerduty://incidents//timeline", ""),
        ] {
            let found: Vec<_> =
                TEMPLATES.iter().filter(|one| one.id(uri).is_some()).map(|template| template.name).collect();
            assert_eq!(found.concat(), expected, "{uri}");
        }
    }
}
