//! The type of a tool.

use std::future::Future;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::Context;
use crate::error::Result;
use crate::params::{self, Declaration, Params};
use crate::reply::Reply;

/// The effect of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It adds or changes something that can be changed back.
    Write,
    /// It ends something, and no other call can undo that.
    Destructive,
}

/// A tool as a value.
pub struct Tool {
    /// The name by which it is called. Renaming a tool breaks prompts.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The purpose, for a model that has never seen PagerDuty. It is sent with every request, so it has few words.
    pub description: &'static str,
    /// Words that describe its purpose, for clients that search tools by such words. The model never sees them.
    pub hint: &'static str,
    /// The effect.
    pub access: Access,
    /// Whether calling it twice is the same as calling it once.
    pub idempotent: bool,
    /// Whether it comes before the tools of all toolsets.
    pub leads: bool,
    /// The parameters.
    pub params: &'static [Declaration],
    pub(super) run: Run,
}

pub(super) type Run = fn(Context, &Map<String, Value>) -> BoxFuture<'static, Result<Reply>>;

/// The texts of a tool.
#[derive(Clone, Copy)]
pub(super) struct About {
    pub title: &'static str,
    pub description: &'static str,
    pub hint: &'static str,
}

impl Tool {
    /// Returns a tool that only reads.
    pub(super) const fn read<P: Params>(name: &'static str, about: About, run: Run) -> Self {
        Self::new::<P>(name, about, Access::Read, true, run)
    }

    pub(super) const fn new<P: Params>(
        name: &'static str,
        about: About,
        access: Access,
        idempotent: bool,
        run: Run,
    ) -> Self {
        let About { title, description, hint } = about;
        Self { name, title, description, hint, access, idempotent, leads: false, params: P::DECLARATIONS, run }
    }

    /// Returns the same tool in front of those of all toolsets.
    pub(super) const fn leading(self) -> Self {
        Self { leads: true, ..self }
    }

    /// Returns whether the tool changes nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.access == Access::Read
    }

    /// Returns whether the effect of the tool cannot be undone.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.access == Access::Destructive
    }

    /// Returns the JSON Schema of the arguments.
    #[must_use]
    pub fn input_schema(&self) -> Map<String, Value> {
        params::schema(self.params)
    }

    /// Requires a parameter that the schema leaves optional: without an ID, a query for one object would be a query for
    /// all.
    pub fn require(&self, arguments: &Map<String, Value>, name: &str) -> Result<()> {
        params::require(arguments, self.params, name)
    }
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Decodes the arguments and runs the function of a tool.
pub(super) fn run<P, F, Fut>(cx: Context, arguments: &Map<String, Value>, tool: F) -> BoxFuture<'static, Result<Reply>>
where
    P: Params,
    F: FnOnce(Context, P) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Reply>> + Send + 'static,
{
    let remarks = params::remarks(arguments, P::DECLARATIONS);
    match P::decode(arguments) {
        Ok(params) => {
            let reply = tool(cx, params);
            Box::pin(async { Ok(reply.await?.warned(remarks)) })
        }
        Err(error) => Box::pin(std::future::ready(Err(error))),
    }
}
