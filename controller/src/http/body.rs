//! The bodies of requests, limited in size, time and memory.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_LENGTH},
};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest body. Bitnami's controller has the same limit.
pub(super) const MAX_BODY_BYTES: usize = 10 << 20;
/// The memory for the bodies of all requests and responses. The callers' limit on requests leaves a part of it
/// for others.
const MAX_BYTES_OF_ALL: usize = 40 << 20;
/// How much of a body is read that nobody needs, and for how long, so that its sender sees the response.
const MAX_DISCARDED_BYTES: usize = 256 << 10;
const MAX_DISCARD_TIME: Duration = Duration::from_secs(1);

/// The memory for bodies.
pub(super) struct Bodies {
    memory: Arc<Semaphore>,
    read_timeout: Duration,
}

/// A body, and its share of the memory.
pub(super) struct ReceivedBody {
    pub(super) bytes: Vec<u8>,
    pub(super) memory: Memory,
}

/// A share of the memory for bodies, until it is dropped.
pub(super) struct Memory(OwnedSemaphorePermit);

/// The bytes of a response with what they occupy, until they are sent or the connection ends.
struct Sent<T> {
    text: String,
    _occupied: T,
}

#[derive(Debug, Eq, PartialEq)]
pub(super) enum BodyError {
    TooLarge,
    /// The client sent no whole body in time.
    Incomplete,
    /// Bodies of other requests take all memory.
    OutOfMemory,
}

impl Bodies {
    pub(super) fn new(read_timeout: Duration) -> Self {
        Self { memory: Arc::new(Semaphore::new(MAX_BYTES_OF_ALL)), read_timeout }
    }

    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<ReceivedBody, BodyError> {
        let announced =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let max_bytes = announced.unwrap_or(MAX_BODY_BYTES);
        if max_bytes > MAX_BODY_BYTES {
            discard(body).await;
            return Err(BodyError::TooLarge);
        }
        let memory = self.take(max_bytes).ok_or(BodyError::OutOfMemory)?;
        let reading = tokio::time::timeout(self.read_timeout, read(body, max_bytes));
        let bytes = reading.await.unwrap_or(Err(BodyError::Incomplete))?;
        Ok(ReceivedBody { bytes, memory })
    }

    /// Changes a share to this size. None if bodies of other requests take the memory.
    pub(super) fn resize(&self, memory: Memory, bytes: usize) -> Option<Memory> {
        let Memory(mut permit) = memory;
        let held = permit.num_permits();
        if let Some(surplus) = held.checked_sub(bytes) {
            drop(permit.split(surplus));
        } else {
            permit.merge(self.take(bytes - held)?.0);
        }
        Some(Memory(permit))
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.memory.available_permits()
    }

    fn take(&self, bytes: usize) -> Option<Memory> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.memory.clone().try_acquire_many_owned(permits).ok().map(Memory)
    }
}

/// The body of a response, which holds a value until it is sent or the connection ends.
pub(super) fn holding<T: Send + 'static>(text: String, occupied: T) -> Body {
    Bytes::from_owner(Sent { text, _occupied: occupied }).into()
}

impl<T> AsRef<[u8]> for Sent<T> {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// Allocates the memory once: a vector that grows has twice its size at times.
async fn read(body: Body, max_bytes: usize) -> Result<Vec<u8>, BodyError> {
    let (mut bytes, mut chunks) = (Vec::with_capacity(max_bytes), body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Incomplete)?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads the beginning of a body that a refusal leaves unread. Otherwise the connection would be reset
/// before its client has read the response.
pub(super) async fn discard(body: Body) {
    let (mut discarded, mut chunks) = (0, body.into_data_stream());
    let reading = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            discarded += chunk.len();
            if discarded > MAX_DISCARDED_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(MAX_DISCARD_TIME, reading).await;
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream;

    use super::*;

    /// A body without a length, in chunks of 1 MiB.
    fn chunked(mebibytes: usize) -> Body {
        let chunk = Bytes::from(vec![b' '; 1 << 20]);
        let chunks = std::iter::repeat_n(chunk, mebibytes).map(Ok::<_, std::io::Error>);
        Body::from_stream(stream::iter(chunks))
    }

    fn of_length(length: usize) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_LENGTH, length.into())])
    }

    #[tokio::test(start_paused = true)]
    async fn body_of_ten_mebibytes_is_the_largest() {
        let bodies = Bodies::new(Duration::from_mins(1));
        let read = async |mebibytes| {
            let read = bodies.read(&HeaderMap::new(), chunked(mebibytes)).await;
            read.map(|body| body.bytes.len())
        };
        assert_eq!(read(10).await, Ok(MAX_BODY_BYTES));
        assert_eq!(read(11).await, Err(BodyError::TooLarge));
        let announced = bodies.read(&of_length(MAX_BODY_BYTES + 1), chunked(1)).await;
        assert_eq!(announced.err(), Some(BodyError::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn body_occupies_no_more_memory_than_was_taken_for_it() {
        let bodies = Bodies::new(Duration::from_mins(1));
        let announced = bodies.read(&of_length(3 << 20), chunked(3)).await.ok().unwrap();
        assert_eq!(announced.bytes.capacity(), 3 << 20);
        assert_eq!(announced.memory.0.num_permits(), 3 << 20);
        let longer = bodies.read(&of_length(100), Body::from("x".repeat(101))).await;
        assert_eq!(longer.err(), Some(BodyError::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_never_ends_is_incomplete_in_time() {
        let bodies = Bodies::new(Duration::from_secs(3));
        let endless = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let read = bodies.read(&HeaderMap::new(), endless).await;
        assert_eq!(read.err(), Some(BodyError::Incomplete));
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]);
        let read = bodies.read(&HeaderMap::new(), Body::from_stream(broken)).await;
        assert_eq!(read.err(), Some(BodyError::Incomplete));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_of_all_requests_share_a_limit() {
        let bodies = Bodies::new(Duration::from_mins(1));
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(bodies.read(&HeaderMap::new(), chunked(10)).await.ok().unwrap());
        }
        let read = async || bodies.read(&of_length(100), Body::from("x".repeat(100))).await;
        assert_eq!(read().await.err(), Some(BodyError::OutOfMemory));
        held.pop();
        assert!(read().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn share_grows_only_within_the_limit_of_all() {
        let bodies = Bodies::new(Duration::from_mins(1));
        let memory = bodies.take(100).unwrap();
        let memory = bodies.resize(memory, 10).unwrap();
        assert_eq!(bodies.memory.available_permits(), MAX_BYTES_OF_ALL - 10);
        let memory = bodies.resize(memory, MAX_BYTES_OF_ALL).unwrap();
        assert_eq!(bodies.memory.available_permits(), 0);
        assert!(bodies.resize(memory, MAX_BYTES_OF_ALL + 1).is_none());
        assert_eq!(bodies.memory.available_permits(), MAX_BYTES_OF_ALL, "a refusal holds nothing");
    }
}
