//! The key of all fingerprints: random, in a Secret of the controller's namespace, made once.
//!
//! It is not derived from a sealing key, so renewing those invalidates nothing. If it is lost, a
//! new one is made and every object gets the full work once.

use std::collections::BTreeMap;

use kube::{Api, Client};
use rand::TryRng as _;
use serde::Serialize;
use zeroize::Zeroizing;

use super::create::post;
use crate::{
    runtime::api::{RequestError, request},
    target::{SecretObject, fingerprint::MacKey, object::Value},
};

/// The Secret's name.
pub const SECRET_NAME: &str = "mtk-controller-fingerprint-key";
const ITEM: &str = "key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum MacKeyError {
    /// The API server did not give or take it.
    #[error("{0}")]
    Request(String),
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// The Secret is there without a usable key.
    #[error(
        "Secret {SECRET_NAME} has no item `{ITEM}` of {} bytes: delete it, and a new one is made",
        MacKey::BYTES
    )]
    Unusable,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: &'static str,
    kind: &'static str,
    metadata: BTreeMap<&'static str, &'static str>,
    #[serde(rename = "type")]
    type_: &'static str,
    data: BTreeMap<&'static str, Value>,
}

/// Reads the key, or makes it.
///
/// # Errors
/// When the API server refuses, or the Secret holds something else.
pub async fn load_or_create(client: &Client, namespace: &str) -> Result<MacKey, MacKeyError> {
    let api: Api<SecretObject> = Api::namespaced(client.clone(), namespace);
    let failed = |error: RequestError, verb: &str| {
        MacKeyError::Request(
            error.failure(&format!("{verb} Secret {namespace}/{SECRET_NAME}")).message,
        )
    };
    if let Some(secret) = request(api.get_opt(SECRET_NAME)).await.map_err(|e| failed(e, "read"))? {
        return key_in(&secret);
    }
    let mut bytes = Zeroizing::new([0_u8; MacKey::BYTES]);
    rand::rngs::SysRng.try_fill_bytes(&mut *bytes).map_err(|_| MacKeyError::NoRandomness)?;
    let body = Body {
        api_version: "v1",
        kind: "Secret",
        metadata: [("name", SECRET_NAME)].into(),
        type_: "Opaque",
        data: [(ITEM, Value::from(bytes.as_slice()))].into(),
    };
    match post(client, namespace, &body).await {
        Ok(created) => key_in(&created),
        // Another process was faster: its key counts.
        Err(error) if error.is_conflict() => {
            key_in(&request(api.get(SECRET_NAME)).await.map_err(|e| failed(e, "read"))?)
        }
        Err(error) => Err(failed(error, "create")),
    }
}

fn key_in(secret: &SecretObject) -> Result<MacKey, MacKeyError> {
    let item = secret.data.get(ITEM).ok_or(MacKeyError::Unusable)?;
    MacKey::from_bytes(item.expose()).ok_or(MacKeyError::Unusable)
}
