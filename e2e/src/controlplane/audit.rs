//! The API server's audit log (`audit.k8s.io/v1`, level Metadata, one JSON event per line).

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// One request as the API server saw it. Fields that do not apply to it are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The authenticated user: `system:serviceaccount:NAMESPACE:NAME` for a `ServiceAccount`.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the
    /// method in lower case where there is no resource.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, such as `secrets`.
    pub resource: String,
    /// Such as `status`.
    pub subresource: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name, also for a creation.
    pub name: String,
    /// The path and query.
    pub uri: String,
    /// The HTTP status of the response.
    pub code: u16,
}

/// Reads the log, with one [`Request`] for each request, although a watch has one line for its
/// start and one for its end. A last line that is incomplete is read the next time.
pub(super) fn read(log: &Path) -> anyhow::Result<Vec<Request>> {
    let text = fs::read_to_string(log).with_context(|| format!("reading {}", log.display()))?;
    parse(&text)
}

fn parse(text: &str) -> anyhow::Result<Vec<Request>> {
    let mut requests = Vec::new();
    let mut places = HashMap::new();
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let event: Event = serde_json::from_str(line).context("reading an audit event")?;
        let place = *places.entry(event.audit_id.clone()).or_insert(requests.len());
        let request = Request::from(event);
        if place < requests.len() {
            requests[place] = request;
        } else {
            requests.push(request);
        }
    }
    Ok(requests)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ObjectRef {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl From<Event> for Request {
    fn from(event: Event) -> Request {
        Request {
            user: event.user.username,
            verb: event.verb,
            group: event.object_ref.api_group,
            resource: event.object_ref.resource,
            subresource: event.object_ref.subresource,
            namespace: event.object_ref.namespace,
            name: event.object_ref.name,
            uri: event.request_uri,
            code: event.response_status.code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, verb: &str, code: u16) -> String {
        let event = serde_json::json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
            "auditID": id, "stage": "ResponseComplete", "verb": verb,
            "requestURI": "/api/v1/namespaces/team/secrets/db",
            "user": { "username": "system:serviceaccount:kube-system:mtk-controller" },
            "objectRef": { "resource": "secrets", "namespace": "team", "name": "db", "apiVersion": "v1" },
            "responseStatus": { "metadata": {}, "code": code },
        });
        format!("{event}\n")
    }

    #[test]
    fn request_has_user_verb_and_object() {
        let requests = parse(&event("a", "patch", 409)).unwrap();
        let [request] = requests.as_slice() else { panic!("one request: {requests:?}") };
        assert_eq!(request.user, "system:serviceaccount:kube-system:mtk-controller");
        assert_eq!((request.verb.as_str(), request.code), ("patch", 409));
        assert_eq!((request.group.as_str(), request.resource.as_str()), ("", "secrets"));
        assert_eq!((request.namespace.as_str(), request.name.as_str()), ("team", "db"));
    }

    #[test]
    fn two_events_of_a_watch_are_one_request() {
        let log = [event("w", "watch", 200), event("g", "get", 200), event("w", "watch", 200)];
        let verbs: Vec<_> = parse(&log.concat()).unwrap().into_iter().map(|r| r.verb).collect();
        assert_eq!(verbs, ["watch", "get"]);
    }

    #[test]
    fn unfinished_last_line_is_skipped() {
        let log = event("a", "get", 200) + r#"{"kind":"Ev"#;
        assert_eq!(parse(&log).unwrap().len(), 1);
    }
}
