//! Reads the ExternalSecrets and stores in manifests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crds::{
    ExternalSecretSpec, SecretStoreSpec, cluster_external_secret::ClusterExternalSecretSpec,
    external_secret::StoreKind, go_duration,
};
use serde::de::DeserializeOwned;
use sources::{Node, Value};

use super::files::Source;
use crate::{input::Input, manifests_error::ManifestsError, report::Report};

const GROUP: &str = "external-secrets.io/";

/// The objects in all inputs.
#[derive(Default)]
pub(super) struct Manifests {
    /// By namespace and name.
    pub(super) externals: BTreeMap<(String, String), Object<ExternalSecretSpec>>,
    pub(super) stores: BTreeMap<StoreKey, Object<SecretStoreSpec>>,
    clusters: BTreeMap<String, Object<ClusterExternalSecretSpec>>,
    /// The labels of namespaces.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// How many objects of each other kind there are. A document without a kind has the kind "".
    pub(super) skipped: BTreeMap<String, usize>,
}

/// The spec of an object, and where it is.
pub(super) struct Object<S> {
    /// `file:line`
    pub(super) origin: String,
    pub(super) spec: S,
}

/// The name of a store.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct StoreKey {
    /// None: it is a ClusterSecretStore.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

impl StoreKey {
    pub(super) fn new(kind: StoreKind, namespace: &str, name: &str) -> Self {
        let namespace = (kind == StoreKind::SecretStore).then(|| namespace.to_owned());
        Self { namespace, name: name.to_owned() }
    }

    pub(super) fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "SecretStore" } else { "ClusterSecretStore" }
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.escape_debug();
        match self.namespace.as_deref() {
            None | Some("") => write!(f, "{} {name}", self.kind()),
            Some(namespace) => write!(f, "{} {}/{name}", self.kind(), namespace.escape_debug()),
        }
    }
}

impl Manifests {
    /// Reads all inputs. They must contain an ExternalSecret or a store.
    pub(super) fn read(sources: &[Source], report: &Report) -> Result<Self, ManifestsError> {
        let (mut manifests, mut has_skipped) = (Self::default(), false);
        for source in sources {
            let input = source.read(report)?;
            match Found::read(&input, source.is_found) {
                Ok(found) => manifests.add(found, report),
                // Directories also contain templates of charts and other files.
                Err(error) if source.is_found => {
                    report.warning(&format!("skipped a file: {error}"));
                    has_skipped = true;
                }
                Err(error) => return Err(error),
            }
        }
        if has_skipped {
            report.hint("render charts first: `helm template CHART | mtk-seal plan`");
        }
        manifests.expand(report);
        if manifests.externals.is_empty() && manifests.stores.is_empty() {
            let (wanted, inputs) = ("ExternalSecret or store", "files or directories");
            return Err(ManifestsError::None { wanted, inputs });
        }
        Ok(manifests)
    }

    /// Adds the objects of an input. An overlay replaces the object of its base.
    fn add(&mut self, found: Found, report: &Report) {
        let twice = |what: String, old: &str, new: &str| {
            report.warning(&format!("{what} is at {old} and at {new}: only the last one counts"));
        };
        for (key, object) in found.externals {
            let (origin, what) = (object.origin.clone(), quoted(&key.0, &key.1));
            if let Some(old) = self.externals.insert(key, object) {
                twice(format!("ExternalSecret {what}"), &old.origin, &origin);
            }
        }
        for (key, object) in found.stores {
            let (origin, what) = (object.origin.clone(), key.to_string());
            if let Some(old) = self.stores.insert(key, object) {
                twice(what, &old.origin, &origin);
            }
        }
        for (name, object) in found.clusters {
            let (origin, what) = (object.origin.clone(), name.escape_debug().to_string());
            if let Some(old) = self.clusters.insert(name, object) {
                twice(format!("ClusterExternalSecret {what}"), &old.origin, &origin);
            }
        }
        self.namespaces.extend(found.namespaces);
        for kind in found.skipped {
            *self.skipped.entry(kind).or_default() += 1;
        }
    }

    /// Adds the ExternalSecrets that External Secrets makes from objects of `ClusterExternalSecret`.
    fn expand(&mut self, report: &Report) {
        for (name, cluster) in std::mem::take(&mut self.clusters) {
            let Object { origin, spec } = cluster;
            let selected =
                self.namespaces.iter().filter(|(name, labels)| spec.selects(name, labels));
            let selected = selected.map(|(name, _)| name);
            let selected: BTreeSet<_> = selected.chain(&spec.namespaces).cloned().collect();
            let what = format!("ClusterExternalSecret {} at {origin}", name.escape_debug());
            if selected.is_empty() {
                report
                    .warning(&format!("{what} is not counted: no Namespace in the input matches"));
                continue;
            }
            let count = selected.len();
            report.warning(&format!(
                "{what} counts as {count} ExternalSecrets; the controller does not create them itself"
            ));
            let child = Some(&spec.external_secret_name).filter(|name| !name.is_empty());
            for namespace in selected {
                // An ExternalSecret of this name is not replaced.
                let key = (namespace, child.unwrap_or(&name).clone());
                let (origin, spec) = (origin.clone(), spec.external_secret_spec.clone());
                self.externals.entry(key).or_insert(Object { origin, spec });
            }
        }
    }
}

/// The objects in one input, in their order.
#[derive(Default)]
struct Found {
    externals: Vec<((String, String), Object<ExternalSecretSpec>)>,
    stores: Vec<(StoreKey, Object<SecretStoreSpec>)>,
    clusters: Vec<(String, Object<ClusterExternalSecretSpec>)>,
    namespaces: Vec<(String, BTreeMap<String, String>)>,
    skipped: Vec<String>,
}

impl Found {
    /// With `lenient`, documents may be no objects.
    fn read(input: &Input, lenient: bool) -> Result<Self, ManifestsError> {
        let mut found = Self::default();
        for node in sources::documents(input.source()?)? {
            found.add(&node, &input.name, lenient)?;
        }
        Ok(found)
    }

    fn add(&mut self, node: &Node, input: &str, lenient: bool) -> Result<(), ManifestsError> {
        let kind = node.get("kind").and_then(Node::as_str);
        let group = node.get("apiVersion").and_then(Node::as_str);
        let is_ours = group.is_some_and(|version| version.starts_with(GROUP));
        let metadata = |field: &str| {
            let field = node.get("metadata").and_then(|metadata| metadata.get(field));
            field.and_then(Node::source_text).unwrap_or_default().to_owned()
        };
        let (namespace, name) = (metadata("namespace"), metadata("name"));
        match (kind, node.get("items").map(|items| &items.value)) {
            (Some(kind), Some(Value::List(items))) if kind.ends_with("List") => {
                items.iter().try_for_each(|item| self.add(item, input, lenient))?;
            }
            (Some("ExternalSecret"), _) if is_ours => {
                let object: Object<ExternalSecretSpec> = read(node, input, "ExternalSecret")?;
                check_interval(&object.origin, &object.spec)?;
                self.externals.push(((namespace, name), object));
            }
            (Some("ClusterExternalSecret"), _) if is_ours => {
                let object: Object<ClusterExternalSecretSpec> =
                    read(node, input, "ClusterExternalSecret")?;
                check_interval(&object.origin, &object.spec.external_secret_spec)?;
                self.clusters.push((name, object));
            }
            (Some("Namespace"), _) if group == Some("v1") => {
                let labels = node.get("metadata").and_then(|metadata| metadata.get("labels"));
                let labels = labels
                    .map(Node::to_json)
                    .and_then(|labels| serde_json::from_value(labels).ok());
                self.namespaces.push((name, labels.unwrap_or_default()));
            }
            (Some("SecretStore"), _) if is_ours => {
                let key = StoreKey { namespace: Some(namespace), name };
                self.stores.push((key, read(node, input, "SecretStore")?));
            }
            (Some("ClusterSecretStore"), _) if is_ours => {
                let key = StoreKey { namespace: None, name };
                self.stores.push((key, read(node, input, "ClusterSecretStore")?));
            }
            (None, _) if !lenient => {
                return Err(ManifestsError::NoKind { origin: format!("{input}:{}", node.line) });
            }
            (kind, _) => self.skipped.push(kind.unwrap_or_default().to_owned()),
        }
        Ok(())
    }
}

fn check_interval(origin: &str, spec: &ExternalSecretSpec) -> Result<(), ManifestsError> {
    let interval = spec.refresh_interval.as_deref();
    if interval.is_some_and(|interval| go_duration::parse(interval).is_none()) {
        return Err(ManifestsError::Interval { origin: origin.to_owned() });
    }
    Ok(())
}

/// The name of an object in messages.
pub(super) fn quoted(namespace: &str, name: &str) -> String {
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{}{slash}{}", namespace.escape_debug(), name.escape_debug())
}

fn read<S: DeserializeOwned>(
    node: &Node,
    input: &str,
    kind: &'static str,
) -> Result<Object<S>, ManifestsError> {
    sources::check_keys(input, node)?;
    let origin = format!("{input}:{}", node.line);
    let spec = node.get("spec").map_or_else(|| serde_json::json!({}), Node::to_json);
    let spec = serde_json::from_value(spec);
    let spec = spec.map_err(|_| ManifestsError::Malformed { origin: origin.clone(), kind })?;
    Ok(Object { origin, spec })
}
