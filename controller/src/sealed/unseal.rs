//! Decrypts the items of one object, on threads that all objects share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt as _, stream};
use sealing::{Item, Malformed, OpenError, Plaintext, Scope};

use crate::{
    key::ObjectKey,
    keys::{KeyId, KeyRing},
    reason::{Failure, Reason},
    runtime::blocking::BlockingPool,
};

/// For how many failed items of an object the other scopes are tried. Each try costs one
/// private-key operation per key.
const MAX_DIAGNOSED_ITEMS: usize = 3;
/// How many items a message names.
const MAX_NAMED_ITEMS: usize = 5;

/// A few threads for private-key operations. A task decrypts one item, and tasks wait in line: a
/// thousand items of one object delay each item of another by one.
#[derive(Clone)]
pub(crate) struct Unsealer {
    pool: BlockingPool,
}

/// The object and the scope that the items are sealed for, and the keys that may decrypt them.
#[derive(Clone)]
pub(crate) struct Sealing {
    pub(crate) key: ObjectKey,
    /// From the object's own annotations.
    pub(crate) scope: Scope,
    pub(crate) ring: Arc<KeyRing>,
    /// The keys to try first.
    pub(crate) first: Arc<[KeyId]>,
}

/// Why an item cannot be decrypted.
#[derive(Clone, Copy, Debug)]
enum ItemError {
    Malformed,
    NoKeyOfThisSize { bits: usize },
    NoKeyOpens,
    OtherScope(Scope),
}

impl Unsealer {
    /// A pool of this many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self { pool: BlockingPool::new(threads) }
    }

    /// Decrypts all items. Also returns the keys that did.
    ///
    /// # Errors
    /// `Malformed`, `ScopeMismatch` and `UnknownKey`, with the names of the items.
    pub(crate) async fn unseal_items(
        &self,
        sealing: &Sealing,
        items: &BTreeMap<String, String>,
    ) -> Result<(BTreeMap<String, Plaintext>, Vec<KeyId>), Failure> {
        let opening: Vec<_> =
            items.iter().map(|(name, text)| self.unseal_named(sealing, name, text)).collect();
        let mut opened = stream::iter(opening).buffered(self.pool.threads());
        let mut values = BTreeMap::new();
        let mut keys = Vec::new();
        let mut failed = Vec::new();
        while let Some((name, result)) = opened.next().await {
            match result {
                Ok((plaintext, key)) => {
                    values.insert(name.to_owned(), plaintext);
                    keys.push(key);
                }
                Err(error) => failed.push((name, error)),
            }
        }
        drop(opened);
        if !failed.is_empty() {
            self.diagnose(sealing, items, &mut failed).await;
            return Err(describe(sealing, &failed));
        }
        keys.sort();
        keys.dedup();
        Ok((values, keys))
    }

    /// Decrypts the one item of the deprecated form.
    ///
    /// # Errors
    /// As for items.
    pub(crate) async fn unseal_legacy(
        &self,
        sealing: &Sealing,
        bytes: Vec<u8>,
    ) -> Result<(Plaintext, KeyId), Failure> {
        let opened = self.unseal(sealing, Item::from_bytes(bytes)).await;
        opened.map_err(|error| describe(sealing, &[("data", error)]))
    }

    async fn unseal_named<'i>(
        &self,
        sealing: &Sealing,
        name: &'i str,
        text: &str,
    ) -> (&'i str, Result<(Plaintext, KeyId), ItemError>) {
        (name, self.unseal(sealing, Item::parse(text)).await)
    }

    async fn unseal(
        &self,
        sealing: &Sealing,
        item: Result<Item, Malformed>,
    ) -> Result<(Plaintext, KeyId), ItemError> {
        let item = item.map_err(|_| ItemError::Malformed)?;
        let sealing = sealing.clone();
        self.pool
            .run(move || {
                let label = sealing.scope.label(&sealing.key.namespace, &sealing.key.name);
                match sealing::open(&item, &label, sealing.ring.in_order(&sealing.first)) {
                    Ok(opened) => Ok((opened.plaintext, KeyId::of(opened.key.fingerprint()))),
                    Err(OpenError::NoKeyOfThisSize { bits }) => {
                        Err(ItemError::NoKeyOfThisSize { bits })
                    }
                    Err(OpenError::NoKeyOpens { .. }) => Err(ItemError::NoKeyOpens),
                }
            })
            .await
    }

    /// Tries other scopes for the first items that no key decrypts.
    async fn diagnose(
        &self,
        sealing: &Sealing,
        items: &BTreeMap<String, String>,
        failed: &mut [(&str, ItemError)],
    ) {
        let unopened = failed.iter_mut().filter(|(_, e)| matches!(e, ItemError::NoKeyOpens));
        for (name, error) in unopened.take(MAX_DIAGNOSED_ITEMS) {
            let Ok(item) = Item::parse(&items[*name]) else {
                continue;
            };
            let sealing = sealing.clone();
            let other = self.pool.run(move || {
                let Sealing { key, scope, ring, first } = &sealing;
                sealing::diagnose(&item, &key.namespace, &key.name, *scope, ring.in_order(first))
            });
            if let Some(scope) = other.await {
                *error = ItemError::OtherScope(scope);
            }
        }
    }
}

/// The failure of the object: the gravest reason, and each item with its own.
fn describe(sealing: &Sealing, failed: &[(&str, ItemError)]) -> Failure {
    let count = sealing.ring.len();
    let mut sentences = Vec::new();
    let mut gravest = Reason::UnknownKey;
    let mut add = |reason: Reason, matches: &dyn Fn(ItemError) -> bool, words: &str| {
        let names: Vec<_> = failed.iter().filter(|(_, e)| matches(*e)).map(|(n, _)| *n).collect();
        if !names.is_empty() {
            if gravest == Reason::UnknownKey {
                gravest = reason;
            }
            sentences.push(format!("{} {words}", list(&names)));
        }
    };
    add(
        Reason::Malformed,
        &|error| matches!(error, ItemError::Malformed),
        "is not a sealed item: it was cut or altered, seal it again",
    );
    for scope in [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict] {
        let remedy = match scope.annotation() {
            Some(annotation) => format!("annotate the SealedSecret with {annotation}=true"),
            None => "remove its scope annotation".to_owned(),
        };
        add(
            Reason::ScopeMismatch,
            &|error| matches!(error, ItemError::OtherScope(other) if other == scope),
            &format!(
                "was sealed {scope}, but the scope of the SealedSecret is {}: {remedy}, or seal it again",
                sealing.scope
            ),
        );
    }
    for bits in failed.iter().filter_map(|(_, error)| size(*error)).collect::<BTreeSet<_>>() {
        add(
            Reason::UnknownKey,
            &|error| size(error) == Some(bits),
            &format!(
                "was sealed for an RSA key of {bits} bits, and no sealing key here ({count} in all) \
                 has that size: seal it again with this cluster's certificate, or restore the key"
            ),
        );
    }
    add(
        Reason::UnknownKey,
        &|error| matches!(error, ItemError::NoKeyOpens),
        &format!(
            "is opened by no sealing key here ({count} in all) as {} in {}: it was sealed for \
             another cluster, namespace or name, or the key was lost; seal it again with this \
             cluster's certificate, or restore the key",
            sealing.key.name, sealing.key.namespace
        ),
    );
    Failure::new(gravest, sentences.join("; "))
}

fn size(error: ItemError) -> Option<usize> {
    match error {
        ItemError::NoKeyOfThisSize { bits } => Some(bits),
        _ => None,
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
    use super::*;

    fn sealing(scope: Scope) -> Sealing {
        Sealing {
            key: ObjectKey { namespace: "n".into(), name: "s".into() },
            scope,
            ring: Arc::default(),
            first: Arc::default(),
        }
    }

    #[test]
    fn malformed_item_outweighs_item_of_another_cluster() {
        let failed = [("A", ItemError::NoKeyOpens), ("B", ItemError::Malformed)];
        let failure = describe(&sealing(Scope::Strict), &failed);
        assert_eq!(failure.reason, Reason::Malformed);
        assert!(failure.message.contains("item A is opened by no sealing key"), "{failure}");
        assert!(failure.message.contains("item B is not a sealed item"), "{failure}");
    }

    #[test]
    fn scope_mismatch_names_the_annotation_to_set() {
        let failed = [("A", ItemError::OtherScope(Scope::NamespaceWide))];
        let failure = describe(&sealing(Scope::Strict), &failed);
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
        let failure = describe(&sealing(Scope::Strict), &failed);
        assert!(failure.message.len() < 1024, "{}", failure.message.len());
        assert!(failure.message.contains("and 995 more"), "{failure}");
    }

    #[tokio::test]
    async fn malformed_item_is_recognised_without_a_key() {
        let items = [("A".to_owned(), "AA==".to_owned())].into();
        let failure =
            Unsealer::new(1).unseal_items(&sealing(Scope::Strict), &items).await.unwrap_err();
        assert_eq!(failure.reason, Reason::Malformed);
        let item = [&[1, 0][..], &[9; 256 + 16 + 1]].concat();
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, item);
        let items = [("A".to_owned(), text)].into();
        let failure =
            Unsealer::new(1).unseal_items(&sealing(Scope::Strict), &items).await.unwrap_err();
        assert_eq!(failure.reason, Reason::UnknownKey);
        assert!(failure.message.contains("2048 bits"), "{failure}");
    }
}
