//! Seals the items of one file again.

use std::path::Path;

use manifests::{Change, Item as TextItem, Manifest, Place};
use sealing::{Certificate, Item, SealingKey};

use super::error::{ReEncryptError, UnopenedItem};
use crate::{
    command::items::{Bound, Selection, bound},
    error::Failure,
    input::InputError,
    project::Project,
    report::Report,
    sealed_file::{SealedFile, SealedFileError},
};

/// The input of all files.
pub(super) struct Worker<'a> {
    /// The key of the certificate is the first, if it is known.
    pub(super) keys: &'a [SealingKey],
    pub(super) certificate: &'a Certificate,
    pub(super) selection: &'a Selection,
    pub(super) project: Option<&'a Project>,
    pub(super) all: bool,
    pub(super) dry_run: bool,
    pub(super) report: &'a Report,
}

/// The items of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// Sealed again.
    pub(super) changed: usize,
    /// Sealed for the newest key already.
    pub(super) kept: usize,
}

/// Whether a line has the kind SealedSecret outside of comments.
fn mentions_sealed_secret(text: &str) -> bool {
    text.lines().any(|line| {
        let is_comment = line.trim_start().starts_with('#');
        let content = line.find(" #").map_or(line, |comment| &line[..comment]);
        !is_comment && content.contains("SealedSecret")
    })
}

impl Worker<'_> {
    /// Handles one file. A file from a directory may contain no SealedSecret.
    pub(super) fn handle(&self, path: &Path, is_found: bool) -> Result<Outcome, Failure> {
        let file = match SealedFile::open(path) {
            Err(SealedFileError::Input(
                error @ (InputError::TooLarge { .. } | InputError::NotUtf8 { .. }),
            )) if is_found => {
                self.report.note(&format!("skipped {error}"));
                return Ok(Outcome::default());
            }
            file => file?,
        };
        if is_found && !mentions_sealed_secret(file.text()) {
            return Ok(Outcome::default());
        }
        let manifest = file.manifest()?;
        let places = manifest.sealed_secrets();
        if places.is_empty() && !is_found {
            return Err(ReEncryptError::NoSealedSecret { file: file.name.clone() }.into());
        }
        let mut outcome = Outcome::default();
        let mut edits: Vec<(&Place, Vec<Change>)> = Vec::new();
        let mut unopened = Vec::new();
        for place in &places {
            let changes = self.changes(&file, &manifest, place, &mut unopened, &mut outcome)?;
            edits.push((place, changes));
        }
        if !unopened.is_empty() {
            return Err(ReEncryptError::Unopened { items: unopened }.into());
        }
        edits.retain(|(_, changes)| !changes.is_empty());
        if !edits.is_empty() {
            let edits: Vec<_> =
                edits.iter().map(|(place, changes)| (*place, changes.as_slice())).collect();
            let text = manifest.edit_all(&edits).map_err(|error| file.error(error))?;
            if !self.dry_run {
                file.replace(&text, self.report)?;
            }
        }
        Ok(outcome)
    }

    fn changes(
        &self,
        file: &SealedFile,
        manifest: &Manifest<'_>,
        place: &Place,
        unopened: &mut Vec<UnopenedItem>,
        outcome: &mut Outcome,
    ) -> Result<Vec<Change>, Failure> {
        let items = manifest.items(place).map_err(|error| file.error(error))?;
        let bound = bound(place.clone(), &file.name, self.selection, self.project)?;
        let mut changes = Vec::new();
        for item in items {
            match self.seal_again(&bound, &item)? {
                Ok(Some(value)) => changes.push(Change::Set { key: item.key, value }),
                Ok(None) => outcome.kept += 1,
                Err(reason) => {
                    unopened.push(UnopenedItem { line: item.line, key: item.key, reason });
                }
            }
        }
        outcome.changed += changes.len();
        Ok(changes)
    }

    /// The new item, or `None` if the old one is sealed for the newest key, or why it cannot be opened.
    fn seal_again(
        &self,
        bound: &Bound,
        item: &TextItem,
    ) -> Result<Result<Option<String>, String>, ReEncryptError> {
        let sealed = match Item::parse(&item.value) {
            Ok(sealed) => sealed,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let opened = match sealing::open(&sealed, &bound.label, self.keys) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if !self.all && opened.key.fingerprint() == self.certificate.fingerprint() {
            return Ok(Ok(None));
        }
        let value = self.certificate.seal(&bound.label, opened.plaintext.expose());
        value
            .map(|value| Ok(Some(value)))
            .map_err(|source| ReEncryptError::Seal { key: item.key.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_secret_in_a_comment_does_not_count() {
        assert!(mentions_sealed_secret("a: 1\nkind: SealedSecret # x\n"));
        assert!(mentions_sealed_secret("{\"kind\":\"SealedSecret\"}"));
        assert!(!mentions_sealed_secret("# no SealedSecret\na: 1 # SealedSecret\n"));
    }
}
