//! What the server answers to each MCP method.
//!
//! Written by hand over our own catalogue, without `rmcp`'s macros: those keep a second list of tools and announce `rmcp`
//! as the server. Methods of capabilities that we do not announce (prompts, completion, logging, subscriptions) do not
//! reach this module: `server::message` refuses them with -32601 and says what is served.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, DiscoverResult,
    InitializeRequestParams, InitializeResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tracing::Instrument;

use super::convert::Style;
use super::http::Caller;
use super::{convert, params, progress, resources};
use crate::auth::Origin;
use crate::clients::Client;
use crate::error::{Code, Error};
use crate::tools::{Party, Toolbox};
use crate::trace::Trace;

/// The revisions we speak, oldest first. A client that asks `initialize` for any other is offered 2025-11-25, the newest
/// that has an `initialize`, and may leave if it does not like it (2025-11-25, "Version Negotiation"); a request that
/// names another in its `_meta` is answered -32022 with this list (2026-07-28, "Protocol Version").
///
/// The first two differ from 2025-06-18 in additional features: batches (2025-03-26), which no client is known to send
/// and which are refused. Fields of our answers that those revisions lack (`title`, `structuredContent`) are ignored by
/// their clients.
const REVISIONS: &[ProtocolVersion] = &[
    ProtocolVersion::V_2024_11_05,
    ProtocolVersion::V_2025_03_26,
    ProtocolVersion::V_2025_06_18,
    ProtocolVersion::V_2025_11_25,
    ProtocolVersion::V_2026_07_28,
];

/// How long clients may keep a list or a resource without asking again (2026-07-28, "Caching"). What we list is fixed when
/// the process starts; the five minutes are for a server restarted behind the same address with other options.
pub(super) const TTL_MS: u64 = 5 * 60 * 1000;

/// Who may keep it. Not `public`: a request over HTTP may leave itself fewer tools, and a cache in between must not hand out
/// its list to others, nor that of a server that was started with `--read-only` in place of another's.
pub(super) const CACHE_SCOPE: CacheScope = CacheScope::Private;

/// The most characters of a client's name and version that are logged.
const LONGEST_CLIENT: usize = 100;

/// The MCP server: answers for the tools of one [`Toolbox`], on any transport.
///
/// Cloning is cheap and clones share everything, so that a transport may take one for each request.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

struct Shared {
    toolbox: Arc<Toolbox>,
    /// The catalogue as `rmcp` wants it. Built when first asked for, because the schemas cost as much as the whole rest of
    /// the start-up, and a client that is only initializing does not need them.
    tools: OnceLock<Vec<Tool>>,
    /// Whether to connect to PagerDuty once the client has been answered for the first time.
    warms_up: AtomicBool,
}

impl Server {
    /// A server for the tools of `toolbox`. Does no work yet.
    #[must_use]
    pub fn new(toolbox: Arc<Toolbox>) -> Self {
        Self(Arc::new(Shared { toolbox, tools: OnceLock::new(), warms_up: AtomicBool::new(false) }))
    }

    /// The same, and it connects to PagerDuty while the client is still setting itself up. Never before the first answer,
    /// which does not wait for it.
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

    /// The toolbox for a request: over HTTP one may leave itself fewer tools.
    fn toolbox<'a>(&'a self, context: &'a RequestContext<RoleServer>) -> &'a Toolbox {
        caller(context).and_then(|caller| caller.toolbox.as_ref()).unwrap_or(&self.0.toolbox)
    }

    fn tools(&self) -> &[Tool] {
        self.0.tools.get_or_init(|| self.0.toolbox.tools().iter().map(|tool| convert::tool(tool)).collect())
    }
}

/// Who sent a request, if it came over HTTP.
pub(super) fn caller(context: &RequestContext<RoleServer>) -> Option<&Caller> {
    context.extensions.get::<Parts>()?.extensions.get()
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        convert::info(self.0.toolbox.label(), &self.0.toolbox.instructions())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(REVISIONS)
    }

    /// `initialize` (2025-11-25, "Lifecycle"): opens a session of the older revisions.
    ///
    /// `rmcp` would remember the revision that was asked for, and shapes every later answer by it. What counts is the one
    /// that was agreed on.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let result = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request.with_protocol_version(result.protocol_version.clone()));
        Ok(result)
    }

    /// `notifications/initialized`: the client has its answer, and is going to list the tools next.
    async fn on_initialized(&self, _context: NotificationContext<RoleServer>) {
        self.warm_up();
    }

    /// `server/discover` (2026-07-28, "Discovery"): who we are, without a session.
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
        // Clients of 2026-07-28 do not say that they are initialized.
        self.warm_up();
        let offered = self.toolbox(&context).tools();
        let is_offered = |tool: &&Tool| offered.iter().any(|one| one.name == tool.name);
        let tools = self.tools().iter().filter(is_offered).cloned().collect();
        Ok(ListToolsResult::with_all_items(tools).with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE))
    }

    /// The one tool of that name. `rmcp` asks for it to check HTTP headers against a tool's schema.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools().iter().find(|tool| tool.name == name).cloned()
    }

    /// `tools/call` (all revisions, "Tools", "Calling Tools").
    ///
    /// When the client withdraws the request (a `notifications/cancelled`, a closed HTTP connection, the end of the
    /// session) the call's future is dropped, and its HTTP requests to PagerDuty with it, except for a change that was sent:
    /// that runs to its end (`tools/change.rs`). `rmcp` sends no answer then.
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let toolbox = self.toolbox(&context);
        let info = context.client_info();
        let client = info.as_ref().and_then(|info| Client::named(&info.name));
        let party = Party {
            origin: caller(&context).map_or(Origin::Local, |caller| caller.origin.clone()),
            client,
            client_name: info
                .map(|info| format!("{} {}", info.name, info.version).chars().take(LONGEST_CLIENT).collect()),
            place: caller(&context).and_then(|caller| caller.permit.clone()).map(|permit| permit as _),
            reader: caller(&context).and_then(|caller| caller.reader.clone()),
        };
        let trace = caller(&context).and_then(|caller| caller.trace.clone());
        let span = Trace::span(trace.as_ref());
        let arguments = request.arguments.unwrap_or_default();
        let call = async {
            let call = toolbox.call_for(party, &request.name, arguments);
            match trace {
                Some(trace) => trace.around(call).await,
                None => call.await,
            }
        };
        let call = progress::reported(&context, call.instrument(span));
        let outcome = tokio::select! {
            biased;
            () = context.ct.cancelled() => Err(Error::new(Code::Cancelled, "the client withdrew the call")),
            outcome = call => outcome,
        };
        let style = Style::of(toolbox, client);
        match outcome {
            Ok(reply) => Ok(convert::reply(reply, style).into()),
            Err(error) => convert::error(&error, toolbox.tools(), style).map(Into::into),
        }
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

    /// `resources/templates/list` (all revisions, "Resources", "Resource Templates"): there are none.
    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        params::refuse_cursor(request.as_ref())?;
        Ok(ListResourceTemplatesResult::default().with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE))
    }

    /// `resources/read` (all revisions, "Resources", "Reading Resources").
    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&request.uri, self.toolbox(&context).tools()).map(Into::into)
    }

    /// Answers everything that `rmcp` could not parse: methods with unsuitable parameters, which it would answer with
    /// -32601. Over stdio they do not reach this function, see `server::message`.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(params::explain(&request.method, request.params.as_ref()))
    }
}
