//! What a Secret is sealed as: name, namespace, scope and metadata, from flags, manifest and project
//! file, in that order. Nothing is guessed, and nobody is overruled in silence.

mod error;

use std::collections::{BTreeMap, BTreeSet};

use sealing::{Label, Plaintext, Scope};

pub(crate) use self::error::TargetError;
use crate::names;
use crate::project::Project;
use crate::secret::{MAX_DATA, Secret};

/// What the flags say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wanted {
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
    /// Its name, and the SealedSecret's.
    pub(crate) name: String,
    /// Its namespace. None only for a cluster-wide scope.
    pub(crate) namespace: Option<String>,
    /// Where its items may be opened.
    pub(crate) scope: Scope,
    /// Its type.
    pub(crate) type_: Option<String>,
    /// May it change?
    pub(crate) immutable: Option<bool>,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its annotations.
    pub(crate) annotations: BTreeMap<String, String>,
    /// Its values.
    pub(crate) data: BTreeMap<String, Plaintext>,
}

impl Target {
    /// What its items are bound to.
    pub(crate) fn label(&self) -> Label {
        self.scope.label(self.namespace.as_deref().unwrap_or_default(), &self.name)
    }
}

/// The targets of all Secrets.
pub(crate) fn resolve_all(
    secrets: Vec<Secret>,
    wanted: &Wanted,
    project: Option<&Project>,
) -> Result<Vec<Target>, TargetError> {
    let mut seen = BTreeSet::new();
    secrets
        .into_iter()
        .map(|secret| {
            let origin = secret.origin.clone();
            let target = resolve(secret, wanted, project)?;
            if seen.insert((target.namespace.clone(), target.name.clone())) {
                Ok(target)
            } else {
                Err(TargetError::Twice { origin, name: target.name })
            }
        })
        .collect()
}

fn resolve(
    secret: Secret,
    wanted: &Wanted,
    project: Option<&Project>,
) -> Result<Target, TargetError> {
    let origin = &secret.origin;
    let size = secret.size();
    if secret.data.is_empty() && !wanted.allow_empty {
        return Err(TargetError::Empty { origin: origin.clone() });
    }
    if size > MAX_DATA {
        return Err(TargetError::TooLarge { origin: origin.clone(), size });
    }

    let one = |field, flag, manifest| agree(origin, field, flag, manifest);
    let name = one("name", wanted.name.clone(), secret.name)?
        .or_else(|| project?.name.clone())
        .ok_or_else(|| TargetError::NoName { origin: origin.clone() })?;
    let namespace = one("namespace", wanted.namespace.clone(), secret.namespace)?
        .or_else(|| project?.namespace.clone());
    let scope =
        one("scope", wanted.scope.map(|s| s.to_string()), secret.scope.map(|s| s.to_string()))?;
    let scope = match scope {
        Some(text) => text.parse().map_err(|_| TargetError::Scope { origin: origin.clone() })?,
        None => project.and_then(|project| project.scope).unwrap_or_default(),
    };
    let type_ = one("type", wanted.type_.clone(), secret.type_)?;
    let labels = merge(origin, "label", &wanted.labels, secret.labels)?;
    let annotations = merge(origin, "annotation", &wanted.annotations, secret.annotations)?;

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

/// The flag's value, else the manifest's; both only if they are the same.
fn agree(
    origin: &str,
    field: &'static str,
    flag: Option<String>,
    manifest: Option<String>,
) -> Result<Option<String>, TargetError> {
    match (flag, manifest) {
        (Some(flag), Some(manifest)) if flag != manifest => {
            Err(TargetError::Contradiction { origin: origin.to_owned(), field, flag, manifest })
        }
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
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret {
            origin: "s.yaml:1".to_owned(),
            data: BTreeMap::from([("k".to_owned(), Plaintext::new(b"v".to_vec()))]),
            ..Secret::default()
        }
    }

    fn wanted(name: &str, namespace: &str) -> Wanted {
        Wanted {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..Wanted::default()
        }
    }

    fn project() -> Project {
        Project {
            name: Some("from-project".to_owned()),
            namespace: Some("project-ns".to_owned()),
            scope: Some(Scope::NamespaceWide),
            ..Project::default()
        }
    }

    fn error(secret: Secret, wanted: &Wanted) -> TargetError {
        resolve(secret, wanted, None).err().unwrap()
    }

    #[test]
    fn flags_come_before_manifests_and_those_before_the_project_file() {
        let project = project();
        let target = resolve(secret(), &wanted("flag", "flag-ns"), Some(&project)).ok().unwrap();
        assert_eq!((target.name.as_str(), target.namespace.as_deref()), ("flag", Some("flag-ns")));
        let manifest = Secret {
            name: Some("manifest".to_owned()),
            scope: Some(Scope::ClusterWide),
            ..secret()
        };
        let target = resolve(manifest, &Wanted::default(), Some(&project)).ok().unwrap();
        assert_eq!(
            (target.name.as_str(), target.namespace.as_deref()),
            ("manifest", Some("project-ns"))
        );
        assert_eq!(target.scope, Scope::ClusterWide);
        let target = resolve(secret(), &Wanted::default(), Some(&project)).ok().unwrap();
        assert_eq!((target.name.as_str(), target.scope), ("from-project", Scope::NamespaceWide));
    }

    #[test]
    fn a_flag_that_contradicts_a_manifest_is_an_error() {
        let manifest = || Secret {
            name: Some("a".to_owned()),
            namespace: Some("n".to_owned()),
            scope: Some(Scope::NamespaceWide),
            type_: Some("Opaque".to_owned()),
            labels: BTreeMap::from([("l".to_owned(), "1".to_owned())]),
            ..secret()
        };
        assert!(resolve(manifest(), &wanted("a", "n"), None).is_ok());
        let with = |field: &str| match field {
            "name" => Wanted { name: Some("b".to_owned()), ..Wanted::default() },
            "namespace" => Wanted { namespace: Some("m".to_owned()), ..Wanted::default() },
            "scope" => Wanted { scope: Some(Scope::Strict), ..Wanted::default() },
            "type" => Wanted { type_: Some("x".to_owned()), ..Wanted::default() },
            _ => Wanted {
                labels: BTreeMap::from([("l".to_owned(), "2".to_owned())]),
                ..Wanted::default()
            },
        };
        for wrong in ["name", "namespace", "scope", "type", "label"] {
            let TargetError::Contradiction { field, .. } = error(manifest(), &with(wrong)) else {
                panic!("{wrong}");
            };
            assert_eq!(field, wrong);
        }
    }

    #[test]
    fn a_missing_namespace_is_an_error_unless_the_scope_needs_none() {
        let named = Wanted { name: Some("a".to_owned()), ..Wanted::default() };
        assert!(matches!(
            error(secret(), &named),
            TargetError::NoNamespace { scope: Scope::Strict, .. }
        ));
        let namespace_wide = Wanted { scope: Some(Scope::NamespaceWide), ..named.clone() };
        assert!(matches!(error(secret(), &namespace_wide), TargetError::NoNamespace { .. }));
        let cluster_wide = Wanted { scope: Some(Scope::ClusterWide), ..named };
        assert_eq!(resolve(secret(), &cluster_wide, None).ok().unwrap().namespace, None);
        assert!(matches!(error(secret(), &Wanted::default()), TargetError::NoName { .. }));
    }

    #[test]
    fn what_kubernetes_refuses_is_refused_before_it_is_sealed() {
        let bad = Secret {
            name: Some("Bad_Name".to_owned()),
            namespace: Some("n".to_owned()),
            ..secret()
        };
        assert!(matches!(error(bad, &Wanted::default()), TargetError::Invalid { .. }));
        let mut large = secret();
        large.data.insert("l".to_owned(), Plaintext::new(vec![0; MAX_DATA]));
        assert!(
            matches!(error(large, &wanted("a", "n")), TargetError::TooLarge { size, .. } if size == MAX_DATA + 1)
        );
        let empty = || Secret { data: BTreeMap::new(), ..secret() };
        assert!(matches!(error(empty(), &wanted("a", "n")), TargetError::Empty { .. }));
        assert!(resolve(empty(), &Wanted { allow_empty: true, ..wanted("a", "n") }, None).is_ok());
    }

    #[test]
    fn two_secrets_of_one_name_are_an_error() {
        let twice = resolve_all(vec![secret(), secret()], &wanted("a", "n"), None);
        assert!(matches!(twice, Err(TargetError::Twice { .. })));
    }
}
