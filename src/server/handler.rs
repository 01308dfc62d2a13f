//! The server's answer to each MCP method.
//!
//! It is written by hand over the catalogue, without `rmcp`'s macros, which keep a second list of tools and announce `rmcp`
//! as the server. Methods of capabilities that are not announced (logging, subscriptions, and prompts and completions without
//! their tools) do not reach this module: `server::message` refuses them with -32601 and names the methods that are served.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult, CustomRequest,
    CustomResult, DiscoverResult, GetPromptRequestParams, GetPromptResponse, Implementation, InitializeRequestParams,
    InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::caching::{CACHE_SCOPE, TTL_MS};
use super::caller::Caller;
use super::convert::Style;
use super::offer::Offer;
use super::stdio::unanswered::{Held, Ticket};
use super::{completion, convert, elicit, encode, params, progress, prompts, resources};
use crate::auth::Origin;
use crate::clients::Client;
use crate::error::{Code, Error};
use crate::reply::Reply;
use crate::tools::{Asking, Door, Party, Toolbox};
use crate::trace::Trace;

/// The supported revisions, oldest first.
///
/// A client that sends `initialize` for another revision is offered 2025-11-25, the newest with `initialize`, and may
/// disconnect (2025-11-25, "Version Negotiation"). A request that names another revision in its `_meta` gets error -32022
/// with this list (2026-07-28, "Protocol Version").
///
/// The first two differ from 2025-06-18 in batches (2025-03-26), which no client is known to send and which are refused.
/// Clients of those revisions ignore the fields that they lack (`title`, `structuredContent`).
const REVISIONS: &[ProtocolVersion] = &[
    ProtocolVersion::V_2024_11_05,
    ProtocolVersion::V_2025_03_26,
    ProtocolVersion::V_2025_06_18,
    ProtocolVersion::V_2025_11_25,
    ProtocolVersion::V_2026_07_28,
];

/// The most characters of a client's name and version in the log.
const MAX_CLIENT_NAME: usize = 100;

/// The MCP server: answers for the tools of one [`Toolbox`], on any transport.
///
/// Cloning is cheap and clones share everything, so that a transport may take one for each request.
#[derive(Clone)]
pub struct Server(Arc<ServerState>);

/// The times of a call that the tool depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    /// The time the call arrived, if it may have waited since.
    pub arrived: Option<Instant>,
    /// Set if the client receives progress notifications while the call runs.
    pub is_reported: bool,
}

struct ServerState {
    toolbox: Arc<Toolbox>,
    /// The catalogue in `rmcp`'s types. It is built on first use, because the schemas cost as much as the rest of the
    /// start, and a client that only initializes does not need them.
    tools: OnceLock<Vec<Tool>>,
    /// Set until the server has connected to PagerDuty, which it does after its first answer.
    warms_up: AtomicBool,
}

impl Server {
    /// Creates a server for the tools of `toolbox`.
    #[must_use]
    pub fn new(toolbox: Arc<Toolbox>) -> Self {
        Self(Arc::new(ServerState { toolbox, tools: OnceLock::new(), warms_up: AtomicBool::new(false) }))
    }

    /// Returns the same server, which connects to PagerDuty while the client is still starting. The connection is opened
    /// after the first answer, which does not wait for it.
    #[must_use]
    pub fn warming_up(self) -> Self {
        self.0.warms_up.store(true, Ordering::Relaxed);
        self
    }

    fn warm_up(&self) {
        if self.0.warms_up.swap(false, Ordering::Relaxed) {
            let toolbox = Arc::clone(&self.0.toolbox);
            tokio::spawn(async move { toolbox.warm_up().await });
        }
    }

    /// Returns the toolbox for a request, which may narrow its tools over HTTP.
    fn toolbox<'a>(&'a self, caller: Option<&'a Caller>) -> &'a Toolbox {
        caller.and_then(|caller| caller.toolbox.as_ref()).unwrap_or(&self.0.toolbox)
    }

    /// Runs a tool for a client, which is `None` if the request does not name it.
    pub(super) async fn run(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        client: Option<Implementation>,
        caller: Option<&Caller>,
        timing: Timing,
        asking: Asking,
    ) -> Result<Reply, Error> {
        let client_name = |info: Implementation| format!("{} {}", info.name, info.version);
        let party = Party {
            asking,
            door: if caller.is_some() { Door::Http } else { Door::Stdio },
            origin: caller.map_or(Origin::Local, |caller| caller.origin.clone()),
            client: client.as_ref().and_then(|info| Client::named(&info.name)),
            client_name: client.map(|info| client_name(info).chars().take(MAX_CLIENT_NAME).collect()),
            place: caller.and_then(|caller| caller.permit.clone()),
            reader: caller.and_then(|caller| caller.reader.clone()),
            arrived: timing.arrived,
            is_impatient: !timing.is_reported,
        };
        let trace = caller.and_then(|caller| caller.trace.clone());
        // Boxed, because each of the layers above would hold it twice.
        Trace::scope(trace, Box::pin(self.toolbox(caller).call_for(party, name, arguments))).await
    }

    /// Returns the form of answers to a client.
    pub(super) fn style(&self, client: Option<&Implementation>, caller: Option<&Caller>) -> Style {
        Style::of(self.toolbox(caller), client.and_then(|info| Client::named(&info.name)))
    }

    /// Returns the answer to a call.
    pub(super) fn answer(
        &self,
        outcome: Result<Reply, Error>,
        style: Style,
        caller: Option<&Caller>,
    ) -> Result<CallToolResult, ErrorData> {
        match outcome {
            Ok(reply) => Ok(convert::reply(reply, style)),
            Err(error) => convert::error(&error, self.toolbox(caller).tools(), style),
        }
    }

    /// Returns the capabilities of the server.
    pub(super) fn offer(&self) -> Offer {
        Offer::of(&self.0.toolbox)
    }

    fn tools(&self) -> &[Tool] {
        self.0.tools.get_or_init(|| self.0.toolbox.tools().iter().map(|tool| convert::tool(tool)).collect())
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let toolbox = &self.0.toolbox;
        convert::info(toolbox.label(), toolbox.tools(), &toolbox.instructions(), self.offer())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(REVISIONS)
    }

    /// `initialize` (2025-11-25, "Lifecycle"): opens a session of the older revisions.
    ///
    /// `rmcp` would store the requested revision, which determines the form of every later answer. The negotiated one must
    /// determine it.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request.with_protocol_version(result.protocol_version.clone()));
        Ok(result)
    }

    /// `notifications/initialized`: the client has its answer, and lists the tools next.
    async fn on_initialized(&self, _context: NotificationContext<RoleServer>) {
        self.warm_up();
    }

    /// `server/discover` (2026-07-28, "Discovery"): the server's name and capabilities, without a session.
    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        Ok(DiscoverResult::from_server_info(REVISIONS.to_vec(), self.get_info())
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CACHE_SCOPE))
    }

    /// `tools/list` (all revisions, "Tools", "Listing Tools"): the whole list, in the catalogue's order.
    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        params::refuse_cursor(request.as_ref())?;
        // Clients of 2026-07-28 send no `notifications/initialized`.
        self.warm_up();
        let offered = self.toolbox(Caller::from_context(&context)).tools();
        let is_offered = |tool: &&Tool| offered.iter().any(|one| one.name == tool.name);
        let tools = self.tools().iter().filter(is_offered).cloned().collect();
        Ok(ListToolsResult::with_all_items(tools).with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE))
    }

    /// Returns the tool of this name. `rmcp` checks HTTP headers against its schema.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools().iter().find(|tool| tool.name == name).cloned()
    }

    /// `tools/call` (all revisions, "Tools", "Calling Tools").
    ///
    /// When the client withdraws the request (by `notifications/cancelled`, by closing the HTTP connection or by ending the
    /// session), the call's future is dropped together with its requests to PagerDuty. A change that was sent is the
    /// exception and runs to its end (`tools/change.rs`). `rmcp` sends no answer then.
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = Caller::from_context(&context);
        let client = Caller::client(&context);
        let style = self.style(client.as_ref(), caller);
        let ticket = context.extensions.get::<Ticket>();
        let arrived = ticket.map(Ticket::arrived);
        let timing = Timing { arrived, is_reported: progress::token(&context).is_some() };
        let toolbox = self.toolbox(caller);
        let asking = if toolbox.asks_before(&request.name) {
            elicit::asking(&request, &context, caller, toolbox.confirmation().wait)
        } else {
            Asking::default()
        };
        let call = self.run(&request.name, request.arguments.unwrap_or_default(), client, caller, timing, asking);
        let mut outcome = tokio::select! {
            biased;
            () = context.ct.cancelled() => Err(Error::new(Code::Cancelled, "the client withdrew the call")),
            outcome = progress::reported(&context, call) => outcome,
        };
        if let Some(question) = outcome.as_mut().ok().and_then(Reply::take_question) {
            return Ok(elicit::input_required(question).into());
        }
        let result = match (outcome, ticket) {
            (Ok(mut reply), Some(ticket)) => {
                let share = reply.take_share();
                let (result, text) = convert::reply_apart(reply, style);
                ticket.hold(Held { share, text });
                result
            }
            (outcome, _) => self.answer(outcome, style, caller)?,
        };
        // Over HTTP, `rmcp` writes the result.
        Ok(if caller.is_some() { encode::expanded(result) } else { result }.into())
    }

    /// `resources/list` (all revisions, "Resources", "Listing Resources").
    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        params::refuse_cursor(request.as_ref())?;
        Ok(resources::list())
    }

    /// `resources/templates/list` (all revisions, "Resources", "Resource Templates").
    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        params::refuse_cursor(request.as_ref())?;
        Ok(resources::templates(self.toolbox(Caller::from_context(&context)).tools()))
    }

    /// `resources/read` (all revisions, "Resources", "Reading Resources").
    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (uri, caller) = (&request.uri, Caller::from_context(&context));
        let tools = self.toolbox(caller).tools();
        let Some((tool, arguments)) = resources::call(uri, tools) else {
            return resources::read(uri, tools).map(Into::into);
        };
        let call = self.run(tool, arguments, Caller::client(&context), caller, Timing::default(), Asking::default());
        let outcome = tokio::select! {
            biased;
            () = context.ct.cancelled() => Err(Error::new(Code::Cancelled, "the client withdrew the request")),
            outcome = call => outcome,
        };
        resources::answer(uri, outcome).map(Into::into)
    }

    /// `prompts/list` (all revisions, "Prompts", "Listing Prompts").
    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        params::refuse_cursor(request.as_ref())?;
        Ok(prompts::list(self.toolbox(Caller::from_context(&context)).tools()))
    }

    /// `prompts/get` (all revisions, "Prompts", "Getting a Prompt").
    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request, self.toolbox(Caller::from_context(&context)).tools()).map(Into::into)
    }

    /// `completion/complete` (all revisions, "Completion").
    ///
    /// A completion that is not available in time is an empty one, because it only helps a person who types.
    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let caller = Caller::from_context(&context);
        let toolbox = self.toolbox(caller);
        let subject = completion::subject(&request, toolbox.tools())?;
        let origin = caller.map_or(Origin::Local, |caller| caller.origin.clone());
        let trace = caller.and_then(|caller| caller.trace.clone());
        let values = Trace::scope(trace, subject.values(toolbox, &origin, &request.argument.value));
        tokio::select! {
            biased;
            () = context.ct.cancelled() => Ok(CompleteResult::default()),
            values = values => Ok(completion::answer(values)),
        }
    }

    /// Answers messages that `rmcp` could not parse: methods with wrong parameters, which it would answer with -32601. Over
    /// stdio they do not reach this function, see `server::message`.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(params::explain(&request.method, request.params.as_ref(), self.offer()))
    }
}
