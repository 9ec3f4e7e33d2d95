//! Requests that need a private key. Each passes the limits of its caller before its body is read. One
//! thread works on all of them, one after the other, so they never delay a reconcile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE, header::RETRY_AFTER},
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use super::{
    body::{Bodies, BodyError, Memory, discard, holding},
    caller::{Caller, Network},
    opening::Opening,
    rate_limit::{RateLimit, RateLimiter},
    slots::{Slot, Slots},
};
use crate::keys::KeyStore;

/// Requests that wait for their body, for the thread, or work.
const MAX_REQUESTS: usize = 16;
const MAX_REQUESTS_PER_CALLER: usize = 2;
/// How long a request may wait for the thread and occupy it. An object of 1 MiB takes about 10 s.
const MAX_WAIT: Duration = Duration::from_secs(30);
const MAX_WORK: Duration = Duration::from_secs(30);

/// The flags for these requests.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) rate_limit: RateLimit,
    /// Proxies whose header `X-Forwarded-For` counts.
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) read_timeout: Duration,
    pub(crate) accepts_legacy_data: bool,
}

/// The keys and the limits of all paths.
pub(super) struct Workshop {
    keys: Arc<KeyStore>,
    settings: Settings,
    requests: Slots<Caller>,
    bodies: Bodies,
    thread: Arc<Semaphore>,
}

/// One path.
pub(super) struct Endpoint {
    workshop: Arc<Workshop>,
    limiter: RateLimiter,
    work: fn(&[u8], &Opening) -> Answer,
}

/// The answer to a request, without the headers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: StatusCode,
    pub(super) json: Option<String>,
}

impl Answer {
    pub(super) fn empty(code: StatusCode) -> Self {
        Self { code, json: None }
    }

    /// There was not enough time. Without a time to retry at: the same request would take the thread again.
    pub(super) fn late() -> Self {
        Self::empty(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl Workshop {
    pub(super) fn new(keys: Arc<KeyStore>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            keys,
            requests: Slots::new(MAX_REQUESTS, MAX_REQUESTS_PER_CALLER),
            bodies: Bodies::new(settings.read_timeout),
            thread: Arc::new(Semaphore::new(1)),
            settings,
        })
    }

    /// Each path has its own rate limit, as in Bitnami's controller.
    pub(super) fn endpoint(self: &Arc<Self>, work: fn(&[u8], &Opening) -> Answer) -> Arc<Endpoint> {
        let limiter = RateLimiter::new(self.settings.rate_limit);
        Arc::new(Endpoint { workshop: self.clone(), limiter, work })
    }
}

impl Endpoint {
    pub(super) async fn answer(self: Arc<Self>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let trusted = &self.workshop.settings.trusted_proxies;
        let caller = Caller::of_request(&parts.extensions, &parts.headers, trusted);
        let decision = self.limiter.check(caller, Instant::now());
        let mut response = if decision.is_refusal() {
            discard(body).await;
            (StatusCode::TOO_MANY_REQUESTS, "limit exceeded\n").into_response()
        } else {
            self.answer_within_limit(caller, &parts.headers, body).await
        };
        decision.add_headers(response.headers_mut());
        response
    }

    async fn answer_within_limit(
        &self,
        caller: Caller,
        headers: &HeaderMap,
        body: Body,
    ) -> Response {
        let Some(slot) = self.workshop.requests.take(&caller) else {
            discard(body).await;
            return busy();
        };
        let body = match self.workshop.bodies.read(headers, body).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Err(BodyError::Incomplete) => return StatusCode::BAD_REQUEST.into_response(),
            Err(BodyError::OutOfMemory) => return busy(),
        };
        let turn = tokio::time::timeout(MAX_WAIT, self.workshop.thread.clone().acquire_owned());
        let Ok(turn) = turn.await else { return busy() };
        let (work, opening) = (self.work, self.opening());
        let working = tokio::task::spawn_blocking(move || {
            let answer = work(&body.bytes, &opening);
            drop(turn);
            (answer, body.memory)
        });
        match working.await {
            Ok((answer, memory)) => self.respond(answer, memory, slot),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// The body of the response holds its memory and the caller's slot, so that clients which read slowly do
    /// not collect responses. `Timeouts::write` ends them.
    fn respond(&self, answer: Answer, memory: Memory, slot: Slot<Caller>) -> Response {
        let Some(json) = answer.json else { return answer.code.into_response() };
        let Some(memory) = self.workshop.bodies.resize(memory, json.len()) else { return busy() };
        let body = holding(json, (memory, slot));
        (answer.code, [(CONTENT_TYPE, "application/json")], body).into_response()
    }

    fn opening(&self) -> Opening {
        Opening {
            ring: self.workshop.keys.ring(),
            accepts_legacy_data: self.workshop.settings.accepts_legacy_data,
            deadline: Instant::now() + MAX_WORK,
        }
    }
}

/// kubeseal repeats such a request.
fn busy() -> Response {
    let retry = [(RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, retry).into_response()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use prometheus_client::registry::Registry;

    use super::*;
    use crate::{http::caller::Client, keys::KeySettings};

    fn workshop() -> Arc<Workshop> {
        let keys = KeyStore::new("n", KeySettings::for_tests(), &mut Registry::default());
        let settings = Settings {
            rate_limit: RateLimit { per_second: 1000.try_into().unwrap(), burst: 1000 },
            trusted_proxies: Vec::new(),
            read_timeout: Duration::from_mins(1),
            accepts_legacy_data: true,
        };
        Workshop::new(Arc::new(keys), settings)
    }

    fn request() -> Request {
        let mut request = Request::new(Body::from("body"));
        request.extensions_mut().insert(Client(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        request
    }

    #[tokio::test]
    async fn response_that_is_not_read_yet_holds_the_place_of_its_request() {
        let endpoint = workshop()
            .endpoint(|_, _| Answer { code: StatusCode::OK, json: Some("x".repeat(5 << 20)) });
        let answer = async || endpoint.clone().answer(request()).await;
        let mut held = Vec::new();
        for _ in 0..MAX_REQUESTS_PER_CALLER {
            held.push(answer().await);
            assert_eq!(held[0].status(), StatusCode::OK);
        }
        assert_eq!(answer().await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let free = || endpoint.workshop.bodies.free();
        let before = free();
        held.pop();
        assert_eq!(free(), before + (5 << 20), "the memory of the response is charged");
        assert_eq!(answer().await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn response_without_a_body_holds_nothing() {
        let endpoint = workshop().endpoint(|_, _| Answer::empty(StatusCode::CONFLICT));
        let mut held = Vec::new();
        for _ in 0..2 * MAX_REQUESTS_PER_CALLER {
            held.push(endpoint.clone().answer(request()).await.status());
        }
        assert!(held.iter().all(|code| *code == StatusCode::CONFLICT), "{held:?}");
    }
}
