//! Secret manifests: `data` and `stringData` merged as Kubernetes merges them, metadata without what
//! the API server and `kubectl` added.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealing::{Plaintext, Scope};
use zeroize::Zeroizing;

use super::flat::shorten;
use super::node::{Node, Value};
use super::{At, Problem};
use crate::names;
use crate::secret::Secret;

/// The Secrets in some documents, and the names of what was skipped.
pub(crate) fn secrets(documents: &[Node], skip_others: bool) -> Result<Found, At<ManifestProblem>> {
    let mut found = Found::default();
    for document in documents {
        document_of(document, None, skip_others, &mut found)?;
    }
    Ok(found)
}

/// Does a document look like a Kubernetes object?
pub(crate) fn is_manifest(root: &Node) -> bool {
    let kind = root.get("kind").and_then(Node::as_str);
    match kind {
        Some("Secret" | "List" | "SecretList") => true,
        Some(_) => root.get("apiVersion").and_then(Node::as_str).is_some(),
        None => false,
    }
}

/// What was in the documents.
#[derive(Default)]
pub(crate) struct Found {
    /// The Secrets, each with the line that it starts on.
    pub(crate) secrets: Vec<(usize, Secret)>,
    /// Other objects, as `Kind name`.
    pub(crate) skipped: Vec<String>,
}

/// Why documents are not Secrets.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ManifestProblem {
    /// No `kind`, or not even an object.
    #[error("a document without `kind`")]
    NoKind,
    /// Another kind.
    #[error("{0} is not a Secret")]
    OtherKind(String),
    /// A SealedSecret.
    #[error("{0} is sealed already")]
    Sealed(String),
    /// Another version.
    #[error("a Secret has `apiVersion: v1`")]
    ApiVersion,
    /// A field that a Secret does not have.
    #[error("a Secret has no field `{0}`")]
    UnknownField(String),
    /// A field of another type.
    #[error("`{path}` must be {wanted}")]
    WrongType {
        /// Where.
        path: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// No key of a Secret.
    #[error("`{0}` is not a valid key")]
    BadKey(String),
    /// `data` that is not base64.
    #[error("`data.{0}` is not base64")]
    NotBase64(String),
}

impl Problem for ManifestProblem {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoKind => "`--from yaml` or `--from json` reads a flat object of keys and values",
            Self::OtherKind(_) => "`--skip-others` seals the Secrets alone",
            Self::Sealed(_) => {
                "give the Secret that it was made of; `mtk-seal unseal` opens it with the key"
            }
            Self::UnknownField(_) => "check the spelling: what is not read would not be sealed",
            Self::WrongType { wanted: "a string", .. } => "put the value in quotes",
            Self::WrongType { .. } | Self::ApiVersion => return Vec::new(),
            Self::BadKey(_) => "a key has up to 253 letters, digits, `-`, `_` and `.`",
            Self::NotBase64(_) => "put text as it is under `stringData`",
        };
        vec![hint.to_owned()]
    }
}

type Result1<T> = Result<T, At<ManifestProblem>>;

/// Metadata that the API server keeps, or that must not travel: dropped.
const SERVER_FIELDS: [&str; 11] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "generateName",
];

/// Annotations that hold a copy of the whole object, values included (sealed-secrets#227).
const COPIES: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
];

fn document_of(
    node: &Node,
    default_kind: Option<&str>,
    skip_others: bool,
    found: &mut Found,
) -> Result1<()> {
    let at = |problem| At::line(node.line, problem);
    let text = |key| node.get(key).and_then(Node::as_str);
    let kind = text("kind").or(default_kind).ok_or_else(|| at(ManifestProblem::NoKind))?;
    let version = text("apiVersion");
    match kind {
        "Secret" if version == Some("v1") || (version.is_none() && default_kind.is_some()) => {
            found.secrets.push((node.line, secret(node)?));
            Ok(())
        }
        "Secret" if version.is_none_or(|version| !version.contains('/')) => {
            Err(at(ManifestProblem::ApiVersion))
        }
        "List" | "SecretList" => {
            let default_kind = (kind == "SecretList").then_some("Secret");
            match node.get("items").map(|items| &items.value) {
                None => Ok(()),
                Some(Value::List(items)) => items
                    .iter()
                    .try_for_each(|item| document_of(item, default_kind, skip_others, found)),
                Some(_) => Err(at(wrong_type("items", "a list"))),
            }
        }
        _ => {
            let name = node
                .get("metadata")
                .and_then(|metadata| metadata.get("name"))
                .and_then(Node::as_str);
            let what = name.map_or_else(
                || shorten(kind),
                |name| format!("{} `{}`", shorten(kind), shorten(name)),
            );
            match (skip_others, kind) {
                (true, _) => {
                    found.skipped.push(what);
                    Ok(())
                }
                (false, "SealedSecret") => Err(at(ManifestProblem::Sealed(what))),
                (false, _) => Err(at(ManifestProblem::OtherKind(what))),
            }
        }
    }
}

fn secret(node: &Node) -> Result1<Secret> {
    let mut secret = Secret::default();
    for (key, value) in node.entries().unwrap_or_default() {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            _ if value.is_null() => {}
            "metadata" => metadata(value, &mut secret)?,
            "type" => secret.type_ = Some(string(value, "type")?),
            "immutable" => {
                let immutable = value.as_bool();
                secret.immutable = Some(immutable.ok_or_else(|| {
                    At::line(value.line, wrong_type("immutable", "true or false"))
                })?);
            }
            "data" | "stringData" => {}
            other => {
                return Err(At::line(value.line, ManifestProblem::UnknownField(shorten(other))));
            }
        }
    }
    // `stringData` wins, whichever comes first in the file.
    for (key, value) in map(node.get("data"), "data")? {
        let bytes = decode(key, value)?;
        secret.data.insert(key.clone(), Plaintext::new(bytes));
    }
    for (key, value) in map(node.get("stringData"), "stringData")? {
        check_key(key, value)?;
        let text = Zeroizing::new(string(value, &format!("stringData.{key}"))?);
        secret.data.insert(key.clone(), Plaintext::new(text.as_bytes().to_vec()));
    }
    Ok(secret)
}

fn metadata(node: &Node, secret: &mut Secret) -> Result1<()> {
    for (key, value) in map(Some(node), "metadata")? {
        match key.as_str() {
            _ if value.is_null() => {}
            "name" => secret.name = Some(string(value, "metadata.name")?),
            "namespace" => secret.namespace = Some(string(value, "metadata.namespace")?),
            "labels" => secret.labels = strings(value, "metadata.labels")?,
            "annotations" => {
                let mut annotations = strings(value, "metadata.annotations")?;
                let scope = Scope::from_annotations(Some(&annotations));
                // No annotation is no opinion: flags and the project file may have one.
                secret.scope = scope.annotation().map(|_| scope);
                annotations.retain(|key, _| !COPIES.contains(&key.as_str()) && !is_scope(key));
                secret.annotations = annotations;
            }
            key if SERVER_FIELDS.contains(&key) => {}
            other => {
                let problem = ManifestProblem::UnknownField(format!("metadata.{}", shorten(other)));
                return Err(At::line(value.line, problem));
            }
        }
    }
    Ok(())
}

fn is_scope(key: &str) -> bool {
    [Scope::CLUSTER_WIDE_ANNOTATION, Scope::NAMESPACE_WIDE_ANNOTATION].contains(&key)
}

/// Base64 as Go reads it: standard, padded, line ends ignored.
fn decode(key: &str, value: &Node) -> Result1<Vec<u8>> {
    check_key(key, value)?;
    let text = Zeroizing::new(string(value, &format!("data.{key}"))?);
    let folded = Zeroizing::new(text.replace(['\r', '\n'], ""));
    STANDARD
        .decode(folded.as_bytes())
        .map_err(|_| At::line(value.line, ManifestProblem::NotBase64(key.to_owned())))
}

fn check_key(key: &str, value: &Node) -> Result1<()> {
    if names::is_secret_key(key) {
        Ok(())
    } else {
        Err(At::line(value.line, ManifestProblem::BadKey(shorten(key))))
    }
}

fn map<'a>(node: Option<&'a Node>, path: &str) -> Result1<&'a [(String, Node)]> {
    node.map_or(Ok(&[]), |node| {
        node.entries().ok_or_else(|| At::line(node.line, wrong_type(path, "an object")))
    })
}

fn strings(node: &Node, path: &str) -> Result1<BTreeMap<String, String>> {
    map(Some(node), path)?
        .iter()
        .map(|(key, value)| Ok((key.clone(), string(value, &format!("{path}.{}", shorten(key)))?)))
        .collect()
}

fn string(node: &Node, path: &str) -> Result1<String> {
    node.as_str()
        .map(str::to_owned)
        .ok_or_else(|| At::line(node.line, wrong_type(path, "a string")))
}

fn wrong_type(path: &str, wanted: &'static str) -> ManifestProblem {
    ManifestProblem::WrongType { path: path.to_owned(), wanted }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    fn found(text: &str, skip_others: bool) -> Result1<Found> {
        secrets(&yaml::parse(text).ok().unwrap(), skip_others)
    }

    fn secret(text: &str) -> Secret {
        let mut found = found(text, false).ok().unwrap();
        assert_eq!(found.secrets.len(), 1);
        found.secrets.remove(0).1
    }

    fn problem(text: &str) -> (Option<usize>, ManifestProblem) {
        let at = found(text, false).err().unwrap();
        (at.line, at.problem)
    }

    fn with(rest: &str) -> String {
        format!("apiVersion: v1\nkind: Secret\n{rest}")
    }

    fn value<'a>(secret: &'a Secret, key: &str) -> &'a [u8] {
        secret.data[key].expose()
    }

    #[test]
    fn string_data_wins_over_data_whichever_comes_first() {
        let secret = secret(&with("stringData: {a: new}\ndata: {a: b2xk, b: \"aGk=\"}\n"));
        assert_eq!(value(&secret, "a"), b"new");
        assert_eq!(value(&secret, "b"), b"hi");
    }

    #[test]
    fn base64_may_be_folded_and_binary() {
        let secret = secret(&with("data:\n  a: |\n    /w\n    ==\n  b: ''\n"));
        assert_eq!(value(&secret, "a"), b"\xff");
        assert_eq!(value(&secret, "b"), b"");
    }

    #[test]
    fn data_that_is_not_base64_is_refused() {
        for text in ["aGk", "a b=", "_-==", "hello!"] {
            assert_eq!(
                problem(&with(&format!("data: {{k: '{text}'}}"))).1,
                ManifestProblem::NotBase64("k".to_owned())
            );
        }
    }

    #[test]
    fn string_data_that_is_no_string_is_refused_with_its_line() {
        for text in ["5432", "yes", "null", "", "[a]", "{a: b}", "1.5"] {
            let expected = wrong_type("stringData.k", "a string");
            assert_eq!(
                problem(&with(&format!("stringData:\n  k: {text}\n"))),
                (Some(4), expected),
                "{text}"
            );
        }
        assert_eq!(value(&secret(&with("stringData: {k: 2001-01-01}")), "k"), b"2001-01-01");
    }

    #[test]
    fn what_the_server_and_kubectl_added_is_left_out() {
        let secret = secret(&with(
            "metadata:\n  name: s\n  uid: u\n  resourceVersion: '1'\n  creationTimestamp: null\n  ownerReferences: []\n  managedFields: []\n  finalizers: [x]\n  annotations:\n    keep: me\n    kubectl.kubernetes.io/last-applied-configuration: secret\n    kubecfg.ksonnet.io/last-applied-configuration: secret\n    sealedsecrets.bitnami.com/namespace-wide: 'true'\n",
        ));
        assert_eq!(secret.annotations, BTreeMap::from([("keep".to_owned(), "me".to_owned())]));
        assert_eq!(secret.scope, Some(Scope::NamespaceWide));
    }

    #[test]
    fn only_the_exact_true_is_a_scope_and_cluster_wide_wins() {
        let scope = |annotations: &str| {
            secret(&with(&format!("metadata: {{annotations: {{{annotations}}}}}"))).scope
        };
        assert_eq!(scope("sealedsecrets.bitnami.com/cluster-wide: 'TRUE'"), None);
        let both = "sealedsecrets.bitnami.com/cluster-wide: 'true', sealedsecrets.bitnami.com/namespace-wide: 'true'";
        assert_eq!(scope(both), Some(Scope::ClusterWide));
    }

    #[test]
    fn lists_are_expanded() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n- kind: SecretList\n  apiVersion: v1\n  items:\n  - metadata: {name: a}\n";
        assert_eq!(found(text, false).ok().unwrap().secrets.len(), 2);
    }

    #[test]
    fn other_kinds_are_refused_by_name_unless_skipped() {
        let text = "apiVersion: v1\nkind: Secret\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
        assert_eq!(
            problem(text),
            (Some(4), ManifestProblem::OtherKind("Deployment `web`".to_owned()))
        );
        let found = found(text, true).ok().unwrap();
        assert_eq!((found.secrets.len(), found.skipped), (1, vec!["Deployment `web`".to_owned()]));
    }

    #[test]
    fn a_sealed_secret_a_misspelt_field_and_a_missing_version_are_refused() {
        let sealed = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: s}\n";
        assert_eq!(problem(sealed).1, ManifestProblem::Sealed("SealedSecret `s`".to_owned()));
        assert_eq!(
            problem(&with("stringdata: {a: b}")),
            (Some(3), ManifestProblem::UnknownField("stringdata".to_owned()))
        );
        assert_eq!(
            problem(&with("metadata: {label: {}}")).1,
            ManifestProblem::UnknownField("metadata.label".to_owned())
        );
        assert_eq!(problem("kind: Secret\n").1, ManifestProblem::ApiVersion);
        assert_eq!(problem("a: b\n").1, ManifestProblem::NoKind);
    }

    #[test]
    fn labels_are_strings_and_keys_are_checked() {
        assert_eq!(
            problem(&with("metadata: {labels: {v: 1}}")).1,
            wrong_type("metadata.labels.v", "a string")
        );
        assert_eq!(
            problem(&with("data: {'a b': ''}")).1,
            ManifestProblem::BadKey("a b".to_owned())
        );
        assert_eq!(
            problem(&with("stringData: {'..': ''}")).1,
            ManifestProblem::BadKey("..".to_owned())
        );
        assert_eq!(problem(&with("immutable: 'true'")).1, wrong_type("immutable", "true or false"));
    }
}
