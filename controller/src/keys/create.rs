//! Generates a sealing key and stores it in a key Secret, as Bitnami's controller does.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube::{Client, api::ObjectMeta};
use sealing::{Certificate, KeyOptions, SealingKey};

use super::load::{ACTIVE, CERTIFICATE, PRIVATE_KEY};
use crate::runtime::{
    FIELD_MANAGER,
    secret::{self, KEY_LABEL, SecretObject, SecretValue},
};

/// The properties of a new sealing key.
#[derive(Clone, Debug)]
pub(crate) struct KeySettings {
    /// The beginning of the name of its Secret.
    pub(crate) prefix: String,
    pub(crate) bits: usize,
    pub(crate) common_name: String,
    pub(crate) lifetime: SignedDuration,
}

/// Why the controller has no sealing keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyStoreError {
    #[error(transparent)]
    Generate(#[from] sealing::KeyError),
    #[error("{0}")]
    Request(String),
}

/// Generates a key and creates its Secret. The API server appends letters to the prefix and so
/// chooses the name.
pub(super) async fn create(
    client: &Client,
    namespace: &str,
    settings: &KeySettings,
) -> Result<SecretObject, KeyStoreError> {
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
        KeyStoreError::Request(format!("cannot create the key Secret: {message}"))
    })
}
