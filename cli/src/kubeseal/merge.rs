//! `--merge-into`: adds items to a SealedSecret in a file.

use std::{collections::BTreeMap, path::Path};

use sealing::{Certificate, Scope};
use sources::Node;

use super::{
    error::KubesealError,
    in_place::{self, Change},
    options::Options,
    seal,
    sealed_file::{Others, Sealed, SealedFile, node_at, strings},
    secret::Secret,
};
use crate::{
    error::Failure, report::Report, scope::is_scope_annotation, sealed_file::SealedFile as OpenFile,
};

/// Seals the items for the name, namespace and scope that the file has, and replaces the file.
pub(super) fn run(options: &Options, path: &Path, report: &Report) -> Result<(), Failure> {
    let (certificate, secrets) = seal::inputs(options, report)?;
    let opened = OpenFile::open(path)?;
    let file = SealedFile::read(opened.input(), Others::Refuse, report)?;
    let mut changes: Vec<Change<'_>> = Vec::new();
    for secret in secrets {
        let change = change(secret, &file, options, &certificate)?;
        match changes.iter_mut().find(|other| other.sealed.path == change.sealed.path) {
            Some(other) => {
                other.items.extend(change.items);
                other.labels.extend(change.labels);
                other.annotations.extend(change.annotations);
            }
            None => changes.push(change),
        }
    }
    let manifest = opened.manifest()?;
    let text = in_place::apply(&manifest, &file, &changes).map_err(|error| opened.error(error))?;
    opened.replace(&text, report)
}

fn change<'a>(
    secret: Secret,
    file: &'a SealedFile,
    options: &Options,
    certificate: &Certificate,
) -> Result<Change<'a>, KubesealError> {
    let secret = seal::prepare(secret, options)?;
    let sealed = target(&secret, file)?;
    check_scope(&secret, sealed, options)?;
    for namespace in [&secret.namespace, &options.namespace].into_iter().flatten() {
        if sealed.scope != Scope::ClusterWide && *namespace != sealed.namespace {
            return Err(KubesealError::NamespaceMismatch {
                manifest: sealed.namespace.clone(),
                flag: namespace.clone(),
            });
        }
    }
    let metadata = node_at(&file.nodes, &sealed.path)
        .and_then(|object| object.get("spec")?.get("template")?.get("metadata"));
    Ok(Change {
        sealed,
        items: seal::items(&secret, sealed.scope, &sealed.namespace, &sealed.name, certificate)?,
        labels: new_entries(secret.labels, metadata, "labels"),
        annotations: new_entries(secret.annotations, metadata, "annotations"),
    })
}

/// The only SealedSecret of the file, or that of the Secret's name and namespace.
fn target<'a>(secret: &Secret, file: &'a SealedFile) -> Result<&'a Sealed, KubesealError> {
    if let [only] = file.sealed.as_slice() {
        return Ok(only);
    }
    let is_target = |sealed: &&Sealed| {
        secret.name.as_ref() == Some(&sealed.name)
            && secret.namespace.as_ref().is_none_or(|namespace| *namespace == sealed.namespace)
    };
    let mut found = file.sealed.iter().filter(is_target);
    match (found.next(), found.next()) {
        (Some(sealed), None) => Ok(sealed),
        _ => Err(KubesealError::NoTarget {
            file: file.name.clone(),
            secret: secret.name.clone().unwrap_or_default(),
        }),
    }
}

/// The controller opens all items of a SealedSecret under one scope.
fn check_scope(secret: &Secret, sealed: &Sealed, options: &Options) -> Result<(), KubesealError> {
    let of_secret = Scope::from_annotations(Some(&secret.annotations));
    let wanted = options.scope.or_else(|| Some(of_secret).filter(|scope| *scope != Scope::Strict));
    match wanted {
        Some(wanted) if wanted != sealed.scope => {
            Err(KubesealError::ScopeMismatch { file: sealed.scope, wanted })
        }
        _ => Ok(()),
    }
}

/// The entries that the template of the file lacks. Its scope annotations stay.
fn new_entries(
    mut entries: BTreeMap<String, String>,
    metadata: Option<&Node>,
    field: &str,
) -> BTreeMap<String, String> {
    let existing = strings(metadata.and_then(|metadata| metadata.get(field)));
    entries.retain(|key, value| !is_scope_annotation(key) && existing.get(key) != Some(value));
    entries
}
