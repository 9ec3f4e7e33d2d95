//! Changes items in the text of a file. All other bytes stay, or else the file is not changed.

use std::collections::BTreeMap;

use manifests::{Change as Edit, EditError, Manifest, Place, Problem};
use serde_json::Value as Json;

use super::{
    decode,
    sealed_file::{Sealed, SealedFile},
};

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

/// The text of the file with the changes.
pub(super) fn apply(
    manifest: &Manifest<'_>,
    file: &SealedFile,
    changes: &[Change<'_>],
) -> Result<String, EditError> {
    let places = manifest.sealed_secrets();
    let mut edits: Vec<(Place, Vec<Edit>)> = Vec::new();
    for change in changes {
        let place = place_of(change.sealed, file, &places)?;
        edits.push((place.clone(), sets(&change.items)));
        for (entries, path) in [
            (&change.labels, "$.spec.template.metadata.labels"),
            (&change.annotations, "$.spec.template.metadata.annotations"),
        ] {
            if let (false, Ok(path)) = (entries.is_empty(), path.parse()) {
                edits.push((manifest.inside(place, &path)?, sets(entries)));
            }
        }
    }
    edits.retain(|(_, sets)| !sets.is_empty());
    let edits: Vec<_> = edits.iter().map(|(place, sets)| (place, sets.as_slice())).collect();
    manifest.edit_all(&edits)
}

fn sets(entries: &BTreeMap<String, String>) -> Vec<Edit> {
    let set =
        |(key, value): (&String, &String)| Edit::Set { key: key.clone(), value: value.clone() };
    entries.iter().map(set).collect()
}

/// The place of a SealedSecret in the text. Both readers find them in the order of the text.
fn place_of<'p>(
    sealed: &Sealed,
    file: &SealedFile,
    places: &'p [Place],
) -> Result<&'p Place, EditError> {
    let index = file.sealed.iter().position(|other| other.path == sealed.path);
    let place = index.filter(|_| places.len() == file.sealed.len()).and_then(|at| places.get(at));
    let is_it = |place: &&Place| {
        let identity = place.identity.as_ref();
        identity.and_then(|own| own.name.as_ref()) == Some(&sealed.name)
            && (sealed.namespace.is_empty()
                || identity.and_then(|own| own.namespace.as_ref()) == Some(&sealed.namespace))
    };
    place.filter(is_it).ok_or(EditError { line: None, problem: Problem::Unsafe })
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

#[cfg(test)]
mod tests;
