//! The resources: one document, `docs://tools`, with the documentation of the tools as Markdown.
//!
//! Reading it is optional. The tool list alone must be enough, because few clients show resources to the model; so it
//! contains nothing that is needed and missing in the tools' descriptions.

use rmcp::ErrorData;
use rmcp::model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents};
use serde_json::json;

use super::caching::{CACHE_SCOPE, TTL_MS};
use crate::tools::{self, Tool};

const TOOLS_URI: &str = "docs://tools";

/// Some clients offer each resource to the model as a tool of this name, so it must not look like a tool that lists
/// tools. It has only letters and hyphens, because model APIs refuse other tool names.
const NAME: &str = "pagerduty-tool-documentation";

const MARKDOWN: &str = "text/markdown";

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
        return Err(ErrorData::resource_not_found(
            format!("there is no resource {uri:?}; the only one is {TOOLS_URI}"),
            Some(json!({"uri": uri})),
        ));
    }
    let contents = ResourceContents::text(tools::markdown(tools), TOOLS_URI).with_mime_type(MARKDOWN);
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE))
}
