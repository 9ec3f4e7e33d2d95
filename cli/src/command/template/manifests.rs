//! Reads the objects with templates, and the ConfigMaps and Secrets that contain further templates.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crds::SealedSecret;
use serde_json::{Value as Json, json};
use sources::{Node, Value};
use templates::external_secret::{Decoding, Field, Scope, Source, SourceTemplate, Target};

use super::{
    external::{External, Reference, TemplateFrom},
    store::Store,
};
use crate::{input::Input, manifests_error::ManifestsError};

/// The objects in all inputs.
pub(crate) struct Manifests {
    pub(crate) objects: Vec<Object>,
    pub(crate) stores: Vec<Store>,
    /// The objects that were skipped, as `Kind at file:line`.
    pub(crate) skipped: Vec<String>,
    /// The values of ConfigMaps and Secrets, by kind, namespace and name.
    texts: BTreeMap<(&'static str, String, String), BTreeMap<String, String>>,
}

/// An object with templates.
pub(crate) struct Object {
    /// `file:line`
    pub(crate) origin: String,
    pub(crate) name: String,
    /// Empty if it has none.
    pub(crate) namespace: String,
    pub(crate) subject: Subject,
}

/// The kind of an object with templates.
pub(crate) enum Subject {
    Sealed(Box<SealedSecret>),
    External(Box<External>),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.subject {
            Subject::Sealed(_) => "SealedSecret",
            Subject::External(_) => "ExternalSecret",
        };
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{}: {kind} {}{slash}{}", self.origin, self.namespace, self.name)
    }
}

impl Manifests {
    /// Reads all inputs. They must contain an object with templates, or with `lint`, a store.
    pub(crate) fn read(inputs: &[Input], lint: bool) -> Result<Self, ManifestsError> {
        let mut manifests = Self {
            objects: Vec::new(),
            stores: Vec::new(),
            skipped: Vec::new(),
            texts: BTreeMap::new(),
        };
        for input in inputs {
            for node in sources::documents(input.source()?)? {
                manifests.add(&node, &input.name)?;
            }
        }
        let has_stores = lint && !manifests.stores.is_empty();
        let is_empty = manifests.objects.is_empty() && !has_stores;
        if is_empty {
            let (wanted, inputs) = ("SealedSecret or ExternalSecret", "files");
            return Err(ManifestsError::None { wanted, inputs });
        }
        Ok(manifests)
    }

    fn add(&mut self, node: &Node, input: &str) -> Result<(), ManifestsError> {
        let origin = format!("{input}:{}", node.line);
        let kind = node.get("kind").and_then(Node::as_str);
        let metadata = |field: &str| {
            let field = node.get("metadata").and_then(|metadata| metadata.get(field));
            field.and_then(Node::as_str).unwrap_or_default().to_owned()
        };
        let (name, namespace) = (metadata("name"), metadata("namespace"));
        if matches!(kind, Some("SealedSecret" | "ExternalSecret" | "ConfigMap" | "Secret")) {
            sources::check_keys(input, node)?;
        }
        let malformed = |kind| ManifestsError::Malformed { origin: origin.clone(), kind };
        let subject = match (kind, node.get("items").map(|items| &items.value)) {
            (Some(kind), Some(Value::List(items))) if kind.ends_with("List") => {
                return items.iter().try_for_each(|item| self.add(item, input));
            }
            (Some("SealedSecret"), _) => {
                let document = json!({
                    "apiVersion": "bitnami.com/v1alpha1",
                    "kind": "SealedSecret",
                    "metadata": {},
                    "spec": node.get("spec").map_or(Json::Null, Node::to_json),
                });
                let sealed = serde_json::from_value(document);
                Subject::Sealed(sealed.map_err(|_| malformed("SealedSecret"))?)
            }
            (Some("ExternalSecret"), _) => {
                let field = |field: &str| {
                    let metadata = node.get("metadata").and_then(|metadata| metadata.get(field));
                    metadata.map_or_else(|| json!({}), Node::to_json)
                };
                let document = json!({
                    "labels": field("labels"),
                    "annotations": field("annotations"),
                    "spec": node.get("spec").map_or_else(|| json!({}), Node::to_json),
                });
                let external = serde_json::from_value(document);
                Subject::External(external.map_err(|_| malformed("ExternalSecret"))?)
            }
            (Some(kind @ ("ConfigMap" | "Secret")), _) => {
                let kind = if kind == "Secret" { "Secret" } else { "ConfigMap" };
                let texts = texts(node, kind).ok_or_else(|| malformed(kind))?;
                self.texts.insert((kind, namespace, name), texts);
                return Ok(());
            }
            (Some(kind), _) => {
                if let Some(store) = Store::read(node, kind, &origin) {
                    self.stores.push(store);
                    return Ok(());
                }
                self.skipped.push(format!("{} at {origin}", kind.escape_debug()));
                return Ok(());
            }
            (None, _) => return Err(ManifestsError::NoKind { origin }),
        };
        self.objects.push(Object { origin, name, namespace, subject });
        Ok(())
    }

    /// The templates of an ExternalSecret, including those of its `templateFrom`.
    pub(crate) fn target(
        &self,
        object: &Object,
        external: &External,
    ) -> Result<Target, ManifestsError> {
        let Some(template) = &external.spec.target.template else { return Ok(Target::default()) };
        let source = |from: &TemplateFrom| self.source(object, from);
        Ok(Target {
            merge: template.merge_policy == "Merge",
            from: template.template_from.iter().map(source).collect::<Result<_, _>>()?,
            data: template.data.clone(),
            labels: template.metadata.labels.clone(),
            annotations: template.metadata.annotations.clone(),
        })
    }

    fn source(&self, object: &Object, from: &TemplateFrom) -> Result<Source, ManifestsError> {
        let malformed =
            || ManifestsError::Malformed { origin: object.origin.clone(), kind: "ExternalSecret" };
        let mut templates = Vec::new();
        for (kind, reference) in [("ConfigMap", &from.config_map), ("Secret", &from.secret)] {
            let Some(Reference { name, items }) = reference else { continue };
            let id = (kind, object.namespace.clone(), name.clone());
            let texts = self.texts.get(&id).ok_or_else(|| ManifestsError::NotFound {
                object: object.to_string(),
                kind,
                name: name.clone(),
            })?;
            for item in items {
                let text = texts.get(&item.key).ok_or_else(|| ManifestsError::NoKey {
                    object: object.to_string(),
                    kind,
                    name: name.clone(),
                    key: item.key.clone(),
                })?;
                let scope = match item.template_as.as_str() {
                    "" | "Values" => Scope::Values,
                    "KeysAndValues" => Scope::KeysAndValues,
                    _ => return Err(malformed()),
                };
                let (key, text) = (item.key.clone(), text.clone());
                templates.push(SourceTemplate { key, text, scope });
            }
        }
        if let Some(text) = &from.literal {
            let (key, text) = ("literal".to_owned(), text.clone());
            templates.push(SourceTemplate { key, text, scope: Scope::KeysAndValues });
        }
        Ok(Source {
            templates,
            field: Field::parse(&from.target).ok_or_else(malformed)?,
            decoding: Decoding::parse(&from.values_decoding_strategy).ok_or_else(malformed)?,
        })
    }
}

/// The values of a ConfigMap or a Secret. None if a value is not text.
fn texts(node: &Node, kind: &str) -> Option<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (key, value) in node.get("data").and_then(Node::entries).unwrap_or_default() {
        let text = value.as_str()?;
        let text = if kind == "Secret" {
            String::from_utf8(STANDARD.decode(text).ok()?).ok()?
        } else {
            text.to_owned()
        };
        texts.insert(key.as_str().to_owned(), text);
    }
    if kind == "Secret" {
        for (key, value) in node.get("stringData").and_then(Node::entries).unwrap_or_default() {
            texts.insert(key.as_str().to_owned(), value.as_str()?.to_owned());
        }
    }
    Some(texts)
}
