//! Encodes messages as lines of JSON.

use std::io;
use std::sync::LazyLock;

use pagerduty_rows::write::{self, Parts};
use rmcp::model::{CallToolResult, ContentBlock, JsonRpcMessage, ServerJsonRpcMessage, ServerResult};
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
/// `apart` is its text if the message has an empty one.
pub(super) fn encode_answer(message: ServerJsonRpcMessage, apart: Option<Parts>) -> io::Result<Line> {
    match Answer::of(message, apart, Order::ErrorFirst)? {
        Ok(mut answer) => {
            answer.tail.push(b'\n');
            Ok(Line::Answer(answer))
        }
        Err(message) => encode(&message).map(Line::Whole),
    }
}

/// Encodes a message that may be the answer to a tool call as the body of an HTTP answer, byte for byte as `rmcp` does.
pub(super) fn encode_body(message: ServerJsonRpcMessage) -> io::Result<Vec<u8>> {
    match Answer::of(message, None, Order::StructuredFirst)? {
        Ok(mut answer) => {
            let mut body = Vec::with_capacity(256 + answer.text.size() * 9 / 4);
            while answer.append_next(&mut body) {}
            Ok(body)
        }
        Err(message) => Ok(serde_json::to_vec(&message)?),
    }
}

/// A message as a line.
#[derive(Debug)]
pub(super) enum Line {
    /// The bytes of the line.
    Whole(Vec<u8>),
    /// An answer, which is encoded piece by piece while it is written.
    Answer(Answer),
}

impl From<Vec<u8>> for Line {
    fn from(line: Vec<u8>) -> Self {
        Self::Whole(line)
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

/// The most bytes of the text of an answer that are encoded at a time. With escapes, they fit the buffer of a pipe.
const PIECE: usize = 32 * 1024;

/// The answer to a tool call whose text is the JSON of its structured content.
///
/// Both are nearly all of the line. They are written from one text, because writing the values again would double the cost,
/// and piece by piece, because the line is more than twice as long as the text.
#[derive(Debug)]
pub(super) struct Answer {
    /// The JSON up to the text.
    head: Vec<u8>,
    /// The JSON between the text and the structured content.
    middle: Vec<u8>,
    /// The JSON after the structured content.
    tail: Vec<u8>,
    /// The JSON of the structured content. It may have line breaks, but only between values.
    text: Parts,
    next: Next,
}

/// The next piece of an answer.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// The text from this position.
    Text(Position),
    /// The structured content from this position.
    Structured(Position),
    /// None.
    End,
}

/// A position in a text.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    part: usize,
    byte: usize,
}

impl Answer {
    /// Returns the answer, or else the message if its text is not its structured content.
    fn of(
        mut message: ServerJsonRpcMessage,
        apart: Option<Parts>,
        order: Order,
    ) -> io::Result<Result<Self, ServerJsonRpcMessage>> {
        let JsonRpcMessage::Response(response) = &mut message else { return Ok(Err(message)) };
        let ServerResult::CallToolResult(result) = &mut response.result else { return Ok(Err(message)) };
        if same_as_text(result).is_none() {
            return Ok(Err(message));
        }
        let Some(ContentBlock::Text(content)) = result.content.first_mut() else { return Ok(Err(message)) };
        let text = apart.unwrap_or_else(|| std::mem::take(&mut content.text).into());
        let (mut head, mut rest) = (Vec::new(), Vec::new());
        member(&mut head, b"{\"jsonrpc\":", &response.jsonrpc)?;
        member(&mut head, b",\"id\":", &response.id)?;
        head.extend_from_slice(b",\"result\":{");
        if let Some(result_type) = &result.result_type {
            member(&mut head, b"\"resultType\":", result_type)?;
            head.push(b',');
        }
        head.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":\"");
        if let Some(is_error) = &result.is_error {
            member(&mut rest, b",\"isError\":", is_error)?;
        }
        if let Some(meta) = &result.meta {
            member(&mut rest, b",\"_meta\":", meta)?;
        }
        let (mut middle, mut tail) = (b"\"}]".to_vec(), Vec::new());
        match order {
            Order::ErrorFirst => middle.append(&mut rest),
            Order::StructuredFirst => tail = rest,
        }
        middle.extend_from_slice(b",\"structuredContent\":");
        tail.extend_from_slice(b"}}");
        Ok(Ok(Self { head, middle, tail, text, next: Next::Text(Position::default()) }))
    }

    /// Appends the next piece of the line. Returns `false` after the last one.
    pub(super) fn append_next(&mut self, line: &mut Vec<u8>) -> bool {
        self.next = match self.next {
            Next::Text(from) => {
                line.append(&mut self.head);
                if let Some(next) = self.append_text(line, from, write::append_json_escaped) {
                    Next::Text(next)
                } else {
                    line.append(&mut self.middle);
                    Next::Structured(Position::default())
                }
            }
            Next::Structured(from) => {
                if let Some(next) = self.append_text(line, from, write::append_unbroken) {
                    Next::Structured(next)
                } else {
                    line.append(&mut self.tail);
                    Next::End
                }
            }
            Next::End => return false,
        };
        true
    }

    /// Appends some of the text from a position. Returns the next position, or `None` at the end.
    fn append_text(&self, line: &mut Vec<u8>, from: Position, append: fn(&mut Vec<u8>, &str)) -> Option<Position> {
        let Position { mut part, mut byte } = from;
        let enough = line.len() + PIECE;
        while let Some(text) = self.text.get(part) {
            let end = text.floor_char_boundary(byte.saturating_add(PIECE));
            append(line, text.get(byte..end).unwrap_or_default());
            (part, byte) = if end < text.len() { (part, end) } else { (part + 1, 0) };
            if line.len() >= enough {
                return Some(Position { part, byte });
            }
        }
        None
    }
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

    fn whole(line: Line) -> Vec<u8> {
        match line {
            Line::Whole(line) => line,
            Line::Answer(mut answer) => {
                let mut line = Vec::new();
                while answer.append_next(&mut line) {}
                line
            }
        }
    }

    #[test]
    fn long_answer_is_encoded_in_pieces() {
        let notes = "é\"\\\n決😀".repeat(PIECE / 4);
        let text = json!({"a": notes}).to_string();
        let mut result = CallToolResult::success(vec![ContentBlock::text(&text)]);
        result.structured_content = Some(SAME_AS_TEXT.clone());
        let message = ServerJsonRpcMessage::response(ServerResult::CallToolResult(result), RequestId::Number(1));
        let Line::Answer(mut answer) = encode_answer(message, None).unwrap() else { panic!("it is whole") };
        let (mut line, mut piece) = (Vec::new(), Vec::new());
        while answer.append_next(&mut piece) {
            assert!(piece.len() < 3 * PIECE, "{}", piece.len());
            line.append(&mut piece);
        }
        let line: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["result"]["content"][0]["text"], text);
        assert_eq!(line["result"]["structuredContent"]["a"], notes);
    }

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
                let line = whole(encode_answer(message.clone(), None).unwrap());
                assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line, with its end");
                assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), plain);
                let body = encode_body(message).unwrap();
                let by_rmcp = serde_json::to_string(&response(expanded(result.clone()))).unwrap();
                assert_eq!(String::from_utf8(body).unwrap(), by_rmcp);
            }
        }
    }
}
