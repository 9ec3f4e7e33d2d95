//! The fingerprint in a SealedSecret's status: a record of the inputs and of the resulting Secret.
//!
//! Format: `v1.KEYS.INPUTS.CONTENT`. KEYS are the short ids of the sealing keys that decrypted the
//! items, comma-separated. INPUTS and CONTENT are MACs in base64url. An object is in sync if both MACs
//! match what the API server has now and the keys are still active. Otherwise the controller syncs it,
//! also after a missing, altered or older record. A wrong record, or one that a user who may write the
//! status forged, only costs time. It never causes a wrong Secret, because only the controller can
//! compute the MAC of the content.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crds::SealedSecret;

use super::render;
use crate::{
    key::ObjectKey,
    keys::KeyId,
    runtime::{Mac, MacKey},
};

const VERSION: &str = "v1";

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    pub(crate) keys: Vec<KeyId>,
    pub(crate) inputs: Mac,
    /// The content of the Secret after the sync.
    pub(crate) content: Mac,
}

impl Record {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (version, keys) = (parts.next()?, parts.next()?);
        let (inputs, content) = (mac(parts.next()?)?, mac(parts.next()?)?);
        if version != VERSION || parts.next().is_some() {
            return None;
        }
        let keys = keys.split(',').filter(|id| !id.is_empty());
        Some(Self { keys: keys.map(KeyId::from_text).collect(), inputs, content })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(KeyId::as_str).collect();
        let inputs = URL_SAFE_NO_PAD.encode(self.inputs.as_bytes());
        let content = URL_SAFE_NO_PAD.encode(self.content.as_bytes());
        write!(f, "{VERSION}.{}.{inputs}.{content}", keys.join(","))
    }
}

fn mac(text: &str) -> Option<Mac> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(Mac::from_bytes(bytes.try_into().ok()?))
}

/// The MAC over all fields of a SealedSecret that decide the content of its Secret.
pub(crate) fn inputs(mac_key: &MacKey, sealed: &SealedSecret) -> Mac {
    let ObjectKey { namespace, name } = ObjectKey::of(&sealed.metadata);
    let uid = sealed.metadata.uid.as_deref().unwrap_or_default();
    // Maps are sorted, and fields have the order of the type, so the same spec gives the same
    // bytes.
    let spec = serde_json::to_string(&sealed.spec).expect("a spec is JSON");
    let scope = sealed.scope().to_string();
    let parts = [render::VERSION, uid, &namespace, &name, &scope, &spec];
    mac_key.mac("inputs", parts.map(str::as_bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mac_key() -> MacKey {
        MacKey::from_bytes(&[7; 32]).unwrap()
    }

    fn sealed(change: impl FnOnce(&mut serde_json::Value)) -> SealedSecret {
        let mut object = json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "namespace": "n", "name": "s", "uid": "u", "generation": 1 },
            "spec": {
                "encryptedData": { "A": "x", "B": "y" },
                "template": { "type": "t", "metadata": { "labels": { "l": "1" } }, "data": { "P": "p" } },
            },
        });
        change(&mut object);
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn record_round_trips() {
        let mac = inputs(&mac_key(), &sealed(|_| {}));
        for keys in [
            vec![],
            vec![KeyId::from_text("abc/+123")],
            vec![KeyId::from_text("a"), KeyId::from_text("b")],
        ] {
            let record = Record { keys, inputs: mac, content: mac };
            assert_eq!(Record::parse(&record.to_string()), Some(record));
        }
    }

    #[test]
    fn malformed_record_is_rejected() {
        let mac = inputs(&mac_key(), &sealed(|_| {}));
        let good = Record { keys: vec![], inputs: mac, content: mac }.to_string();
        let longer = format!("{good}.x");
        let older = good.replacen("v1", "v0", 1);
        for text in ["", "v1", "v1...", &good[..good.len() - 2], &longer, &older] {
            assert_eq!(Record::parse(text), None, "{text}");
        }
    }

    #[test]
    fn mac_covers_every_input_and_nothing_else() {
        let base = inputs(&mac_key(), &sealed(|_| {}));
        let changed = |change: fn(&mut serde_json::Value)| inputs(&mac_key(), &sealed(change));
        for change in [
            (|o| o["metadata"]["uid"] = json!("v")) as fn(&mut serde_json::Value),
            |o| o["metadata"]["name"] = json!("t"),
            |o| o["metadata"]["namespace"] = json!("m"),
            |o| {
                let scope = json!({ sealing::Scope::CLUSTER_WIDE_ANNOTATION: "true" });
                o["metadata"]["annotations"] = scope;
            },
            |o| o["spec"]["encryptedData"]["A"] = json!("z"),
            |o| o["spec"]["encryptedData"] = json!({ "A": "x" }),
            |o| o["spec"]["template"]["type"] = json!("u"),
            |o| o["spec"]["template"]["immutable"] = json!(true),
            |o| o["spec"]["template"]["metadata"]["labels"]["l"] = json!("2"),
            |o| o["spec"]["template"]["data"]["P"] = json!(null),
            |o| o["spec"]["data"] = json!("AA=="),
        ] {
            assert_ne!(base, changed(change));
        }
        assert_eq!(base, changed(|o| o["metadata"]["generation"] = json!(2)));
        assert_eq!(base, changed(|o| o["metadata"]["labels"] = json!({ "l": "1" })));
        assert_eq!(base, changed(|o| o["status"] = json!({ "observedGeneration": 1 })));
    }
}
