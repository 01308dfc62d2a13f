//! The MCP endpoint: from an HTTP request to a message for `rmcp`, and its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use rmcp::model::ErrorCode;

use super::caller::Caller;
use super::refusal::Refusal;
use super::{MAX_BODY, Shared};
use crate::server::message;

/// How much of a body that is too large is still taken from the client, so that it gets to reading why. Closing at once
/// would lose the answer on the way.
const MAX_DRAINED: usize = 16 * MAX_BODY;

/// Answers whatever comes to the endpoint.
pub async fn mcp(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    serve(&shared, request).await.unwrap_or_else(|refusal| {
        tracing::info!(?refusal, "request refused");
        refusal.into_response()
    })
}

async fn serve(shared: &Shared, mut request: Request) -> Result<Response, Refusal> {
    let caller = Caller::of(request.headers(), &shared.toolbox, shared.credential_required)?;
    let fingerprint = caller.origin.fingerprint();
    request.extensions_mut().insert(caller);
    let stateful = shared.mcp.config.legacy_session_mode;
    if stateful {
        shared.owners.check(request.headers(), fingerprint, &shared.sessions).await?;
    }
    if request.method() != Method::POST {
        // A stream of a session, its end, or a method there is not.
        return Ok(shared.mcp.handle(request).await.map(Body::new));
    }
    let permit = shared.limits.admit(fingerprint)?;
    let (parts, body) = request.into_parts();
    let body = read(body, shared.read_timeout).await?;
    match message::read(&body) {
        Ok(None) if body.trim_ascii().is_empty() => {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is empty", "Send one JSON-RPC message."));
        }
        // Wrong parameters are answered by the handler, as the revision has it.
        Err(refusal) if refusal.code() != ErrorCode::INVALID_PARAMS => return Err(Refusal::of_message(refusal)),
        Ok(_) | Err(_) => {}
    }
    let answer = shared.mcp.handle(Request::from_parts(parts, Body::from(body))).await;
    if stateful {
        shared.owners.note(answer.headers(), fingerprint, &shared.sessions).await;
    }
    // The request is underway until the last of its answer is sent.
    Ok(answer.map(|body| Body::new(permit.around(body))))
}

/// The whole body, if it is not too large and does not take too long.
async fn read(mut body: Body, limit: Duration) -> Result<Vec<u8>, Refusal> {
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
