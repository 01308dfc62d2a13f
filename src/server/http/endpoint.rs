//! The MCP endpoint: passes the message of an HTTP request on to `rmcp`, and returns its answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use rmcp::model::{ErrorCode, RequestId};

use super::accept::Accepts;
use super::body::{Held, Holding};
use super::connections::{Busy, Connection};
use super::limits::Permit;
use super::refusal::{self, Refusal};
use super::{AppState, Asked, MAX_BODY, direct, headers};
use crate::error::spoken;
use crate::params::shorten;
use crate::server::caller::Caller;
use crate::server::message::{self, Message};
use crate::server::offer::Offer;
use crate::sync::lock;
use crate::trace::Trace;

/// The most bytes of a body above the limit that are still read. Closing the connection at once would lose the refusal in
/// transit.
const MAX_DRAINED: usize = 16 * MAX_BODY;

/// The most values in a message.
///
/// A hundred IDs in each of a few lists are the largest useful message. A value takes some seventy bytes of memory and as
/// few as two bytes of a body, so the limit on the body alone is not enough.
const MAX_VALUES: usize = 2048;

/// Answers all requests to the endpoint.
pub async fn mcp(state: &AppState, asked: Asked<'_>) -> Response {
    let Asked { parts, body, trace, connection } = asked;
    let answer = serve(state, parts, &body, trace.clone(), connection).await;
    answer.unwrap_or_else(|refusal| refusal.to(&body).answer(trace.as_ref()))
}

/// A message, by how the endpoint treats it.
enum Treatment {
    /// A tool call that is answered here, and takes a permit.
    Tool(Box<direct::Call>),
    /// A request that takes a permit. `id` is known if its parameters are correct.
    Call { id: Option<RequestId> },
    /// An `initialize` that opens a session, and takes a permit.
    Opens { id: RequestId },
    /// A notification or a response. It takes no permit, so that a cancellation is received even at the limit.
    Notice,
    /// A request that is refused with status 200, as the older revisions specify for JSON-RPC errors.
    Refused(message::Refusal),
}

/// Determines how to treat a message. `opens` is whether an `initialize` opens a session.
fn treatment(body: &[u8], opens: bool, offer: Offer) -> Result<Treatment, Refusal> {
    let request = match message::parse(body).map_err(Refusal::of_message)? {
        None => return Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is empty", "Send one JSON-RPC message.")),
        Some(Message::Notification(_) | Message::Response(_)) => return Ok(Treatment::Notice),
        Some(Message::Request(request)) => request,
    };
    let opens = opens && request.is_initialize();
    match request.check(offer) {
        Ok(()) if opens => Ok(Treatment::Opens { id: request.id }),
        Ok(()) => Ok(Treatment::Call { id: Some(request.id) }),
        // Only 2026-07-28 defines a status for an unknown method.
        Err(refusal) if refusal.code() == ErrorCode::METHOD_NOT_FOUND && !request.declares_2026() => {
            Ok(Treatment::Refused(refusal))
        }
        Err(refusal) if refusal.code() != ErrorCode::INVALID_PARAMS => Err(Refusal::of_message(refusal)),
        // The handler answers wrong parameters in the form of the revision. Here there is no handler: it would belong to a
        // session, and wrong parameters open none.
        Err(refusal) if opens => Ok(Treatment::Refused(refusal)),
        // `rmcp` refuses a frame that it cannot read in its own words.
        Err(refusal) if request.typed().is_err() => Ok(Treatment::Refused(refusal)),
        Err(_) => Ok(Treatment::Call { id: None }),
    }
}

async fn serve(
    state: &AppState,
    mut parts: Parts,
    body: &Bytes,
    trace: Option<Trace>,
    connection: &Arc<Connection>,
) -> Result<Response, Refusal> {
    let mut caller = headers::caller(&parts.headers, trace, &state.toolbox, state.credential_required)?;
    let fingerprint = caller.origin.fingerprint();
    let sessions = state.sessions.as_ref();
    let in_session = sessions.map_or(Ok(false), |sessions| sessions.check(&parts.headers, fingerprint))?;
    let accepts = Accepts::from_headers(&parts.headers);
    caller.reads_events = accepts.names_events;
    caller.in_session = in_session;
    if parts.method != Method::POST {
        check_method(&parts.method, sessions.is_some(), accepts)?;
        // The request opens or ends the stream of a session.
        let answer = pass_on(state, parts, body.clone(), caller).await;
        return Ok(refusal::as_json(answer, &[]).await);
    }
    if values(body) > MAX_VALUES {
        let message = format!("the body consists of more than {MAX_VALUES} values");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, "Send fewer at a time."));
    }
    check_media(&parts.headers, accepts)?;
    let toolbox = caller.toolbox.as_ref().unwrap_or(&state.toolbox);
    let is_direct =
        |call: &direct::Call| (sessions.is_none() || (call.is_2026 && !in_session)) && !toolbox.asks_before(&call.name);
    let treatment = match direct::Call::read(&parts.headers, body, accepts) {
        Some(call) if is_direct(&call) => Treatment::Tool(call),
        _ => treatment(body, sessions.is_some() && !in_session, Offer::of(toolbox))?,
    };
    if let Treatment::Refused(refusal) = treatment {
        return Ok(axum::Json(refusal).into_response());
    }
    let by_stream = in_session || matches!(treatment, Treatment::Opens { .. });
    if let (Treatment::Call { id: Some(id) } | Treatment::Opens { id }, Some(sessions)) = (&treatment, sessions) {
        if by_stream && !accepts.events {
            return Err(not_acceptable("text/event-stream").answering(id));
        }
        // The ID is in use for as long as the parts of the request exist.
        parts.extensions.insert(sessions.begin(&parts.headers, id)?.map(Arc::new));
    }
    if let Treatment::Notice = treatment {
        return Ok(refusal::as_json(pass_on(state, parts, body.clone(), caller).await, body).await);
    }
    let permit = Arc::new(state.limits.admit(fingerprint)?);
    let busy = connection.begin().ok_or_else(refusal::closing)?;
    let reader = Arc::new(());
    // The handler holds the permit, too: a call of a session continues when its client disconnects.
    caller.permit = Some(Arc::clone(&permit) as _);
    caller.reader = Some(Arc::downgrade(&reader));
    let in_flight = InFlight { _permit: permit, _busy: busy, _reader: reader };
    if let Treatment::Tool(call) = treatment {
        let answer = call.answer(&state.server, &caller).await;
        return Ok(Holding::answer(answer, UntilBegun(Mutex::new(Some(in_flight)))).map(Body::new));
    }
    let opening = match sessions {
        Some(sessions) if matches!(treatment, Treatment::Opens { .. }) => {
            Some((sessions, sessions.admit(fingerprint).await?))
        }
        _ => None,
    };
    let answer = refusal::as_json(pass_on(state, parts, body.clone(), caller).await, body).await;
    if let Some((sessions, permit)) = opening {
        sessions.note(answer.headers(), fingerprint, permit);
    }
    Ok(Holding::answer(answer, in_flight).map(Body::new))
}

/// Passes a request on to `rmcp`.
async fn pass_on(state: &AppState, mut parts: Parts, body: Bytes, caller: Caller) -> Response {
    // The credential is in `caller`, and later code does not need the headers. Removed headers cannot be logged.
    parts.headers.remove(header::AUTHORIZATION);
    parts.headers.remove(headers::TOKEN);
    // `rmcp` requires both types in every request, although most requests have only one kind of answer.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    parts.extensions.insert(caller);
    state.mcp.handle(Request::from_parts(parts, Body::from(body))).await.map(Body::new)
}

/// The values of a request that are released when the last part of its answer is handed over for sending.
///
/// They are not held until that part is sent: a client that does not read would exclude others. The connections limit
/// unread answers.
struct InFlight {
    _permit: Arc<Permit>,
    _busy: Busy,
    _reader: Arc<()>,
}

impl Held for InFlight {}

/// The same values, released when the first part of a whole answer is handed over.
struct UntilBegun(Mutex<Option<InFlight>>);

impl Held for UntilBegun {
    fn progress(&self) {
        lock(&self.0).take();
    }
}

/// Refuses methods that the endpoint does not have, and streams for clients that do not accept them.
fn check_method(method: &Method, sessions: bool, accepts: Accepts) -> Result<(), Refusal> {
    let (allowed, hint) = if sessions {
        ("GET, POST, DELETE", "Send messages by POST.")
    } else {
        ("POST", "Send messages by POST. Without --sessions there are no streams to GET and no sessions to DELETE.")
    };
    if !allowed.split(", ").any(|one| one == method.as_str()) {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not allowed here"), hint);
        return Err(refusal.header(header::ALLOW, HeaderValue::from_static(allowed)));
    }
    if method == Method::GET && !accepts.events {
        return Err(not_acceptable("text/event-stream"));
    }
    Ok(())
}

/// Refuses a body without a JSON content type, and a client that does not accept JSON.
fn check_media(headers: &HeaderMap, accepts: Accepts) -> Result<(), Refusal> {
    let media = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let essence = media.and_then(|media| media.split(';').next()).unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = match media {
            Some(media) => format!("the Content-Type header is {:?}", shorten(media)),
            None => "the Content-Type header is missing".to_owned(),
        };
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, "Send application/json."));
    }
    if accepts.json { Ok(()) } else { Err(not_acceptable("application/json")) }
}

fn not_acceptable(media: &'static str) -> Refusal {
    let message = format!(
        "the Accept header excludes {media}, the type of this answer: send Accept: application/json, text/event-stream"
    );
    Refusal::new(StatusCode::NOT_ACCEPTABLE, message, "Send Accept: application/json, text/event-stream.")
}

/// Returns an upper bound of the number of values in JSON: it counts the characters outside of strings that begin or
/// separate values.
fn values(json: &[u8]) -> usize {
    let (mut count, mut quoted, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

/// Reads the whole body, or refuses it if it is too large or takes too long.
pub async fn read(mut body: Incoming, limit: Duration) -> Result<Bytes, Refusal> {
    let mut bytes = Vec::new();
    let mut length = 0;
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Refusal::new(
                    StatusCode::BAD_REQUEST,
                    format!("the body cannot be read: {error}"),
                    "Send as much as Content-Length says, or well-formed chunks.",
                )
            })?;
            let Ok(data) = frame.into_data() else { continue };
            length += data.len();
            if length > MAX_DRAINED {
                break;
            }
            if length <= MAX_BODY {
                bytes.extend_from_slice(&data);
            }
        }
        Ok(())
    };
    let in_time = tokio::time::timeout(limit, reading).await;
    if length > MAX_BODY {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {MAX_BODY} bytes"),
            "Send a smaller message.",
        ));
    }
    in_time.unwrap_or_else(|_| {
        Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not arrive within {}", spoken(limit)),
            "Send the whole message at once.",
        ))
    })?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_in_strings_are_not_counted() {
        for (json, count) in [
            (r#"{"a": 1}"#, 1),
            (r#"{"a": ["", "", []]}"#, 5),
            (r#"{"a": "[1,2,{,\",,"}"#, 1),
            (r#"["\\", "\\\"", 1]"#, 3),
            ("", 0),
        ] {
            assert_eq!(values(json.as_bytes()), count, "{json}");
        }
    }
}
