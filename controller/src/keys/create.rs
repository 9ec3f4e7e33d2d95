//! Generates a sealing key and stores it in a key Secret, as Bitnami's controller does.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube::{Client, api::ObjectMeta};
use sealing::{Certificate, KeyOptions, SealingKey};

use super::load::{ACTIVE, CERTIFICATE, PRIVATE_KEY};
use crate::{
    reason::Failure,
    runtime::{
        FIELD_MANAGER,
        secret::{self, KEY_LABEL, SecretObject, SecretValue},
    },
};

/// The size, validity and labels of a new sealing key.
#[derive(Clone, Debug)]
pub(crate) struct KeySettings {
    /// The prefix of the names of key Secrets.
    pub(crate) prefix: String,
    pub(crate) bits: usize,
    /// The common name in the certificate.
    pub(crate) common_name: String,
    /// For how long the certificate is valid.
    pub(crate) lifetime: SignedDuration,
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error(transparent)]
    Generate(#[from] sealing::KeyError),
    #[error("cannot create the key Secret: {0}")]
    Request(String),
}

/// Generates a key and creates its Secret. The API server appends letters to the prefix and so
/// chooses the name.
///
/// # Errors
/// When the key cannot be generated, or the API server refuses the Secret.
pub(crate) async fn create(
    client: &Client,
    namespace: &str,
    settings: &KeySettings,
    now: Timestamp,
) -> Result<SecretObject, CreateError> {
    let options = KeyOptions {
        bits: settings.bits,
        common_name: settings.common_name.clone(),
        not_before: now,
        lifetime: settings.lifetime,
    };
    let key = tokio::task::spawn_blocking(move || SealingKey::generate(&options))
        .await
        .expect("generating a key does not panic")?;
    let certificate = key.certificate().map(Certificate::to_pem).unwrap_or_default();
    let metadata = ObjectMeta {
        namespace: Some(namespace.to_owned()),
        generate_name: Some(settings.prefix.clone()),
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
        let Failure { message, .. } = error.failure("create the key Secret");
        CreateError::Request(message)
    })
}
