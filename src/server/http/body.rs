//! The body of an answer, with the values that live as long as it does.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::connections::Connection;
use crate::client::Share;

/// A body that holds a value until its last part is handed over for sending, and passes each part to it.
pub struct Holding<B, H> {
    body: B,
    held: H,
}

/// A value that a body holds.
pub trait Held {
    /// Called when a part of the body was handed over for sending.
    fn progress(&self) {}
}

impl Held for Arc<Connection> {
    fn progress(&self) {
        self.touch();
    }
}

impl<B, H> Holding<B, H> {
    /// Returns an answer that holds a value.
    pub fn answer(answer: Response<B>, held: H) -> Response<Self> {
        answer.map(|body| Self { body, held })
    }
}

/// The most bytes of an answer that are handed over for sending at a time.
const PIECE: usize = 64 * 1024;

/// A body that is handed over in pieces, so that the memory of an answer counts as reserved while its client reads slowly.
pub struct Pieces {
    rest: Bytes,
    _share: Option<Arc<Share>>,
}

impl Pieces {
    /// Creates a body that holds the memory that the call reserved.
    pub fn new(body: Vec<u8>, share: Option<Arc<Share>>) -> Self {
        Self { rest: body.into(), _share: share }
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let size = self.rest.len().min(PIECE);
        Poll::Ready((size > 0).then(|| Ok(Frame::data(self.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin, H: Held + Unpin> HttpBody for Holding<B, H> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(_)) = polled {
            self.held.progress();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
