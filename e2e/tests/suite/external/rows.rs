//! The rows of `docs/compatibility.md`, by their number. Other tests show the rest of the rows, and name
//! the number.

mod reading;
mod stores;
mod target;

use serde_json::{Value, json};

use super::support::{external, rig, secret, stores, value, wait_ready};
use crate::support::{Api, Kind, condition, text};

/// A namespace for a row, with the stores `aws` and `ps`; its secrets in AWS are `NAMESPACE/NAME`.
struct Row {
    api: Api,
    ns: &'static str,
}

impl Row {
    async fn new(ns: &'static str) -> Row {
        let api = rig().api().await;
        stores(&api, ns).await;
        Row { api, ns }
    }

    /// Creates a secret, and returns its name.
    async fn secret(&self, name: &str, value: impl AsRef<[u8]>) -> String {
        self.tagged(name, value, &[]).await
    }

    async fn tagged(&self, name: &str, value: impl AsRef<[u8]>, tags: &[(&str, &str)]) -> String {
        let name = format!("{}/{name}", self.ns);
        secret(&rig().aws, &name, value, tags).await;
        name
    }

    /// Creates an ExternalSecret of the store `aws` with these fields.
    async fn external(&self, name: &str, spec: &Value) {
        let mut object = external(self.ns, name, &[]);
        let fields = object["spec"].as_object_mut().unwrap();
        fields.remove("data");
        fields.extend(spec.as_object().unwrap().clone());
        self.api.create(Kind::ExternalSecret, object).await;
    }

    /// The Secret of such an ExternalSecret.
    async fn made(&self, name: &str, spec: Value) -> Value {
        self.external(name, &spec).await;
        let object = self.settled(name).await;
        let ready = condition(&object, "Ready").unwrap();
        assert_eq!(ready["status"], "True", "{spec}: {}", object["status"]);
        self.api.secret(self.ns, name).await.unwrap()
    }

    /// Checks that the Secret of such an ExternalSecret has exactly these values.
    async fn gives(&self, name: &str, spec: Value, expected: &[(&str, &str)]) -> Value {
        let secret = self.made(name, spec).await;
        let data = secret["data"].as_object().cloned().unwrap_or_default();
        let data: Vec<_> = data.keys().map(|key| (key.clone(), value(&secret, key))).collect();
        let data: Vec<_> =
            data.iter().map(|(key, value)| (&**key, value.as_deref().unwrap())).collect();
        assert_eq!(data, expected, "{name}");
        secret
    }

    /// Checks that such an ExternalSecret fails for this reason, and that no Secret exists.
    async fn fails(&self, name: &str, spec: Value, reason: &str) -> String {
        self.external(name, &spec).await;
        let (found, message) = explained(&self.api, self.ns, name).await;
        assert_eq!(found, reason, "{spec}: {message}");
        assert!(self.api.secret(self.ns, name).await.is_none());
        message
    }

    async fn settled(&self, name: &str) -> Value {
        self.api
            .wait(Kind::ExternalSecret, self.ns, name, |object| {
                condition(object, "Ready").is_some()
            })
            .await
    }
}

/// One entry of `data`: the key, the secret and the property.
fn entry(key: &str, secret: &str, more: Value) -> Value {
    let mut reference = json!({ "key": secret });
    reference.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "secretKey": key, "remoteRef": reference })
}

/// The reason and the message of the condition that explains a failure.
async fn explained(api: &Api, ns: &str, name: &str) -> (String, String) {
    let object = wait_ready(api, ns, name, "False").await;
    let explained = condition(&object, "Explained").unwrap();
    (text(&explained["reason"]), text(&explained["message"]))
}
