//! Finds the items to edit, and the name, namespace and scope to seal them for. These come from the
//! document. Flags and the project file only fill in what it lacks.

use manifests::{Identity, Manifest, Path, Place};
use sealing::{Label, Scope};
use sources::Secret;

use super::error::ItemsError;
use crate::{project::Project, scope::take_scope, sealed_file::SealedFileError};

/// The flags that select the items.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// `--name`
    pub(crate) name: Option<String>,
    /// `--namespace`
    pub(crate) namespace: Option<String>,
    /// `--scope`
    pub(crate) scope: Option<Scope>,
    /// `--path`
    pub(crate) path: Option<Path>,
}

/// Items, and the object that they are sealed for.
pub(in crate::command) struct Bound {
    pub(super) place: Place,
    pub(in crate::command) label: Label,
    name: Option<String>,
    namespace: Option<String>,
    scope: Scope,
}

/// The items that the flags select.
pub(super) fn select(
    manifest: &Manifest<'_>,
    file: &str,
    selection: &Selection,
) -> Result<Place, ItemsError> {
    if let Some(path) = &selection.path {
        return manifest.at(path).map_err(|error| SealedFileError::edit(file, error).into());
    }
    let all = manifest.sealed_secrets();
    if all.is_empty() {
        return Err(ItemsError::NoSealedSecret { file: file.to_owned() });
    }
    let name_of = |place: &Place| place.identity.as_ref().and_then(|own| own.name.clone());
    // One without a name fits only if no other has the name.
    let is_named = selection.name.is_some() && all.iter().any(|p| name_of(p) == selection.name);
    let fits = |place: &&Place| {
        let agrees = |flag: &Option<String>, own: Option<&String>| {
            flag.as_ref().is_none_or(|flag| own.is_none_or(|own| own == flag))
        };
        let identity = place.identity.as_ref();
        (!is_named || name_of(place) == selection.name)
            && agrees(&selection.name, name_of(place).as_ref())
            && agrees(
                &selection.namespace,
                identity.and_then(|identity| identity.namespace.as_ref()),
            )
    };
    let found: Vec<&Place> = all.iter().filter(fits).collect();
    match found.as_slice() {
        [place] => Ok((*place).clone()),
        [] => Err(ItemsError::NoneFits { file: file.to_owned(), found: objects(all.iter()) }),
        _ => Err(ItemsError::Several { file: file.to_owned(), found: objects(found) }),
    }
}

/// The items that the flags select, with everything that sealing needs.
pub(super) fn bind(
    manifest: &Manifest<'_>,
    file: &str,
    selection: &Selection,
    project: Option<&Project>,
) -> Result<Bound, ItemsError> {
    let place = select(manifest, file, selection)?;
    let has_computed_scope = place.identity.as_ref().is_some_and(|own| own.has_computed_scope);
    if has_computed_scope && selection.scope.is_none() {
        return Err(ItemsError::ComputedScope { origin: format!("{file}:{}", place.line) });
    }
    bound(place, file, selection, project)
}

/// Items with everything that sealing needs.
pub(in crate::command) fn bound(
    place: Place,
    file: &str,
    selection: &Selection,
    project: Option<&Project>,
) -> Result<Bound, ItemsError> {
    let origin = format!("{file}:{}", place.line);
    let own = place.identity.clone();
    let or_default = |own: Option<String>, flag: &Option<String>, default: Option<&String>| {
        own.or_else(|| flag.clone()).or_else(|| default.cloned())
    };
    let of =
        |field: fn(&Identity) -> &Option<String>| own.as_ref().and_then(|own| field(own).clone());
    let name =
        or_default(of(|own| &own.name), &selection.name, project.and_then(|p| p.name.as_ref()));
    let namespace = or_default(
        of(|own| &own.namespace),
        &selection.namespace,
        project.and_then(|p| p.namespace.as_ref()),
    );
    let scope = match (&own, selection.scope) {
        (Some(own), Some(flag)) if own.scope != flag && !own.is_templated => {
            return Err(ItemsError::Scope { origin, flag, own: own.scope });
        }
        (_, Some(flag)) => flag,
        (Some(own), None) => own.scope,
        (None, None) => project.and_then(|project| project.scope).unwrap_or_default(),
    };
    if name.is_none() && scope == Scope::Strict {
        return Err(ItemsError::NoName { origin, field: "name" });
    }
    if namespace.is_none() && scope != Scope::ClusterWide {
        return Err(ItemsError::NoName { origin, field: "namespace" });
    }
    let label =
        scope.label(namespace.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default());
    Ok(Bound { place, label, name, namespace, scope })
}

impl Bound {
    /// Rejects values of a Secret with another name, namespace or scope.
    pub(super) fn check(&self, secret: &Secret) -> Result<(), ItemsError> {
        let mut annotations = secret.annotations.clone();
        let scope = take_scope(&mut annotations);
        let differs =
            |field: &'static str, theirs: Option<String>, own: Option<String>| match theirs {
                Some(theirs) if own.as_ref().is_some_and(|own| *own != theirs) => {
                    let (origin, own) = (secret.origin.clone(), own.unwrap_or_default());
                    Err(ItemsError::OtherSecret { origin, field, theirs, own })
                }
                _ => Ok(()),
            };
        differs("name", secret.name.clone(), self.name.clone())?;
        differs("namespace", secret.namespace.clone(), self.namespace.clone())?;
        differs("scope", scope.map(|scope| scope.to_string()), Some(self.scope.to_string()))
    }
}

/// `namespace/name` of each SealedSecret, with its line.
fn objects<'a>(places: impl IntoIterator<Item = &'a Place>) -> Vec<String> {
    let shown = |place: &Place| {
        let identity = place.identity.as_ref();
        let name = identity.and_then(|own| own.name.as_deref()).unwrap_or("no name");
        let namespace = identity.and_then(|own| own.namespace.as_deref());
        let namespace = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("line {}: {namespace}{name}", place.line).escape_debug().to_string()
    };
    places.into_iter().map(shown).collect()
}
