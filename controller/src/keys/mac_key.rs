//! The key of all fingerprints: random, created once, in a Secret of the controller's namespace.
//!
//! It is not derived from a sealing key, so a new sealing key invalidates no fingerprint. If it is
//! lost, the controller creates a new one and does the full work for every object once.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow};
use kube::{Api, Client, api::ObjectMeta};
use rand::TryRng as _;
use zeroize::Zeroizing;

use crate::runtime::{
    FIELD_MANAGER, FINGERPRINT_KEY_SECRET, MacKey, RequestError, SecretObject, SecretValue,
    request, secret,
};

const ITEM: &str = "key";

pub(crate) async fn load_or_create(client: &Client, namespace: &str) -> anyhow::Result<MacKey> {
    let api: Api<SecretObject> = Api::namespaced(client.clone(), namespace);
    let failed = |error: &RequestError, verb: &str| {
        let action = format!("{verb} Secret {namespace}/{FINGERPRINT_KEY_SECRET}");
        anyhow!(error.failure(&action).message)
    };
    let existing = request(api.get_opt(FINGERPRINT_KEY_SECRET)).await;
    if let Some(secret) = existing.map_err(|error| failed(&error, "read"))? {
        return key_in(&secret);
    }
    let mut bytes = Zeroizing::new([0_u8; MacKey::BYTES]);
    let filled = rand::rngs::SysRng.try_fill_bytes(&mut *bytes);
    filled.map_err(|_| anyhow!("the operating system returned no random bytes"))?;
    let metadata = ObjectMeta {
        namespace: Some(namespace.to_owned()),
        name: Some(FINGERPRINT_KEY_SECRET.to_owned()),
        ..ObjectMeta::default()
    };
    let data = BTreeMap::from([(ITEM.to_owned(), SecretValue::from(bytes.as_slice()))]);
    let secret = SecretObject { metadata, type_: "Opaque".to_owned(), immutable: None, data };
    match secret::create(client, FIELD_MANAGER, &secret).await {
        Ok(created) => key_in(&created),
        // Another process created it first. Its key counts.
        Err(error) if error.is_conflict() => {
            let existing = request(api.get(FINGERPRINT_KEY_SECRET)).await;
            key_in(&existing.map_err(|error| failed(&error, "read"))?)
        }
        Err(error) => Err(failed(&error, "create")),
    }
}

fn key_in(secret: &SecretObject) -> anyhow::Result<MacKey> {
    let key = secret.data.get(ITEM).and_then(|item| MacKey::from_bytes(item.expose()));
    key.with_context(|| {
        format!(
            "Secret {FINGERPRINT_KEY_SECRET} has no item `{ITEM}` of {} bytes: delete it, and the \
             controller creates a new one",
            MacKey::BYTES
        )
    })
}
