//! A list as a stream of pages, for programs. Each page is a separate call, made on demand.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use pagerduty_api::MAX_PAGE;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{CallOptions, Toolbox};
use crate::config::Format;
use crate::error::Result;
use crate::params::{self, Limit, Offset};
use crate::reply::Written;

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
    /// The JSON of the list of rows, as in the envelope.
    pub rows: String,
    /// The envelope's warnings.
    pub warnings: Vec<Value>,
}

/// The metadata of an envelope.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    next_offset: Option<usize>,
    warnings: Vec<Value>,
}

/// A row.
#[derive(Deserialize)]
struct Id<'j> {
    #[serde(borrow, default)]
    id: Option<&'j RawValue>,
}

/// Parses a part of an answer. Returns `None` if it is missing or of another type.
fn parse<'j, T: Deserialize<'j>>(part: Option<&'j RawValue>) -> Option<T> {
    serde_json::from_str(part?.get()).ok()
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
        let reply = toolbox.call_on(options, &self.tool, arguments).await?;
        let Written::Json(json) = reply.write(Format::Json) else { return Ok(None) };
        // The rows stay text: only their IDs are read.
        let mut envelope: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(&json).unwrap_or_default();
        let metadata: Metadata = parse(envelope.remove("metadata")).unwrap_or_default();
        let Some(mut rows): Option<Vec<&RawValue>> = parse(envelope.into_values().next()) else { return Ok(None) };
        self.offset = metadata.next_offset;
        rows.retain(|row| {
            let id = parse::<Id<'_>>(Some(*row)).and_then(|row| parse::<String>(row.id));
            id.is_none_or(|id| self.seen.insert(id))
        });
        self.left = self.left.map(|left| left - rows.len().min(left));
        let rows = format!("[{}]", rows.iter().map(|row| row.get()).collect::<Vec<_>>().join(","));
        let warnings = metadata.warnings;
        Ok(Some(Page { rows, warnings }))
    }
}
