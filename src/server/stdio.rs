//! MCP over lines of JSON (all revisions, "Transports", "stdio"): one message a line in, one message a line out.
//!
//! `rmcp` has this transport too. This one differs in how it treats unusual clients, scripts and shells: no input ends the
//! session, every request is answered, and requests received before the end of input are answered before the session ends,
//! so `printf '…' | pagerduty-mcp-server` prints all its answers. Reads get some seconds for that, and a change gets the time
//! that a call may take.
//!
//! `rmcp`'s opening handshake is skipped for the same reason: it ends the process when a notification arrives too early.
//! Two rules in [`Transport::receive`] below replace it.

mod hangup;
mod output;
#[cfg(test)]
mod tests;
pub(super) mod unanswered;

use std::collections::{HashSet, VecDeque};
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetExtensions, GetMeta, JsonRpcError, JsonRpcMessage,
    JsonRpcNotification, JsonRpcRequest, JsonRpcResponse, RequestId, ServerJsonRpcMessage, ServerNotification,
};
use rmcp::service::serve_directly;
use rmcp::transport::Transport;
use rmcp::{ErrorData, RoleServer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout_at};

use super::encode::{encode, encode_answer};
use super::handler::Server;
use super::lines::{Line, Lines};
use super::message::{self, Refusal};
use super::offer::Offer;
use crate::error::spoken;
use crate::tools::{self, ByLane, Lane, Toolbox};
use hangup::Hangups;
use output::{InputEnd, OUTBOX, Outgoing, write_lines};
use unanswered::{Held, Leaving, Requests, Unanswered};

/// The longest message that is read. `rmcp` has the same limit, and the longest useful message, a note, is a thousandth of
/// it.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Returns the number of calls of a lane that run concurrently. Further ones wait as lines.
///
/// A client may pipeline any number of requests, and each call holds sockets and decoded pages: without a limit, one runaway
/// agent exhausts file descriptors. The limit is far above what agents send at once, so 200 concurrent calls do not queue.
/// Of lists, the memory admits fewer ([`crate::config::LIST_MEMORY`]), and one that waits for it takes 20 kB.
const fn max_calls(lane: Lane) -> usize {
    match lane {
        Lane::Change | Lane::Single | Lane::Wait => 256,
        Lane::List => 64,
    }
}

/// The most memory in bytes that unanswered requests may take; beyond it nothing is read until some are answered.
///
/// Calls beyond [`max_calls`] wait, and a client that pipelines without end would fill the memory with them. The limit is
/// enough for two of the longest messages, or for tens of thousands of calls.
const MAX_UNANSWERED: usize = 2 * MAX_MESSAGE;

/// The time that reads may take after the end of input: enough for a script that pipes its requests in, and short for a
/// client that has gone.
const READS_END: Duration = Duration::from_secs(10);

/// The time that calls that change something may take after the end of input. Each of them has its own timeout, which is far
/// shorter by default; this limit only ensures that a bug does not leave a process running forever.
const CHANGES_END: Duration = Duration::from_mins(10);

/// Serves MCP over the process's standard input and output, until the input ends or the output breaks.
pub async fn serve_stdio(toolbox: Arc<Toolbox>) -> io::Result<()> {
    // Where both are pipes, as they are under most clients on Linux, this saves a change of thread for every message.
    let (stdin, stdout) = rmcp::transport::stdio_pipes();
    let (input_closed, output_closed) = Hangups::watch().split();
    tokio::select! {
        served = serve_lines(server(&toolbox).warming_up(), stdin, stdout, input_closed) => served,
        () = output_closed => {
            tracing::debug!("standard output is closed");
            Ok(())
        }
    }
}

/// Serves MCP over any pair of streams, until the input ends or the output breaks.
///
/// A client that has closed the output, or that has closed the input and no longer reads, is the usual end of a session and
/// not an error; other failures to write are errors. Dropping the future ends the session and the calls in it.
pub async fn serve<R, W>(toolbox: Arc<Toolbox>, reader: R, writer: W) -> io::Result<()>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Unpin,
{
    serve_lines(server(&toolbox), reader, writer, pending()).await
}

fn server(toolbox: &Toolbox) -> Server {
    Server::new(Arc::new(toolbox.clone()))
}

/// Serves one session. `input_closed` is ready when the client has closed the input, even if there is more to be read.
async fn serve_lines<R, W>(
    server: Server,
    reader: R,
    writer: W,
    input_closed: impl Future<Output = ()>,
) -> io::Result<()>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Unpin,
{
    let (outbox, inbox) = mpsc::channel(OUTBOX);
    let input = InputEnd::default();
    let transport = LineTransport::new(reader, outbox, input.clone(), server.offer());
    let ended = Arc::clone(&transport.ended);
    let session = serve_directly(server, transport, None);
    let session = async {
        tokio::select! {
            ended = session.waiting() => ended.map(drop).map_err(io::Error::other),
            // `rmcp` would give the remaining calls some more seconds.
            () = ended.notified() => Ok(()),
        }
    };
    // While the outbox is full, nothing is read, and the end of the input would go unnoticed.
    let input_closed = async {
        input_closed.await;
        input.mark();
        pending().await
    };
    // Once nothing can be written any more, the session is dropped at once.
    let session = async { tokio::try_join!(session, write_lines(writer, inbox, &input)) };
    let outcome = tokio::select! {
        outcome = session => outcome,
        never = input_closed => never,
    };
    match outcome {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error),
    }
}

/// The transport under `rmcp`'s session loop.
struct LineTransport<R> {
    lines: Lines<R>,
    /// The queue of [`write_lines`], or `None` once closed.
    outbox: Option<mpsc::Sender<Outgoing>>,
    /// A refusal that is not queued yet. `receive` may be canceled while it waits for space in the outbox.
    refusal: Option<Vec<u8>>,
    unanswered: Unanswered,
    /// The requests of the server that the client has not answered.
    asked: HashSet<RequestId>,
    /// The calls that wait for others of their lane, as lines.
    backlog: ByLane<VecDeque<(RequestId, Vec<u8>)>>,
    /// Set after an `initialize`.
    initialized: bool,
    /// The `initialize` that must be answered before anything else is read.
    initializing: Option<RequestId>,
    /// The time at which the input ended. It is kept here because `receive` is canceled for each outgoing message.
    input_ended: Option<Instant>,
    /// Tells the output of the end of input.
    input: InputEnd,
    /// The capabilities of the server.
    offer: Offer,
    /// Notified when the input has ended and the session can end.
    ended: Arc<Notify>,
}

impl<R: AsyncRead + Send + Unpin> LineTransport<R> {
    fn new(reader: R, outbox: mpsc::Sender<Outgoing>, input: InputEnd, offer: Offer) -> Self {
        Self {
            lines: Lines::new(reader, MAX_MESSAGE),
            outbox: Some(outbox),
            refusal: None,
            unanswered: Unanswered::default(),
            asked: HashSet::new(),
            backlog: ByLane::default(),
            initialized: false,
            initializing: None,
            input_ended: None,
            input,
            offer,
            ended: Arc::default(),
        }
    }

    /// Returns the message to dispatch, if the line has one, or refuses it.
    fn admit(&mut self, line: Line) -> Result<Option<ClientJsonRpcMessage>, Refusal> {
        let Line::Whole(line) = line else {
            return Err(Refusal::invalid_request(None, format!("message too large: the limit is {MAX_MESSAGE} bytes")));
        };
        let mut message = message::read(&line, self.offer)?;
        match &mut message {
            Some(JsonRpcMessage::Request(request)) => {
                self.admit_request(&request.request, &request.id)?;
                let (id, kind) = (request.id.clone(), lane_of(&request.request));
                self.unanswered.add(id.clone(), kind, line.len());
                if let Some(kind) = kind.filter(|kind| !self.has_room(*kind)) {
                    self.backlog.of_mut(kind).push_back((id, line));
                    return Ok(None);
                }
                self.run(request);
            }
            Some(JsonRpcMessage::Notification(notification)) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    // `rmcp` no longer answers it.
                    self.unanswered.remove(id);
                    for lane in Lane::ALL {
                        self.backlog.of_mut(lane).retain(|(waiting, _)| waiting != id);
                    }
                }
            }
            Some(
                JsonRpcMessage::Response(JsonRpcResponse { id, .. })
                | JsonRpcMessage::Error(JsonRpcError { id: Some(id), .. }),
            ) if self.asked.remove(id) => {}
            Some(JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)) => {
                // The client may answer a question whose call has ended.
                tracing::debug!("response without a request dropped");
                return Ok(None);
            }
            None => {}
        }
        Ok(message)
    }

    /// Returns the failure of a request that the client can no longer answer.
    fn next_unanswerable(&mut self) -> Option<ClientJsonRpcMessage> {
        let id = self.asked.iter().next().cloned()?;
        self.asked.remove(&id);
        Some(JsonRpcMessage::error(ErrorData::internal_error("the input has ended", None), Some(id)))
    }

    /// Returns whether a call of a lane can run.
    fn has_room(&self, lane: Lane) -> bool {
        self.unanswered.running(lane) < max_calls(lane)
    }

    /// Returns the next call of the backlog that can run.
    fn next_waiting(&mut self) -> Option<ClientJsonRpcMessage> {
        for lane in Lane::ALL {
            while self.has_room(lane) {
                let Some((_, line)) = self.backlog.of_mut(lane).pop_front() else { break };
                // It was valid when it arrived.
                if let Ok(Some(JsonRpcMessage::Request(mut request))) = message::read(&line, self.offer) {
                    self.run(&mut request);
                    return Some(JsonRpcMessage::Request(request));
                }
            }
        }
        None
    }

    /// Records that `rmcp` gets a request.
    fn run(&self, request: &mut JsonRpcRequest<ClientRequest>) {
        if let Some(ticket) = self.unanswered.run(&request.id) {
            request.request.extensions_mut().insert(ticket);
        }
    }

    /// Waits for unanswered requests after the input has ended, and refuses those that take too long.
    async fn finish(&mut self, input_ended: Instant) {
        let all = self.unanswered.wait_until(Requests::are_settled);
        if timeout_at(input_ended + READS_END, all).await.is_ok() {
            return;
        }
        let changes = self.unanswered.wait_until(Requests::are_reads);
        if timeout_at(input_ended + CHANGES_END, changes).await.is_err() {
            tracing::error!("changes are still unanswered {} after the end of input", spoken(CHANGES_END));
        }
        if let Some(outbox) = self.outbox.take() {
            for id in self.unanswered.ids() {
                let message = format!("the input ended, and there was no answer within {} s", READS_END.as_secs());
                let refusal = ServerJsonRpcMessage::error(ErrorData::internal_error(message, None), Some(id));
                // If the outbox is full, nothing reads the output.
                if let Ok(line) = encode(&refusal) {
                    _ = outbox.try_send(line.into());
                }
            }
        }
        self.ended.notify_one();
    }

    fn admit_request(&mut self, request: &ClientRequest, id: &RequestId) -> Result<(), Refusal> {
        if self.unanswered.contains(id) {
            return Err(Refusal::id_in_use(id));
        }
        match request {
            ClientRequest::InitializeRequest(_) => {
                self.initialized = true;
                self.initializing = Some(id.clone());
            }
            ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => {}
            // The revisions with `initialize` require it first ("Lifecycle"). 2026-07-28 has none and requires that each
            // request declares its revision ("Protocol Version"), which `rmcp` checks.
            _ if self.initialized || request.get_meta().protocol_version().is_some() => {}
            _ => {
                let message = "send `initialize` first, or give io.modelcontextprotocol/protocolVersion and \
                               io.modelcontextprotocol/clientCapabilities in `params._meta` (revision 2026-07-28)";
                return Err(Refusal::new(None, ErrorData::invalid_params(message, None)).answering(id));
            }
        }
        Ok(())
    }
}

impl<R: AsyncRead + Send + Unpin> Transport<RoleServer> for LineTransport<R> {
    type Error = io::Error;

    /// Queues a message for writing.
    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let outbox = self.outbox.clone();
        let answered = match &message {
            JsonRpcMessage::Response(JsonRpcResponse { id, .. })
            | JsonRpcMessage::Error(JsonRpcError { id: Some(id), .. }) => self.unanswered.answer(id),
            JsonRpcMessage::Request(request) => {
                self.asked.insert(request.id.clone());
                None
            }
            JsonRpcMessage::Notification(JsonRpcNotification {
                notification: ServerNotification::CancelledNotification(cancelled),
                ..
            }) => {
                self.asked.retain(|id| Some(id) != cancelled.params.request_id.as_ref());
                None
            }
            JsonRpcMessage::Error(_) | JsonRpcMessage::Notification(_) => None,
        };
        async move {
            let Held { share, text } = answered.as_ref().map(Leaving::take).unwrap_or_default();
            let sent = match (outbox, encode_answer(message, text)) {
                (Some(outbox), Ok(line)) => {
                    outbox.send(Outgoing { line, share }).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
                }
                (None, _) => Err(io::ErrorKind::BrokenPipe.into()),
                (_, Err(error)) => Err(error),
            };
            // After it is queued, because the end of input waits for this.
            drop(answered);
            sent
        }
    }

    /// Returns the next message for `rmcp`, or `None` to end the session.
    ///
    /// It is canceled at any await whenever `rmcp` has a message to send, so its state is in `self`.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(message) = self.next_waiting() {
                return Some(message);
            }
            if let Some(input_ended) = self.input_ended {
                if let Some(failure) = self.next_unanswerable() {
                    return Some(failure);
                }
                self.finish(input_ended).await;
                return None;
            }
            // Waits for space even with nothing to send, see `OUTBOX`.
            let space = self.outbox.as_ref()?.reserve().await.ok()?;
            match self.refusal.take() {
                Some(refusal) => space.send(refusal.into()),
                None => drop(space),
            }
            if let Some(id) = &self.initializing {
                // Later messages may depend on the negotiated revision.
                self.unanswered.wait_until(|requests| requests.has_answered(id)).await;
                self.initializing = None;
            }
            self.unanswered.wait_until(|requests| requests.bytes() < MAX_UNANSWERED).await;
            let line = match self.lines.next().await {
                Ok(Some(line)) => line,
                end => {
                    if let Err(error) = end {
                        tracing::warn!(%error, "standard input cannot be read");
                    }
                    self.input_ended = Some(Instant::now());
                    self.input.mark();
                    continue;
                }
            };
            match self.admit(line) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(refusal) => self.refusal = encode(&refusal).ok(),
            }
        }
    }

    /// Closes the outbox. Queued messages are still written.
    async fn close(&mut self) -> io::Result<()> {
        self.outbox = None;
        Ok(())
    }
}

/// Returns the lane of a request, if it calls a tool.
fn lane_of(request: &ClientRequest) -> Option<Lane> {
    let ClientRequest::CallToolRequest(call) = request else { return None };
    let tool = tools::all().find(|tool| tool.name == call.params.name)?;
    Some(Lane::of(tool, call.params.arguments.as_ref()))
}
