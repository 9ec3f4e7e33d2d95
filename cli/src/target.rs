//! The name, namespace, scope and metadata that a Secret is sealed with. They come from flags, then
//! from the manifest, then from the project file. A flag that contradicts a manifest is an error.

mod error;

use std::collections::{BTreeMap, BTreeSet};

use sealing::{Label, Scope};
use sources::{MAX_SECRET_BYTES, Secret, SecretBytes};

pub(crate) use self::error::TargetError;
use crate::{names, project::Project, scope::take_scope};

/// The flags that describe the Secret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct TargetOptions {
    /// `--name`
    pub(crate) name: Option<String>,
    /// `--namespace`
    pub(crate) namespace: Option<String>,
    /// `--scope`
    pub(crate) scope: Option<Scope>,
    /// `--type`
    pub(crate) type_: Option<String>,
    /// `--label`
    pub(crate) labels: BTreeMap<String, String>,
    /// `--annotation`
    pub(crate) annotations: BTreeMap<String, String>,
    /// `--allow-empty`
    pub(crate) allow_empty: bool,
}

/// A Secret with everything that sealing needs.
pub(crate) struct Target {
    /// The name of the Secret and the SealedSecret.
    pub(crate) name: String,
    /// The namespace. None only if the scope is cluster-wide.
    pub(crate) namespace: Option<String>,
    /// Where its items can be decrypted.
    pub(crate) scope: Scope,
    pub(crate) type_: Option<String>,
    pub(crate) immutable: Option<bool>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) data: BTreeMap<String, SecretBytes>,
}

impl Target {
    /// The label that binds its items to their scope.
    pub(crate) fn label(&self) -> Label {
        self.scope.label(self.namespace.as_deref().unwrap_or_default(), &self.name)
    }
}

/// Resolves all Secrets. Two of the same name and namespace are an error.
pub(crate) fn resolve_all(
    secrets: Vec<Secret>,
    options: &TargetOptions,
    project: Option<&Project>,
) -> Result<Vec<Target>, TargetError> {
    let mut seen = BTreeSet::new();
    secrets
        .into_iter()
        .map(|secret| {
            let origin = secret.origin.clone();
            let target = resolve(secret, options, project)?;
            if seen.insert((target.namespace.clone(), target.name.clone())) {
                Ok(target)
            } else {
                Err(TargetError::Duplicate { origin, name: target.name })
            }
        })
        .collect()
}

fn resolve(
    secret: Secret,
    options: &TargetOptions,
    project: Option<&Project>,
) -> Result<Target, TargetError> {
    let origin = &secret.origin;
    let size = secret.size();
    if secret.data.is_empty() && !options.allow_empty {
        return Err(TargetError::Empty { origin: origin.clone() });
    }
    if size > MAX_SECRET_BYTES {
        return Err(TargetError::TooLarge { origin: origin.clone(), size });
    }

    let mut annotations = secret.annotations;
    let manifest_scope = take_scope(&mut annotations);
    let name = agree(origin, "name", options.name.clone(), secret.name)?
        .or_else(|| project?.name.clone())
        .ok_or_else(|| TargetError::NoName { origin: origin.clone() })?;
    let namespace = agree(origin, "namespace", options.namespace.clone(), secret.namespace)?
        .or_else(|| project?.namespace.clone());
    let scope = agree(origin, "scope", options.scope, manifest_scope)?
        .or_else(|| project?.scope)
        .unwrap_or_default();
    let type_ = agree(origin, "type", options.type_.clone(), secret.type_)?;
    let labels = merge(origin, "label", &options.labels, secret.labels)?;
    let annotations = merge(origin, "annotation", &options.annotations, annotations)?;

    let invalid = |error: names::NameError| TargetError::Invalid { origin: origin.clone(), error };
    let name = names::object(&name).map_err(invalid)?;
    let namespace =
        namespace.map(|namespace| names::namespace(&namespace)).transpose().map_err(invalid)?;
    if namespace.is_none() && scope != Scope::ClusterWide {
        return Err(TargetError::NoNamespace { origin: origin.clone(), scope });
    }
    Ok(Target {
        name,
        namespace,
        scope,
        type_,
        immutable: secret.immutable,
        labels,
        annotations,
        data: secret.data,
    })
}

/// The value of the flag, or else of the manifest. Different values are an error.
fn agree<T: PartialEq + ToString>(
    origin: &str,
    field: &'static str,
    flag: Option<T>,
    manifest: Option<T>,
) -> Result<Option<T>, TargetError> {
    match (flag, manifest) {
        (Some(flag), Some(manifest)) if flag != manifest => Err(TargetError::Contradiction {
            origin: origin.to_owned(),
            field,
            flag: flag.to_string(),
            manifest: manifest.to_string(),
        }),
        (flag, manifest) => Ok(flag.or(manifest)),
    }
}

fn merge(
    origin: &str,
    field: &'static str,
    flags: &BTreeMap<String, String>,
    mut manifest: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TargetError> {
    for (key, value) in flags {
        let pair = |value: &str| format!("{key}={value}");
        let found = manifest.get(key).map(|found| pair(found));
        agree(origin, field, Some(pair(value)), found)?;
        manifest.insert(key.clone(), value.clone());
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests;
