//! `/v1/rotate`: seals the items of a SealedSecret again, for the current certificate.
//!
//! Each item keeps the scope under which it opened, so a client cannot widen the scope of another team's
//! item (CVE-2026-22728). The template is neither rendered nor changed, and nothing else reads it.

use std::io;

use axum::http::StatusCode;
use sealing::Certificate;
use serde_json::{Map, Value};

use super::{
    body::MAX_BODY_BYTES,
    manifest::{Documents, Manifest},
    opening::{OpenError, Opening, Place},
    work::Answer,
};

/// Metadata that the API server sets.
const SERVER_FIELDS: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// It has the old items.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub(super) fn rotate(body: &[u8], opening: &Opening) -> Answer {
    match rotated(body, opening) {
        Ok(object) => match limited_json(&object, MAX_BODY_BYTES) {
            Some(json) => Answer { code: StatusCode::OK, json: Some(json) },
            None => Answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
        },
        Err(OpenError::Unopened) => Answer::empty(StatusCode::INTERNAL_SERVER_ERROR),
        Err(OpenError::Late) => Answer::late(),
    }
}

/// None if the text is longer. A larger key makes all items longer, and escapes make YAML longer.
fn limited_json(object: &Value, max_bytes: usize) -> Option<String> {
    let mut text = LimitedText { bytes: Vec::new(), max_bytes };
    serde_json::to_writer(&mut text, object).ok()?;
    String::from_utf8(text.bytes).ok()
}

/// Bytes, up to a number of them.
struct LimitedText {
    bytes: Vec<u8>,
    max_bytes: usize,
}

impl io::Write for LimitedText {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.max_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn rotated(body: &[u8], opening: &Opening) -> Result<Value, OpenError> {
    let manifest = Manifest::parse(body, Documents::First).ok_or(OpenError::Unopened)?;
    let certificate = opening.ring.certificate().ok_or(OpenError::Unopened)?;
    let (items, legacy) = seal_again(&manifest, opening, certificate)?;
    let mut object = manifest.fields;
    object["spec"]["encryptedData"] = items.into();
    if let Some(legacy) = legacy {
        object["spec"]["data"] = legacy.into();
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        SERVER_FIELDS.iter().for_each(|field| drop(metadata.remove(*field)));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    Ok(object)
}

/// The new items, and the new `spec.data`.
fn seal_again(
    manifest: &Manifest,
    opening: &Opening,
    certificate: &Certificate,
) -> Result<(Map<String, Value>, Option<String>), OpenError> {
    let (mut items, mut legacy) = (Map::new(), None);
    opening.open_all(&manifest.object, |place, label, value| {
        let sealed = certificate.seal(label, value.expose()).map_err(|_| OpenError::Unopened)?;
        match place {
            Place::Item(key) => drop(items.insert(key.to_owned(), sealed.into())),
            Place::Legacy => legacy = Some(sealed),
        }
        Ok(())
    })?;
    Ok((items, legacy))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crds::SealedSecret;
    use sealing::Scope;
    use serde_json::json;

    use super::*;
    use crate::http::opening::tests::{object, opening, seal};

    fn rotate_object(object: &Value) -> Option<Value> {
        let answer = rotate(object.to_string().as_bytes(), &opening());
        let code = if answer.json.is_some() { 200 } else { 500 };
        assert_eq!(answer.code.as_u16(), code);
        answer.json.map(|json| serde_json::from_str(&json).unwrap())
    }

    fn values(object: &Value) -> Vec<String> {
        let object: SealedSecret = serde_json::from_value(object.clone()).unwrap();
        let mut values = Vec::new();
        let opened = opening().open_all(&object, |_, _, value| {
            values.push(String::from_utf8(value.expose().to_vec()).unwrap());
            Ok(())
        });
        opened.unwrap();
        values
    }

    #[test]
    fn everything_but_the_items_is_kept() {
        let mut before = object(Scope::NamespaceWide, Scope::NamespaceWide);
        before["metadata"]["labels"] = json!({ "team": "a" });
        before["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] = json!("1");
        before["spec"]["template"] = json!({
            "metadata": { "labels": { "l": "1" }, "annotations": { "a": "2" }, "other": [1] },
            "type": "kubernetes.io/tls", "immutable": true,
            "data": { "t": "{{ .A | fail }}", "gone": null },
        });
        before["spec"]["later"] = json!({ "kept": true });
        let mut after = rotate_object(&before).unwrap();
        assert_eq!(values(&after), ["value"]);
        assert_ne!(after["spec"]["encryptedData"], before["spec"]["encryptedData"]);
        after["spec"]["encryptedData"] = before["spec"]["encryptedData"].clone();
        assert_eq!(after, before);
    }

    #[test]
    fn fields_of_the_api_server_are_dropped() {
        let clean = object(Scope::Strict, Scope::Strict);
        let mut object = clean.clone();
        for field in SERVER_FIELDS {
            object["metadata"][field] = Value::Null;
        }
        object["metadata"]["annotations"][LAST_APPLIED] = json!("{}");
        object["status"] = json!({ "conditions": [] });
        let mut after = rotate_object(&object).unwrap();
        after["spec"] = clean["spec"].clone();
        assert_eq!(after, clean);
    }

    /// CVE-2026-22728: the annotations of the template decided the scope of the result.
    #[test]
    fn scope_is_the_one_that_the_item_authenticates() {
        let mut forged = object(Scope::Strict, Scope::Strict);
        let wide = json!({ Scope::CLUSTER_WIDE_ANNOTATION: "true" });
        forged["spec"]["template"]["metadata"]["annotations"] = wide.clone();
        let after = rotate_object(&forged).unwrap();
        assert_eq!(values(&after), ["value"], "still strict");
        forged["metadata"]["annotations"] = wide;
        assert!(rotate_object(&forged).is_none());
    }

    #[test]
    fn all_failures_have_one_answer() {
        let mut broken = object(Scope::Strict, Scope::Strict);
        broken["spec"]["encryptedData"]["B"] = json!("x");
        let foreign = object(Scope::Strict, Scope::ClusterWide);
        for object in [broken, foreign, json!({}), json!([]), json!({ "kind": "Secret" })] {
            assert!(rotate_object(&object).is_none(), "{object}");
        }
    }

    #[test]
    fn object_without_items_stays_without_items() {
        let mut object = object(Scope::Strict, Scope::Strict);
        object["spec"] = json!({});
        assert_eq!(rotate_object(&object).unwrap()["spec"], json!({ "encryptedData": {} }));
    }

    #[test]
    fn deprecated_data_is_sealed_again_in_its_place() {
        let mut object = object(Scope::Strict, Scope::Strict);
        let label = Scope::Strict.label("n", "s");
        object["spec"] = json!({ "data": seal(&label, "whole"), "encryptedData": {} });
        let after = rotate_object(&object).unwrap();
        assert_eq!(values(&after), ["whole"]);
        assert_ne!(after["spec"]["data"], object["spec"]["data"]);
    }

    #[test]
    fn end_of_the_time_is_no_failure_of_the_items() {
        let late = Opening { deadline: Instant::now(), ..opening() };
        let body = object(Scope::Strict, Scope::Strict).to_string();
        assert_eq!(rotate(body.as_bytes(), &late).code, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn result_is_as_large_as_a_body_at_most() {
        let mut object = object(Scope::Strict, Scope::Strict);
        object["metadata"]["labels"] = json!({ "padding": "x".repeat(MAX_BODY_BYTES) });
        let answer = rotate(object.to_string().as_bytes(), &opening());
        assert_eq!((answer.code, answer.json), (StatusCode::PAYLOAD_TOO_LARGE, None));
        let value = json!({ "a": "b" });
        assert_eq!(limited_json(&value, 9).as_deref(), Some(r#"{"a":"b"}"#));
        assert_eq!(limited_json(&value, 8), None);
    }
}
