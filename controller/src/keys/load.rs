//! Reads one key Secret.

use sealing::{KeyError, SealingKey};

use super::{ACTIVE, KEY_LABEL};
use crate::target::{SecretObject, object::Value, ownership::OwnershipMetadata};

/// The data keys of a `kubernetes.io/tls` Secret.
const PRIVATE_KEY: &str = "tls.key";
const CERTIFICATE: &str = "tls.crt";

/// Why a Secret gives no sealing key.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is made by a custom resource: whoever may create one would choose the keys that others
    /// seal with.
    #[error("it is controlled by {0}, and a sealing key must be nobody's product")]
    Controlled(String),
    /// It has no private key.
    #[error("it has no item `{PRIVATE_KEY}`")]
    NoPrivateKey,
    /// The key or the certificate cannot be read.
    #[error(transparent)]
    Unreadable(#[from] KeyError),
}

/// Whether the Secret's label makes it an active key.
pub fn is_active(secret: &SecretObject) -> bool {
    let labels = secret.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(KEY_LABEL)).is_some_and(|value| value == ACTIVE)
}

/// The key in the Secret. One whose certificate cannot be used still opens what was sealed for it:
/// it comes without, and with the complaint.
///
/// # Errors
/// [`LoadError`]: never with a byte of the key.
pub fn load(secret: &SecretObject) -> Result<(SealingKey, Option<KeyError>), LoadError> {
    if let Some((controller, _)) = OwnershipMetadata::of(&secret.metadata).controller {
        return Err(LoadError::Controlled(controller));
    }
    let private_key = secret.data.get(PRIVATE_KEY).ok_or(LoadError::NoPrivateKey)?;
    let certificate = secret.data.get(CERTIFICATE);
    match SealingKey::from_pem(private_key.expose(), certificate.map(Value::expose)) {
        Ok(key) => Ok((key, None)),
        Err(complaint @ (KeyError::BadCertificate(_) | KeyError::CertificateMismatch { .. })) => {
            Ok((SealingKey::from_pem(private_key.expose(), None)?, Some(complaint)))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(labels: &serde_json::Value) -> SecretObject {
        serde_json::from_value(json!({ "metadata": { "labels": labels } })).unwrap()
    }

    #[test]
    fn only_the_label_value_active_makes_a_key_active() {
        assert!(is_active(&secret(&json!({ KEY_LABEL: "active" }))));
        assert!(!is_active(&secret(&json!({ KEY_LABEL: "compromised" }))));
        assert!(!is_active(&secret(&json!({}))));
    }

    #[test]
    fn a_key_that_a_custom_resource_made_is_refused() {
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
    fn a_key_with_a_broken_certificate_still_opens() {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let key = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");
        let secret: SecretObject = serde_json::from_value(json!({ "data": {
            "tls.key": STANDARD.encode(key), "tls.crt": STANDARD.encode("broken"),
        }}))
        .unwrap();
        let (key, complaint) = load(&secret).unwrap();
        assert!(key.certificate().is_none());
        assert!(matches!(complaint, Some(KeyError::BadCertificate(_))));
    }

    #[test]
    fn a_secret_without_a_key_says_so() {
        assert!(matches!(load(&secret(&json!({}))), Err(LoadError::NoPrivateKey)));
    }
}
