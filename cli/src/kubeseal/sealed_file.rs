//! Reads files with SealedSecrets.

use std::collections::BTreeMap;

use sealing::Scope;
use serde_json::{Value as Json, json};
use sources::{Node, Value};

use super::{decode, error::KubesealError};
use crate::{error::Failure, input::Input, report::Report};

/// A file with SealedSecrets.
pub(crate) struct SealedFile {
    /// Its name in errors.
    pub(crate) name: String,
    /// All its documents.
    pub(super) nodes: Vec<Node>,
    /// The SealedSecrets, and those in Lists.
    pub(crate) sealed: Vec<Sealed>,
}

/// Objects of other kinds in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Others {
    /// An object of another kind is an error: it may be a Secret in plain text.
    Refuse,
    /// Objects of other kinds are skipped.
    Skip,
}

/// A SealedSecret in a file.
pub(crate) struct Sealed {
    /// Its document, and its positions in the Lists there.
    pub(super) path: Vec<usize>,
    /// `file:line`
    pub(crate) origin: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) scope: Scope,
    pub(super) items: BTreeMap<String, String>,
    /// The whole Secret as one item, in the format of kubeseal before 0.7.
    pub(super) legacy: Option<String>,
}

impl SealedFile {
    /// Reads the file. Documents without a kind, such as Kustomizations, are skipped.
    pub(crate) fn read(input: &Input, others: Others, report: &Report) -> Result<Self, Failure> {
        let nodes = sources::documents(input.source()?)?;
        let mut file = Self { name: input.name.clone(), nodes, sealed: vec![] };
        let mut found = Vec::new();
        for (at, node) in file.nodes.iter().enumerate() {
            if node.get("kind").is_none() {
                report.note(&format!(
                    "skipped a document without kind at {}:{}",
                    file.name, node.line
                ));
                continue;
            }
            add(node, vec![at], &file.name, others, &mut found)?;
        }
        file.sealed = found;
        Ok(file)
    }
}

fn add(
    node: &Node,
    path: Vec<usize>,
    file: &str,
    others: Others,
    found: &mut Vec<Sealed>,
) -> Result<(), Failure> {
    let origin = format!("{file}:{}", node.line);
    let kind = node.get("kind").and_then(Node::as_str);
    match (kind, node.get("items").map(|items| &items.value)) {
        (Some("SealedSecret"), _) => {
            sources::check_keys(file, node)?;
            found.push(sealed(node, path, origin)?);
            Ok(())
        }
        (Some("List" | "SealedSecretList"), Some(Value::List(items))) => {
            items.iter().enumerate().try_for_each(|(at, item)| {
                let path = path.iter().copied().chain([at]).collect();
                add(item, path, file, others, found)
            })
        }
        _ if others == Others::Skip => Ok(()),
        (kind, _) => {
            let kind = kind.unwrap_or("a document without kind").escape_debug().to_string();
            Err(KubesealError::OtherKind { origin, kind }.into())
        }
    }
}

fn sealed(node: &Node, path: Vec<usize>, origin: String) -> Result<Sealed, KubesealError> {
    let metadata = node.get("metadata");
    let field = |key: &str| metadata.and_then(|metadata| metadata.get(key));
    let text = |key: &str| field(key).and_then(decode::text).unwrap_or_default().to_owned();
    let name = text("name");
    if name.is_empty() {
        return Err(KubesealError::SealedWithoutName { origin });
    }
    let spec = node.get("spec");
    Ok(Sealed {
        path,
        origin,
        name,
        namespace: text("namespace"),
        scope: Scope::from_annotations(Some(&strings(field("annotations")))),
        items: strings(spec.and_then(|spec| spec.get("encryptedData"))),
        legacy: spec.and_then(|spec| spec.get("data")?.as_str().map(str::to_owned)),
    })
}

/// The entries of an object. As in the controller, values that are not strings are empty.
pub(super) fn strings(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.and_then(Node::entries).unwrap_or_default();
    let text = |node: &Node| node.as_str().unwrap_or_default().to_owned();
    entries.iter().map(|(key, value)| (key.as_str().to_owned(), text(value))).collect()
}

impl Sealed {
    /// `namespace/name`, for errors.
    pub(crate) fn object(&self) -> String {
        match self.namespace.as_str() {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }

    /// The object as the endpoints of the controller need it: without the template, which they must
    /// not render. Controllers before 0.36 read the scope from the annotations of the template.
    pub(super) fn request(&self) -> Vec<u8> {
        let annotations: BTreeMap<_, _> =
            self.scope.annotation().map(|key| (key, "true")).into_iter().collect();
        let metadata =
            json!({"name": self.name, "namespace": self.namespace, "annotations": annotations});
        let mut spec = json!({"encryptedData": self.items, "template": {"metadata": metadata}});
        if let Some(legacy) = &self.legacy {
            spec["data"] = Json::String(legacy.clone());
        }
        let object = json!({
            "kind": "SealedSecret",
            "apiVersion": "bitnami.com/v1alpha1",
            "metadata": metadata,
            "spec": spec,
        });
        object.to_string().into_bytes()
    }
}

/// The node of a SealedSecret, by its path.
pub(super) fn node_at<'n>(nodes: &'n [Node], path: &[usize]) -> Option<&'n Node> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(nodes.get(*first)?, |node, at| match &node.get("items")?.value {
        Value::List(items) => items.get(*at),
        _ => None,
    })
}
