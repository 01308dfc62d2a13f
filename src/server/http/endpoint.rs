//! The MCP endpoint: from an HTTP request to a message for `rmcp`, and its answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ErrorCode, JsonRpcMessage};
use serde::Deserialize;
use serde_json::Value;

use super::accept::Accepts;
use super::caller::Caller;
use super::connections::Connection;
use super::holding::Holding;
use super::refusal::{self, Refusal};
use super::{MAX_BODY, Shared};
use crate::auth::TOKEN_HEADER;
use crate::params::shorten;
use crate::server::{message, params};
use crate::trace::Trace;

/// How much of a body that is too large is still taken from the client, so that it gets to reading why. Closing at once
/// would lose the answer on the way.
const MAX_DRAINED: usize = 16 * MAX_BODY;

/// How many values a message may consist of: a hundred IDs in each of a few lists are the most that makes sense. In memory a
/// value takes some seventy bytes, and on the wire as few as two, so that the size of a body alone bounds nothing.
const MAX_VALUES: usize = 2048;

/// Answers all requests to the endpoint. `guard::check` has read the body.
pub async fn mcp(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let trace = Trace::of(request.headers());
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let answer = serve(&shared, parts, body.clone()).await;
    answer.unwrap_or_else(|refusal| refusal.to(&body).answer(trace.as_ref()))
}

async fn serve(shared: &Shared, mut parts: Parts, body: Bytes) -> Result<Response, Refusal> {
    let connection: Option<Arc<Connection>> = parts.extensions.remove();
    let mut caller = Caller::of(&parts.headers, &shared.toolbox, shared.credential_required)?;
    // The credential has been read above, and later code does not need it. Removed headers cannot be logged.
    parts.headers.remove(header::AUTHORIZATION);
    parts.headers.remove(TOKEN_HEADER);
    let fingerprint = caller.origin.fingerprint();
    let (sessions, in_session) = match &shared.sessions {
        Some(sessions) => (Some(sessions), sessions.check(&parts.headers, fingerprint)?),
        None => (None, false),
    };
    let accepts = Accepts::of(&parts.headers);
    caller.reads_events = accepts.names_events;
    // `rmcp` requires both types in every request, although it has only one kind of answer for most of them.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    if parts.method != Method::POST {
        check_method(&parts.method, sessions.is_some(), accepts)?;
        // The request opens or ends the stream of a session.
        parts.extensions.insert(caller);
        let answer = shared.mcp.handle(Request::from_parts(parts, Body::from(body))).await.map(Body::new);
        return Ok(refusal::as_json(answer, &[]).await);
    }
    if values(&body) > MAX_VALUES {
        let message = format!("the body consists of more than {MAX_VALUES} values");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, "Send fewer at a time."));
    }
    check_media(&parts.headers, accepts)?;
    let (counts, opening) = match message::read(&body) {
        Ok(None) if body.trim_ascii().is_empty() => {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is empty", "Send one JSON-RPC message."));
        }
        // Notifications and responses ask for nothing. One that withdraws a call has to get in when all places are taken.
        Ok(None) => (false, None),
        Ok(Some(message)) => {
            let opening = sessions.filter(|_| !in_session && is_initialize(&message));
            if let (JsonRpcMessage::Request(request), Some(sessions)) = (&message, sessions) {
                if (in_session || opening.is_some()) && !accepts.events {
                    return Err(not_acceptable("text/event-stream").answering(&request.id));
                }
                caller.underway = sessions.begin(&parts.headers, &request.id)?.map(Arc::new);
            }
            (matches!(message, JsonRpcMessage::Request(_)), opening)
        }
        // Only 2026-07-28 defines a status for an unknown method.
        Err(refusal) if refusal.code() == ErrorCode::METHOD_NOT_FOUND && !Named::declares_2026(&body) => {
            return Ok(axum::Json(refusal).into_response());
        }
        Err(refusal) if refusal.code() != ErrorCode::INVALID_PARAMS => return Err(Refusal::of_message(refusal)),
        // Wrong parameters are answered by the handler, as the revision has it. There is none without a session, and
        // nobody gets one by wrong parameters.
        Err(refusal) if sessions.is_some() && !in_session && Named::is_initialize(&body) => {
            return Ok(axum::Json(refusal).into_response());
        }
        Err(_) => (true, None),
    };
    let place = if counts {
        let permit = Arc::new(shared.limits.admit(fingerprint)?);
        let busy = connection.and_then(|connection| connection.begin()).ok_or_else(refusal::closing)?;
        caller.permit = Some(Arc::clone(&permit));
        let reader = Arc::new(());
        caller.reader = Some(Arc::downgrade(&reader));
        // The permit is held by both ends: a call of a session runs on when its client goes away.
        Some((permit, busy, reader))
    } else {
        None
    };
    parts.extensions.insert(caller);
    let opening = match opening {
        Some(sessions) => Some((sessions, sessions.admit(fingerprint).await?)),
        None => None,
    };
    let answer = shared.mcp.handle(Request::from_parts(parts, Body::from(body.clone()))).await.map(Body::new);
    let answer = refusal::as_json(answer, &body).await;
    if let Some((sessions, place)) = opening {
        sessions.note(answer.headers(), fingerprint, place);
    }
    // The request is underway until the last of its answer is handed over for sending. Not until it is sent: a client that
    // does not read would keep others out. What it leaves unread is bounded by the connections.
    Ok(answer.map(|body| Body::new(Holding::new(body, place))))
}

/// Refuses methods that the endpoint does not have, and streams for clients that do not read them.
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

/// Refuses a body without a JSON content type, and a client that does not read JSON.
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

/// The parts of a message that name its method and its revision.
#[derive(Deserialize)]
struct Named<'b> {
    #[serde(borrow)]
    method: Cow<'b, str>,
    #[serde(default)]
    params: Option<Value>,
}

impl Named<'_> {
    fn declares_2026(body: &[u8]) -> bool {
        serde_json::from_slice::<Named<'_>>(body).is_ok_and(|message| params::declares_2026(message.params.as_ref()))
    }

    fn is_initialize(body: &[u8]) -> bool {
        serde_json::from_slice::<Named<'_>>(body).is_ok_and(|message| message.method == "initialize")
    }
}

fn is_initialize(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, JsonRpcMessage::Request(message) if matches!(message.request, ClientRequest::InitializeRequest(_)))
}

/// How many values JSON consists of, or a few more: what begins one, or separates two, outside of strings.
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

/// Reads the whole body, unless it is too large or takes too long.
pub async fn read(mut body: Body, limit: Duration) -> Result<Vec<u8>, Refusal> {
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
            format!("the body did not arrive within {limit:?}"),
            "Send the whole message at once.",
        ))
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_are_counted_outside_of_strings() {
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
