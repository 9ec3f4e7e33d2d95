//! The entries of a record, as text: a line for each value of an item, the newest first.
//!
//! ```text
//! mtk-seal record 1
//! <tag of the item> <tag of the value> <ciphertext, or - for an older value>
//! ```

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::private;

/// The largest file of one object.
pub(super) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
const HEADER: &str = "mtk-seal record 1";
/// The most values of one item, for the branches of a repository.
const MAX_VALUES: usize = 8;
/// Where a ciphertext is missing.
const NONE: &str = "-";

/// The entries of one object, by the tag of the item.
#[derive(Default)]
pub(super) struct Entries(BTreeMap<String, Vec<Entry>>);

struct Entry {
    tag: String,
    /// None for an older value.
    ciphertext: Option<String>,
}

impl Entries {
    /// The entries in a file. None in a file that other users can read, is no file, or is malformed.
    pub(super) fn read(path: &Path) -> Self {
        let bytes = private::read(path, MAX_FILE_BYTES).ok().flatten().unwrap_or_default();
        std::str::from_utf8(&bytes).map(Self::parse).unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let mut entries = Self::default();
        if lines.next() != Some(HEADER) {
            return entries;
        }
        for line in lines {
            if let [slot, tag, ciphertext] = line.split(' ').collect::<Vec<_>>()[..] {
                let ciphertext = Some(ciphertext.to_owned()).filter(|text| text != NONE);
                let entry = Entry { tag: tag.to_owned(), ciphertext };
                entries.0.entry(slot.to_owned()).or_default().push(entry);
            }
        }
        entries
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, slot: &str) -> bool {
        self.0.contains_key(slot)
    }

    pub(super) fn has_tag(&self, slot: &str, tag: &str) -> bool {
        self.0.get(slot).is_some_and(|entries| entries.iter().any(|entry| entry.tag == tag))
    }

    pub(super) fn newest(&self, slot: &str) -> Option<&str> {
        self.0.get(slot)?.first()?.ciphertext.as_deref()
    }

    /// The items of the last run.
    pub(super) fn newest_slots(&self) -> impl Iterator<Item = &String> {
        let is_newest =
            |entries: &[Entry]| entries.first().is_some_and(|entry| entry.ciphertext.is_some());
        self.0.iter().filter(move |(_, entries)| is_newest(entries)).map(|(slot, _)| slot)
    }

    pub(super) fn add(&mut self, slot: String, tag: String, ciphertext: &str) {
        let entry = Entry { tag, ciphertext: Some(ciphertext.to_owned()) };
        self.0.entry(slot).or_default().insert(0, entry);
    }

    /// These entries, followed by older ones without their ciphertexts.
    pub(super) fn merged(&self, older: Self) -> Self {
        let mut merged: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for (slot, entries) in &self.0 {
            let entries = entries.iter().map(|entry| Entry {
                tag: entry.tag.clone(),
                ciphertext: entry.ciphertext.clone(),
            });
            merged.insert(slot.clone(), entries.collect());
        }
        for (slot, entries) in older.0 {
            let all = merged.entry(slot).or_default();
            for Entry { tag, .. } in entries {
                if all.len() < MAX_VALUES && all.iter().all(|entry| entry.tag != tag) {
                    all.push(Entry { tag, ciphertext: None });
                }
            }
        }
        Self(merged)
    }

    /// The text, the items of the last run first. Entries beyond the limit are left out.
    pub(super) fn to_text(&self) -> String {
        let limit = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
        let mut text = format!("{HEADER}\n");
        for is_newest in [true, false] {
            for (slot, entries) in &self.0 {
                for Entry { tag, ciphertext } in entries {
                    let shown = ciphertext.as_deref().unwrap_or(NONE);
                    let size = slot.len() + tag.len() + shown.len() + 3;
                    if ciphertext.is_some() == is_newest && text.len() + size <= limit {
                        // Writing to a String cannot fail.
                        let _ = writeln!(text, "{slot} {tag} {shown}");
                    }
                }
            }
        }
        text
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(values: &[(&str, &str, &str)]) -> Entries {
        let mut entries = Entries::default();
        for (slot, tag, ciphertext) in values {
            entries.add((*slot).to_owned(), (*tag).to_owned(), ciphertext);
        }
        entries
    }

    #[test]
    fn older_values_keep_their_tag_but_not_their_ciphertext() {
        let merged =
            entries(&[("a", "2", "new")]).merged(entries(&[("a", "1", "old"), ("b", "3", "x")]));
        let read = Entries::parse(&merged.to_text());
        assert_eq!(read.newest("a"), Some("new"));
        assert!(read.has_tag("a", "1") && read.has_tag("b", "3"));
        assert_eq!(read.newest("b"), None);
        assert_eq!(read.newest_slots().collect::<Vec<_>>(), ["a"]);
        assert!(!merged.to_text().contains("old"));
    }

    #[test]
    fn number_of_values_is_bounded() {
        let mut all = Entries::default();
        for number in 0..100 {
            all = entries(&[("a", &number.to_string(), "c")]).merged(all);
        }
        assert_eq!(all.to_text().lines().count(), 1 + MAX_VALUES);
        assert!(all.has_tag("a", "99") && !all.has_tag("a", "1"));
    }

    #[test]
    fn malformed_text_has_no_entries() {
        for text in
            ["", "garbage", "mtk-seal record 2\na b c\n", "mtk-seal record 1\na b\na  b c\n\0"]
        {
            assert!(Entries::parse(text).is_empty(), "{text}");
        }
    }
}
