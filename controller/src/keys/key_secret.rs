//! Key Secrets, in the format of Bitnami's controller: reads one, or generates a key for a new one.

use std::collections::BTreeMap;

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use kube::{Client, ResourceExt as _, api::ObjectMeta};
use sealing::{Certificate, KeyError, KeyOptions, SealingKey};

use crate::runtime::{FIELD_MANAGER, KEY_LABEL, SecretObject, SecretValue, secret};

/// The value of [`KEY_LABEL`] on active keys.
const ACTIVE: &str = "active";

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
pub(super) fn load(secret: &SecretObject) -> Result<(SealingKey, Option<KeyError>), LoadError> {
    if let Some(owner) = secret::controller_of(&secret.metadata) {
        return Err(LoadError::Controlled(format!("{}/{}", owner.kind, owner.name)));
    }
    let private_key = secret.data.get(PRIVATE_KEY).ok_or(LoadError::NoPrivateKey)?;
    let certificate = secret.data.get(CERTIFICATE);
    match SealingKey::from_pem(private_key.expose(), certificate.map(SecretValue::expose)) {
        Ok(key) => Ok((key, None)),
        Err(error @ (KeyError::BadCertificate(_) | KeyError::CertificateMismatch { .. })) => {
            Ok((SealingKey::from_pem(private_key.expose(), None)?, Some(error)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Generates a key and creates its Secret. The API server chooses the name: it appends letters to
/// the prefix.
pub(super) async fn create(
    client: &Client,
    namespace: &str,
    settings: &KeySettings,
) -> anyhow::Result<SecretObject> {
    let KeySettings { prefix, bits, common_name, lifetime } = settings.clone();
    let options = KeyOptions { bits, common_name, not_before: Timestamp::now(), lifetime };
    let key = tokio::task::spawn_blocking(move || SealingKey::generate(&options))
        .await
        .expect("generating a key does not panic")?;
    let certificate = key.certificate().map(Certificate::to_pem).unwrap_or_default();
    let metadata = ObjectMeta {
        namespace: Some(namespace.to_owned()),
        generate_name: Some(prefix),
        labels: Some(BTreeMap::from([(KEY_LABEL.to_owned(), ACTIVE.to_owned())])),
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
        assert!(key.certificate().is_none());
        assert!(matches!(error, Some(KeyError::BadCertificate(_))));
    }

    #[test]
    fn secret_without_a_private_key_is_rejected() {
        assert!(matches!(load(&secret(&json!({}))), Err(LoadError::NoPrivateKey)));
    }
}
