//! The rules of external-secrets/reloader.

use serde_json::Value;

/// The events that its documentation lets `EventBridge` put into the queue.
const RULE: [&str; 3] = ["PutSecretValue", "UpdateSecret", "RotationSucceeded"];

/// It and External Secrets, for one object.
pub(super) struct Reloader {
    /// The value that External Secrets read last.
    pub(super) value: String,
    pub(super) reads: usize,
    /// The value of the annotation `reloader/last-rotated`.
    annotation: String,
}

impl Reloader {
    pub(super) fn new() -> Reloader {
        Reloader { value: "before".to_owned(), reads: 0, annotation: String::new() }
    }

    /// A message that its rule selects, or that another sender puts into its queue. `key` is that of the object, and
    /// `current` what a read returns now.
    pub(super) fn receive(&mut self, message: &Value, key: &str, current: &str) {
        let detail = &message["detail"];
        let is_native = message["detail-type"] == "Secret Label Updated";
        if !is_native && !RULE.iter().any(|name| detail["eventName"] == **name) {
            return;
        }
        // Only these two fields count. The native event has neither.
        let id = detail["requestParameters"]["secretId"].as_str().unwrap_or_default();
        let time = detail["eventTime"].as_str().unwrap_or_default();
        if id != key || self.annotation == time {
            return;
        }
        time.clone_into(&mut self.annotation);
        // External Secrets sees another annotation, and reads once.
        current.clone_into(&mut self.value);
        self.reads += 1;
    }
}
