//! A fake API server with a SealedSecret, its Secret, Events and the key Secret.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tower_test::mock::{self, SendResponse};

/// How a request fails.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server performs it, and the connection breaks before the response.
    AnswerLost,
    /// Another client applies this merge patch just before.
    ChangedBefore(Value),
    /// Another client deletes the Secret just before.
    DeletedBefore,
    /// The server never answers.
    Silence,
    /// The server refuses it with this code.
    Status(u16),
    /// The server refuses it because the namespace is being deleted.
    Terminating,
}

/// A handle of the server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    version: u64,
    key_secret: Value,
    sealed: Value,
    secret: Value,
    faults: VecDeque<(String, Fault)>,
    requests: Vec<String>,
    events: Vec<[String; 3]>,
    unanswered: Vec<SendResponse<Response<Body>>>,
}

impl Api {
    /// Starts the server with a key Secret and a SealedSecret. Also returns a client.
    pub(crate) fn start(key_secret: Value, sealed: Value) -> (Self, Client) {
        let state = State { key_secret, sealed, ..State::default() };
        let api = Self(Arc::new(Mutex::new(state)));
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let this = api.clone();
        tokio::spawn(async move {
            while let Some((request, answer)) = handle.next_request().await {
                this.serve(request, answer).await;
            }
        });
        (api, Client::new(service, "default"))
    }

    /// Fails the next request of this kind, such as `create secrets`.
    pub(crate) fn break_next(&self, request: &str, fault: Fault) {
        self.lock().faults.push_back((request.to_owned(), fault));
    }

    /// The requests since the last call, such as `create secrets: 201`. Requests for keys and Events
    /// are left out.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().requests)
    }

    /// Type, reason and message of the Events since the last call.
    pub(crate) fn take_events(&self) -> Vec<[String; 3]> {
        std::mem::take(&mut self.lock().events)
    }

    pub(crate) fn secret(&self) -> Value {
        self.lock().secret.clone()
    }

    pub(crate) fn sealed(&self) -> Value {
        self.lock().sealed.clone()
    }

    /// Applies a merge patch to the SealedSecret, as its owner. Returns it.
    pub(crate) fn edit_sealed(&self, patch: &Value) -> Value {
        let mut state = self.lock();
        merge(&mut state.sealed, patch);
        state.sealed.clone()
    }

    /// Deletes the Secret, as another client. Returns it.
    pub(crate) fn delete_secret(&self) -> Value {
        self.lock().secret.take()
    }

    /// Applies a merge patch to the Secret, as another client.
    pub(crate) fn edit_secret(&self, patch: &Value) {
        self.lock().edit_secret(patch);
    }

    async fn serve(&self, request: Request<Body>, answer: SendResponse<Response<Body>>) {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.expect("the body of a request");
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default();
        if path.contains("/events") {
            let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            self.lock().events.push(["type", "reason", "message"].map(field));
            return answer.send_response(response(201, &body));
        }
        if path.contains("/kube-system/") {
            let list = json!({ "metadata": {}, "items": [self.lock().key_secret] });
            let is_list = query.contains("labelSelector");
            return answer.send_response(if is_list { response(200, &list) } else { status(404) });
        }
        let what = name(&parts.method, &path);
        let mut state = self.lock();
        let broken = state.faults.front().is_some_and(|(request, _)| *request == what);
        let fault = broken.then(|| state.faults.pop_front()).flatten().map(|(_, fault)| fault);
        let answered = match &fault {
            Some(Fault::Status(code)) => status(*code),
            Some(Fault::Terminating) => terminating(),
            Some(Fault::Silence) => {
                state.requests.push(format!("{what}: none"));
                state.unanswered.push(answer);
                return;
            }
            Some(Fault::ChangedBefore(edit)) => {
                state.edit_secret(edit);
                state.carry_out(&what, &body)
            }
            Some(Fault::DeletedBefore) => {
                state.secret = Value::Null;
                state.carry_out(&what, &body)
            }
            Some(Fault::AnswerLost) | None => state.carry_out(&what, &body),
        };
        if matches!(fault, Some(Fault::AnswerLost)) {
            state.requests.push(format!("{what}: lost"));
            answer.send_error("the connection broke");
        } else {
            state.requests.push(format!("{what}: {}", answered.status().as_u16()));
            answer.send_response(answered);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl State {
    fn carry_out(&mut self, what: &str, body: &Value) -> Response<Body> {
        match what {
            "get sealedsecrets" => response(200, &self.sealed),
            "patch sealedsecrets/status" => {
                merge(&mut self.sealed["status"], &body["status"]);
                response(200, &self.sealed)
            }
            "get secrets" | "patch secrets" if self.secret.is_null() => status(404),
            "get secrets" => response(200, &self.secret),
            "create secrets" if !self.secret.is_null() => status(409),
            "create secrets" => {
                self.secret = body.clone();
                self.secret["metadata"]["uid"] = json!("secret-uid");
                self.touch();
                response(201, &self.secret)
            }
            "patch secrets" => {
                let guard = |field: &str| body["metadata"][field] == self.secret["metadata"][field];
                if !guard("uid") || !guard("resourceVersion") {
                    return status(409);
                }
                self.edit_secret(body);
                response(200, &self.secret)
            }
            other => panic!("the controller asked to {other}"),
        }
    }

    fn edit_secret(&mut self, patch: &Value) {
        merge(&mut self.secret, patch);
        self.touch();
    }

    fn touch(&mut self) {
        self.version += 1;
        self.secret["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }
}

/// The verb and the resource, as RBAC names them.
fn name(method: &Method, path: &str) -> String {
    let resource = if path.ends_with("/status") {
        "sealedsecrets/status"
    } else if path.contains("/sealedsecrets/") {
        "sealedsecrets"
    } else {
        "secrets"
    };
    let verb = match *method {
        Method::GET => "get",
        Method::POST => "create",
        Method::PATCH => "patch",
        ref other => panic!("the controller has no right to {other} {path}"),
    };
    format!("{verb} {resource}")
}

pub(crate) fn response(code: u16, body: &Value) -> Response<Body> {
    let body = Body::from(body.to_string().into_bytes());
    Response::builder().status(code).body(body).expect("a response")
}

pub(crate) fn status(code: u16) -> Response<Body> {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        _ => "InternalError",
    };
    let status = json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason,
                         "message": "" });
    response(code, &status)
}

fn terminating() -> Response<Body> {
    let causes = json!([{ "reason": "NamespaceTerminating", "field": "metadata.namespace" }]);
    let status = json!({ "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                         "message": "", "details": { "causes": causes } });
    response(403, &status)
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().expect("it is one now").remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}
