//! MCP over lines of JSON (all revisions, "Transports", "stdio"): one message a line in, one message a line out.
//!
//! `rmcp` has this transport too. Ours differs where a client, a script or a shell does something odd: nothing that comes
//! in ends the session, everything that deserves an answer gets one, and calls received before the end of input are
//! answered before we leave, so that `printf '…' | pagerduty-mcp-server` prints all its answers. Reads have some seconds for
//! that; a change has the time that a call may take.
//!
//! `rmcp`'s opening handshake is skipped for the same reason: it ends the process over a notification that comes too early.
//! What it would have guarded is two rules of [`Transport::receive`] below. Nothing else writes to the writer.

mod stdout;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetMeta, JsonRpcError, JsonRpcMessage, JsonRpcResponse,
    RequestId, ServerJsonRpcMessage,
};
use rmcp::service::serve_directly;
use rmcp::transport::Transport;
use rmcp::{ErrorData, RoleServer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::encode::{encode, encode_answer};
use super::handler::Server;
use super::lines::{Line, Lines};
use super::message::{self, Refusal};
use crate::tools::{self, Toolbox};

/// The longest message we read. `rmcp` draws the same line, and the longest sensible message, a note, is a thousandth of it.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// How many calls run side by side; further ones wait for their turn. A client may pipeline as many requests as it likes,
/// and each call holds sockets and decoded pages: without a bound, one runaway agent exhausts file descriptors. Far more
/// than any agent asks for at once, and enough that 200 calls at a time do not queue.
const MAX_CALLS: usize = 256;

/// How many outgoing messages wait for a client that does not read. With more than that we stop reading from it, as
/// filters do: finished answers would otherwise pile up without a bound.
const OUTBOX: usize = 256;

/// What requests that are not answered yet may hold, in bytes. With more than that we read no further until some are
/// answered: calls beyond those that run side by side wait for their turn, and a client that pipelines without end would
/// fill the memory with them. Enough for four of the longest messages, or for thousands of calls.
const MAX_UNANSWERED: usize = 4 * MAX_MESSAGE;

/// What a waiting request holds besides its own bytes, roughly: its task, and the arguments once more as values.
const OVERHEAD: usize = 16 * 1024;

/// The time that reads may still take after the end of input: enough for a script that pipes its requests in, and short
/// for a client that has gone.
const READS_END: Duration = Duration::from_secs(10);

/// The same for calls that change something. Each of them has a time-out, which is far shorter by default; this limit
/// only ensures that a bug does not leave a process running forever.
const CHANGES_END: Duration = Duration::from_mins(10);

/// Serves MCP over the process's standard input and output, until the input ends or the output breaks.
pub async fn serve_stdio(toolbox: Arc<Toolbox>) -> io::Result<()> {
    // Where both are pipes, as they are under most clients on Linux, this saves a change of thread for every message.
    let (stdin, stdout) = rmcp::transport::stdio_pipes();
    tokio::select! {
        served = serve_lines(server(&toolbox).warming_up(), stdin, stdout) => served,
        () = stdout::reader_gone() => {
            tracing::debug!("standard output is closed");
            Ok(())
        }
    }
}

/// Serves MCP over any pair of streams, until the input ends or the output breaks.
///
/// A reader that has gone away is the usual end of a session and no error; other failures to write are errors. Dropping the
/// future ends the session and the calls in it.
pub async fn serve<R, W>(toolbox: Arc<Toolbox>, reader: R, writer: W) -> io::Result<()>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Unpin,
{
    serve_lines(server(&toolbox), reader, writer).await
}

fn server(toolbox: &Toolbox) -> Server {
    Server::new(Arc::new(toolbox.taking_turns(MAX_CALLS)))
}

async fn serve_lines<R, W>(server: Server, reader: R, writer: W) -> io::Result<()>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Unpin,
{
    let (outbox, inbox) = mpsc::channel(OUTBOX);
    let transport = LineTransport::new(reader, outbox);
    let ended = Arc::clone(&transport.ended);
    let session = serve_directly(server, transport, None);
    let session = async {
        tokio::select! {
            ended = session.waiting() => ended.map(drop).map_err(io::Error::other),
            // `rmcp` would give the remaining calls some more seconds.
            () = ended.notified() => Ok(()),
        }
    };
    // Once nothing can be written any more, the session is dropped where it stands.
    match tokio::try_join!(session, write_lines(writer, inbox)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes what arrives in `inbox` until nobody can put anything there.
///
/// The only place that writes, so that no message is ever cut by another, or by the end of the task that sent it.
async fn write_lines<W: AsyncWrite + Unpin>(mut writer: W, mut inbox: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    let mut lines = Vec::new();
    while inbox.recv_many(&mut lines, OUTBOX).await > 0 {
        for line in lines.drain(..) {
            writer.write_all(&line).await?;
        }
        writer.flush().await?;
    }
    Ok(())
}

/// The transport under `rmcp`'s session loop.
struct LineTransport<R> {
    lines: Lines<R>,
    /// To [`write_lines`]; `None` once closed.
    outbox: Option<mpsc::Sender<Vec<u8>>>,
    /// A refusal on its way to the outbox. `receive` may be cancelled while it waits for room there.
    refusal: Option<Vec<u8>>,
    unanswered: Unanswered,
    /// Whether there was an `initialize`.
    initialized: bool,
    /// The `initialize` to be answered before anything else is read.
    initializing: Option<RequestId>,
    /// The time at which the input ended. It is kept here because `receive` is cancelled for each outgoing message.
    input_ended: Option<Instant>,
    /// Notified when the input has ended and there is nothing left to wait for.
    ended: Arc<Notify>,
}

impl<R: AsyncRead + Send + Unpin> LineTransport<R> {
    fn new(reader: R, outbox: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            lines: Lines::new(reader, MAX_MESSAGE),
            outbox: Some(outbox),
            refusal: None,
            unanswered: Unanswered::default(),
            initialized: false,
            initializing: None,
            input_ended: None,
            ended: Arc::default(),
        }
    }

    /// What to do with a line: dispatch the message, nothing, or refuse it.
    fn admit(&mut self, line: Line) -> Result<Option<ClientJsonRpcMessage>, Refusal> {
        let Line::Whole(line) = line else {
            return Err(Refusal::invalid_request(None, format!("message too large: the limit is {MAX_MESSAGE} bytes")));
        };
        let message = message::read(&line)?;
        match &message {
            Some(JsonRpcMessage::Request(request)) => {
                self.admit_request(&request.request, &request.id)?;
                let waiting = Waiting { bytes: line.len() + OVERHEAD, changes: changes_something(&request.request) };
                self.unanswered.add(request.id.clone(), waiting);
            }
            Some(JsonRpcMessage::Notification(notification)) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    // `rmcp` will not answer it any more.
                    self.unanswered.remove(id);
                }
            }
            _ => {}
        }
        Ok(message)
    }

    /// Waits for unanswered requests after the input has ended, and refuses those that take too long.
    async fn finish(&mut self, input_ended: Instant) {
        let all = self.unanswered.wait_until(Requests::are_settled);
        if timeout_at(input_ended + READS_END, all).await.is_ok() {
            return;
        }
        let changes = self.unanswered.wait_until(|requests| !requests.waiting.values().any(|waiting| waiting.changes));
        if timeout_at(input_ended + CHANGES_END, changes).await.is_err() {
            tracing::error!("changes are still not answered {CHANGES_END:?} after the end of input");
        }
        if let Some(outbox) = self.outbox.take() {
            for id in self.unanswered.ids() {
                let message = format!("the input ended, and this had no answer {} s later", READS_END.as_secs());
                let refusal = ServerJsonRpcMessage::error(ErrorData::internal_error(message, None), Some(id));
                // If the outbox is full, nothing reads the output.
                if let Ok(line) = encode(&refusal) {
                    _ = outbox.try_send(line);
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
            // The revisions with `initialize` want it first ("Lifecycle"); 2026-07-28 has none, and wants instead that each
            // request says what it speaks ("Protocol Version"). Whether it says so correctly is for `rmcp` to check.
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

    /// Queues a message to be written.
    fn send(&mut self, mut message: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let outbox = self.outbox.clone();
        let answered = match &message {
            JsonRpcMessage::Response(JsonRpcResponse { id, .. })
            | JsonRpcMessage::Error(JsonRpcError { id: Some(id), .. }) => self.unanswered.answer(id),
            JsonRpcMessage::Error(_) | JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        async move {
            let sent = match (outbox, encode_answer(&mut message)) {
                (Some(outbox), Ok(line)) => outbox.send(line).await.map_err(|_| io::ErrorKind::BrokenPipe.into()),
                (None, _) => Err(io::ErrorKind::BrokenPipe.into()),
                (_, Err(error)) => Err(error),
            };
            // Not before it is queued: the end of input waits for this.
            drop(answered);
            sent
        }
    }

    /// The next message for `rmcp`; `None` ends the session.
    ///
    /// May be cancelled at every await, and is, whenever `rmcp` has something to send: what is underway lives in `self`.
    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(input_ended) = self.input_ended {
                self.finish(input_ended).await;
                return None;
            }
            // Room is waited for even with nothing to send, see `OUTBOX`.
            let room = self.outbox.as_ref()?.reserve().await.ok()?;
            match self.refusal.take() {
                Some(refusal) => room.send(refusal),
                None => drop(room),
            }
            if let Some(id) = &self.initializing {
                // What comes next may depend on the revision that is being agreed on.
                self.unanswered
                    .wait_until(|requests| !requests.waiting.contains_key(id) && requests.leaving == 0)
                    .await;
                self.initializing = None;
            }
            self.unanswered.wait_until(|requests| requests.bytes < MAX_UNANSWERED).await;
            let line = match self.lines.next().await {
                Ok(Some(line)) => line,
                end => {
                    if let Err(error) = end {
                        tracing::warn!(%error, "cannot read any more");
                    }
                    self.input_ended = Some(Instant::now());
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

    /// Nothing more will be sent. What is queued is still written.
    async fn close(&mut self) -> io::Result<()> {
        self.outbox = None;
        Ok(())
    }
}

/// The requests that were handed to `rmcp` and have neither been answered nor withdrawn. Clones share them.
#[derive(Clone, Default)]
struct Unanswered(watch::Sender<Requests>);

#[derive(Default)]
struct Requests {
    waiting: HashMap<RequestId, Waiting>,
    /// Of all of them.
    bytes: usize,
    /// The number of answers that are not queued yet. The IDs of their requests may be used again.
    leaving: usize,
}

impl Requests {
    fn are_settled(&self) -> bool {
        self.waiting.is_empty() && self.leaving == 0
    }
}

/// An answer on its way to the outbox.
struct Leaving(watch::Sender<Requests>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.send_modify(|requests| requests.leaving -= 1);
    }
}

/// A request that has not been answered yet.
struct Waiting {
    bytes: usize,
    /// Set if it calls a tool that changes something.
    changes: bool,
}

fn changes_something(request: &ClientRequest) -> bool {
    let ClientRequest::CallToolRequest(call) = request else { return false };
    tools::ALL.iter().any(|tool| tool.name == call.params.name && !tool.is_read_only())
}

impl Unanswered {
    fn contains(&self, id: &RequestId) -> bool {
        self.0.borrow().waiting.contains_key(id)
    }

    fn ids(&self) -> Vec<RequestId> {
        self.0.borrow().waiting.keys().cloned().collect()
    }

    fn add(&self, id: RequestId, waiting: Waiting) {
        self.0.send_modify(|requests| {
            requests.bytes += waiting.bytes;
            requests.waiting.insert(id, waiting);
        });
    }

    fn remove(&self, id: &RequestId) {
        self.0.send_modify(|requests| {
            requests.bytes -= requests.waiting.remove(id).map_or(0, |waiting| waiting.bytes);
        });
    }

    /// Removes a request that is about to be answered. Its ID is free from now on: a client that has read the answer
    /// may use it at once.
    fn answer(&self, id: &RequestId) -> Option<Leaving> {
        let mut known = false;
        self.0.send_modify(|requests| {
            if let Some(waiting) = requests.waiting.remove(id) {
                requests.bytes -= waiting.bytes;
                requests.leaving += 1;
                known = true;
            }
        });
        known.then(|| Leaving(self.0.clone()))
    }

    async fn wait_until(&self, settled: impl FnMut(&Requests) -> bool) {
        // An error would mean that there is no sender left, and this is one.
        self.0.subscribe().wait_for(settled).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use rmcp::model::ServerResult;
    use serde_json::{Value, json};

    use super::*;

    /// A transport that has been given `messages` and nothing after them, and the other end of its outbox.
    fn transport(messages: &[Value]) -> (LineTransport<io::Cursor<String>>, mpsc::Receiver<Vec<u8>>) {
        let input = messages.iter().map(|message| format!("{message}\n")).collect::<Vec<_>>().concat();
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        (LineTransport::new(io::Cursor::new(input), outbox), inbox)
    }

    fn answer(id: i64) -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(id))
    }

    /// The next message if it is there at once; `None` if there is none and never will be. Panics if that is open.
    #[track_caller]
    fn received<R: AsyncRead + Send + Unpin>(transport: &mut LineTransport<R>) -> Option<ClientJsonRpcMessage> {
        transport.receive().now_or_never().expect("`receive` is waiting")
    }

    #[tokio::test]
    async fn the_end_of_input_waits_for_every_answer() {
        let ping = |id: i64| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
        let (mut transport, _inbox) = transport(&[ping(1), ping(2)]);
        assert!(received(&mut transport).is_some() && received(&mut transport).is_some());
        for id in [1, 2] {
            assert!(transport.receive().now_or_never().is_none(), "{id} is not answered");
            transport.send(answer(id)).await.unwrap();
        }
        assert!(received(&mut transport).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_end_of_input_reads_have_seconds_changes_longer() {
        let call = |id: i64, tool: &str| {
            json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool,
            "arguments": {}, "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}})
        };
        let (mut transport, mut inbox) = transport(&[call(1, "get_teams"), call(2, "add_incident_note")]);
        assert!(received(&mut transport).is_some() && received(&mut transport).is_some());
        let unanswered = transport.unanswered.clone();
        let began = Instant::now();
        let answered = async {
            tokio::time::sleep(READS_END * 3).await;
            unanswered.remove(&RequestId::Number(2));
        };
        let (end, ()) = tokio::join!(transport.receive(), answered);
        assert!(end.is_none() && began.elapsed() == READS_END * 3, "the change was waited for");
        let refused: Value = serde_json::from_slice(&inbox.recv().await.unwrap()).unwrap();
        assert_eq!((&refused["id"], refused["error"]["message"].is_string()), (&json!(1), true), "{refused}");
        assert!(inbox.recv().await.is_none(), "nothing more is written");
    }

    #[tokio::test]
    async fn the_end_of_input_does_not_wait_for_what_was_withdrawn() {
        let (mut transport, _inbox) = transport(&[
            json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}),
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}),
        ]);
        assert!(received(&mut transport).is_some() && received(&mut transport).is_some());
        assert!(received(&mut transport).is_none());
    }

    #[tokio::test]
    async fn nothing_is_read_until_initialize_is_answered() {
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let (mut transport, _inbox) = transport(&[
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
        ]);
        assert!(received(&mut transport).is_some());
        assert!(transport.receive().now_or_never().is_none(), "`initialize` is not answered");
        transport.send(answer(1)).await.unwrap();
        assert!(received(&mut transport).is_some());
    }

    #[tokio::test]
    async fn nothing_is_read_while_too_much_waits_for_an_answer() {
        let most = i64::try_from(MAX_UNANSWERED / OVERHEAD).unwrap();
        let long = "x".repeat(MAX_MESSAGE - 1_000);
        for (params, fit) in [(json!({}), most), (json!({"x": long}), 4)] {
            let ping = |id: i64| json!({"jsonrpc": "2.0", "id": id, "method": "ping", "params": params});
            let messages: Vec<_> = (0..fit + 2).map(ping).collect();
            let (mut transport, _inbox) = transport(&messages);
            let mut read = 0;
            // What makes a task yield after a while would look like waiting.
            while tokio::task::unconstrained(transport.receive()).now_or_never().is_some() {
                read += 1;
            }
            assert!((fit - fit / 50..=fit).contains(&read), "{read}");
            transport.send(answer(0)).await.unwrap();
            assert!(received(&mut transport).is_some(), "there is room again");
        }
    }

    #[tokio::test]
    async fn nothing_is_read_from_a_client_that_does_not_read() {
        let (mut transport, mut inbox) = transport(&[json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})]);
        for id in 0..i64::try_from(OUTBOX).unwrap() {
            transport.send(answer(id)).await.unwrap();
        }
        assert!(transport.receive().now_or_never().is_none(), "the outbox is full");
        inbox.recv().await.unwrap();
        assert!(received(&mut transport).is_some());
    }
}
