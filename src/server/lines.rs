//! Splits bytes into lines of bounded length.
//!
//! `tokio`'s `lines()` buffers lines of any length, and fails on input that is not UTF-8.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// One line of input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its newline.
    Whole(Vec<u8>),
    /// A line that was longer than allowed and was discarded.
    TooLong,
}

/// The lines of a stream.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    limit: usize,
    /// The bytes of the current line so far.
    line: Vec<u8>,
    /// Set if the current line is over the limit and is skipped. It is kept here because `next` may be canceled.
    too_long: bool,
    /// Set if the input has ended. On a terminal, another read after Ctrl-D would continue.
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Creates the lines of `reader`, of at most `limit` bytes each.
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self { reader: BufReader::new(reader), limit, line: Vec::new(), too_long: false, ended: false }
    }

    /// Returns the next line, or `None` at the end of input. The last line needs no newline.
    ///
    /// It may be canceled at any time without loss: there is no await between reading bytes and storing them.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        while !self.ended {
            let available = self.reader.fill_buf().await?;
            let newline = available.iter().position(|&byte| byte == b'\n');
            let (piece, _) = available.split_at(newline.unwrap_or(available.len()));
            self.too_long |= self.line.len() + piece.len() > self.limit;
            if self.too_long {
                // A new vector, because clearing would keep the allocated memory.
                self.line = Vec::new();
            } else {
                self.line.extend_from_slice(piece);
            }
            self.ended = available.is_empty();
            let taken = piece.len() + usize::from(newline.is_some());
            self.reader.consume(taken);

            if newline.is_none() && !self.ended {
                continue;
            }
            if std::mem::take(&mut self.too_long) {
                return Ok(Some(Line::TooLong));
            }
            if newline.is_some() || !self.line.is_empty() {
                return Ok(Some(Line::Whole(std::mem::take(&mut self.line))));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `input` at a limit of four bytes, arriving in pieces of every size.
    #[track_caller]
    fn check(input: &str, expected: &[Option<&str>]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for size in 1..=input.len().max(1) {
            let actual = runtime.block_on(async {
                let (mut near, far) = tokio::io::duplex(size);
                let mut lines = Lines::new(far, 4);
                let write = async move {
                    tokio::io::AsyncWriteExt::write_all(&mut near, input.as_bytes()).await.unwrap();
                };
                let read = async {
                    let mut all = Vec::new();
                    while let Some(line) = lines.next().await.unwrap() {
                        all.push(match line {
                            Line::Whole(bytes) => Some(String::from_utf8(bytes).unwrap()),
                            Line::TooLong => None,
                        });
                    }
                    all
                };
                tokio::join!(write, read).1
            });
            let expected: Vec<_> = expected.iter().map(|line| line.map(str::to_owned)).collect();
            assert_eq!(actual, expected, "{input:?} in pieces of {size}");
        }
    }

    #[test]
    fn lines_end_at_newline_and_end_of_input() {
        check("", &[]);
        check("a\nbc\n", &[Some("a"), Some("bc")]);
        check("a\n\nbc", &[Some("a"), Some(""), Some("bc")]);
        check("\n", &[Some("")]);
    }

    #[test]
    fn line_over_limit_is_skipped_and_reported_once() {
        check("1234\n", &[Some("1234")]);
        check("12345\nab\n", &[None, Some("ab")]);
        check("a\n1234567890123\nb", &[Some("a"), None, Some("b")]);
        check("1234567890", &[None]);
    }
}
