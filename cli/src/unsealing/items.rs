//! Decrypts the items of a SealedSecret, and reports those that cannot be decrypted.

use std::collections::BTreeMap;

use sealing::{Item, OpenError, Plaintext, Scope, SealingKey};

use super::sealed::Sealed;
use crate::{error::Explain, exit::Exit};

/// Decrypts the items of one SealedSecret.
pub(super) struct Unsealer<'a> {
    pub(super) sealed: &'a Sealed,
    pub(super) scope: Scope,
    pub(super) keys: &'a [SealingKey],
}

impl Unsealer<'_> {
    /// All items, or those that cannot be decrypted.
    pub(super) fn decrypt_all(
        &self,
        items: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Plaintext>, Vec<UndecryptedItem>> {
        let (mut decrypted, mut undecrypted) = (BTreeMap::new(), Vec::new());
        for (key, text) in items {
            match self.decrypt(key, text) {
                Ok(plaintext) => drop(decrypted.insert(key.clone(), plaintext)),
                Err(item) => undecrypted.push(item),
            }
        }
        if undecrypted.is_empty() { Ok(decrypted) } else { Err(undecrypted) }
    }

    /// Decrypts one item. A failure names the scope that would decrypt it, if any would.
    pub(super) fn decrypt(&self, key: &str, text: &str) -> Result<Plaintext, UndecryptedItem> {
        let Sealed { name, namespace, .. } = self.sealed;
        let failed =
            |reason| UndecryptedItem { object: self.sealed.object(), key: key.to_owned(), reason };
        let item = Item::parse(text).map_err(|error| failed(Reason::Malformed(error)))?;
        let label = self.scope.label(namespace, name);
        let error = match sealing::open(&item, &label, self.keys) {
            Ok(opened) => return Ok(opened.plaintext),
            Err(error) => error,
        };
        let other = match error {
            OpenError::NoKeyOpens { .. } => {
                sealing::diagnose(&item, namespace, name, self.scope, self.keys)
            }
            OpenError::NoKeyOfThisSize { .. } => None,
        };
        Err(failed(match other {
            Some(sealed_for) => Reason::OtherScope { sealed_for, read_as: self.scope },
            None => Reason::Key(error),
        }))
    }
}

/// Items that cannot be decrypted.
#[derive(Debug, thiserror::Error)]
#[error("cannot decrypt {}", plural(items.len(), "item"))]
pub(crate) struct UndecryptedItems {
    pub(super) items: Vec<UndecryptedItem>,
}

impl UndecryptedItems {
    /// Their keys.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.items.iter().map(|item| item.key.as_str()).collect()
    }
}

/// An item that cannot be decrypted.
#[derive(Debug)]
pub(super) struct UndecryptedItem {
    /// `namespace/name`
    object: String,
    key: String,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    /// The item is malformed.
    #[error("{0}")]
    Malformed(sealing::Malformed),
    /// No key decrypts the item.
    #[error("{0}")]
    Key(OpenError),
    /// The item is sealed for another scope.
    #[error("sealed for the scope `{sealed_for}`, but the SealedSecret has the scope `{read_as}`")]
    OtherScope {
        /// The scope that decrypts the item.
        sealed_for: Scope,
        /// The scope of the SealedSecret.
        read_as: Scope,
    },
}

impl Reason {
    fn hint(&self) -> String {
        match self {
            Self::Malformed(_) => "the item was damaged after sealing: seal the value again".to_owned(),
            Self::Key(OpenError::NoKeyOfThisSize { .. }) => {
                "give all keys of the cluster that the file was sealed for, including old ones".to_owned()
            }
            Self::Key(OpenError::NoKeyOpens { .. }) => {
                "the file was sealed with another key, or its name or namespace changed after sealing".to_owned()
            }
            Self::OtherScope { sealed_for, .. } => match sealed_for.annotation() {
                Some(annotation) => format!("set the annotation `{annotation}: \"true\"` on the SealedSecret"),
                None => "remove the scope annotation from the SealedSecret".to_owned(),
            },
        }
    }
}

impl Explain for UndecryptedItems {
    fn exit(&self) -> Exit {
        Exit::Unseal
    }

    fn details(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|item| format!("{}: {}: {}", item.object, item.key, item.reason))
            .collect()
    }

    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = self.items.iter().map(|item| item.reason.hint()).collect();
        hints.sort();
        hints.dedup();
        hints
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
