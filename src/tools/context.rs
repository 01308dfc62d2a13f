//! The caller of a tool, the options of a call, and the means with which a tool works.

use std::any::Any;
use std::sync::{Arc, Weak};

use pagerduty_api::Resource;
use pagerduty_rows::object::Object;
use tokio::time::{Instant, timeout_at};

use super::Asking;
use crate::auth::Origin;
use crate::budget::Budget;
use crate::client::{Api, Query};
use crate::clients::{self, Size};
use crate::config::Format;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Listed, Model, Readable, Shape};
use crate::pagination::{ListRequest, Listing};
use crate::params::{Extras, Include, Limit, Offset};
use crate::reply::Reply;

/// The way in which a call arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// MCP over standard input and output.
    Stdio,
    /// MCP over HTTP.
    Http,
    /// The command line.
    CommandLine,
    /// A program in the same process, which is Python.
    #[default]
    Python,
}

impl Door {
    /// Returns the name for the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
            Self::CommandLine => "command_line",
            Self::Python => "python",
        }
    }
}

/// The caller of a tool.
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// The way in which the call arrives.
    pub door: Door,
    /// The way to the person who confirms changes.
    pub asking: Asking,
    /// The source of the call.
    pub origin: Origin,
    /// The known properties of the client, if it is a known one.
    pub client: Option<&'static clients::Client>,
    /// The client's own name, for the log.
    pub client_name: Option<String>,
    /// A value that is held until the call has ended, even if its caller has stopped waiting.
    pub place: Option<Arc<dyn Any + Send + Sync>>,
    /// The time the call arrived, if it may have waited since.
    pub arrived: Option<Instant>,
    /// Set if the client may stop waiting for an answer that takes longer than a minute: it gets no progress notifications.
    pub is_impatient: bool,
    /// A reference that is dropped when the answer can no longer reach the client, if that can be seen. In a session a
    /// call runs on after that.
    pub reader: Option<Weak<()>>,
}

impl Party {
    /// Returns whether the answer can no longer reach the client.
    pub(super) fn is_gone(&self) -> bool {
        self.reader.as_ref().is_some_and(|reader| reader.strong_count() == 0)
    }
}

/// The options of a call: those of a model, or those of a program, which has other means to protect itself.
#[derive(Clone, Copy, Debug)]
pub struct CallOptions {
    /// The budget of the answer in tokens; `None` is no limit.
    pub max_tokens: Option<usize>,
    /// The size that the client shows whole, if it is known and applies.
    pub shows: Option<Size>,
    /// The format of the answer.
    pub format: Format,
    /// Whether a list without the user's context and without a filter is the whole account, and not a mistake.
    pub whole_account: bool,
}

/// The means with which a tool works during one call.
#[derive(Clone, Debug)]
pub struct Context {
    /// The API in the name of the call's credential.
    pub api: Api,
    /// The options of the call.
    pub options: CallOptions,
    /// The time until which the call may wait for an event.
    pub waits_until: Instant,
}

impl Context {
    /// Returns the budget of the answer.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget::of(self.options.max_tokens).within(self.options.shows)
    }

    /// Returns one object, read by its ID. `shorten` is the way to a smaller one.
    pub async fn show<M: Readable, X: Extras>(
        &self,
        id: &Id<M>,
        query: Query,
        include: &Include<M, X>,
        shorten: &str,
    ) -> Result<Reply> {
        let row = self.api.one(id, query, &include.selection()).await?;
        Ok(self.object(M::RESOURCE, row.shown, include, Shape::One, shorten))
    }

    /// Returns a list. `narrow` names the parameters that make it shorter.
    pub async fn list<M: Listed, X: Extras>(
        &self,
        query: Query,
        want: ListRequest,
        include: &Include<M, X>,
        narrow: &str,
    ) -> Result<Reply> {
        let listing = self.api.list::<M>(query, want, &include.selection()).await?;
        Ok(listed(M::RESOURCE, listing, include, narrow))
    }

    /// Returns the answer with one object.
    pub(super) fn object<M: Model, X: Extras>(
        &self,
        resource: &'static Resource,
        row: Object,
        include: &Include<M, X>,
        shape: Shape,
        shorten: &str,
    ) -> Reply {
        let warnings = include.warnings(shape, std::iter::once(&row));
        Reply::one(resource, row, self.budget(), shorten).warned(warnings)
    }

    /// Returns an answer, with the names similar to the searched text if it is a list without rows.
    pub(super) async fn with_similar(
        &self,
        reply: Reply,
        resource: &'static Resource,
        searched: Option<&str>,
    ) -> Reply {
        let Some(text) = searched.filter(|_| reply.is_empty()) else { return reply };
        let near = timeout_at(self.api.grace(), self.api.similar(resource, text)).await.unwrap_or_default();
        let names: Vec<_> = near.iter().map(|(_, object)| object.describe()).collect();
        let many = resource.many.replace('_', " ");
        reply.warned(
            (!near.is_empty()).then(|| format!("The account has {many} with similar names: {}.", names.join("; "))),
        )
    }

    /// Returns the answer with rows that a tool composes. `narrow` names the parameters that make it shorter.
    pub(super) fn composed(&self, resource: &'static Resource, rows: Vec<Object>, narrow: &str) -> Reply {
        Reply::composed(resource, rows, self.budget().for_list(self.options.format), narrow)
    }

    /// Returns the part of a list to fetch.
    #[must_use]
    pub fn want(&self, limit: Option<Limit>, offset: Option<Offset>) -> ListRequest {
        ListRequest {
            limit: limit.map_or(Limit::DEFAULT, Limit::get),
            offset: offset.map_or(0, Offset::get),
            budget: self.budget().for_list(self.options.format),
        }
    }
}

/// Returns the answer with a list.
pub(super) fn listed<M: Model, X: Extras>(
    resource: &'static Resource,
    listing: Listing<M>,
    include: &Include<M, X>,
    narrow: &str,
) -> Reply {
    let warnings = include.warnings(Shape::List, listing.rows.iter().map(|row| &row.shown));
    Reply::list(resource, listing, narrow).warned(warnings)
}
