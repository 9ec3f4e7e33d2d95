//! The layer of the API server's client that refuses writes without the lease.

use std::{
    future::poll_fn,
    pin::pin,
    task::{self, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, Response};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use super::fence::Fence;

/// Requests that change nothing, although they are creations, and those for the lease itself.
const EXEMPT_GROUPS: [&str; 3] =
    ["/apis/authentication.k8s.io/", "/apis/authorization.k8s.io/", "/apis/coordination.k8s.io/"];

/// This process does not lead, so it did not send a request, or does not wait for its answer.
#[derive(Debug, thiserror::Error)]
#[error("this replica does not hold the lease")]
pub(crate) struct LeaseNotHeld;

/// Refuses requests that change something while the fence is closed.
#[derive(Clone)]
pub(crate) struct FenceLayer(pub(crate) Fence);

#[derive(Clone)]
pub(crate) struct Fenced<S> {
    inner: S,
    fence: Fence,
}

impl<S> Layer<S> for FenceLayer {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced { inner, fence: self.0.clone() }
    }
}

impl<S, B> Service<Request<Body>> for Fenced<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let changes = changes_something(request.method(), request.uri().path());
        let response = self.inner.call(request).map(|result| result.map_err(Into::into));
        if changes { while_open(self.fence.clone(), response).boxed() } else { response.boxed() }
    }
}

/// Makes progress only while the fence is open. The request is dropped when it closes, so no request
/// outlives the lease.
///
/// The check comes before each step of the request: before a connection is made, before the request
/// is handed to its connection, and before a repetition. So a process that was frozen sends nothing
/// after the freeze that it built before. A gap remains that no client can close: the process may be
/// frozen after the last check, between the connection's queue and the network. Such a write is
/// at most the one that the process was about to make. A patch of a Secret names the uid and the
/// resourceVersion that it replaces, so it is refused if the new leader has written the Secret since.
async fn while_open<T>(
    fence: Fence,
    request: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    let _write = fence.begin_write();
    let (mut request, mut ended) = (pin!(request), pin!(fence.ended()));
    poll_fn(|context| {
        // The timer may fire late after a freeze, and the clock does not.
        if !fence.is_open() || ended.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(LeaseNotHeld.into()));
        }
        request.as_mut().poll(context)
    })
    .await
}

fn changes_something(method: &Method, path: &str) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    !reads && !EXEMPT_GROUPS.iter().any(|group| path.starts_with(group))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use tokio::sync::Notify;

    use super::*;
    use crate::runtime::clock::boot_time;

    const SECRETS: &str = "/api/v1/namespaces/n/secrets";

    /// A server that counts requests, and answers when it is notified.
    #[derive(Clone, Default)]
    struct Server {
        requests: Arc<AtomicUsize>,
        answer: Arc<Notify>,
    }

    impl Server {
        async fn send(&self, fence: &Fence, method: Method, path: &str) -> Result<u16, BoxError> {
            let this = self.clone();
            let service = tower::service_fn(move |_: Request<Body>| {
                let this = this.clone();
                async move {
                    this.requests.fetch_add(1, Ordering::Relaxed);
                    this.answer.notified().await;
                    Ok::<_, BoxError>(Response::new(Body::empty()))
                }
            });
            let request = Request::builder().method(method).uri(path).body(Body::empty());
            let mut fenced = FenceLayer(fence.clone()).layer(service);
            let answer = fenced.call(request.unwrap()).await?;
            Ok(answer.status().as_u16())
        }

        fn count(&self) -> usize {
            self.requests.load(Ordering::Relaxed)
        }
    }

    fn is_refused(result: &Result<u16, BoxError>) -> bool {
        result.as_ref().is_err_and(|error| error.is::<LeaseNotHeld>())
    }

    #[tokio::test(start_paused = true)]
    async fn every_write_is_refused_without_the_lease() {
        let (server, fence) = (Server::default(), Fence::closed());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(is_refused(&server.send(&fence, method, SECRETS).await));
        }
        assert_eq!(server.count(), 0);
        for path in ["/apis/authentication.k8s.io/v1/tokenreviews", SECRETS] {
            server.answer.notify_one();
            let method = if path == SECRETS { Method::GET } else { Method::POST };
            assert_eq!(server.send(&fence, method, path).await.unwrap(), 200, "{path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn write_ends_with_the_lease() {
        let (server, fence) = (Server::default(), Fence::closed());
        fence.extend(boot_time() + Duration::from_secs(4));
        let started = tokio::time::Instant::now();
        assert!(is_refused(&server.send(&fence, Method::PATCH, SECRETS).await));
        assert_eq!((server.count(), started.elapsed().as_secs()), (1, 4));
        fence.drained().await;
    }

    /// The deadline passes without a run of the timers.
    #[tokio::test(start_paused = true)]
    async fn request_built_before_a_freeze_is_not_sent_after_it() {
        let fence = Fence::closed();
        fence.extend(boot_time() + Duration::from_secs(4));
        let sent = AtomicUsize::new(0);
        let request = async {
            tokio::task::yield_now().await;
            sent.fetch_add(1, Ordering::Relaxed);
            Ok::<_, BoxError>(())
        };
        let mut request = pin!(while_open(fence.clone(), request));
        assert!(futures::poll!(request.as_mut()).is_pending());
        fence.close();
        assert!(futures::poll!(request.as_mut()).is_ready());
        assert_eq!(sent.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn renewed_lease_keeps_a_slow_write() {
        let (server, fence) = (Server::default(), Fence::closed());
        fence.extend(boot_time() + Duration::from_secs(4));
        let renew = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(2)).await;
                fence.extend(boot_time() + Duration::from_secs(4));
            }
            server.answer.notify_one();
        };
        let send = server.send(&fence, Method::PATCH, SECRETS);
        assert_eq!(tokio::join!(send, renew).0.unwrap(), 200);
    }
}
