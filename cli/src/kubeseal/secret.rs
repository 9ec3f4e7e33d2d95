//! Reads Secret manifests as kubeseal does: the kind and unknown fields do not matter.

use std::collections::BTreeMap;

use sources::{Node, SecretBytes, Value};

use super::{decode, error::KubesealError};
use crate::input::Input;

/// Annotations with a copy of the whole object, values included.
const OBJECT_COPY_ANNOTATIONS: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
];

/// A Secret as its manifest describes it.
#[derive(Default)]
pub(super) struct Secret {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) finalizers: Vec<String>,
    pub(super) type_: Option<String>,
    pub(super) immutable: Option<bool>,
    pub(super) data: BTreeMap<String, SecretBytes>,
}

/// The Secrets of the input, and those in its Lists.
pub(super) fn read(input: &Input) -> Result<Vec<Secret>, KubesealError> {
    let unreadable = |detail: String| KubesealError::NoSecrets { detail: Some(detail) };
    let source = input.source().map_err(|error| unreadable(error.to_string()))?;
    let documents = sources::documents(source).map_err(|error| unreadable(error.to_string()))?;
    let mut secrets = Vec::new();
    for document in &documents {
        add(document, &input.name, &mut secrets)?;
    }
    if secrets.is_empty() { Err(KubesealError::NoSecrets { detail: None }) } else { Ok(secrets) }
}

fn add(node: &Node, input: &str, secrets: &mut Vec<Secret>) -> Result<(), KubesealError> {
    let kind = node.get("kind").and_then(Node::as_str);
    let items = node.get("items").map(|items| &items.value);
    if let (Some("List" | "SecretList"), Some(Value::List(items))) = (kind, items) {
        return items.iter().try_for_each(|item| add(item, input, secrets));
    }
    sources::check_keys(input, node)
        .map_err(|error| KubesealError::NoSecrets { detail: Some(error.to_string()) })?;
    secrets.push(Reader { input }.secret(node)?);
    Ok(())
}

/// Reads the fields of a manifest, and names the input in errors.
struct Reader<'a> {
    input: &'a str,
}

impl Reader<'_> {
    fn secret(&self, node: &Node) -> Result<Secret, KubesealError> {
        if node.entries().is_none() {
            let detail = format!("{}:{}: not an object", self.input, node.line);
            return Err(KubesealError::NoSecrets { detail: Some(detail) });
        }
        let metadata = node.get("metadata");
        let field = |key: &str| metadata.and_then(|metadata| metadata.get(key));
        let mut annotations = self.strings(field("annotations"), "metadata.annotations")?;
        annotations.retain(|key, _| !OBJECT_COPY_ANNOTATIONS.contains(&key.as_str()));
        let immutable = node.get("immutable").map(|node| {
            let value = node.to_json().as_bool();
            value.ok_or_else(|| self.wrong(node, "immutable", "true or false"))
        });
        Ok(Secret {
            name: self.optional(field("name"), "metadata.name")?,
            namespace: self.optional(field("namespace"), "metadata.namespace")?,
            labels: self.strings(field("labels"), "metadata.labels")?,
            annotations,
            finalizers: self.list(field("finalizers"), "metadata.finalizers")?,
            type_: self.optional(node.get("type"), "type")?,
            immutable: immutable.transpose()?,
            data: self.data(node)?,
        })
    }

    /// `stringData` wins over `data`.
    fn data(&self, node: &Node) -> Result<BTreeMap<String, SecretBytes>, KubesealError> {
        let mut data = BTreeMap::new();
        for (key, value) in self.entries(node.get("data"), "data")? {
            let text = self.string(value, &format!("data.{key}"))?;
            let bytes = decode::base64(text).map_err(|at| KubesealError::NotBase64 {
                at,
                place: format!("{}:{}: `data.{key}`", self.input, value.line),
            })?;
            data.insert(key.to_owned(), bytes);
        }
        for (key, value) in self.entries(node.get("stringData"), "stringData")? {
            let text = self.string(value, &format!("stringData.{key}"))?;
            data.insert(key.to_owned(), SecretBytes::new(text.as_bytes().to_vec()));
        }
        Ok(data)
    }

    fn entries<'n>(
        &self,
        node: Option<&'n Node>,
        path: &str,
    ) -> Result<Vec<(&'n str, &'n Node)>, KubesealError> {
        let Some(node) = node else { return Ok(Vec::new()) };
        let entries = node.entries().ok_or_else(|| self.wrong(node, path, "an object"))?;
        Ok(entries.iter().map(|(key, value)| (key.as_str(), value)).collect())
    }

    fn strings(
        &self,
        node: Option<&Node>,
        path: &str,
    ) -> Result<BTreeMap<String, String>, KubesealError> {
        let entry = |(key, value): (&str, &Node)| {
            Ok((key.to_owned(), self.string(value, &format!("{path}.{key}"))?.to_owned()))
        };
        self.entries(node, path)?.into_iter().map(entry).collect()
    }

    fn list(&self, node: Option<&Node>, path: &str) -> Result<Vec<String>, KubesealError> {
        let Some(node) = node else { return Ok(Vec::new()) };
        let Value::List(items) = &node.value else {
            return Err(self.wrong(node, path, "a list"));
        };
        items.iter().map(|item| self.string(item, path).map(str::to_owned)).collect()
    }

    fn optional(&self, node: Option<&Node>, path: &str) -> Result<Option<String>, KubesealError> {
        let text = node.map(|node| self.string(node, path)).transpose()?;
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    fn string<'n>(&self, node: &'n Node, path: &str) -> Result<&'n str, KubesealError> {
        decode::text(node).ok_or_else(|| self.wrong(node, path, "a string"))
    }

    fn wrong(&self, node: &Node, path: &str, wanted: &'static str) -> KubesealError {
        KubesealError::WrongType {
            origin: format!("{}:{}", self.input, node.line),
            path: path.escape_debug().to_string(),
            wanted,
        }
    }
}
