//! A proxy that counts requests, applies the faults and announces changes.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::sync::oneshot;

use super::announcer::{Announcer, Messages};
use super::faults::{Fate, Faults};
use super::pod;
use super::queue::Queue;
use super::table::Table;
use crate::moto;

/// More than any request or response in the tests.
const MAX_BODY_BYTES: usize = 64 << 20;

#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Dropping it ends the proxy.
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    moto: SocketAddr,
    client: Client<HttpConnector, Body>,
    faults: Arc<Faults>,
    announcer: Announcer,
    table: Table,
    queue: Queue,
    requests: Mutex<Vec<Request>>,
    in_flight: AtomicUsize,
}

/// A request that the proxy received.
#[derive(Clone, Debug)]
pub struct Request {
    /// Such as `GetSecretValue`.
    pub operation: String,
    /// The access key id that signed it; empty without a signature.
    pub access_key: String,
    /// The form of a request to STS; otherwise empty.
    pub form: String,
}

impl Proxy {
    pub(super) fn start(moto: SocketAddr) -> anyhow::Result<Proxy> {
        let shared = Arc::new(Shared {
            moto,
            client: Client::builder(TokioExecutor::new()).build_http(),
            faults: Arc::default(),
            announcer: Announcer::default(),
            table: Table::default(),
            queue: Queue::default(),
            requests: Mutex::default(),
            in_flight: AtomicUsize::new(0),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(forward).with_state(shared.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("a runtime for the proxy")?;
        // The proxy has its own thread, because it outlives the runtimes of single tests.
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::select! {
                    served = async { axum::serve(listener, router).await } => served,
                    _ = stopped => Ok(()),
                }
            })
        });
        Ok(Proxy { address, shared, _stop: stop })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn faults(&self) -> &Arc<Faults> {
        &self.shared.faults
    }

    pub(super) fn announcer(&self) -> &Announcer {
        &self.shared.announcer
    }

    pub(super) fn table(&self) -> &Table {
        &self.shared.table
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.shared.queue
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no holder of the lock panics").clone()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.shared.in_flight.load(Ordering::SeqCst) == 0
    }

    pub(super) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for request in self.shared.requests.lock().expect("no holder of the lock panics").iter() {
            *counts.entry(request.operation.clone()).or_default() += 1;
        }
        counts
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> Response {
    shared.in_flight.fetch_add(1, Ordering::SeqCst);
    let response = respond(&shared, request).await;
    shared.in_flight.fetch_sub(1, Ordering::SeqCst);
    response
}

async fn respond(shared: &Shared, request: axum::extract::Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Some(answer) = pod::answer(parts.uri.path(), &parts.headers) {
        return answer;
    }
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (operation, form) = operation(&parts.headers, &body);
    let access_key = access_key(&parts.headers);
    let request = Request { operation: operation.clone(), access_key: access_key.clone(), form };
    shared.requests.lock().expect("no holder of the lock panics").push(request);
    let parsed = serde_json::from_slice(&body).unwrap_or(Value::Null);
    match shared.faults.request(&operation, &access_key, &parsed) {
        Fate::Passed(delay) => tokio::time::sleep(delay).await,
        Fate::Answered(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
            return (status, headers, body).into_response();
        }
    }
    let answer = match shared.table.answer(&operation, &parsed) {
        Some(answer) => Some(answer),
        None => shared.queue.answer(&operation, &parsed).await,
    };
    if let Some(answer) = answer {
        let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
        return (headers, answer.to_string()).into_response();
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("http://{}{path}", shared.moto).parse() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    parts.uri = uri;
    let answer =
        shared.client.request(axum::extract::Request::from_parts(parts, Body::from(body))).await;
    let Ok(answer) = answer else { return StatusCode::BAD_GATEWAY.into_response() };
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = to_bytes(Body::new(body), MAX_BODY_BYTES).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else {
        return Response::from_parts(parts, Body::from(body));
    };
    if parts.status.is_success()
        && let Some(messages) = shared.announcer.messages(&operation, &parsed, &answer)
    {
        tokio::spawn(announce(shared.moto, messages));
    }
    shared.faults.answer(&operation, &mut answer);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(answer.to_string()))
}

/// Sends the messages to their queue, in this order. A queue that is gone gets none.
async fn announce(moto: SocketAddr, Messages { queue, events, delay }: Messages) {
    tokio::time::sleep(delay).await;
    let send = move || {
        let send = |event: &Value| moto::send_message(moto, &queue, &event.to_string());
        events.iter().try_for_each(send)
    };
    drop(tokio::task::spawn_blocking(send).await);
}

/// The access key id that signed the request.
fn access_key(headers: &HeaderMap) -> String {
    let signature = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = signature.and_then(|signature| signature.split_once("Credential="));
    let id = credential.and_then(|(_, credential)| credential.split('/').next());
    id.unwrap_or_default().to_owned()
}

/// `GetSecretValue`, by the header of JSON protocols; or from the form of a request to STS.
fn operation(headers: &HeaderMap, body: &[u8]) -> (String, String) {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        return (operation.to_owned(), String::new());
    }
    let form = String::from_utf8_lossy(body).into_owned();
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    (action.unwrap_or("?").to_owned(), form)
}
