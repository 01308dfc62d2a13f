//! The answers of requests that a fault applies to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::{Compress, Compression, Crc, FlushCompress};
use futures_util::stream::{self, StreamExt};

use super::{FaultKind, MAX_WAIT};
use crate::LOG;
use crate::connection::{Abort, Cut};
use crate::reply::{Problem, json};

impl FaultKind {
    /// Applies the fault to a request, and returns the answer.
    pub async fn apply(self, request: Request, next: Next, connection: &Abort) -> Response {
        match self {
            Self::Status { code, headers, body } => status(code, headers, body),
            Self::Html => html(),
            Self::Empty => json(StatusCode::OK, Body::empty()),
            Self::WrongJson(value) => json(StatusCode::OK, value.to_string()),
            Self::Hang => {
                tokio::time::sleep(MAX_WAIT).await;
                abort(connection)
            }
            Self::Together(all) => {
                if tokio::time::timeout(MAX_WAIT, all.wait()).await.is_err() {
                    return abort(connection);
                }
                next.run(request).await
            }
            Self::Delay(delay) => {
                tokio::time::sleep(delay).await;
                next.run(request).await
            }
            Self::SlowBody(time) => trickle(next.run(request).await, time).await,
            Self::Truncated => {
                connection.arm(Cut::WithinBody);
                next.run(request).await
            }
            Self::Reset => abort(connection),
            Self::LostResponse => {
                next.run(request).await;
                abort(connection)
            }
            Self::Late(delay) => {
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    next.run(request).await
                });
                abort(connection)
            }
            Self::Replaced(code) => {
                next.run(request).await;
                let body = (200..300).contains(&code).then(String::new);
                status(code, BTreeMap::new(), body)
            }
            Self::Headers(headers) => with(next.run(request).await, headers),
            Self::Bomb(megabytes) => bomb(megabytes).await,
        }
    }
}

/// Returns a response for a connection that is aborted before it is sent.
pub fn abort(connection: &Abort) -> Response {
    connection.arm(Cut::BeforeAnswer);
    Response::default()
}

fn status(code: u16, headers: BTreeMap<String, String>, body: Option<String>) -> Response {
    let response = match body {
        Some(body) => json(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body),
        None => Problem::of_status(code).into_response(),
    };
    with(response, headers)
}

fn with(mut response: Response, headers: BTreeMap<String, String>) -> Response {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        } else {
            tracing::warn!(target: LOG, "a header of a fault is not valid and was left out");
        }
    }
    response
}

fn html() -> Response {
    let page = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
    (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// Returns a small answer that becomes a large one: this many megabytes of blanks in gzip (RFC 1952).
///
/// One megabyte is compressed, on a blocking thread, and its blocks are sent repeatedly.
async fn bomb(megabytes: usize) -> Response {
    let packed = tokio::task::spawn_blocking(move || Blanks::of(megabytes)).await;
    let Ok(Some(Blanks { blocks, end })) = packed else { return Problem::of_status(500).into_response() };
    let pieces = std::iter::once(Bytes::from_static(&Blanks::HEAD));
    let pieces = pieces.chain(std::iter::repeat_n(blocks, megabytes)).chain(std::iter::once(end));
    let mut response = json(StatusCode::OK, Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>))));
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// Compressed blanks in parts, for any number of megabytes.
struct Blanks {
    /// The blocks of one megabyte.
    blocks: Bytes,
    /// A last, empty block with the checksum and size of everything.
    end: Bytes,
}

impl Blanks {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

    fn of(megabytes: usize) -> Option<Self> {
        const LAST_BLOCK: [u8; 2] = [3, 0];
        let megabyte = vec![b' '; 1 << 20];
        let mut blocks = Vec::with_capacity(1 << 16);
        let mut packer = Compress::new(Compression::best(), false);
        packer.compress_vec(&megabyte, &mut blocks, FlushCompress::Full).ok()?;
        let mut sum = Crc::new();
        sum.update(&megabyte);
        let mut sums = Crc::new();
        (0..megabytes).for_each(|_| sums.combine(&sum));
        let end = [&LAST_BLOCK[..], &sums.sum().to_le_bytes(), &sums.amount().to_le_bytes()].concat();
        Some(Self { blocks: blocks.into(), end: end.into() })
    }
}

/// Returns the same answer with its body in pieces over this time.
async fn trickle(answer: Response, time: Duration) -> Response {
    const PIECES: u32 = 10;
    let (head, body) = answer.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return Problem::of_status(500).into_response();
    };
    let size = body.len().div_ceil(PIECES as usize).max(1);
    let pieces: Vec<_> = (0..body.len()).step_by(size).map(|at| body.slice(at..body.len().min(at + size))).collect();
    let stream = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(time / PIECES).await;
        Ok::<_, Infallible>(piece)
    });
    Response::from_parts(head, Body::from_stream(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bomb_unpacks_to_its_size() {
        let Blanks { blocks, end } = Blanks::of(3).unwrap();
        let packed = [&Blanks::HEAD, &*blocks.repeat(3), &*end].concat();
        let mut unpacked = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*packed), &mut unpacked).unwrap();
        assert_eq!((unpacked.len(), unpacked.trim()), (3 << 20, ""));
        assert!(blocks.len() < 5 << 10);
    }
}
