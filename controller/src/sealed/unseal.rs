//! Decrypts the items of one object, on threads that all objects share.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use futures::{StreamExt as _, stream};
use sealing::{Item, Malformed, OpenError, Plaintext, Scope};

use crate::{
    key::ObjectKey,
    keys::{KeyId, KeyRing},
    reason::{Failure, Reason},
    runtime::BlockingPool,
};

/// The number of failed items of an object for which other scopes are tried. Each try costs one
/// private-key operation per key.
const MAX_DIAGNOSED_ITEMS: usize = 3;
const MAX_NAMED_ITEMS: usize = 5;
/// After this many items that no key opens, the other items are not tried. Each costs one private-key
/// operation per key, and an object may have two thousand.
const MAX_UNOPENED_ITEMS: usize = 3;

/// The object and the scope that the items are sealed for, and the keys that may decrypt them.
#[derive(Clone)]
pub(crate) struct Sealing {
    /// A few threads for private-key operations. A task decrypts one item, and tasks wait in a
    /// queue. So a thousand items of one object delay an item of another object by one operation
    /// only.
    pub(crate) pool: BlockingPool,
    pub(crate) key: ObjectKey,
    /// From the object's own annotations.
    pub(crate) scope: Scope,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) first: Arc<[KeyId]>,
}

/// Why an item cannot be decrypted, in order of severity.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum ItemError {
    Malformed,
    OtherScope(Scope),
    NoKeyOfThisSize { bits: usize },
    NoKeyOpens,
}

impl Sealing {
    /// Decrypts all items. Also returns the keys that did.
    pub(crate) async fn unseal_items(
        &self,
        items: &BTreeMap<String, String>,
    ) -> Result<(BTreeMap<String, Plaintext>, Vec<KeyId>), Failure> {
        let opening: Vec<_> = items.values().map(|text| self.unseal(Item::parse(text))).collect();
        let mut opened = stream::iter(opening).buffered(self.pool.threads);
        let mut values = BTreeMap::new();
        let mut keys = Vec::new();
        let mut failed = Vec::new();
        let mut unopened = 0;
        for name in items.keys() {
            match opened.next().await.expect("each item has a result") {
                Ok((plaintext, key)) => {
                    values.insert(name.clone(), plaintext);
                    keys.push(key);
                }
                Err(error) => {
                    failed.push((name.as_str(), error));
                    unopened += usize::from(error == ItemError::NoKeyOpens);
                }
            }
            if unopened == MAX_UNOPENED_ITEMS {
                break;
            }
        }
        if !failed.is_empty() {
            self.diagnose(items, &mut failed).await;
            let mut failure = self.failure(&failed);
            let untried = items.len() - values.len() - failed.len();
            if untried > 0 {
                let _ = write!(failure.message, "; {untried} more were not tried");
            }
            return Err(failure);
        }
        keys.sort();
        keys.dedup();
        Ok((values, keys))
    }

    /// Decrypts the one item of the deprecated form.
    pub(crate) async fn unseal_legacy(
        &self,
        bytes: Vec<u8>,
    ) -> Result<(Plaintext, KeyId), Failure> {
        let opened = self.unseal(Item::from_bytes(bytes)).await;
        opened.map_err(|error| self.failure(&[("data", error)]))
    }

    async fn unseal(&self, item: Result<Item, Malformed>) -> Result<(Plaintext, KeyId), ItemError> {
        let item = item.map_err(|_| ItemError::Malformed)?;
        let Self { key, scope, ring, first, .. } = self.clone();
        let open = move || {
            let label = scope.label(&key.namespace, &key.name);
            match sealing::open(&item, &label, ring.in_order(&first)) {
                Ok(opened) => Ok((opened.plaintext, KeyId::of(opened.key.fingerprint()))),
                Err(OpenError::NoKeyOfThisSize { bits }) => {
                    Err(ItemError::NoKeyOfThisSize { bits })
                }
                Err(OpenError::NoKeyOpens { .. }) => Err(ItemError::NoKeyOpens),
            }
        };
        self.pool.run(&self.key.namespace, open).await
    }

    /// Tries other scopes for the first items that no key decrypts.
    async fn diagnose(&self, items: &BTreeMap<String, String>, failed: &mut [(&str, ItemError)]) {
        let unopened = failed.iter_mut().filter(|(_, error)| *error == ItemError::NoKeyOpens);
        for (name, error) in unopened.take(MAX_DIAGNOSED_ITEMS) {
            let Ok(item) = Item::parse(&items[*name]) else { continue };
            let Self { key, scope, ring, first, .. } = self.clone();
            let other = self.pool.run(&self.key.namespace, move || {
                sealing::diagnose(&item, &key.namespace, &key.name, scope, ring.in_order(&first))
            });
            if let Some(scope) = other.await {
                *error = ItemError::OtherScope(scope);
            }
        }
    }

    /// The failure of the object: the most severe reason, and a message about all failed items.
    fn failure(&self, failed: &[(&str, ItemError)]) -> Failure {
        let mut names: BTreeMap<ItemError, Vec<&str>> = BTreeMap::new();
        for (name, error) in failed {
            names.entry(*error).or_default().push(name);
        }
        let reason = match names.keys().next() {
            Some(ItemError::Malformed) => Reason::Malformed,
            Some(ItemError::OtherScope(_)) => Reason::ScopeMismatch,
            _ => Reason::UnknownKey,
        };
        let sentence = |(error, names): (&ItemError, &Vec<&str>)| {
            format!("{} {}", list(names), self.explain(*error))
        };
        Failure::new(reason, names.iter().map(sentence).collect::<Vec<_>>().join("; "))
    }

    fn explain(&self, error: ItemError) -> String {
        let Self { key: ObjectKey { namespace, name }, scope, ring, .. } = self;
        let count = ring.len();
        match error {
            ItemError::Malformed => {
                "is not a sealed item: it is truncated or altered, seal it again".to_owned()
            }
            ItemError::OtherScope(other) => {
                let remedy = match other.annotation() {
                    Some(annotation) => format!("annotate the SealedSecret with {annotation}=true"),
                    None => "remove its scope annotation".to_owned(),
                };
                format!(
                    "was sealed {other}, but the scope of the SealedSecret is {scope}: {remedy}, or \
                     seal it again"
                )
            }
            ItemError::NoKeyOfThisSize { bits } => format!(
                "was sealed for an RSA key of {bits} bits, and no sealing key here ({count} in all) \
                 has that size: seal it again with this cluster's certificate, or restore the key"
            ),
            ItemError::NoKeyOpens => format!(
                "cannot be opened with the sealing keys here ({count} in all) as {name} in {namespace}: it was \
                 sealed for another cluster, namespace or name, or the key was lost; seal it again \
                 with this cluster's certificate, or restore the key"
            ),
        }
    }
}

/// `item A`, or `each of the items A, B and 3 more`. There may be a thousand items with names of a
/// thousand letters.
fn list(names: &[&str]) -> String {
    let short = |name: &&str| name.chars().take(63).collect::<String>();
    let shown: Vec<_> = names.iter().take(MAX_NAMED_ITEMS).map(short).collect();
    match names.len() {
        1 => format!("item {}", shown[0]),
        all if all <= MAX_NAMED_ITEMS => format!("each of the items {}", shown.join(", ")),
        all => format!("each of the items {} and {} more", shown.join(", "), all - MAX_NAMED_ITEMS),
    }
}

#[cfg(test)]
mod tests {
    use sealing::SealingKey;

    use super::*;

    fn sealing(scope: Scope) -> Sealing {
        Sealing {
            pool: BlockingPool::new(1),
            key: ObjectKey { namespace: "n".into(), name: "s".into() },
            scope,
            ring: Arc::default(),
            first: Arc::default(),
        }
    }

    #[test]
    fn malformed_item_outweighs_item_of_another_cluster() {
        let failed = [("A", ItemError::NoKeyOpens), ("B", ItemError::Malformed)];
        let failure = sealing(Scope::Strict).failure(&failed);
        assert_eq!(failure.reason, Reason::Malformed);
        assert!(failure.message.contains("item A cannot be opened"), "{failure}");
        assert!(failure.message.contains("item B is not a sealed item"), "{failure}");
    }

    #[test]
    fn scope_mismatch_names_the_annotation_to_set() {
        let failed = [("A", ItemError::OtherScope(Scope::NamespaceWide))];
        let failure = sealing(Scope::Strict).failure(&failed);
        assert_eq!(failure.reason, Reason::ScopeMismatch);
        assert!(
            failure.message.contains("sealedsecrets.bitnami.com/namespace-wide=true"),
            "{failure}"
        );
    }

    #[test]
    fn message_about_a_thousand_items_is_short() {
        let names: Vec<_> = (0..1000).map(|n| format!("{n}{}", "x".repeat(250))).collect();
        let failed: Vec<_> = names.iter().map(|n| (n.as_str(), ItemError::NoKeyOpens)).collect();
        let failure = sealing(Scope::Strict).failure(&failed);
        assert!(failure.message.len() < 1024, "{}", failure.message.len());
        assert!(failure.message.contains("and 995 more"), "{failure}");
    }

    /// Two thousand items and thirty keys would cost minutes of all cores.
    #[tokio::test]
    async fn items_after_three_that_no_key_opens_are_not_tried() {
        let vectors =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../sealing/tests/vectors/keys/rsa2048.key");
        let key = SealingKey::from_pem(&std::fs::read(vectors).unwrap(), None).unwrap();
        let ring = Arc::new(KeyRing::of_one(key));
        let sealing = Sealing { ring, ..sealing(Scope::Strict) };
        let item = [&[1, 0][..], &[9; 256 + 16 + 1]].concat();
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, item);
        let items = (0..2000).map(|n| (format!("{n:04}"), text.clone())).collect();
        let failure = sealing.unseal_items(&items).await.unwrap_err();
        assert_eq!(failure.reason, Reason::UnknownKey);
        assert!(failure.message.ends_with("; 1997 more were not tried"), "{failure}");
    }

    #[tokio::test]
    async fn malformed_item_is_recognised_without_a_key() {
        let items = [("A".to_owned(), "AA==".to_owned())].into();
        let failure = sealing(Scope::Strict).unseal_items(&items).await.unwrap_err();
        assert_eq!(failure.reason, Reason::Malformed);
        let item = [&[1, 0][..], &[9; 256 + 16 + 1]].concat();
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, item);
        let items = [("A".to_owned(), text)].into();
        let failure = sealing(Scope::Strict).unseal_items(&items).await.unwrap_err();
        assert_eq!(failure.reason, Reason::UnknownKey);
        assert!(failure.message.contains("2048 bits"), "{failure}");
    }
}
