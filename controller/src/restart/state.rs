//! The baseline: what a workload's Pods were last known to have, as keyed MACs in an annotation.
//!
//! ```text
//! v1:<id of the MAC key>;<Secret>=<items>:<MAC>;<Secret>=<items>:-
//! ```
//!
//! `<items>` tells which items the MAC is over, so that a template that uses other ones than before
//! is not taken for a changed Secret. `-` is a Secret that was never there. Of a MAC 128 bits are
//! kept: they are compared with what is there, and nothing is opened by a collision.

use std::{collections::BTreeMap, fmt::Write as _};

use subtle::ConstantTimeEq as _;

use super::references::{Items, Use};
use crate::{
    key::ObjectKey,
    runtime::mac::{Mac, MacKey},
    target::fingerprint::{ItemMac, item_mac},
};

const VERSION: &str = "v1";

/// A truncated MAC. Comparing takes the same time wherever the difference is.
#[derive(Clone, Copy, Debug)]
pub struct ShortMac([u8; 16]);

/// Which items a MAC is over.
pub type ItemsTag = u32;

/// One Secret in a baseline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Which items.
    pub items: ItemsTag,
    /// Over what they were; none when they were never there.
    pub mac: Option<ShortMac>,
}

/// A baseline: its entries by the name of the Secret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct State(pub BTreeMap<String, Entry>);

/// What a workload uses of one Secret, as it is now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Observed {
    /// Which items.
    pub items: ItemsTag,
    /// Over what they are; none when the Pods could not start with what is there.
    pub mac: Option<ShortMac>,
    /// The Pods did not start before it was there.
    pub required: bool,
}

/// Names the MAC key without telling anything of it.
pub fn key_id(mac_key: &MacKey) -> String {
    hex(&mac_key.transcript("restart-key-id").finish().as_bytes()[..8])
}

/// Reduces a Secret, as the watch keeps it, to what a workload uses of it.
pub fn observe(
    mac_key: &MacKey,
    secret: &ObjectKey,
    used: &Use,
    present: Option<&[ItemMac]>,
) -> Observed {
    Observed {
        items: items_tag(mac_key, &used.items),
        mac: present.and_then(|items| used_mac(mac_key, secret, used, items)),
        required: used.required,
    }
}

/// The MAC of all that a workload uses, for the annotation of its Pod template. It differs from
/// `before`, what the annotation is now, or nothing would be rolled.
pub fn template_mac(mac_key: &MacKey, state: &State, before: Option<&str>) -> String {
    let over = |salt: &str| {
        let mut transcript = mac_key.transcript("restart-template");
        transcript.part(salt.as_bytes());
        transcript.part(state.text("").as_bytes());
        hex(&transcript.finish().as_bytes()[..16])
    };
    let plain = over("");
    match before {
        Some(before) if before == plain => over(before),
        _ => plain,
    }
}

impl State {
    /// The annotation.
    pub fn text(&self, key_id: &str) -> String {
        let mut text = format!("{VERSION}:{key_id}");
        for (secret, entry) in &self.0 {
            let mac = entry.mac.map_or_else(|| "-".to_owned(), |mac| hex(&mac.0));
            let _ = write!(text, ";{secret}={:08x}:{mac}", entry.items);
        }
        text
    }

    /// Reads the annotation. None when it is of another MAC key, of another version, or damaged.
    pub fn parse(text: &str, key_id: &str) -> Option<Self> {
        let mut parts = text.split(';');
        if parts.next()? != format!("{VERSION}:{key_id}") {
            return None;
        }
        let entries = parts.map(|part| {
            let (secret, rest) = part.split_once('=')?;
            let (items, mac) = rest.split_once(':')?;
            let items = u32::from_str_radix(items, 16).ok()?;
            let mac = if mac == "-" { None } else { Some(ShortMac(bytes(mac)?)) };
            Some((secret.to_owned(), Entry { items, mac }))
        });
        entries.collect::<Option<_>>().map(Self)
    }

    /// A short mark of this state, to tell whether it is still the same.
    pub fn mark(&self) -> String {
        self.text("")
    }
}

fn used_mac(
    mac_key: &MacKey,
    secret: &ObjectKey,
    used: &Use,
    present: &[ItemMac],
) -> Option<ShortMac> {
    let find = |item: &str| item_mac(mac_key, item, present);
    if used.required_items.iter().any(|item| find(item).is_none()) {
        return None;
    }
    let mut transcript = mac_key.transcript("restart-used");
    transcript.part(secret.namespace.as_bytes());
    transcript.part(secret.name.as_bytes());
    match &used.items {
        Items::All => {
            for item in present {
                transcript.part(&item.name.to_be_bytes());
                transcript.part(&item.value);
            }
        }
        Items::Named(names) => {
            for name in names {
                transcript.part(name.as_bytes());
                transcript.part(find(name).as_ref().map_or(&[][..], |value| &value[..]));
            }
        }
    }
    Some(ShortMac::of(transcript.finish()))
}

fn items_tag(mac_key: &MacKey, items: &Items) -> ItemsTag {
    let mut transcript = mac_key.transcript("restart-items");
    if let Items::Named(names) = items {
        names.iter().for_each(|name| transcript.part(name.as_bytes()));
    } else {
        transcript.count(usize::MAX);
    }
    let mac = transcript.finish();
    u32::from_be_bytes(mac.as_bytes()[..4].try_into().expect("a MAC has 32 bytes"))
}

impl ShortMac {
    /// The first half of a MAC.
    pub fn of(mac: Mac) -> Self {
        Self(mac.as_bytes()[..16].try_into().expect("a MAC has 32 bytes"))
    }
}

impl PartialEq for ShortMac {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ShortMac {}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(hex: &str) -> Option<[u8; 16]> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if hex.len() != 32 || !hex.bytes().all(is_hex) {
        return None;
    }
    Some(u128::from_str_radix(hex, 16).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{runtime::secret::SecretObject, target::SecretIndex};

    fn mac_key(byte: u8) -> MacKey {
        MacKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn used(items: Items, required_items: &[&str]) -> Use {
        let required_items = required_items.iter().map(|item| (*item).to_owned()).collect();
        Use { items, required: true, required_items }
    }

    fn named(items: &[&str]) -> Items {
        Items::Named(items.iter().map(|item| (*item).to_owned()).collect())
    }

    /// What is observed of a Secret `s` with this data.
    fn seen(byte: u8, used: &Use, data: serde_json::Value) -> Observed {
        let secret: SecretObject = serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "s" }, "data": data,
        }))
        .unwrap();
        let index = SecretIndex::new(mac_key(byte).into()).with_items();
        let items = index.upsert(&secret).items.unwrap();
        let key = ObjectKey { namespace: "n".into(), name: "s".into() };
        observe(&mac_key(byte), &key, used, Some(&items))
    }

    #[test]
    fn only_the_used_items_count() {
        let one = used(named(&["A"]), &[]);
        let whole = used(Items::All, &[]);
        let before = json!({ "A": "MQ==", "B": "MQ==" });
        let other_changed = json!({ "A": "MQ==", "B": "Mg==" });
        let changed = json!({ "A": "Mg==", "B": "MQ==" });
        assert_eq!(seen(1, &one, before.clone()), seen(1, &one, other_changed.clone()));
        assert_ne!(seen(1, &one, before.clone()), seen(1, &one, changed));
        assert_ne!(seen(1, &whole, before.clone()), seen(1, &whole, other_changed));
        assert_ne!(seen(1, &whole, before.clone()), seen(1, &whole, json!({ "A": "MQ==" })));
        assert_ne!(seen(1, &one, before.clone()).mac, seen(2, &one, before).mac, "it is keyed");
    }

    #[test]
    fn an_optional_item_that_comes_is_a_change_and_empty_is_not_absent() {
        let optional = used(named(&["A", "B"]), &["A"]);
        let without = seen(1, &optional, json!({ "A": "MQ==" }));
        let empty = seen(1, &optional, json!({ "A": "MQ==", "B": "" }));
        assert!(without.mac.is_some());
        assert_ne!(without, empty);
    }

    #[test]
    fn without_a_required_item_it_is_as_if_the_secret_were_not_there() {
        let two = used(named(&["A", "B"]), &["A", "B"]);
        assert_eq!(seen(1, &two, json!({ "A": "MQ==" })).mac, None);
        assert!(seen(1, &two, json!({ "A": "MQ==", "B": "" })).mac.is_some());
    }

    #[test]
    fn the_tag_tells_which_items() {
        let tag = |items| items_tag(&mac_key(1), &items);
        assert_ne!(tag(named(&["A"])), tag(named(&["B"])));
        assert_ne!(tag(named(&[])), tag(Items::All));
    }

    fn state() -> State {
        let mac = ShortMac([0xa5; 16]);
        State(
            [
                ("db".to_owned(), Entry { items: 7, mac: Some(mac) }),
                ("x.y".to_owned(), Entry { items: u32::MAX, mac: None }),
            ]
            .into(),
        )
    }

    #[test]
    fn the_annotation_is_read_as_written() {
        let text = state().text("0123456789abcdef");
        assert_eq!(
            text,
            format!("v1:0123456789abcdef;db=00000007:{};x.y=ffffffff:-", "a5".repeat(16))
        );
        assert_eq!(State::parse(&text, "0123456789abcdef"), Some(state()));
        assert_eq!(State::parse("v1:k", "k"), Some(State::default()));
    }

    #[test]
    fn what_is_damaged_or_of_another_key_is_none() {
        let good = state().text("k");
        assert_eq!(State::parse(&good, "other"), None);
        for bad in ["", "v2:k", "v1:k;", "v1:k;db", "v1:k;db=7", "v1:k;db=7:zz", "v1:k;db=x:-"] {
            assert_eq!(State::parse(bad, "k"), None, "{bad}");
        }
        let signed = format!("v1:k;db=7:+{}", "0".repeat(31));
        assert_eq!(State::parse(&signed, "k"), None);
    }

    #[test]
    fn the_key_id_differs_by_key() {
        assert_ne!(key_id(&mac_key(1)), key_id(&mac_key(2)));
        assert_eq!(key_id(&mac_key(1)).len(), 16);
    }

    /// `kubectl rollout undo` may have put back the annotation of the data that comes now.
    #[test]
    fn the_templates_annotation_always_changes() {
        let key = mac_key(1);
        let first = template_mac(&key, &state(), None);
        assert_eq!(template_mac(&key, &state(), Some("other")), first);
        let again = template_mac(&key, &state(), Some(&first));
        assert_ne!(again, first);
        assert_eq!(template_mac(&key, &state(), Some(&again)), first);
    }
}
