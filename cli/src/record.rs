//! A record of what this machine has sealed, so that an unchanged value keeps its ciphertext.
//!
//! Each object has a file. It contains ciphertexts, which are safe to store, and tags of values under
//! a key of this machine. A tag covers the certificate, the object, the key of the item, the ciphertext
//! and the value. So equal values have different tags, and nobody can test a guess without the key. A
//! record that is missing, damaged or forged only means that values are sealed again.

mod entries;
mod private;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sealing::{Fingerprint, RecordKey, Scope};

use self::{entries::Entries, private::Unusable};
use crate::report::Report;

/// The most bytes in all files.
const MAX_TOTAL_BYTES: u64 = 64 * 1024 * 1024;
/// The most files.
const MAX_FILES: usize = 4096;

/// The records of all objects.
pub(crate) struct Records {
    directory: PathBuf,
    key: RecordKey,
}

impl Records {
    /// Opens the records, and creates the key at the first use. None without a home directory of the
    /// user, or if a file cannot be used.
    pub(crate) fn open(report: &Report) -> Option<Self> {
        match Self::in_directory(&private::state_directory()?) {
            Ok(records) => Some(records),
            Err(problem) => {
                report.warning(&format!("every value is sealed again: {problem}"));
                problem.remedy().iter().for_each(|remedy| report.hint(remedy));
                None
            }
        }
    }

    fn in_directory(directory: &Path) -> Result<Self, Unusable> {
        private::create_directory(directory)?;
        let key = RecordKey::new(&*private::key(&directory.join("key"))?);
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The record of one object and certificate.
    pub(crate) fn object(
        &self,
        certificate: &Fingerprint,
        scope: Scope,
        namespace: &str,
        name: &str,
    ) -> ObjectRecord<'_> {
        let binding =
            [certificate.to_string(), scope.to_string(), namespace.to_owned(), name.to_owned()];
        let parts = binding.each_ref().map(String::as_bytes);
        let file = format!("{}.record", entries::hex(&self.key.tag("object", &parts)));
        let path = self.directory.join(file);
        let before = Entries::read(&path);
        ObjectRecord { records: self, binding, path, before, now: Entries::default() }
    }

    /// Removes the files that were unused for the longest time, until the rest is small enough.
    fn prune(&self) {
        let Ok(found) = fs::read_dir(&self.directory) else {
            return;
        };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = found
            .filter_map(|entry| {
                let entry = entry.ok().filter(|entry| entry.file_name() != "key")?;
                let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        let mut count = files.len();
        for (_, size, path) in files {
            if total <= MAX_TOTAL_BYTES && count <= MAX_FILES {
                return;
            }
            // A file that stays costs only space.
            let _ = fs::remove_file(path);
            total -= size;
            count -= 1;
        }
    }
}

/// The record of one object and certificate.
pub(crate) struct ObjectRecord<'a> {
    records: &'a Records,
    /// The certificate, scope, namespace and name.
    binding: [String; 4],
    path: PathBuf,
    before: Entries,
    now: Entries,
}

impl ObjectRecord<'_> {
    /// Whether anything was recorded for the object.
    pub(crate) fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// Whether the item was sealed before, with any value.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.before.contains(&self.slot(key))
    }

    /// Whether this ciphertext is known to contain this value.
    pub(crate) fn is_same(&self, key: &str, ciphertext: &str, value: &[u8]) -> bool {
        self.before.has_tag(&self.slot(key), &self.tag(key, ciphertext, value))
    }

    /// The ciphertext of the newest value. An older one would show that a value has returned.
    pub(crate) fn newest(&self, key: &str) -> Option<&str> {
        self.before.newest(&self.slot(key))
    }

    /// The number of items of the last run that are not among those of this run.
    pub(crate) fn removed(&self) -> usize {
        self.before.newest_slots().filter(|slot| !self.now.contains(slot)).count()
    }

    /// Records an item.
    pub(crate) fn remember(&mut self, key: &str, ciphertext: &str, value: &[u8]) {
        let (slot, tag) = (self.slot(key), self.tag(key, ciphertext, value));
        self.now.add(slot, tag, ciphertext);
    }

    /// Writes the record. Entries that another run has written in the meantime stay.
    pub(crate) fn save(self, report: &Report) {
        let saved = self.write();
        self.records.prune();
        if let Err(error) = saved {
            report.note(&format!(
                "the next run seals every value again, because the record cannot be written: {}",
                crate::error::root_cause(&error)
            ));
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let text = self.now.merged(Entries::read(&self.path)).to_text();
        let mut file =
            tempfile::Builder::new().prefix("new-").tempfile_in(&self.records.directory)?;
        file.write_all(text.as_bytes())?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn slot(&self, key: &str) -> String {
        entries::hex(&self.records.key.tag("item", &self.parts(&[key.as_bytes()])))
    }

    fn tag(&self, key: &str, ciphertext: &str, value: &[u8]) -> String {
        let parts = self.parts(&[key.as_bytes(), ciphertext.as_bytes(), value]);
        entries::hex(&self.records.key.tag("value", &parts))
    }

    fn parts<'a>(&'a self, rest: &[&'a [u8]]) -> Vec<&'a [u8]> {
        self.binding.iter().map(String::as_bytes).chain(rest.iter().copied()).collect()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
