//! The checks of a SealedSecret before its items are decrypted, and the Secret that they produce.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crds::{SealedSecret, sealed_secret::TemplateMetadata};
use kube::Resource as _;
use sealing::Plaintext;
use serde::Deserialize;
use templates::sealed_secret::Rendered;

use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::secret::{SecretObject, SecretValue},
    target::desired::{DesiredSecret, OPAQUE, RANDOM_FOR, RandomValues},
};

/// The ciphertexts of a SealedSecret.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Sealed<'s> {
    /// Items by key: base64 of the wire format.
    Items(&'s BTreeMap<String, String>),
    /// The deprecated form: one item, a whole Secret as JSON.
    Legacy(Vec<u8>),
}

/// Checks a SealedSecret without a key. Fails with `Malformed`.
pub(crate) fn prepare(
    sealed: &SealedSecret,
    accepts_legacy_data: bool,
) -> Result<Sealed<'_>, Failure> {
    let spec = &sealed.spec;
    let Some(legacy) = spec.data.as_deref().filter(|data| !data.is_empty()) else {
        return Ok(Sealed::Items(&spec.encrypted_data));
    };
    let malformed = |message: &str| Failure::new(Reason::Malformed, message);
    if !spec.encrypted_data.is_empty() {
        let both =
            "`encryptedData` and the deprecated `data` cannot be used together: remove `data`";
        return Err(malformed(both));
    }
    if !accepts_legacy_data {
        let refused = "the deprecated `data` is not accepted here: seal again into `encryptedData`";
        return Err(malformed(refused));
    }
    let bytes = STANDARD.decode(legacy);
    let not_base64 = |_| malformed("the deprecated `data` is not base64: seal again");
    Ok(Sealed::Legacy(bytes.map_err(not_base64)?))
}

/// The Secret with these values and the template's metadata and type.
pub(crate) fn desired(sealed: &SealedSecret, rendered: Rendered) -> DesiredSecret {
    let template = &sealed.spec.template;
    let immutable = template.immutable.unwrap_or(false);
    let data = rendered.data.into_iter().map(|(key, value)| (key, value.into())).collect();
    let mut desired = secret_for(sealed, &template.type_, immutable, &template.metadata, data);
    if !rendered.random.is_empty() {
        // Randomly generated values are kept for one generation of the spec.
        let generation = sealed.metadata.generation.unwrap_or_default();
        let version = format!("{}.{generation}", desired.owner_uid);
        desired.annotations.insert(RANDOM_FOR.to_owned(), version.clone());
        desired.random = Some(RandomValues { keys: rendered.random, version });
    }
    desired
}

/// The Secret that a deprecated item contains as JSON.
pub(crate) fn desired_legacy(
    sealed: &SealedSecret,
    json: &Plaintext,
) -> Result<DesiredSecret, Failure> {
    #[derive(Deserialize)]
    struct Whole {
        #[serde(default)]
        metadata: TemplateMetadata,
        #[serde(flatten)]
        secret: SecretObject,
    }
    // The parser's error may quote a value, so it is dropped.
    let whole: Whole = serde_json::from_slice(json.expose()).map_err(|_| {
        Failure::new(Reason::Malformed, "the deprecated `data` holds no Secret: seal again")
    })?;
    let Whole { metadata, secret } = whole;
    let immutable = secret.immutable.unwrap_or(false);
    Ok(secret_for(sealed, &secret.type_, immutable, &metadata, secret.data))
}

/// The fields of the template that the controller ignores, because nothing authenticates them. For
/// an Event.
pub(crate) fn ignored_fields(sealed: &SealedSecret) -> Vec<&'static str> {
    let TemplateMetadata { finalizers, owner_references, .. } = &sealed.spec.template.metadata;
    let finalizers = (!finalizers.is_empty()).then_some("finalizers");
    let owners = (!owner_references.is_empty()).then_some("ownerReferences");
    finalizers.into_iter().chain(owners).collect()
}

/// Whether the Secret gets an owner reference, which the template can turn off.
pub(crate) fn wants_owner(sealed: &SealedSecret) -> bool {
    let annotations = &sealed.spec.template.metadata.annotations;
    annotations.get(SealedSecret::SKIP_OWNER_REFERENCES).is_none_or(|value| value != "true")
}

fn secret_for(
    sealed: &SealedSecret,
    type_: &str,
    immutable: bool,
    metadata: &TemplateMetadata,
    data: BTreeMap<String, SecretValue>,
) -> DesiredSecret {
    DesiredSecret {
        key: ObjectKey::of(&sealed.metadata),
        owner_uid: sealed.metadata.uid.clone().unwrap_or_default(),
        owner: sealed.controller_owner_ref(&()).filter(|_| wants_owner(sealed)),
        type_: if type_.is_empty() { OPAQUE.to_owned() } else { type_.to_owned() },
        immutable,
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        data,
        random: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value as Json, json};

    use super::*;

    fn sealed(spec: Json) -> SealedSecret {
        serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "s", "uid": "u1" },
            "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn data_and_encrypted_data_together_are_refused() {
        let spec = json!({ "data": "AAAA", "encryptedData": { "A": "x" } });
        assert_eq!(prepare(&sealed(spec), true).unwrap_err().reason, Reason::Malformed);
    }

    #[test]
    fn legacy_data_can_be_turned_off() {
        let object = sealed(json!({ "data": "AAAA" }));
        assert_eq!(prepare(&object, true).unwrap(), Sealed::Legacy(vec![0, 0, 0]));
        let refused = prepare(&object, false).unwrap_err();
        assert_eq!(refused.reason, Reason::Malformed);
    }

    #[test]
    fn legacy_secret_keeps_type_and_labels_but_not_its_name() {
        let object = sealed(json!({ "data": "AAAA" }));
        let json = br#"{"kind":"Secret","metadata":{"name":"t","namespace":"m","labels":{"l":"1"},
            "creationTimestamp":null},"type":"x/y","data":{"A":"MQ=="}}"#;
        let desired = desired_legacy(&object, &Plaintext::new(json.to_vec())).unwrap();
        assert_eq!(desired.key, ObjectKey { namespace: "n".into(), name: "s".into() });
        assert_eq!(desired.type_, "x/y");
        assert_eq!(desired.labels["l"], "1");
        assert_eq!(desired.data["A"].expose(), b"1");
    }

    #[test]
    fn malformed_legacy_item_is_not_quoted() {
        let object = sealed(json!({ "data": "AAAA" }));
        let failure = desired_legacy(&object, &Plaintext::new(br#"{"data":"canary"}"#.to_vec()))
            .err()
            .unwrap();
        assert_eq!(failure.reason, Reason::Malformed);
        assert!(!failure.message.contains("canary"));
    }

    #[test]
    fn ignored_fields_name_finalizers_and_owner_references() {
        let metadata = json!({ "finalizers": ["x/f"], "ownerReferences": [{ "uid": "u" }] });
        let object = sealed(json!({ "encryptedData": {}, "template": { "metadata": metadata } }));
        assert_eq!(ignored_fields(&object), ["finalizers", "ownerReferences"]);
        let none = Rendered { data: BTreeMap::new(), random: BTreeSet::new() };
        let desired = desired(&object, none);
        assert_eq!(desired.owner.unwrap().uid, "u1");
        assert_eq!((desired.annotations.len(), desired.random), (0, None));
    }

    #[test]
    fn random_values_are_annotated_with_their_generation() {
        let mut object = sealed(json!({ "encryptedData": {} }));
        object.metadata.generation = Some(3);
        let random = BTreeSet::from(["R".to_owned()]);
        let desired = desired(&object, Rendered { data: BTreeMap::new(), random: random.clone() });
        assert_eq!(desired.annotations[RANDOM_FOR], "u1.3");
        assert_eq!(desired.random.unwrap(), RandomValues { keys: random, version: "u1.3".into() });
    }
}
