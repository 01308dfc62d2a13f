//! Reads the bodies of responses, within the memory that all of them may use.

use std::io;

use memmap2::MmapMut;
use tokio::sync::SemaphorePermit;

use super::policy::Outcome;
use super::send::Failure;
use super::{Api, Request};
use crate::error::{Code, Error};
use crate::net::http::Watch;

/// The largest response that is read. PagerDuty's largest pages are a few megabytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// The memory that all responses in progress may use beyond a megabyte each, in megabytes.
///
/// Responses of PagerDuty are hardly ever that large, and a host in its place that answers many calls at once must not fill
/// the memory.
pub const LARGE_ANSWERS: usize = 512;

/// A body, with the permit for the memory that it uses.
#[derive(Default)]
pub(super) struct Body<'c> {
    bytes: Buffer,
    permit: Option<SemaphorePermit<'c>>,
}

impl std::ops::Deref for Body<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.as_slice()
    }
}

/// The size of a body up to which it is on the heap.
const SMALL: usize = 64 * 1024;

/// The size of the first map. Pages that are not written take no memory.
const FIRST_MAP: usize = 1 << 20;

/// The bytes of a body. A page of a list is in a separate memory map.
///
/// The heap does not give such memory back to the system: after many lists at once, what remains in use is spread over it,
/// and the process keeps several times the memory that it needs.
enum Buffer {
    Heap(Vec<u8>),
    Map { map: MmapMut, used: usize },
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl Buffer {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Map { map, used } => map.get(..*used).unwrap_or_default(),
        }
    }

    /// Makes space for a body of this size, or of a size that is not known.
    fn reserve(&mut self, size: Option<usize>) {
        if let (Self::Heap(bytes), Some(size @ ..=SMALL)) = (self, size) {
            bytes.reserve(size);
        }
    }

    fn append(&mut self, chunk: &[u8]) -> io::Result<()> {
        let needed = self.as_slice().len() + chunk.len();
        if let Self::Heap(bytes) = self
            && needed <= SMALL
        {
            bytes.extend_from_slice(chunk);
            return Ok(());
        }
        let has = if let Self::Map { map, .. } = self { map.len() } else { 0 };
        if needed > has {
            let mut map = MmapMut::map_anon(needed.max(2 * has).max(FIRST_MAP))?;
            let used = self.as_slice().len();
            if let Some(start) = map.get_mut(..used) {
                start.copy_from_slice(self.as_slice());
            }
            *self = Self::Map { map, used };
        }
        if let Self::Map { map, used } = self
            && let Some(space) = map.get_mut(*used..needed)
        {
            space.copy_from_slice(chunk);
            *used = needed;
        }
        Ok(())
    }
}

impl Api {
    /// Reads the body of a response, decompressed.
    pub(super) async fn body(
        &self,
        request: &Request,
        mut answer: reqwest::Response,
        watch: &mut Watch<'_>,
    ) -> Result<Body<'_>, Failure> {
        let mut body = Body::default();
        let expected = answer.content_length().and_then(|length| usize::try_from(length).ok());
        body.bytes.reserve(expected);
        loop {
            watch.heard();
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => {
                    let error = self.unexpected(request, &format!("it is larger than {} MB", MAX_BODY >> 20));
                    return Err(Failure::new(Outcome::Garbled, error));
                }
                Ok(Some(chunk)) => {
                    self.reserve(request, &mut body, chunk.len())?;
                    let lacks_memory =
                        |error| too_large(request, &format!("the system has no memory for it ({error})"));
                    body.bytes.append(&chunk).map_err(lacks_memory)?;
                }
                Ok(None) => return Ok(body),
                Err(error) => return Err(self.unread(request, error, watch)),
            }
        }
    }

    /// Reserves memory for more of a body.
    ///
    /// It fails instead of waiting: requests that wait for each other would never end.
    fn reserve<'c>(&'c self, request: &Request, body: &mut Body<'c>, more: usize) -> Result<(), Failure> {
        let has = body.permit.as_ref().map_or(0, SemaphorePermit::num_permits);
        let needs = (body.len() + more) >> 20;
        let lacks = u32::try_from(needs.saturating_sub(has)).unwrap_or(u32::MAX);
        if lacks == 0 {
            return Ok(());
        }
        let Ok(permit) = self.client.large.try_acquire_many(lacks) else {
            return Err(too_large(request, "too many large answers are in progress"));
        };
        match &mut body.permit {
            Some(had) => had.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}

/// Returns the failure of a response for which there is not enough memory.
fn too_large(request: &Request, why: &str) -> Failure {
    let message = format!("the answer to {} was not read to its end: {why}", request.subject);
    let error = Error::new(Code::NetworkError, message).hint("Try again, and request less at a time.");
    Failure::new(Outcome::CutOff, error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buffer_holds_what_was_appended(
            expected in proptest::option::of(0..2 * SMALL),
            sizes in proptest::collection::vec(0..3 * SMALL, 0..30),
        ) {
            let (mut buffer, mut all) = (Buffer::default(), Vec::new());
            buffer.reserve(expected);
            for (number, size) in sizes.into_iter().enumerate() {
                let chunk = vec![u8::try_from(number).unwrap(); size];
                buffer.append(&chunk).unwrap();
                all.extend_from_slice(&chunk);
                prop_assert!(buffer.as_slice() == all);
                prop_assert_eq!(matches!(buffer, Buffer::Map { .. }), all.len() > SMALL);
            }
        }
    }
}
