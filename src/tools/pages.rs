//! A list as a stream of pages, for programs: each page is a call of its own, made when it is asked for.

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
    /// How many rows are still wanted; `None` is all there are.
    left: Option<usize>,
    /// Where the next page starts; `None` after the last one.
    offset: Option<usize>,
    /// The IDs that were given, since a list that moves shows a row again on the next page. Rows without one, because
    /// `include` leaves it out or because there is none, are all given.
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
    /// The list that `tool` gives for `arguments`, whose `limit` and `offset` are those of the whole stream.
    pub fn new(tool: impl Into<String>, mut arguments: Map<String, Value>) -> Result<Self> {
        let left = params::read::<Option<Limit>>(&arguments, "limit")?.map(Limit::get);
        let offset = params::read::<Option<Offset>>(&arguments, "offset")?.map_or(0, Offset::get);
        arguments.remove("limit");
        arguments.remove("offset");
        Ok(Self { tool: tool.into(), arguments, left, offset: Some(offset), seen: HashSet::new() })
    }

    /// The next page, or `None` after the last one. After an error or when dropped, the same page comes the next time.
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
