//! Messages as lines of JSON.

use std::io;

use pagerduty_rows::write;
use rmcp::model::{ContentBlock, JsonRpcMessage, JsonRpcResponse, ServerJsonRpcMessage, ServerResult};
use serde::Serialize;

/// A message as a line.
pub(super) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Encodes a message that may be a tool's answer. It is left without its text, which is nearly all of a list's line. So
/// the frame is written without the text, which is then inserted: quoted where it is text, and without its newlines
/// where it is the structured content, which `convert` makes of the same JSON.
pub(super) fn encode_answer(message: &mut ServerJsonRpcMessage) -> io::Result<Vec<u8>> {
    let Some(text) = take_twins(message) else { return encode(message) };
    let frame = serde_json::to_string(message)?;
    // What a frame quotes has no unescaped quotes, so this is the text's place. The result is a message's last member: its
    // end and the message's are the last two bytes.
    let places = frame.split_once(NO_TEXT).and_then(|(before, after)| Some((before, after.strip_suffix("}}")?)));
    let (before, after) = places.ok_or_else(|| io::Error::other("a result is not written as it is known"))?;
    let mut line = Vec::with_capacity(frame.len() + text.len() * 5 / 2);
    line.extend_from_slice(before.as_bytes());
    line.extend_from_slice(b"\"text\":");
    write::quoted(&mut line, &text)?;
    line.extend_from_slice(after.as_bytes());
    line.extend_from_slice(b",\"structuredContent\":");
    write::unbroken(&mut line, &text);
    line.extend_from_slice(b"}}\n");
    Ok(line)
}

/// How a text that was taken out is written.
const NO_TEXT: &str = "\"text\":\"\"";

/// Takes the text and the structured content out of a tool's result that says the same in both.
fn take_twins(message: &mut ServerJsonRpcMessage) -> Option<String> {
    let JsonRpcMessage::Response(JsonRpcResponse { result: ServerResult::CallToolResult(result), .. }) = message else {
        return None;
    };
    let [ContentBlock::Text(text)] = result.content.as_mut_slice() else { return None };
    let structured = result.structured_content.take()?;
    debug_assert_eq!(text.text.replace('\n', ""), write::json(&structured), "the twins differ");
    Some(std::mem::take(&mut text.text))
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, RequestId};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_answer_reads_the_same_however_it_was_written() {
        let envelope =
            json!({"metadata": {"count": 1}, "teams": [{"name": "a \"b\" }} é \n", "x": 9.204_938_554_384_979e297}]});
        let two = json!({"metadata": {"count": 2}, "teams": [{"name": "a\nb"}, {"name": "\u{2028}"}]});
        let mut lines = CallToolResult::success(vec![ContentBlock::text(write::lines(&two))]);
        lines.structured_content = Some(two);
        let table = CallToolResult::success(vec![ContentBlock::text("{\"count\":1}\nid\tname")]);
        for result in [
            CallToolResult::structured(envelope.clone()),
            CallToolResult::structured_error(envelope),
            lines,
            CallToolResult::success(vec![]),
            table,
        ] {
            for id in [RequestId::Number(1), RequestId::String(r#"","text":"","#.into())] {
                let result = ServerResult::CallToolResult(result.clone());
                let mut message = ServerJsonRpcMessage::response(result, id);
                let plain: Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
                let line = encode_answer(&mut message).unwrap();
                assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line, with its end");
                assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), plain);
            }
        }
    }
}
