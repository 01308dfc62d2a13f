//! A list as a stream of pages, for programs. Each page is a separate call, made on demand.

use std::collections::HashSet;

use pagerduty_api::MAX_PAGE;
use serde_json::{Map, Value};

use super::{CallOptions, Toolbox};
use crate::error::Result;
use crate::params::{self, Limit, Offset};

/// A list that is being read.
#[derive(Debug)]
pub struct Pages {
    tool: String,
    arguments: Map<String, Value>,
    /// The number of rows that remain to be read; `None` is all.
    left: Option<usize>,
    /// The offset of the next page; `None` after the last one.
    offset: Option<usize>,
    /// The IDs of earlier rows: a list that moves repeats a row on the next page. Rows without an ID are never dropped.
    seen: HashSet<String>,
}

/// Some rows of a list.
#[derive(Debug)]
pub struct Page {
    /// The rows, as in the envelope.
    pub rows: Vec<Value>,
    /// The envelope's warnings.
    pub warnings: Vec<Value>,
}

impl Pages {
    /// Returns the list of a tool. The `limit` and `offset` in `arguments` are those of the whole stream.
    pub fn new(tool: impl Into<String>, mut arguments: Map<String, Value>) -> Result<Self> {
        let left = params::read::<Option<Limit>>(&arguments, "limit")?.map(Limit::get);
        let offset = params::read::<Option<Offset>>(&arguments, "offset")?.map_or(0, Offset::get);
        arguments.remove("limit");
        arguments.remove("offset");
        Ok(Self { tool: tool.into(), arguments, left, offset: Some(offset), seen: HashSet::new() })
    }

    /// Returns the next page, or `None` after the last one. After an error or a drop, the next call returns the same page.
    pub async fn next(&mut self, toolbox: &Toolbox, options: CallOptions) -> Result<Option<Page>> {
        let size = self.left.map_or(MAX_PAGE, |left| left.min(MAX_PAGE));
        let Some(offset) = self.offset.filter(|_| size > 0) else { return Ok(None) };
        let mut arguments = self.arguments.clone();
        arguments.insert("limit".into(), size.into());
        arguments.insert("offset".into(), offset.into());
        let Value::Object(mut envelope) = toolbox.call_on(options, &self.tool, arguments).await?.into_value() else {
            return Ok(None);
        };
        let mut metadata = envelope.remove("metadata").unwrap_or_default();
        let rows = envelope.into_iter().next().map_or(Value::Null, |(_, rows)| rows);
        let Value::Array(mut rows) = rows else { return Ok(None) };
        self.offset = metadata.get("next_offset").and_then(Value::as_u64).and_then(|next| usize::try_from(next).ok());
        rows.retain(|row| {
            let id = row.get("id").and_then(Value::as_str);
            id.is_none_or(|id| self.seen.insert(id.to_owned()))
        });
        self.left = self.left.map(|left| left - rows.len().min(left));
        let warnings = match metadata.get_mut("warnings").map(Value::take) {
            Some(Value::Array(warnings)) => warnings,
            _ => Vec::new(),
        };
        Ok(Some(Page { rows, warnings }))
    }
}
