//! Keeps the ciphertexts of values that have not changed.
//!
//! If the output is a file, only ciphertexts that it contains are kept. On the standard output, which
//! the shell may redirect to a file that it has emptied, those of the record are.

use std::{collections::BTreeMap, path::Path};

use manifests::Manifest;
use sealing::{Certificate, SealError};

use crate::{
    output::Destination,
    record::{ObjectRecord, Records},
    sealed_file,
    target::Target,
};

/// The most keys that a message lists.
const MAX_KEYS: usize = 20;

/// The items and the record of earlier runs.
pub(super) struct Resealing<'a> {
    certificate: &'a Certificate,
    records: Option<&'a Records>,
    /// None if the output is no file.
    file: Option<OldFile>,
    fresh: bool,
}

/// The items of the output as it is, by namespace and name.
type OldFile = BTreeMap<(Option<String>, Option<String>), BTreeMap<String, String>>;

impl<'a> Resealing<'a> {
    pub(super) fn new(
        certificate: &'a Certificate,
        records: Option<&'a Records>,
        to: &Destination,
        fresh: bool,
    ) -> Self {
        let file = match to {
            Destination::File(path) if is_file_or_missing(path) => Some(old_file(path)),
            _ => None,
        };
        Self { certificate, records, file, fresh }
    }

    /// Starts with one object.
    pub(super) fn object<'b>(&'b self, target: &'b Target) -> Object<'b> {
        let namespace = target.namespace.as_deref().unwrap_or_default();
        let fingerprint = self.certificate.fingerprint();
        let record =
            self.records.map(|all| all.object(fingerprint, target.scope, namespace, &target.name));
        let id = (target.namespace.clone(), Some(target.name.clone()));
        let old = self.file.as_ref().map(|file| file.get(&id).cloned().unwrap_or_default());
        Object { resealing: self, target, record, old, changes: Changes::default() }
    }
}

fn is_file_or_missing(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

/// The items of a file. None if it is missing or malformed: it is replaced in any case.
fn old_file(path: &Path) -> OldFile {
    let mut found = OldFile::new();
    let Some(input) = sealed_file::read_regular(path) else {
        return found;
    };
    let Some(manifest) = input.text().ok().and_then(|text| Manifest::parse(text).ok()) else {
        return found;
    };
    for place in manifest.sealed_secrets() {
        if let (Some(identity), Ok(items)) = (place.identity.clone(), manifest.items(&place)) {
            // Formatters fold long lines.
            let unfolded = |text: &str| text.split_ascii_whitespace().collect();
            let items = items.into_iter().map(|item| (item.key, unfolded(&item.value))).collect();
            found.insert((identity.namespace, identity.name), items);
        }
    }
    found
}

/// The items of one object.
pub(super) struct Object<'a> {
    resealing: &'a Resealing<'a>,
    target: &'a Target,
    record: Option<ObjectRecord<'a>>,
    /// None if the output is no file.
    old: Option<BTreeMap<String, String>>,
    changes: Changes,
}

impl<'a> Object<'a> {
    /// The ciphertext of a value: the old one if the value has not changed.
    pub(super) fn seal(&mut self, key: &str, value: &[u8]) -> Result<String, SealError> {
        let kept = self.old(key).filter(|_| !self.resealing.fresh);
        let kept = kept.filter(|old| self.is_same(key, old, value));
        let is_known = self.is_known(key);
        let list = match (&kept, is_known) {
            (Some(_), _) => &mut self.changes.kept,
            (None, true) => &mut self.changes.changed,
            (None, false) => &mut self.changes.new,
        };
        list.push(key.to_owned());
        let ciphertext = match kept {
            Some(kept) => kept,
            None => self.resealing.certificate.seal(&self.target.label(), value)?,
        };
        if let Some(record) = &mut self.record {
            record.remember(key, &ciphertext, value);
        }
        Ok(ciphertext)
    }

    fn old(&self, key: &str) -> Option<String> {
        match &self.old {
            Some(old) => old.get(key).cloned(),
            None => self.record.as_ref()?.newest(key).map(str::to_owned),
        }
    }

    fn is_same(&self, key: &str, ciphertext: &str, value: &[u8]) -> bool {
        self.record.as_ref().is_some_and(|record| record.is_same(key, ciphertext, value))
    }

    fn is_known(&self, key: &str) -> bool {
        match &self.old {
            Some(old) => old.contains_key(key),
            None => self.record.as_ref().is_some_and(|record| record.contains(key)),
        }
    }

    /// The record to save after the output was written, and what to say.
    pub(super) fn finish(mut self) -> (Option<ObjectRecord<'a>>, Option<String>) {
        let data = &self.target.data;
        if let Some(old) = &self.old {
            let removed = old.keys().filter(|key| !data.contains_key(*key));
            self.changes.removed = removed.cloned().collect();
        } else {
            let removed = self.record.as_ref().map_or(0, ObjectRecord::removed);
            self.changes.removed_unnamed = removed;
        }
        let was_recorded = self.record.as_ref().is_some_and(|record| !record.is_empty());
        let note = self.changes.describe(was_recorded, self.resealing.fresh);
        let namespace = self.target.namespace.as_ref();
        let namespace = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let note = note.map(|note| format!("{namespace}{}: {note}", self.target.name));
        (self.record, note)
    }
}

/// The keys of an object, by what happened to them.
#[derive(Default)]
struct Changes {
    new: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    /// The number of items whose keys are not known.
    removed_unnamed: usize,
    kept: Vec<String>,
}

impl Changes {
    /// None if there was nothing before.
    fn describe(&self, was_recorded: bool, fresh: bool) -> Option<String> {
        let lists = [
            ("new", &self.new),
            ("changed", &self.changed),
            ("removed", &self.removed),
            ("kept", &self.kept),
        ];
        let is_first = lists.iter().all(|(word, list)| *word == "new" || list.is_empty());
        if is_first && self.removed_unnamed == 0 {
            return None;
        }
        if self.kept.is_empty() && !self.changed.is_empty() && !was_recorded && !fresh {
            let count = self.new.len() + self.changed.len();
            return Some(format!(
                "sealed every value ({count}): nothing was recorded here for this certificate, name and scope"
            ));
        }
        let mut parts: Vec<String> = lists
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(word, list)| format!("{} {word} ({})", list.len(), keys(list)))
            .collect();
        if self.removed_unnamed > 0 {
            parts.push(format!("{} removed", self.removed_unnamed));
        }
        Some(parts.join(", "))
    }
}

fn keys(list: &[String]) -> String {
    let shown: Vec<String> =
        list.iter().take(MAX_KEYS).map(|key| key.escape_debug().to_string()).collect();
    let more = list.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn note_counts_and_names_the_keys() {
        let changes = Changes {
            new: list(&["A"]),
            changed: list(&["B", "C"]),
            removed: list(&["D"]),
            kept: list(&["E"]),
            removed_unnamed: 0,
        };
        assert_eq!(
            changes.describe(true, false).unwrap(),
            "1 new (A), 2 changed (B, C), 1 removed (D), 1 kept (E)"
        );
        let first = Changes { new: list(&["A"]), ..Changes::default() };
        assert_eq!(first.describe(true, false), None);
        let removed = Changes { removed_unnamed: 2, kept: list(&["A"]), ..Changes::default() };
        assert_eq!(removed.describe(true, false).unwrap(), "1 kept (A), 2 removed");
    }

    #[test]
    fn missing_record_is_explained_unless_everything_was_to_be_sealed() {
        let changes = Changes { changed: list(&["A"]), ..Changes::default() };
        assert!(changes.describe(false, false).unwrap().starts_with("sealed every value (1): "));
        assert_eq!(changes.describe(false, true).unwrap(), "1 changed (A)");
    }

    #[test]
    fn long_list_of_keys_is_cut() {
        let many: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        assert!(keys(&many).ends_with(", 18, 19 and 10 more"));
    }
}
