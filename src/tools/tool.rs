//! The type of a tool.

use std::future::Future;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};
use pagerduty_api::{Effect, Operation};
use serde_json::{Map, Value};

use super::Context;
use super::resolve::{Lookups, PENDING};
use crate::client::directory;
use crate::error::Result;
use crate::params::{self, Declaration, Params};
use crate::reply::Reply;

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
    /// The operations of PagerDuty's API that it may use. Each call needs the first one; the others belong to some
    /// parameters, or find out about a request without a response.
    pub operations: &'static [&'static Operation],
    /// Whether its effect cannot be undone by another tool.
    pub destructive: bool,
    /// Whether it comes before the tools of all toolsets.
    pub leads: bool,
    /// Whether it sends any operation that changes something, beside those that it names.
    pub changes_anything: bool,
    /// The longest time that a call waits for an event before its time limit begins, if it waits for events at all.
    pub waits: Option<Duration>,
    /// The parameters.
    pub params: &'static [Declaration],
    /// Checks the arguments of a call as far as that is possible without a request.
    pub(super) check: fn(&Map<String, Value>) -> Result<()>,
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
    pub(super) const fn new<P: Params>(
        name: &'static str,
        about: About,
        operations: &'static [&'static Operation],
        run: Run,
    ) -> Self {
        let About { title, description, hint } = about;
        let (destructive, leads, changes_anything, waits) = (false, false, false, None);
        let (params, check) = (P::DECLARATIONS, check::<P>);
        Self {
            name,
            title,
            description,
            hint,
            operations,
            destructive,
            leads,
            changes_anything,
            waits,
            params,
            check,
            run,
        }
    }

    /// Returns the same tool with an effect that cannot be undone.
    pub(super) const fn destructive(self) -> Self {
        Self { destructive: true, ..self }
    }

    /// Returns the same tool, which sends any operation that changes something.
    pub(super) const fn changing_anything(self) -> Self {
        Self { changes_anything: true, ..self }
    }

    /// Returns the same tool in front of those of all toolsets.
    pub(super) const fn leading(self) -> Self {
        Self { leads: true, ..self }
    }

    /// Returns the same tool, whose calls wait for events at most this long.
    pub(super) const fn waiting(self, longest: Duration) -> Self {
        Self { waits: Some(longest), ..self }
    }

    /// Returns whether the tool changes nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        !self.changes_anything && self.operations.iter().all(|operation| operation.effect.is_read())
    }

    /// Returns whether calling the tool twice is the same as calling it once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        !self.changes_anything && self.operations.iter().all(|operation| operation.effect != Effect::Once)
    }

    /// Returns the noun of what the tool changes, if it changes something.
    #[must_use]
    pub fn changes(&self) -> Option<&'static str> {
        let write = self.operations.iter().find(|operation| !operation.effect.is_read());
        write.map(|operation| operation.resource.noun)
    }

    /// Returns the OAuth scopes that every call needs, and further ones that some calls need.
    #[must_use]
    pub fn scopes(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let needed = self.operations.first().map_or(&[][..], |operation| operation.scopes).to_vec();
        let mut further: Vec<_> =
            self.operations.iter().chain(self.lookups()).flat_map(|operation| operation.scopes).copied().collect();
        further.sort_unstable();
        further.dedup();
        further.retain(|scope| !needed.contains(scope));
        (needed, further)
    }

    /// Returns the operations that look up names in the arguments.
    pub fn lookups(&self) -> impl Iterator<Item = &'static &'static Operation> {
        let resources = self.params.iter().filter_map(|declaration| declaration.form.resource());
        resources.flat_map(directory::operations)
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

/// Checks all arguments but the names in the places of IDs.
fn check<P: Params>(arguments: &Map<String, Value>) -> Result<()> {
    P::decode(&params::with_ids(arguments, P::DECLARATIONS, |_| Some(PENDING.to_owned()))).map(drop)
}

/// Decodes the arguments and runs the function of a tool.
///
/// Names in the places of IDs are looked up first. Before that, all other arguments are checked.
pub(super) fn run<P, F, Fut>(cx: Context, arguments: &Map<String, Value>, tool: F) -> BoxFuture<'static, Result<Reply>>
where
    P: Params,
    F: FnOnce(Context, P) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Reply>> + Send + 'static,
{
    let remarks = params::remarks(arguments, P::DECLARATIONS);
    let lookups = Lookups::of(arguments, P::DECLARATIONS);
    if lookups.is_empty() {
        return match P::decode(arguments) {
            Ok(params) => {
                // An `async` block would hold the future twice.
                tool(cx, params).map_ok(|reply| reply.warned(remarks)).boxed()
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        };
    }
    if let Err(error) = check::<P>(arguments) {
        return Box::pin(std::future::ready(Err(error)));
    }
    let arguments = arguments.clone();
    Box::pin(async move {
        lookups.check_before(&cx).await?;
        let (arguments, found) = lookups.resolve(&cx, &arguments, P::DECLARATIONS).await?;
        let outcome = tool(cx.clone(), P::decode(&arguments)?).await;
        Ok(lookups.check_after(&cx, outcome).await?.warned(remarks).warned(found))
    })
}
