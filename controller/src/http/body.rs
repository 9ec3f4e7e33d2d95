//! The bodies of requests, limited in size, time and memory.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_LENGTH},
};
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest body. Bitnami's controller has the same limit.
pub(super) const MAX_BODY_BYTES: usize = 10 << 20;
/// The memory for the bodies of all requests. The callers' limit on requests leaves a part of it for others.
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
    _memory: OwnedSemaphorePermit,
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
        let bytes = announced.unwrap_or(MAX_BODY_BYTES);
        if bytes > MAX_BODY_BYTES {
            discard(body).await;
            return Err(BodyError::TooLarge);
        }
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let memory = self.memory.clone().try_acquire_many_owned(permits);
        let memory = memory.map_err(|_| BodyError::OutOfMemory)?;
        let reading = tokio::time::timeout(self.read_timeout, read(body));
        let bytes = reading.await.unwrap_or(Err(BodyError::Incomplete))?;
        Ok(ReceivedBody { bytes, _memory: memory })
    }
}

async fn read(body: Body) -> Result<Vec<u8>, BodyError> {
    let (mut bytes, mut chunks) = (Vec::new(), body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Incomplete)?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
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
}
