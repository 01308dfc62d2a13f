//! The types of the table.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The types of members or parameters, by name. A name that ends in `*` is required.
///
/// A type is `string`, `integer`, `number`, `boolean`, `time` (ISO 8601), `any`, the allowed values (`low|high`), a list of a
/// type (`[string]`), or an object type (`#12`).
pub type Members = BTreeMap<&'static str, &'static str>;

/// An operation of PagerDuty's REST API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// PagerDuty's name of it: `listTeams`.
    pub id: &'static str,
    /// The HTTP method: `GET`.
    pub method: &'static str,
    /// The path, with placeholders: `/teams/{id}`.
    pub path: &'static str,
    /// Its effect: "List the teams".
    pub does: &'static str,
    /// Other words by which it is found.
    #[serde(default)]
    pub words: &'static str,
    /// The envelope key of an answer, if it has exactly one.
    pub key: Option<&'static str>,
    /// How the pages of a list are requested, if it has pages.
    pub paging: Option<Paging>,
    /// The query parameters.
    #[serde(default)]
    pub query: Members,
    /// The placeholders that have few allowed values.
    #[serde(default)]
    pub at: Members,
    /// The headers that the operation requires, with their values.
    #[serde(default)]
    pub headers: BTreeMap<&'static str, &'static str>,
    /// Whether a request names its author.
    #[serde(default)]
    pub from: bool,
    /// The OAuth scopes that a token needs, where PagerDuty names any.
    #[serde(default)]
    pub scopes: Vec<&'static str>,
    /// The type of the body, if it is JSON.
    pub body: Option<&'static str>,
    /// The media type of a body that is not JSON.
    pub media: Option<&'static str>,
    /// Whether it makes PagerDuty act although it is a GET.
    #[serde(default)]
    pub acts: bool,
    /// Whether PagerDuty advises against it.
    #[serde(default)]
    pub deprecated: bool,
}

/// How the pages of a list are requested. <https://developer.pagerduty.com/docs/pagination>
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Paging {
    /// By `limit` and `offset`.
    Offset,
    /// By `limit` and `cursor`.
    Cursor,
    /// By `limit` and `after`.
    After,
}

impl Operation {
    /// Returns whether it changes nothing and has no other effect.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.method == "GET" && !self.acts
    }

    /// Returns the names of the path's placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }
}
