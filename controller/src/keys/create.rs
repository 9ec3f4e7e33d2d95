//! Makes a sealing key and keeps it in a key Secret, as Bitnami's controller does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::{Api, Client, api::PostParams};
use sealing::{Certificate, KeyOptions, SealingKey};
use serde::Serialize;

use super::{ACTIVE, KEY_LABEL};
use crate::{
    config::KeySettings,
    runtime::FIELD_MANAGER,
    runtime::api::{RequestError, request},
    target::{SecretObject, object::Value},
};

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It could not be generated.
    #[error(transparent)]
    Generate(#[from] sealing::KeyError),
    /// The API server did not take it.
    #[error("the key Secret cannot be created: {0}")]
    Request(String),
}

/// The body of a key Secret. Not printable: it holds the private key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'k> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'k>,
    #[serde(rename = "type")]
    type_: &'static str,
    data: BTreeMap<&'static str, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'k> {
    generate_name: &'k str,
    labels: BTreeMap<&'static str, &'static str>,
}

/// Generates a key and creates its Secret, named by the API server behind the key prefix.
///
/// # Errors
/// When the key cannot be generated, or the API server refuses the Secret.
pub async fn create(
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
    let body = Body {
        api_version: "v1",
        kind: "Secret",
        metadata: Metadata {
            generate_name: &settings.prefix,
            labels: [(KEY_LABEL, ACTIVE)].into(),
        },
        type_: "kubernetes.io/tls",
        data: [
            ("tls.crt", Value::from(certificate.as_bytes())),
            ("tls.key", Value::from(key.private_key_pem().as_bytes())),
        ]
        .into(),
    };
    let created = post(client, namespace, &body).await;
    created.map_err(|error| CreateError::Request(error.failure("create the key Secret").message))
}

/// Creates a Secret in the controller's namespace.
pub(super) async fn post(
    client: &Client,
    namespace: &str,
    body: &impl Serialize,
) -> Result<SecretObject, RequestError> {
    let api: Api<SecretObject> = Api::namespaced(client.clone(), namespace);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let body = serde_json::to_vec(body).expect("a Secret is JSON");
    request(async {
        let request = kube::core::Request::new(api.resource_url())
            .create(&params, body)
            .map_err(kube::Error::BuildRequest)?;
        client.request(request).await
    })
    .await
}
