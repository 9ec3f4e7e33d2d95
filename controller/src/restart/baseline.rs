//! The baseline: the Secrets that a workload's Pods last had, as keyed MACs in an annotation.
//!
//! ```text
//! v1:<id of the MAC key>;<Secret>=<items>:<MAC>;<Secret>=<items>:-
//! ```
//!
//! `<items>` is a hash of the names of the items under the MAC. So a template that starts to use
//! other items is not mistaken for a changed Secret. `-` is a Secret that never existed. MACs are
//! truncated to 128 bits: they only detect changes, and a collision grants no access.

use std::{collections::BTreeMap, fmt::Write as _};

use super::references::{SecretUse, UsedItems};
use crate::{
    key::ObjectKey,
    runtime::mac::{Mac, MacKey},
    target::snapshot::{ItemMac, item_mac},
};

const VERSION: &str = "v1";

/// The part of one Secret that a workload uses, or had when it was recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// A hash of the names of the items under the MAC.
    pub(crate) items: u32,
    /// `None` if Pods could not start with the current Secret, or if it never existed.
    pub(crate) mac: Option<Mac<16>>,
}

/// Entries by the name of the Secret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Baseline(pub(crate) BTreeMap<String, Entry>);

/// The part of one Secret that a workload uses, as the Secret is now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CurrentUse {
    pub(crate) entry: Entry,
    /// Whether the Pods start only if the Secret exists.
    pub(crate) required: bool,
}

/// Identifies the MAC key without revealing it.
pub(crate) fn key_id(mac_key: &MacKey) -> String {
    format!("{:016x}", mac_key.mac("restart-key-id", []).truncated_64())
}

/// `present` are the items that the watch last saw.
pub(crate) fn current_use(
    mac_key: &MacKey,
    secret: &ObjectKey,
    used: &SecretUse,
    present: Option<&[ItemMac]>,
) -> CurrentUse {
    let find = |item: &String| item_mac(mac_key, item, present.unwrap_or_default());
    let is_usable = used.required_items.iter().all(|item| find(item).is_some());
    let mac = present.filter(|_| is_usable).map(|present| {
        let mut transcript = mac_key.transcript("restart-used");
        transcript.part(secret.namespace.as_bytes());
        transcript.part(secret.name.as_bytes());
        match &used.items {
            UsedItems::All => {
                for item in present {
                    transcript.part(&item.name.to_be_bytes());
                    transcript.part(item.value.as_bytes());
                }
            }
            UsedItems::Named(names) => {
                for name in names {
                    transcript.part(name.as_bytes());
                    let value = find(name);
                    transcript.part(value.as_ref().map_or(&[][..], |value| value.as_bytes()));
                }
            }
        }
        transcript.finish().truncated_128()
    });
    let entry = Entry { items: items_tag(mac_key, &used.items), mac };
    CurrentUse { entry, required: used.required }
}

/// The MAC of all Secrets that a workload uses, for the annotation of its Pod template. It differs
/// from `before`, the current annotation: otherwise the write would start no rollout.
pub(crate) fn template_mac(mac_key: &MacKey, state: &Baseline, before: Option<&str>) -> String {
    let state = state.text("");
    let over = |salt: &str| {
        let mac = mac_key.mac("restart-template", [salt.as_bytes(), state.as_bytes()]);
        mac.truncated_128().to_string()
    };
    let plain = over("");
    if before == Some(&plain) { over(&plain) } else { plain }
}

impl Baseline {
    pub(crate) fn text(&self, key_id: &str) -> String {
        let mut text = format!("{VERSION}:{key_id}");
        for (secret, Entry { items, mac }) in &self.0 {
            let mac = mac.map_or_else(|| "-".to_owned(), |mac| mac.to_string());
            let _ = write!(text, ";{secret}={items:08x}:{mac}");
        }
        text
    }

    /// Reads the annotation. `None` if it has another MAC key or version, or is damaged.
    pub(crate) fn parse(text: &str, key_id: &str) -> Option<Self> {
        let mut parts = text.split(';');
        if parts.next()? != format!("{VERSION}:{key_id}") {
            return None;
        }
        let entries = parts.map(|part| {
            let (secret, rest) = part.split_once('=')?;
            let (items, mac) = rest.split_once(':')?;
            let items = u32::from_str_radix(items, 16).ok()?;
            let mac = if mac == "-" { None } else { Some(parse_mac(mac)?) };
            Some((secret.to_owned(), Entry { items, mac }))
        });
        entries.collect::<Option<_>>().map(Self)
    }
}

fn parse_mac(text: &str) -> Option<Mac<16>> {
    let mac = Mac::from_bytes(u128::from_str_radix(text, 16).ok()?.to_be_bytes());
    // The number may have been written in another form.
    (mac.to_string() == text).then_some(mac)
}

fn items_tag(mac_key: &MacKey, items: &UsedItems) -> u32 {
    let mut transcript = mac_key.transcript("restart-items");
    match items {
        UsedItems::All => transcript.count(usize::MAX),
        UsedItems::Named(names) => names.iter().for_each(|name| transcript.part(name.as_bytes())),
    }
    let mac = transcript.finish();
    u32::from_be_bytes(mac.as_bytes()[..4].try_into().expect("a MAC has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{runtime::secret::SecretObject, target::SecretIndex};

    fn mac_key(byte: u8) -> MacKey {
        MacKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn used(items: UsedItems, required_items: &[&str]) -> SecretUse {
        let required_items = required_items.iter().map(|item| (*item).to_owned()).collect();
        SecretUse { items, required: true, required_items }
    }

    fn named(items: &[&str]) -> UsedItems {
        UsedItems::Named(items.iter().map(|item| (*item).to_owned()).collect())
    }

    /// Uses a Secret `s` with this data.
    fn current(byte: u8, used: &SecretUse, data: serde_json::Value) -> CurrentUse {
        let secret: SecretObject = serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "s" }, "data": data,
        }))
        .unwrap();
        let index = SecretIndex::new(mac_key(byte).into()).with_items();
        let items = index.upsert(&secret).items.unwrap();
        let key = ObjectKey { namespace: "n".into(), name: "s".into() };
        current_use(&mac_key(byte), &key, used, Some(&items))
    }

    #[test]
    fn only_used_items_count() {
        let one = used(named(&["A"]), &[]);
        let whole = used(UsedItems::All, &[]);
        let before = json!({ "A": "MQ==", "B": "MQ==" });
        let other_changed = json!({ "A": "MQ==", "B": "Mg==" });
        let changed = json!({ "A": "Mg==", "B": "MQ==" });
        assert_eq!(current(1, &one, before.clone()), current(1, &one, other_changed.clone()));
        assert_ne!(current(1, &one, before.clone()), current(1, &one, changed));
        assert_ne!(current(1, &whole, before.clone()), current(1, &whole, other_changed));
        assert_ne!(current(1, &whole, before.clone()), current(1, &whole, json!({ "A": "MQ==" })));
        assert_ne!(
            current(1, &one, before.clone()).entry.mac,
            current(2, &one, before).entry.mac,
            "it is keyed"
        );
    }

    #[test]
    fn added_optional_item_is_a_change_even_if_empty() {
        let optional = used(named(&["A", "B"]), &["A"]);
        let without = current(1, &optional, json!({ "A": "MQ==" }));
        let empty = current(1, &optional, json!({ "A": "MQ==", "B": "" }));
        assert!(without.entry.mac.is_some());
        assert_ne!(without, empty);
    }

    #[test]
    fn secret_without_a_required_item_counts_as_missing() {
        let two = used(named(&["A", "B"]), &["A", "B"]);
        assert_eq!(current(1, &two, json!({ "A": "MQ==" })).entry.mac, None);
        assert!(current(1, &two, json!({ "A": "MQ==", "B": "" })).entry.mac.is_some());
    }

    #[test]
    fn items_tag_differs_by_items() {
        let tag = |items| items_tag(&mac_key(1), &items);
        assert_ne!(tag(named(&["A"])), tag(named(&["B"])));
        assert_ne!(tag(named(&[])), tag(UsedItems::All));
    }

    fn state() -> Baseline {
        let mac = Mac::from_bytes([0xa5; 16]);
        Baseline(
            [
                ("db".to_owned(), Entry { items: 7, mac: Some(mac) }),
                ("x.y".to_owned(), Entry { items: u32::MAX, mac: None }),
            ]
            .into(),
        )
    }

    #[test]
    fn annotation_is_parsed_as_written() {
        let text = state().text("0123456789abcdef");
        assert_eq!(
            text,
            format!("v1:0123456789abcdef;db=00000007:{};x.y=ffffffff:-", "a5".repeat(16))
        );
        assert_eq!(Baseline::parse(&text, "0123456789abcdef"), Some(state()));
        assert_eq!(Baseline::parse("v1:k", "k"), Some(Baseline::default()));
    }

    #[test]
    fn damaged_baseline_or_one_of_another_key_is_ignored() {
        let good = state().text("k");
        assert_eq!(Baseline::parse(&good, "other"), None);
        for bad in ["", "v2:k", "v1:k;", "v1:k;db", "v1:k;db=7", "v1:k;db=7:zz", "v1:k;db=x:-"] {
            assert_eq!(Baseline::parse(bad, "k"), None, "{bad}");
        }
        let signed = format!("v1:k;db=7:+{}", "0".repeat(31));
        assert_eq!(Baseline::parse(&signed, "k"), None);
    }

    #[test]
    fn key_id_differs_by_key() {
        assert_ne!(key_id(&mac_key(1)), key_id(&mac_key(2)));
        assert_eq!(key_id(&mac_key(1)).len(), 16);
    }

    /// `kubectl rollout undo` may have restored the annotation of the data that the Secret has now.
    #[test]
    fn template_annotation_always_changes() {
        let key = mac_key(1);
        let first = template_mac(&key, &state(), None);
        assert_eq!(template_mac(&key, &state(), Some("other")), first);
        let again = template_mac(&key, &state(), Some(&first));
        assert_ne!(again, first);
        assert_eq!(template_mac(&key, &state(), Some(&again)), first);
    }
}
