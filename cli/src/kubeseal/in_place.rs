//! Changes items in the text of a file, so that comments, order and line ends stay.
//!
//! A new ciphertext replaces the old one wherever that occurs exactly once, and a new item follows the
//! last one. Where that is impossible (folded ciphertexts, changed labels), the file is written again in
//! its own syntax, which loses comments.

use std::{collections::BTreeMap, ops::Range};

use serde_json::Value as Json;
use sources::Node;

use super::{
    decode,
    sealed_file::{Sealed, SealedFile, node_at},
    sealed_secret,
};
use crate::output::{Format, OutputError};

/// Changes to one SealedSecret.
pub(super) struct Change<'a> {
    pub(super) sealed: &'a Sealed,
    /// Items to replace or add.
    pub(super) items: BTreeMap<String, String>,
    /// Labels of the template to replace or add.
    pub(super) labels: BTreeMap<String, String>,
    /// Annotations of the template to replace or add.
    pub(super) annotations: BTreeMap<String, String>,
}

/// The changed text of a file.
pub(super) struct Changed {
    pub(super) text: String,
    /// Whether the rest of the text is the same. Otherwise comments are lost.
    pub(super) is_minimal: bool,
}

/// Applies the changes to the file.
pub(super) fn apply(file: &SealedFile, changes: &[Change<'_>]) -> Result<Changed, OutputError> {
    if let Some(text) = edited(file, changes) {
        return Ok(Changed { text, is_minimal: true });
    }
    let format = if is_json(&file.text) { Format::Json } else { Format::Yaml };
    let text = sealed_secret::render(&documents(file, changes), format)?;
    // JSON has no comments.
    Ok(Changed { text, is_minimal: format == Format::Json })
}

/// All documents of the file with the changes.
pub(super) fn documents(file: &SealedFile, changes: &[Change<'_>]) -> Vec<Json> {
    let mut documents: Vec<Json> = file.nodes.iter().map(decode::json).collect();
    for change in changes {
        let Some((first, rest)) = change.sealed.path.split_first() else { continue };
        let mut object = &mut documents[*first];
        for at in rest {
            object = &mut object["items"][*at];
        }
        insert(object, "/spec/encryptedData", &change.items);
        insert(object, "/spec/template/metadata/labels", &change.labels);
        insert(object, "/spec/template/metadata/annotations", &change.annotations);
    }
    documents
}

/// Adds entries to an object, which it creates where it is missing or null.
fn insert(object: &mut Json, path: &str, entries: &BTreeMap<String, String>) {
    if entries.is_empty() {
        return;
    }
    let mut target = object;
    for field in path.split('/').skip(1) {
        if !target.is_object() {
            *target = Json::Object(serde_json::Map::new());
        }
        target = &mut target[field];
    }
    if !target.is_object() {
        *target = Json::Object(serde_json::Map::new());
    }
    for (key, value) in entries {
        target[key.as_str()] = Json::String(value.clone());
    }
}

/// The text with only the items changed. None if that is impossible.
fn edited(file: &SealedFile, changes: &[Change<'_>]) -> Option<String> {
    if changes.iter().any(|change| !change.labels.is_empty() || !change.annotations.is_empty()) {
        return None;
    }
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for change in changes {
        let mut added = String::new();
        let last = last_item(file, change.sealed);
        for (key, value) in &change.items {
            match change.sealed.items.get(key) {
                Some(old) => edits.push((find(&file.text, old)?, value.clone())),
                None => added += &addition(file, last.as_ref()?, key, value)?,
            }
        }
        if !added.is_empty() {
            let at = last?.end;
            edits.push((at..at, added));
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
    let mut text = file.text.clone();
    for (range, new) in edits {
        text.replace_range(range, &new);
    }
    is_as_intended(&text, file, changes).then_some(text)
}

/// Whether the text reads as the documents with the changes.
fn is_as_intended(text: &str, file: &SealedFile, changes: &[Change<'_>]) -> bool {
    let input = sources::Input { name: &file.name, file_name: None, text };
    let Ok(nodes) = sources::documents(input) else { return false };
    nodes.iter().map(decode::json).eq(documents(file, changes))
}

/// The only place of a ciphertext in a text.
fn find(text: &str, ciphertext: &str) -> Option<Range<usize>> {
    // The ciphertexts of kubeseal have more than 340 characters. Shorter ones may match anything.
    const MIN_LEN: usize = 64;
    let mut found = text.match_indices(ciphertext);
    let (start, _) = found.next().filter(|_| ciphertext.len() >= MIN_LEN)?;
    found.next().is_none().then(|| start..start + ciphertext.len())
}

/// The last item of a SealedSecret in the text.
struct LastItem {
    /// The blanks before its key.
    indent: String,
    /// Whether the item starts its line.
    starts_line: bool,
    /// Where another item can follow.
    end: usize,
    line_end: &'static str,
}

fn last_item(file: &SealedFile, sealed: &Sealed) -> Option<LastItem> {
    let object = node_at(&file.nodes, &sealed.path)?;
    let entries = object.get("spec")?.get("encryptedData").and_then(Node::entries)?;
    let (key, value) = entries.last()?;
    let text = file.text.as_str();
    let place = find(text, value.as_str()?)?;
    let line_start = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let line_len = text[place.end..].find('\n').unwrap_or(text.len() - place.end);
    let line = text[line_start..place.end + line_len].trim_end_matches('\r');
    let content = line.trim_start();
    let starts_line = content.trim_start_matches(['"', '\'']).starts_with(key.as_str());
    Some(LastItem {
        indent: line[..line.len() - content.len()].to_owned(),
        starts_line,
        end: if is_json(text) {
            place.end + usize::from(text[place.end..].starts_with('"'))
        } else {
            line_start + line.len()
        },
        line_end: if text.contains("\r\n") { "\r\n" } else { "\n" },
    })
}

/// The text of a new item after the last one. None for YAML in flow style.
fn addition(file: &SealedFile, last: &LastItem, key: &str, value: &str) -> Option<String> {
    let LastItem { indent, starts_line, line_end, .. } = last;
    if !sources::is_secret_key(key) {
        return None;
    }
    match (is_json(&file.text), starts_line) {
        (true, true) => Some(format!(",{line_end}{indent}\"{key}\": \"{value}\"")),
        (true, false) => Some(format!(", \"{key}\": \"{value}\"")),
        (false, true) => {
            let quote = if is_plain_key(key) { "" } else { "\"" };
            Some(format!("{line_end}{indent}{quote}{key}{quote}: {value}"))
        }
        (false, false) => None,
    }
}

/// Whether every YAML reader takes the key for this string.
fn is_plain_key(key: &str) -> bool {
    let starts_as_word = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_read_alike = |text: &str| {
        sources::parse_yaml(text)
            .is_ok_and(|nodes| nodes.iter().all(|node| sources::check_keys("", node).is_ok()))
    };
    starts_as_word && is_read_alike(&format!("{key}: x"))
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::Deserializer::from_str(text)
            .into_iter::<serde::de::IgnoredAny>()
            .all(|document| document.is_ok())
}

#[cfg(test)]
mod tests;
