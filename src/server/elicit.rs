//! Questions to the person behind a client (all revisions from 2025-06-18 on, "Elicitation").
//!
//! A session of an older revision receives the question as a request while the call waits. In 2026-07-28 the call ends with
//! the question, and the client calls again with the answer. Only forms are used: some clients refuse the other mode, or
//! cannot read it. An announced capability does not mean that a person is there, so a refusal has no reason.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientResult, ElicitRequest, ElicitRequestParams, ElicitationSchema,
    InputRequest, InputRequiredResult, ProtocolVersion, RequestId, ServerRequest,
};
use rmcp::service::{OriginatingRequestId, Peer, PeerRequestOptions, RequestContext, RequestHandle};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::caller::Caller;
use crate::reply::Question;
use crate::tools::{Asker, Asking, Round, Unavailable};

/// The name of the only field of the form, and of the question in an answer of 2026-07-28.
const CONFIRM: &str = "confirm";

/// The refusal of a client that takes no questions.
const NO_FORMS: Unavailable = Unavailable {
    why: "the client does not announce that it takes questions (MCP elicitation)",
    hint: "Start the server without --confirm, and let the client ask before this tool. A dry run, if the tool has one, \
           shows the effect without a question.",
};

/// The refusal of a request of an older revision without a session.
const NO_SESSION: Unavailable = Unavailable {
    why: "a request of this revision of MCP without a session cannot be answered by a question",
    hint: "Start the server with --sessions, or use a client of revision 2026-07-28.",
};

/// Returns the way from a call to the person behind its client.
pub(super) fn asking(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
    caller: Option<&Caller>,
    wait: Duration,
) -> Asking {
    let has_session = caller.is_none_or(|caller| caller.in_session);
    let (revision, capabilities) = if has_session {
        (context.protocol_version(), context.client_capabilities())
    } else {
        (context.meta.protocol_version(), context.meta.client_capabilities())
    };
    let by_rounds = revision.is_some_and(|revision| revision >= ProtocolVersion::V_2026_07_28);
    if !by_rounds && !has_session {
        return Asking::Unavailable(NO_SESSION);
    }
    if !capabilities.is_some_and(|capabilities| takes_forms(&capabilities)) {
        return Asking::Unavailable(NO_FORMS);
    }
    if by_rounds {
        return Asking::ByRounds(round(request));
    }
    let (peer, call, until) = (context.peer.clone(), context.id.clone(), Instant::now() + wait);
    Asking::Within(Asker::new(move |text| Box::pin(ask(peer.clone(), call.clone(), until, text))))
}

/// Returns whether a client takes forms. Without a named mode, it does.
fn takes_forms(capabilities: &ClientCapabilities) -> bool {
    let elicitation = capabilities.elicitation.as_ref();
    elicitation.is_some_and(|elicitation| elicitation.form.is_some() || elicitation.url.is_none())
}

/// Returns the answer that a call brings.
fn round(request: &CallToolRequestParams) -> Option<Round> {
    let state = request.request_state.clone()?;
    let answer = request.input_responses.as_ref().and_then(|answers| answers.get(CONFIRM));
    Some(Round { state, is_confirmed: answer.is_some_and(is_confirmed) })
}

/// Returns whether an answer confirms the question: an acceptance without the field does not.
fn is_confirmed(answer: &Value) -> bool {
    let confirms = answer.get("content").and_then(|content| content.get(CONFIRM)) == Some(&Value::Bool(true));
    confirms && answer.get("action").is_some_and(|action| action == "accept")
}

/// Returns the form of a question.
fn form(text: String) -> ElicitRequest {
    let schema = json!({
        "type": "object",
        "properties": {CONFIRM: {"type": "boolean", "title": "Confirm this change"}},
        "required": [CONFIRM],
    });
    let requested_schema = serde_json::from_value(schema).unwrap_or_else(|_| ElicitationSchema::new([].into()));
    ElicitRequest::new(ElicitRequestParams::FormElicitationParams { meta: None, message: text, requested_schema })
}

/// Returns the result of a call that ends with a question.
pub(super) fn input_required(question: Question) -> InputRequiredResult {
    let request = InputRequest::Elicitation(form(question.text));
    InputRequiredResult::new(Some([(CONFIRM.to_owned(), request)].into()), Some(question.state))
}

/// A question that the client has not answered. The client receives a cancellation when it is dropped.
struct Open(Option<RequestHandle<RoleServer>>);

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            tokio::spawn(handle.cancel(Some("the call has ended".to_owned())));
        }
    }
}

/// Sends a question to the client of a session, and waits for its answer.
async fn ask(peer: Peer<RoleServer>, call: RequestId, until: Instant, text: String) -> bool {
    let mut form = form(text);
    // Over HTTP, the question goes to the stream of the call.
    form.extensions.insert(OriginatingRequestId(call));
    let request = ServerRequest::ElicitRequest(form);
    let sent = peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await;
    let handle = match sent {
        Ok(handle) => handle,
        Err(error) => {
            tracing::debug!(%error, "question not sent");
            return false;
        }
    };
    let mut open = Open(Some(handle));
    let Some(handle) = open.0.as_mut() else { return false };
    let Ok(answer) = timeout_at(until, &mut handle.rx).await else {
        tracing::info!("question not answered in time");
        return false;
    };
    open.0 = None;
    match answer {
        Ok(Ok(ClientResult::ElicitResult(answer))) => {
            serde_json::to_value(&answer).is_ok_and(|answer| is_confirmed(&answer))
        }
        Ok(Ok(_)) | Err(_) => false,
        Ok(Err(error)) => {
            tracing::info!(%error, "the client cannot answer a question");
            false
        }
    }
}
