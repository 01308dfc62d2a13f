//! Tool calls that are answered without `rmcp`.
//!
//! For each request without a session, `rmcp` parses the message again, creates a service with its channels, runs it in three
//! tasks, and serializes the result as a tree of values. That takes longer than the call itself
//! (`docs/upstream/rmcp-stateless-requests.md`). A call whose answer is one JSON document needs none of it.
//!
//! Only calls without a fault in their frame and their headers are read here. `rmcp` refuses the others, so each refusal is
//! worded in one place.

use std::fmt;
use std::marker::PhantomData;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use rmcp::model::{
    Implementation, MetaObject, ProtocolVersion, RequestId, RequestMetaObject, ServerJsonRpcMessage, ServerResult,
};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::accept::Accepts;
use super::body::Pieces;
use crate::reply::Reply;
use crate::server::caller::Caller;
use crate::server::encode;
use crate::server::handler::{Server, Timing};
use crate::server::params;
use crate::tools::Asking;

const METHOD: &str = "tools/call";

const REVISION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// A tool call without a fault in its frame and its headers.
pub struct Call {
    pub id: RequestId,
    /// Set if the request is of revision 2026-07-28, which has no sessions.
    pub is_2026: bool,
    pub name: String,
    arguments: Map<String, Value>,
    client: Option<Implementation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame<'b> {
    jsonrpc: &'b str,
    id: RequestId,
    method: &'b str,
    #[serde(borrow)]
    params: Option<Object<Params<'b>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<'b> {
    name: &'b str,
    arguments: Option<Map<String, Value>>,
    #[serde(rename = "_meta")]
    meta: Option<Map<String, Value>>,
}

impl Call {
    /// Reads a call whose answer is one JSON document. Returns `None` for every other message.
    pub fn read(headers: &HeaderMap, body: &[u8], accepts: Accepts) -> Option<Box<Self>> {
        let Object(frame) = serde_json::from_slice::<Object<Frame<'_>>>(body).ok()?;
        let Object(params) = frame.params?;
        if frame.jsonrpc != "2.0" || frame.method != METHOD {
            return None;
        }
        let meta = params.meta.map(|meta| RequestMetaObject(MetaObject(meta)));
        // Progress notifications need a stream.
        if accepts.names_events && meta.as_ref().is_some_and(|meta| meta.get_progress_token().is_some()) {
            return None;
        }
        Some(Box::new(Self {
            id: frame.id,
            is_2026: is_2026(headers, meta.as_ref(), params.name)?,
            name: params.name.to_owned(),
            arguments: params.arguments.unwrap_or_default(),
            client: meta.and_then(|meta| meta.client_info()),
        }))
    }

    /// Returns the answer to the call.
    pub async fn answer(self, server: &Server, caller: &Caller) -> Response<Pieces> {
        let style = server.style(self.client.as_ref(), Some(caller));
        // `endpoint` passes calls on to `rmcp` that need a question.
        let call =
            server.run(&self.name, self.arguments, self.client, Some(caller), Timing::default(), Asking::default());
        let mut outcome = call.await;
        let share = outcome.as_mut().ok().and_then(Reply::take_share);
        let message = match server.answer(outcome, style, Some(caller)) {
            Ok(mut result) => {
                // The older revisions do not have it.
                result.result_type.take_if(|_| !self.is_2026);
                ServerJsonRpcMessage::response(ServerResult::CallToolResult(result), self.id)
            }
            Err(error) => ServerJsonRpcMessage::error(error, Some(self.id)),
        };
        let (status, body) = match encode::encode_body(message) {
            Ok(body) => (StatusCode::OK, body),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into_bytes()),
        };
        let mut answer = Response::new(Pieces::new(body, share));
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }
}

/// Returns whether a call is of revision 2026-07-28 or of an older one. Returns `None` if its headers and its metadata do
/// not agree, or not with its body.
fn is_2026(headers: &HeaderMap, meta: Option<&RequestMetaObject>, name: &str) -> Option<bool> {
    let revision = headers.get(REVISION).map(HeaderValue::to_str).transpose().ok()?;
    let declared = meta.filter(|meta| meta.contains_key(params::REVISION));
    let newest = ProtocolVersion::V_2026_07_28;
    let Some(meta) = declared else {
        let is_known = |known: &ProtocolVersion| *known != newest && Some(known.as_str()) == revision;
        return (revision.is_none() || ProtocolVersion::KNOWN_VERSIONS.iter().any(is_known)).then_some(false);
    };
    let is_newest = revision == Some(newest.as_str()) && meta.protocol_version().as_ref() == Some(&newest);
    let complete = is_newest && meta.missing_required_keys(&newest).is_empty();
    // No parameter of a tool is annotated with a header.
    (complete && has_only(headers, "mcp-method", METHOD) && has_only(headers, "mcp-name", name)).then_some(true)
}

/// Returns whether a header is there once, with this value.
fn has_only(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.next().is_some_and(|first| first == value) && values.next().is_none()
}

/// A struct that is read from an object only. Derived implementations also read lists.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Reader(PhantomData))
    }
}
