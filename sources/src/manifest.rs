//! Secret manifests: `data` and `stringData` merged as Kubernetes merges them, and metadata without
//! the fields that the API server and `kubectl` add.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    key::{KEY_RULE, is_secret_key, shorten},
    located::Located,
    node::{Key, Node, Value},
    secret::Secret,
    secret_bytes::SecretBytes,
};

/// The Secrets in some documents. Other objects are errors unless `skip_others` is set.
pub(crate) fn secrets(
    documents: &[Node],
    skip_others: bool,
) -> Result<ManifestSecrets, Located<ManifestProblem>> {
    let mut found = ManifestSecrets::default();
    for document in documents {
        add_object(document, None, skip_others, &mut found)?;
    }
    Ok(found)
}

/// Whether a document looks like a Kubernetes object.
pub(crate) fn is_manifest(root: &Node) -> bool {
    let kind = root.get("kind").and_then(Node::as_str);
    match kind {
        Some("Secret" | "List" | "SecretList") => true,
        Some(_) => root.get("apiVersion").and_then(Node::as_str).is_some(),
        None => false,
    }
}

/// The Secrets in some documents.
#[derive(Default)]
pub(crate) struct ManifestSecrets {
    /// Each Secret with the line where it starts.
    pub(crate) secrets: Vec<(usize, Secret)>,
    /// The objects that were left out, as `Kind name`.
    pub(crate) skipped: Vec<String>,
}

/// Why a document cannot be read as a Secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManifestProblem {
    /// Without `kind`.
    #[error("a document without `kind`")]
    NoKind,
    /// An object of another kind.
    #[error("{0} is not a Secret")]
    OtherKind(String),
    /// A SealedSecret.
    #[error("{0} is already sealed")]
    Sealed(String),
    /// A wrong `apiVersion`.
    #[error("a Secret must have `apiVersion: v1`")]
    ApiVersion,
    /// An unknown field.
    #[error("a Secret has no field `{0}`")]
    UnknownField(String),
    /// A field with a wrong type.
    #[error("`{path}` must be {wanted}")]
    WrongType {
        /// The path of the field.
        path: String,
        /// The type it must have.
        wanted: FieldType,
    },
    /// A field without a value.
    #[error("`{0}` has no value")]
    NoValue(String),
    /// A key that Kubernetes reads as a different key.
    #[error("the key `{0}` is not a string: Kubernetes reads a boolean, a number or null")]
    KeyType(String),
    /// A key that Kubernetes does not accept in a Secret.
    #[error("`{0}` is not a valid key")]
    BadKey(String),
    /// A value in `data` that is not base64.
    #[error("`data.{0}` is not base64")]
    NotBase64(String),
}

/// The type that a field must have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldType {
    /// A boolean.
    Boolean,
    /// A list.
    List,
    /// An object.
    Object,
    /// A string.
    String,
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
            Self::String => "a string",
        })
    }
}

impl ManifestProblem {
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::UnknownField(_) => "check the spelling: an unknown field would not be sealed",
            Self::WrongType { wanted: FieldType::String, .. } => "put the value in quotes",
            Self::NoKind
            | Self::OtherKind(_)
            | Self::Sealed(_)
            | Self::WrongType { .. }
            | Self::ApiVersion => return None,
            Self::NoValue(_) => "write `\"\"` for an empty value, or remove the key",
            Self::KeyType(_) => "put it in quotes",
            Self::BadKey(_) => KEY_RULE,
            Self::NotBase64(_) => "put plain text under `stringData`",
        })
    }
}

type ManifestResult<T> = Result<T, Located<ManifestProblem>>;

/// Metadata fields that belong to the cluster the Secret came from. They are dropped.
const SERVER_METADATA_FIELDS: [&str; 11] = [
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

/// Annotations with a copy of the whole object, values included (sealed-secrets#227).
const OBJECT_COPY_ANNOTATIONS: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
];

fn add_object(
    node: &Node,
    default_kind: Option<&str>,
    skip_others: bool,
    found: &mut ManifestSecrets,
) -> ManifestResult<()> {
    let at = |problem| Located::at_line(node.line, problem);
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
                    .try_for_each(|item| add_object(item, default_kind, skip_others, found)),
                Some(_) => Err(at(wrong_type("items", FieldType::List))),
            }
        }
        _ => {
            let name = node
                .get("metadata")
                .and_then(|metadata| metadata.get("name"))
                .and_then(Node::as_str);
            let object = name.map_or_else(
                || shorten(kind),
                |name| format!("{} `{}`", shorten(kind), shorten(name)),
            );
            match (skip_others, kind) {
                (true, _) => {
                    found.skipped.push(object);
                    Ok(())
                }
                (false, "SealedSecret") => Err(at(ManifestProblem::Sealed(object))),
                (false, _) => Err(at(ManifestProblem::OtherKind(object))),
            }
        }
    }
}

/// Rejects an object with a key that Kubernetes reads as a different key.
pub(crate) fn check_keys(object: &Node) -> ManifestResult<()> {
    object.key_read_otherwise().map_or(Ok(()), |(line, key)| {
        Err(Located::at_line(line, ManifestProblem::KeyType(shorten(key.as_str()))))
    })
}

fn secret(node: &Node) -> ManifestResult<Secret> {
    check_keys(node)?;
    let mut secret = Secret::default();
    for (key, value) in node.entries().unwrap_or_default() {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            _ if value.is_null() => {}
            "metadata" => read_metadata(value, &mut secret)?,
            "type" => secret.type_ = Some(string(value, "type")?),
            "immutable" => {
                let immutable = value.as_bool();
                secret.immutable = Some(immutable.ok_or_else(|| {
                    Located::at_line(value.line, wrong_type("immutable", FieldType::Boolean))
                })?);
            }
            "data" | "stringData" => {}
            other => {
                return Err(Located::at_line(
                    value.line,
                    ManifestProblem::UnknownField(shorten(other)),
                ));
            }
        }
    }
    // `stringData` wins over `data`, in any order.
    for (key, value) in map(node.get("data"), "data")? {
        let key = key.as_str();
        let bytes = decode(key, value)?;
        secret.data.insert(key.to_owned(), SecretBytes::new(bytes));
    }
    for (key, value) in map(node.get("stringData"), "stringData")? {
        let key = key.as_str();
        check_key(key, value)?;
        let text = Zeroizing::new(string(value, &format!("stringData.{key}"))?);
        secret.data.insert(key.to_owned(), SecretBytes::new(text.as_bytes().to_vec()));
    }
    Ok(secret)
}

fn read_metadata(node: &Node, secret: &mut Secret) -> ManifestResult<()> {
    for (key, value) in map(Some(node), "metadata")? {
        match key.as_str() {
            _ if value.is_null() => {}
            "name" => secret.name = Some(string(value, "metadata.name")?),
            "namespace" => secret.namespace = Some(string(value, "metadata.namespace")?),
            "labels" => secret.labels = strings(value, "metadata.labels")?,
            "annotations" => {
                secret.annotations = strings(value, "metadata.annotations")?;
                let is_copy = |key: &str| OBJECT_COPY_ANNOTATIONS.contains(&key);
                secret.annotations.retain(|key, _| !is_copy(key));
            }
            key if SERVER_METADATA_FIELDS.contains(&key) => {}
            other => {
                let problem = ManifestProblem::UnknownField(format!("metadata.{}", shorten(other)));
                return Err(Located::at_line(value.line, problem));
            }
        }
    }
    Ok(())
}

/// Decodes base64 as Go does: standard alphabet, padded, line ends ignored.
fn decode(key: &str, value: &Node) -> ManifestResult<Vec<u8>> {
    check_key(key, value)?;
    let text = Zeroizing::new(string(value, &format!("data.{key}"))?);
    let folded = Zeroizing::new(text.replace(['\r', '\n'], ""));
    STANDARD
        .decode(folded.as_bytes())
        .map_err(|_| Located::at_line(value.line, ManifestProblem::NotBase64(key.to_owned())))
}

fn check_key(key: &str, value: &Node) -> ManifestResult<()> {
    if is_secret_key(key) {
        Ok(())
    } else {
        Err(Located::at_line(value.line, ManifestProblem::BadKey(shorten(key))))
    }
}

fn map<'a>(node: Option<&'a Node>, path: &str) -> ManifestResult<&'a [(Key, Node)]> {
    node.map_or(Ok(&[]), |node| {
        node.entries()
            .ok_or_else(|| Located::at_line(node.line, wrong_type(path, FieldType::Object)))
    })
}

fn strings(node: &Node, path: &str) -> ManifestResult<BTreeMap<String, String>> {
    map(Some(node), path)?
        .iter()
        .map(|(key, value)| {
            let key = key.as_str();
            Ok((key.to_owned(), string(value, &format!("{path}.{}", shorten(key)))?))
        })
        .collect()
}

fn string(node: &Node, path: &str) -> ManifestResult<String> {
    node.as_str().map(str::to_owned).ok_or_else(|| {
        Located::at_line(
            node.line,
            if node.is_null() {
                ManifestProblem::NoValue(path.to_owned())
            } else {
                wrong_type(path, FieldType::String)
            },
        )
    })
}

fn wrong_type(path: &str, wanted: FieldType) -> ManifestProblem {
    ManifestProblem::WrongType { path: path.to_owned(), wanted }
}

#[cfg(test)]
mod tests;
