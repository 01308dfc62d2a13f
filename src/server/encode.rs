//! Messages as lines of JSON.

use std::io;

use rmcp::model::{CallToolResult, ContentBlock, JsonRpcMessage, JsonRpcResponse, ServerJsonRpcMessage, ServerResult};
use serde::Serialize;
use serde_json::Value;

/// A message as a line.
pub(super) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// The same for a message that may be a tool's answer. Its structured content is not written again where the text beside
/// it, as `convert` makes it, is that very JSON: with a hundred incidents it is the larger half of the line.
pub(super) fn encode_answer(message: &mut ServerJsonRpcMessage) -> io::Result<Vec<u8>> {
    let (text, structured) = match message {
        JsonRpcMessage::Response(JsonRpcResponse { result: ServerResult::CallToolResult(result), .. }) => {
            match take_twins(result) {
                Some(twins) => twins,
                None => return encode(message),
            }
        }
        _ => return encode(message),
    };
    // The text once with its quotes escaped, and once more as it is.
    let mut line = Vec::with_capacity(text.len() * 5 / 2 + 256);
    serde_json::to_writer(&mut line, message)?;
    // The result is a message's last member, so that its end and the message's are the last two bytes.
    if line.ends_with(b"}}") {
        line.truncate(line.len() - 2);
        line.extend_from_slice(b",\"structuredContent\":");
        line.extend_from_slice(text.as_bytes());
        line.extend_from_slice(b"}}\n");
        return Ok(line);
    }
    if let JsonRpcMessage::Response(JsonRpcResponse { result: ServerResult::CallToolResult(result), .. }) = message {
        result.structured_content = Some(structured);
    }
    encode(message)
}

/// The text and the structured content, which is taken out, of a result that says the same in both.
fn take_twins(result: &mut CallToolResult) -> Option<(String, Value)> {
    let [ContentBlock::Text(text)] = result.content.as_slice() else { return None };
    let structured = result.structured_content.take()?;
    debug_assert_eq!(serde_json::from_str::<Value>(&text.text).ok().as_ref(), Some(&structured));
    Some((text.text.clone(), structured))
}

#[cfg(test)]
mod tests {
    use rmcp::model::RequestId;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_reads_the_same_however_it_was_written() {
        let envelope = json!({"metadata": {"count": 1}, "teams": [{"name": "a \"b\" }} é \n"}]});
        let table = CallToolResult::success(vec![ContentBlock::text("{\"count\":1}\nid\tname")]);
        for result in [
            CallToolResult::structured(envelope.clone()),
            CallToolResult::structured_error(envelope),
            CallToolResult::success(vec![]),
            table,
        ] {
            let mut message =
                ServerJsonRpcMessage::response(ServerResult::CallToolResult(result), RequestId::Number(1));
            let plain: Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
            let line = encode_answer(&mut message).unwrap();
            assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line, with its end");
            assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), plain);
        }
    }
}
