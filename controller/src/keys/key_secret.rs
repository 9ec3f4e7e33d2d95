//! Key Secrets, in the format of Bitnami's controller: reads one, or generates a key for a new one.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use kube::{Client, ResourceExt as _, api::ObjectMeta};
use sealing::{Certificate, KeyError, KeyOptions, SealingKey};

use super::ring::{KeyOrder, LoadedKey};
use crate::runtime::{FIELD_MANAGER, KEY_LABEL, SecretObject, SecretValue, secret};

/// The value of [`KEY_LABEL`] on active keys.
const ACTIVE: &str = "active";

/// When the Secret was last backed up, in RFC 3339. The user who copies the key sets it.
const BACKED_UP_AT: &str = "mtk.mytomorrows.com/backed-up-at";

/// The data keys of a `kubernetes.io/tls` Secret.
const PRIVATE_KEY: &str = "tls.key";
const CERTIFICATE: &str = "tls.crt";

#[derive(Clone, Debug)]
pub(crate) struct KeySettings {
    /// The beginning of the names of key Secrets.
    pub(crate) prefix: String,
    pub(crate) bits: usize,
    pub(crate) common_name: String,
    pub(crate) lifetime: SignedDuration,
    pub(crate) order: KeyOrder,
    /// Labels and annotations of new key Secrets.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Why a Secret does not contain a sealing key.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// Otherwise a user who may create the custom resource could choose the keys that others seal with.
    #[error("it is controlled by {0}, and no object may control a sealing key")]
    Controlled(String),
    #[error("it has no item `{PRIVATE_KEY}`")]
    NoPrivateKey,
    #[error(transparent)]
    Unreadable(#[from] KeyError),
}

pub(super) fn is_active(secret: &SecretObject) -> bool {
    secret.labels().get(KEY_LABEL).is_some_and(|value| value == ACTIVE)
}

/// The key in the Secret. A key with an unusable certificate can still open items. It is returned
/// without the certificate, and with the error. No error contains a byte of the key.
pub(super) fn load(secret: &SecretObject) -> Result<(LoadedKey, Option<KeyError>), LoadError> {
    if let Some(owner) = secret::controller_of(&secret.metadata) {
        return Err(LoadError::Controlled(format!("{}/{}", owner.kind, owner.name)));
    }
    let private_key = secret.data.get(PRIVATE_KEY).ok_or(LoadError::NoPrivateKey)?;
    let certificate = secret.data.get(CERTIFICATE);
    let read = SealingKey::from_pem(private_key.expose(), certificate.map(SecretValue::expose));
    let (key, error) = match read {
        Ok(key) => (key, None),
        Err(error @ (KeyError::BadCertificate(_) | KeyError::CertificateMismatch { .. })) => {
            (SealingKey::from_pem(private_key.expose(), None)?, Some(error))
        }
        Err(error) => return Err(error.into()),
    };
    let backed_up_at = secret.annotations().get(BACKED_UP_AT).and_then(|text| text.parse().ok());
    let created_at = secret.creation_timestamp().map(|time| time.0);
    Ok((LoadedKey { key: Arc::new(key), created_at, backed_up_at }, error))
}

impl KeySettings {
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            prefix: "sealed-secrets-key".to_owned(),
            bits: 2048,
            common_name: String::new(),
            lifetime: SignedDuration::from_hours(1),
            order: KeyOrder::default(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }
}

/// Generates a key, which takes a second of CPU time.
pub(super) async fn generate(settings: &KeySettings) -> Result<SealingKey, KeyError> {
    let KeySettings { bits, common_name, lifetime, .. } = settings.clone();
    let options = KeyOptions { bits, common_name, not_before: Timestamp::now(), lifetime };
    let generation = tokio::task::spawn_blocking(move || SealingKey::generate(&options));
    generation.await.expect("generating a key does not panic")
}

/// Creates the Secret of a new key. The API server chooses the name: it appends letters to the prefix.
pub(super) async fn create(
    client: &Client,
    namespace: &str,
    settings: &KeySettings,
    key: &SealingKey,
) -> anyhow::Result<SecretObject> {
    let certificate = key.certificate().map(Certificate::to_pem).unwrap_or_default();
    let mut labels = settings.labels.clone();
    labels.insert(KEY_LABEL.to_owned(), ACTIVE.to_owned());
    let metadata = ObjectMeta {
        namespace: Some(namespace.to_owned()),
        generate_name: Some(settings.prefix.clone()),
        labels: Some(labels),
        annotations: Some(settings.annotations.clone()).filter(|all| !all.is_empty()),
        ..ObjectMeta::default()
    };
    let data = BTreeMap::from([
        (CERTIFICATE.to_owned(), SecretValue::from(certificate.as_bytes())),
        (PRIVATE_KEY.to_owned(), SecretValue::from(key.private_key_pem().as_bytes())),
    ]);
    let type_ = "kubernetes.io/tls".to_owned();
    let secret = SecretObject { metadata, type_, immutable: None, data };
    secret::create(client, FIELD_MANAGER, &secret).await.map_err(|error| {
        let message = error.failure("create the key Secret").message;
        anyhow!("cannot create the key Secret: {message}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(labels: &serde_json::Value) -> SecretObject {
        serde_json::from_value(json!({ "metadata": { "labels": labels } })).unwrap()
    }

    #[test]
    fn key_is_active_only_with_the_label_value_active() {
        assert!(is_active(&secret(&json!({ KEY_LABEL: "active" }))));
        assert!(!is_active(&secret(&json!({ KEY_LABEL: "compromised" }))));
        assert!(!is_active(&secret(&json!({}))));
    }

    #[test]
    fn key_controlled_by_a_custom_resource_is_rejected() {
        let secret: SecretObject =
            serde_json::from_value(json!({ "metadata": { "ownerReferences": [
                { "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "evil",
                  "uid": "u", "controller": true },
            ]}}))
            .unwrap();
        assert!(
            matches!(load(&secret), Err(LoadError::Controlled(name)) if name == "SealedSecret/evil")
        );
    }

    #[test]
    fn key_with_a_broken_certificate_still_opens() {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let key = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");
        let secret: SecretObject = serde_json::from_value(json!({ "data": {
            "tls.key": STANDARD.encode(key), "tls.crt": STANDARD.encode("broken"),
        }}))
        .unwrap();
        let (key, error) = load(&secret).unwrap();
        assert!(key.key.certificate().is_none());
        assert!(matches!(error, Some(KeyError::BadCertificate(_))));
    }

    #[test]
    fn secret_without_a_private_key_is_rejected() {
        assert!(matches!(load(&secret(&json!({}))), Err(LoadError::NoPrivateKey)));
    }
}
