//! Opens the items of a request with the private keys. One error stands for all reasons why an item does not
//! open: a client must not learn why an item of another team does not.

use std::{sync::Arc, time::Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crds::SealedSecret;
use sealing::{Item, Label, Plaintext, Scope};

use crate::keys::{KeyId, KeyRing};

#[derive(Debug, Eq, PartialEq)]
pub(super) enum OpenError {
    /// An item does not open.
    Unopened,
    /// The time for the request is over. Its items may open.
    Late,
}

/// The keys for one request, and how long it may take.
pub(super) struct Opening {
    pub(super) ring: Arc<KeyRing>,
    pub(super) accepts_legacy_data: bool,
    pub(super) deadline: Instant,
}

/// The place of an item in the object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place<'o> {
    Item(&'o str),
    /// The deprecated `spec.data`.
    Legacy,
}

impl Opening {
    /// Opens all items of the object under the scope of its annotations, which each item must
    /// authenticate. Passes every value on before it opens the next one.
    pub(super) fn open_all<'o>(
        &self,
        object: &'o SealedSecret,
        mut opened: impl FnMut(Place<'o>, &Label, Plaintext) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let label = label(object).ok_or(OpenError::Unopened)?;
        let mut likely = Vec::new();
        for (place, item) in self.items(object)? {
            if Instant::now() >= self.deadline {
                return Err(OpenError::Late);
            }
            let item = item.ok_or(OpenError::Unopened)?;
            let result = sealing::open(&item, &label, self.ring.in_order(&likely));
            let result = result.map_err(|_| OpenError::Unopened)?;
            // The other items most likely have the same key.
            likely = vec![KeyId::of(result.key.fingerprint())];
            opened(place, &label, result.plaintext)?;
        }
        Ok(())
    }

    fn items<'o>(
        &self,
        object: &'o SealedSecret,
    ) -> Result<impl Iterator<Item = (Place<'o>, Option<Item>)> + use<'o>, OpenError> {
        let legacy = object.spec.data.as_deref().filter(|data| !data.is_empty());
        let items = &object.spec.encrypted_data;
        if legacy.is_some() && !(self.accepts_legacy_data && items.is_empty()) {
            return Err(OpenError::Unopened);
        }
        let legacy = legacy.map(|text| {
            let bytes = BASE64_STANDARD.decode(text).ok();
            (Place::Legacy, bytes.and_then(|bytes| Item::from_bytes(bytes).ok()))
        });
        let items = items.iter().map(|(key, text)| (Place::Item(key), Item::parse(text).ok()));
        Ok(legacy.into_iter().chain(items))
    }
}

/// The label of the object's items. Without a namespace, the label of a namespace would be empty, as
/// that of the cluster is.
fn label(object: &SealedSecret) -> Option<Label> {
    let scope = object.scope();
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let is_complete = match scope {
        Scope::ClusterWide => true,
        Scope::NamespaceWide => !namespace.is_empty(),
        Scope::Strict => !namespace.is_empty() && !name.is_empty(),
    };
    is_complete.then(|| scope.label(namespace, name))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use sealing::{Certificate, SealingKey};
    use serde_json::{Value, json};

    use super::*;

    const KEY: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");
    const CERTIFICATE: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.crt");

    pub(crate) fn opening() -> Opening {
        let key = SealingKey::from_pem(KEY, Some(CERTIFICATE)).unwrap();
        Opening {
            ring: Arc::new(KeyRing::of_one(key)),
            accepts_legacy_data: true,
            deadline: Instant::now() + Duration::from_mins(1),
        }
    }

    pub(crate) fn seal(label: &Label, value: &str) -> String {
        Certificate::from_pem(CERTIFICATE).unwrap().seal(label, value.as_bytes()).unwrap()
    }

    /// A SealedSecret `n/s` of this scope with one item, which has the other scope.
    pub(crate) fn object(annotated: Scope, sealed: Scope) -> Value {
        let annotations: serde_json::Map<_, _> = annotated
            .annotation()
            .map(|annotation| (annotation.to_owned(), json!("true")))
            .into_iter()
            .collect();
        json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": "s", "namespace": "n", "annotations": annotations },
            "spec": { "encryptedData": { "A": seal(&sealed.label("n", "s"), "value") } },
        })
    }

    fn open(opening: &Opening, object: &Value) -> Result<Vec<String>, OpenError> {
        let object: SealedSecret = serde_json::from_value(object.clone()).unwrap();
        let mut values = Vec::new();
        let opened = opening.open_all(&object, |place, _, value| {
            values.push(format!("{place:?}={}", String::from_utf8_lossy(value.expose())));
            Ok(())
        });
        opened.map(|()| values)
    }

    const SCOPES: [Scope; 3] = [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide];

    #[test]
    fn item_opens_under_its_own_scope_only() {
        for annotated in SCOPES {
            for sealed in SCOPES {
                let opened = open(&opening(), &object(annotated, sealed));
                let expected = if annotated == sealed {
                    Ok(vec![r#"Item("A")=value"#.to_owned()])
                } else {
                    Err(OpenError::Unopened)
                };
                assert_eq!(opened, expected, "{annotated} {sealed}");
            }
        }
    }

    #[test]
    fn item_of_the_cluster_does_not_open_in_an_object_without_namespace() {
        for annotated in [Scope::Strict, Scope::NamespaceWide] {
            let mut object = object(annotated, Scope::ClusterWide);
            object["metadata"]["namespace"] = json!("");
            assert_eq!(open(&opening(), &object), Err(OpenError::Unopened));
            object["metadata"].as_object_mut().unwrap().remove("namespace");
            assert_eq!(open(&opening(), &object), Err(OpenError::Unopened));
        }
        let mut object = object(Scope::ClusterWide, Scope::ClusterWide);
        object["metadata"].as_object_mut().unwrap().remove("namespace");
        assert!(open(&opening(), &object).is_ok());
    }

    #[test]
    fn deprecated_data_opens_unless_it_is_turned_off() {
        let label = Scope::Strict.label("n", "s");
        let mut object = object(Scope::Strict, Scope::Strict);
        object["spec"] = json!({ "encryptedData": {}, "data": seal(&label, "whole") });
        assert_eq!(open(&opening(), &object), Ok(vec!["Legacy=whole".to_owned()]));
        let refusing = Opening { accepts_legacy_data: false, ..opening() };
        assert_eq!(open(&refusing, &object), Err(OpenError::Unopened));
        object["spec"]["encryptedData"]["A"] = json!(seal(&label, "value"));
        assert_eq!(open(&opening(), &object), Err(OpenError::Unopened), "both at once");
    }

    #[test]
    fn all_items_that_do_not_open_have_one_error() {
        let with = |item: Value| {
            let mut object = object(Scope::Strict, Scope::Strict);
            object["spec"]["encryptedData"]["B"] = item;
            open(&opening(), &object)
        };
        for item in [json!("not base64!"), json!(""), json!(1), json!("AgA="), Value::Null] {
            assert_eq!(with(item.clone()), Err(OpenError::Unopened), "{item}");
        }
        let keyless = Opening { ring: Arc::default(), ..opening() };
        assert_eq!(open(&keyless, &object(Scope::Strict, Scope::Strict)), Err(OpenError::Unopened));
    }

    #[test]
    fn end_of_the_time_is_no_verdict_about_the_items() {
        let late = || Opening { deadline: Instant::now(), ..opening() };
        let good = object(Scope::Strict, Scope::Strict);
        assert_eq!(open(&late(), &good), Err(OpenError::Late));
        let mut broken = good;
        broken["spec"]["encryptedData"]["A"] = json!("AgA=");
        assert_eq!(open(&late(), &broken), Err(OpenError::Late));
    }
}
