//! Encodes messages as lines of JSON.

use std::io;
use std::sync::LazyLock;

use pagerduty_rows::write;
use rmcp::model::{CallToolResult, ContentBlock, JsonRpcMessage, JsonRpcResponse, ServerJsonRpcMessage, ServerResult};
use serde::Serialize;
use serde_json::{Map, Value};

/// Encodes a message as a line.
pub(super) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Encodes a message that may be the answer to a tool call.
///
/// Text and structured content of an answer are the same JSON and nearly all of its line. They are written from one text,
/// because writing the values again would double the cost.
pub(super) fn encode_answer(message: &ServerJsonRpcMessage) -> io::Result<Vec<u8>> {
    let Some(answer) = tool_answer(message) else { return encode(message) };
    let mut line = answer.encode(Order::ErrorFirst)?;
    line.push(b'\n');
    Ok(line)
}

/// Encodes a message that may be the answer to a tool call as the body of an HTTP answer, byte for byte as `rmcp` does.
pub(super) fn encode_body(message: &ServerJsonRpcMessage) -> io::Result<Vec<u8>> {
    match tool_answer(message) {
        Some(answer) => answer.encode(Order::StructuredFirst),
        None => Ok(serde_json::to_vec(message)?),
    }
}

/// The order of the members of a result after its text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Whether it is an error, and then the structured content.
    ErrorFirst,
    /// The structured content, and then whether it is an error.
    StructuredFirst,
}

/// The answer to a tool call whose text is the JSON of its structured content.
struct ToolAnswer<'m> {
    /// The ID and the other members of the answer.
    response: &'m JsonRpcResponse<ServerResult>,
    result: &'m CallToolResult,
    /// The JSON of the structured content. It may have line breaks, but only between values.
    text: &'m str,
}

/// The structured content of a result whose text is its JSON.
///
/// `rmcp` holds structured content as values. They are not built, because it is written from the text. No answer has an
/// empty object as its structured content otherwise.
pub(super) static SAME_AS_TEXT: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

/// Returns a result that `rmcp` writes, with its structured content.
pub(super) fn expanded(mut result: CallToolResult) -> CallToolResult {
    if let Some(text) = same_as_text(&result) {
        result.structured_content = serde_json::from_str(text).ok();
    }
    result
}

/// Returns the text of a result if it is also the structured content.
fn same_as_text(result: &CallToolResult) -> Option<&str> {
    let [ContentBlock::Text(content)] = result.content.as_slice() else { return None };
    (result.structured_content.as_ref() == Some(&SAME_AS_TEXT)).then_some(&content.text)
}

/// Returns the parts of an answer that has the same JSON as text and as structured content.
fn tool_answer(message: &ServerJsonRpcMessage) -> Option<ToolAnswer<'_>> {
    let JsonRpcMessage::Response(response) = message else { return None };
    let ServerResult::CallToolResult(result) = &response.result else { return None };
    Some(ToolAnswer { response, result, text: same_as_text(result)? })
}

impl ToolAnswer<'_> {
    fn encode(&self, order: Order) -> io::Result<Vec<u8>> {
        let Self { response, result, text } = self;
        let structured = |line: &mut Vec<u8>| {
            line.extend_from_slice(b",\"structuredContent\":");
            write::append_unbroken(line, text);
        };
        let mut line = Vec::with_capacity(256 + text.len() * 9 / 4);
        member(&mut line, b"{\"jsonrpc\":", &response.jsonrpc)?;
        member(&mut line, b",\"id\":", &response.id)?;
        line.extend_from_slice(b",\"result\":{");
        if let Some(result_type) = &result.result_type {
            member(&mut line, b"\"resultType\":", result_type)?;
            line.push(b',');
        }
        line.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":");
        write::append_json_quoted(&mut line, text);
        line.extend_from_slice(b"}]");
        if order == Order::StructuredFirst {
            structured(&mut line);
        }
        if let Some(is_error) = &result.is_error {
            member(&mut line, b",\"isError\":", is_error)?;
        }
        if let Some(meta) = &result.meta {
            member(&mut line, b",\"_meta\":", meta)?;
        }
        if order == Order::ErrorFirst {
            structured(&mut line);
        }
        line.extend_from_slice(b"}}");
        Ok(line)
    }
}

/// Appends a value after its name.
fn member(line: &mut Vec<u8>, name: &[u8], value: &impl Serialize) -> serde_json::Result<()> {
    line.extend_from_slice(name);
    serde_json::to_writer(line, value)
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, MetaObject, RequestId};
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_reads_the_same_however_it_was_written() {
        let envelope =
            json!({"metadata": {"count": 1}, "teams": [{"name": "a \"b\" }} é \n", "x": 9.204_938_554_384_979e297}]});
        let two = json!({"metadata": {"count": 2}, "teams": [{"name": "a\nb"}, {"name": "\u{2028}"}]});
        let with_json = |json: String| {
            let mut result = CallToolResult::success(vec![ContentBlock::text(json)]);
            result.structured_content = Some(SAME_AS_TEXT.clone());
            result
        };
        let table = CallToolResult::success(vec![ContentBlock::text("{\"count\":1}\nid\tname")]);
        let mut bare = with_json(envelope.to_string());
        bare.result_type = None;
        bare.is_error = None;
        bare.meta = Some(MetaObject(json!({"a": "b"}).as_object().cloned().unwrap()));
        for result in [
            with_json(envelope.to_string()),
            with_json(write::to_lines(&two)),
            CallToolResult::structured_error(envelope),
            CallToolResult::success(vec![]),
            table,
            bare,
        ] {
            for id in [RequestId::Number(1), RequestId::String(r#"","text":"","#.into())] {
                let response =
                    |result| ServerJsonRpcMessage::response(ServerResult::CallToolResult(result), id.clone());
                let plain = encode(&response(expanded(result.clone()))).unwrap();
                let plain: Value = serde_json::from_slice(&plain).unwrap();
                let message = response(result.clone());
                let line = encode_answer(&message).unwrap();
                assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line, with its end");
                assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), plain);
                let body = encode_body(&message).unwrap();
                let by_rmcp = serde_json::to_string(&response(expanded(result.clone()))).unwrap();
                assert_eq!(String::from_utf8(body).unwrap(), by_rmcp);
            }
        }
    }
}
