//! Access to the metrics: the API server authenticates the bearer token of a request and decides.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, Resource, api::PostParams, core::ClusterResourceScope};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Semaphore, time::Instant};
use tracing::warn;

use crate::{
    reason::Failure,
    runtime::{api::request, mac::MacKey},
};

/// The path whose `get` is asked for.
const PATH: &str = "/metrics";
/// How long an answer counts.
const MAX_AGE: Duration = Duration::from_secs(60);
/// Answers that are kept.
const MAX_ANSWERS: usize = 64;
/// Reviews at the same time. More requests wait, within the time limit of a response.
const MAX_REVIEWS: usize = 4;
/// Longer tokens are not valid. Those of ServiceAccounts have about 1 KB.
const MAX_TOKEN: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Allowed,
    /// The token is not valid.
    Unknown,
    /// The user of the token may not read the metrics.
    Forbidden,
}

/// Asks the API server, and remembers its answers for a minute.
pub(crate) struct Access {
    client: Client,
    /// Answers by the MAC of the token, under a key of this process.
    answers: Mutex<HashMap<[u8; 32], (Verdict, Instant)>>,
    key: MacKey,
    reviews: Semaphore,
}

impl Access {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            answers: Mutex::default(),
            key: MacKey::random(),
            reviews: Semaphore::new(MAX_REVIEWS),
        }
    }

    async fn verdict(&self, token: &str) -> Result<Verdict, Failure> {
        let id = self.id(token);
        if let Some(verdict) = self.remembered(&id) {
            return Ok(verdict);
        }
        let _place = self.reviews.acquire().await;
        if let Some(verdict) = self.remembered(&id) {
            return Ok(verdict);
        }
        let verdict = self.ask(token).await?;
        self.remember(id, verdict);
        Ok(verdict)
    }

    async fn ask(&self, token: &str) -> Result<Verdict, Failure> {
        let Some(user) = self.user(token).await? else { return Ok(Verdict::Unknown) };
        let may_read = self.may_read(user).await?;
        Ok(if may_read { Verdict::Allowed } else { Verdict::Forbidden })
    }

    fn id(&self, token: &str) -> [u8; 32] {
        *self.key.mac("metrics", [token.as_bytes()]).as_bytes()
    }

    fn remembered(&self, id: &[u8; 32]) -> Option<Verdict> {
        let answers = lock(&self.answers);
        let (verdict, since) = answers.get(id)?;
        (since.elapsed() < MAX_AGE).then_some(*verdict)
    }

    /// A client that invents tokens displaces refusals only, so that the reviews of others stay few.
    fn remember(&self, id: [u8; 32], verdict: Verdict) {
        let mut answers = lock(&self.answers);
        answers.retain(|_, (_, since)| since.elapsed() < MAX_AGE);
        if answers.len() >= MAX_ANSWERS {
            answers.retain(|_, (kept, _)| *kept == Verdict::Allowed);
        }
        if answers.len() < MAX_ANSWERS {
            answers.insert(id, (verdict, Instant::now()));
        }
    }

    async fn user(&self, token: &str) -> Result<Option<UserInfo>, Failure> {
        let review = TokenReview {
            spec: TokenReviewSpec { token: Some(token.to_owned()), audiences: None },
            ..TokenReview::default()
        };
        let answer = self.create(&review, "create a TokenReview").await?;
        let status = answer.status.unwrap_or_default();
        let is_valid = status.authenticated == Some(true);
        Ok(status.user.filter(|_| is_valid))
    }

    async fn may_read(&self, user: UserInfo) -> Result<bool, Failure> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username,
                uid: user.uid,
                groups: user.groups,
                extra: user.extra,
                non_resource_attributes: Some(NonResourceAttributes {
                    path: Some(PATH.to_owned()),
                    verb: Some("get".to_owned()),
                }),
                resource_attributes: None,
            },
            ..SubjectAccessReview::default()
        };
        let answer = self.create(&review, "create a SubjectAccessReview").await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    async fn create<K>(&self, review: &K, action: &str) -> Result<K, Failure>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()> + Clone + Debug,
        K: DeserializeOwned + Serialize,
    {
        let reviews = Api::<K>::all(self.client.clone());
        let created = request(reviews.create(&PostParams::default(), review)).await;
        created.map_err(|error| error.failure(action))
    }
}

/// Passes on requests that are allowed.
pub(super) async fn authorize(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(token) = token(request.headers()) else { return refusal(Verdict::Unknown) };
    match access.verdict(token).await {
        Ok(Verdict::Allowed) => next.run(request).await,
        Ok(verdict) => refusal(verdict),
        Err(failure) => {
            warn!(%failure, "a scrape of the metrics failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "Authentication failed\n").into_response()
        }
    }
}

/// With the texts of controller-runtime.
fn refusal(verdict: Verdict) -> Response {
    match verdict {
        Verdict::Unknown => (StatusCode::UNAUTHORIZED, "Unauthorized\n"),
        Verdict::Forbidden | Verdict::Allowed => (StatusCode::FORBIDDEN, "Authorization denied\n"),
    }
    .into_response()
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let is_usable = scheme.eq_ignore_ascii_case("bearer") && token.len() <= MAX_TOKEN;
    Some(token.trim()).filter(|token| is_usable && !token.is_empty())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http::Response as ApiResponse;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower_test::mock;

    use super::*;

    type ApiServer = mock::Handle<http::Request<Body>, ApiResponse<Body>>;

    fn access() -> (Arc<Access>, ApiServer) {
        let (service, handle) = mock::pair();
        (Arc::new(Access::new(Client::new(service, "unused"))), handle)
    }

    /// Answers one request with a status.
    async fn answer(server: &mut ApiServer, status: Value) -> Value {
        let (request, answer) = server.next_request().await.unwrap();
        let body = request.into_body().collect_bytes().await.unwrap();
        let mut object: Value = serde_json::from_slice(&body).unwrap();
        object["status"] = status;
        let response = ApiResponse::builder().status(201);
        let body = Body::from(object.to_string().into_bytes());
        answer.send_response(response.body(body).unwrap());
        object
    }

    #[tokio::test(start_paused = true)]
    async fn answer_counts_for_a_minute_and_only_for_its_token() {
        let (access, mut server) = access();
        for round in 0..2 {
            let review = access.verdict("t1");
            let serve = async {
                let user = json!({ "authenticated": true, "user": { "username": "prom" } });
                let asked = answer(&mut server, user).await;
                assert_eq!(asked["spec"]["token"], "t1");
                let asked = answer(&mut server, json!({ "allowed": true })).await;
                let wanted = json!({ "path": "/metrics", "verb": "get" });
                assert_eq!(asked["spec"]["nonResourceAttributes"], wanted);
                assert_eq!(asked["spec"]["user"], "prom");
            };
            assert_eq!(tokio::join!(review, serve).0.unwrap(), Verdict::Allowed, "{round}");
            assert_eq!(access.verdict("t1").await.unwrap(), Verdict::Allowed, "no request");
            tokio::time::advance(MAX_AGE).await;
        }
        let (verdict, _) =
            tokio::join!(access.verdict("t2"), answer(&mut server, json!({ "error": "x" })));
        assert_eq!(verdict.unwrap(), Verdict::Unknown);
    }

    #[tokio::test]
    async fn user_without_the_right_is_refused() {
        let (access, mut server) = access();
        let serve = async {
            let user = json!({ "authenticated": true, "user": { "username": "someone" } });
            answer(&mut server, user).await;
            answer(&mut server, json!({ "allowed": false })).await;
        };
        assert_eq!(tokio::join!(access.verdict("t"), serve).0.unwrap(), Verdict::Forbidden);
    }

    #[tokio::test]
    async fn invented_tokens_displace_no_answer_that_allows() {
        let (access, _server) = access();
        access.remember(access.id("good"), Verdict::Allowed);
        for number in 0..3 * MAX_ANSWERS {
            access.remember(access.id(&number.to_string()), Verdict::Unknown);
        }
        assert_eq!(access.remembered(&access.id("good")), Some(Verdict::Allowed));
        assert!(lock(&access.answers).len() <= MAX_ANSWERS);
    }

    #[test]
    fn only_bearer_tokens_count() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            token(&headers).map(str::to_owned)
        };
        assert_eq!(with("Bearer abc"), Some("abc".to_owned()));
        assert_eq!(with("bearer abc"), Some("abc".to_owned()));
        for other in ["Basic abc", "Bearer", "Bearer ", &format!("Bearer {}", "x".repeat(16_385))] {
            assert_eq!(with(other), None, "{other}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
