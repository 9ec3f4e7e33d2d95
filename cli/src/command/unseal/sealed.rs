//! SealedSecrets in files, and the Secrets that their templates make of opened items.

use std::collections::BTreeMap;

use sealing::Plaintext;
use serde_json::{Value as Json, json};
use templates::sealed_secret;

use super::{Options, SealedSecret};
use crate::error::{Explain, hint};
use crate::exit::Exit;
use crate::rendering::with_environment;
use crate::report::Report;
use crate::secret::Secret;
use crate::source::input::Input;
use crate::source::node::{Node, Value};
use crate::source::{self, SourceError};

/// A SealedSecret, with the name and namespace that its items are bound to.
pub(crate) struct Sealed {
    pub(crate) name: String,
    /// Empty if there is none, and the scope needs none.
    pub(crate) namespace: String,
    pub(crate) resource: SealedSecret,
    origin: String,
}

/// The SealedSecrets of all inputs.
pub(crate) fn read(
    inputs: &[Input],
    options: &Options,
    report: &Report,
) -> Result<Vec<Sealed>, SealedError> {
    let mut found = Vec::new();
    for input in inputs {
        for node in source::documents(input)? {
            document(&node, &input.name, options, report, &mut found)?;
        }
    }
    if found.is_empty() { Err(SealedError::None) } else { Ok(found) }
}

impl Sealed {
    /// `namespace/name`, for errors.
    pub(crate) fn object(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }

    /// The Secret of opened items and rendered templates.
    pub(crate) fn secret(&self, items: BTreeMap<String, Plaintext>) -> Result<Secret, SealedError> {
        let template = &self.resource.spec.template;
        let items = items.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
        let rendered = with_environment(|environment| {
            sealed_secret::render(&template.data, items, environment)
        });
        let rendered = rendered
            .map_err(|source| SealedError::Template { origin: self.origin.clone(), source })?;
        Ok(Secret {
            type_: Some(template.type_.clone()).filter(|type_| !type_.is_empty()),
            immutable: template.immutable,
            labels: template.metadata.labels.clone(),
            annotations: template.metadata.annotations.clone(),
            data: rendered.data.into_iter().map(|(key, value)| (key, value.into())).collect(),
            ..Secret::default()
        })
    }

    /// The Secret that was sealed as a whole, as kubeseal did before 0.7.
    pub(crate) fn legacy(&self, plaintext: &Plaintext) -> Result<Secret, SealedError> {
        let malformed = || SealedError::Legacy { origin: self.origin.clone() };
        let text = std::str::from_utf8(plaintext.expose()).map_err(|_| malformed())?;
        source::one_secret(text).ok_or_else(malformed)
    }
}

fn document(
    node: &Node,
    input: &str,
    options: &Options,
    report: &Report,
    found: &mut Vec<Sealed>,
) -> Result<(), SealedError> {
    let origin = format!("{input}:{}", node.line);
    let text = |key| node.get(key).and_then(Node::as_str);
    match (text("kind"), node.get("items").map(|items| &items.value)) {
        (Some("SealedSecret"), _) => {
            found.push(sealed(node, origin, options)?);
            Ok(())
        }
        (Some("List" | "SealedSecretList"), Some(Value::List(items))) => {
            items.iter().try_for_each(|item| document(item, input, options, report, found))
        }
        (kind, _) if options.skip_others => {
            report.note(&format!(
                "left out {} of {origin}",
                kind.unwrap_or("a document without kind")
            ));
            Ok(())
        }
        (Some(kind), _) => {
            Err(SealedError::OtherKind { origin, kind: kind.escape_debug().to_string() })
        }
        (None, _) => Err(SealedError::NoKind { origin }),
    }
}

fn sealed(node: &Node, origin: String, options: &Options) -> Result<Sealed, SealedError> {
    let metadata = node.get("metadata");
    let field = |key: &str| metadata.and_then(|metadata| metadata.get(key));
    let of_file = |key| field(key).and_then(Node::as_str).map(str::to_owned);
    let name = agree(&origin, "name", options.name.clone(), of_file("name"))?;
    let namespace = agree(&origin, "namespace", options.namespace.clone(), of_file("namespace"))?;
    // What the server added is not ours to understand.
    let document = json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": { "annotations": field("annotations").map(strings) },
        "spec": node.get("spec").map_or(Json::Null, Node::to_json),
    });
    let resource: SealedSecret = serde_json::from_value(document)
        .map_err(|_| SealedError::Malformed { origin: origin.clone() })?;
    if resource.spec.data.is_some() && !resource.spec.encrypted_data.is_empty() {
        return Err(SealedError::BothFormats { origin });
    }
    let scope = resource.scope();
    let name = name.ok_or_else(|| SealedError::NoName { origin: origin.clone(), field: "name" })?;
    let namespace = match namespace {
        Some(namespace) => namespace,
        None if scope == sealing::Scope::ClusterWide => String::new(),
        None => {
            return Err(SealedError::NoName { origin, field: "namespace" });
        }
    };
    Ok(Sealed { name, namespace, resource, origin })
}

/// The entries that are strings; an API server refuses the others.
fn strings(node: &Node) -> BTreeMap<&str, &str> {
    let entries = node.entries().unwrap_or_default();
    entries.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}

fn agree(
    origin: &str,
    field: &'static str,
    flag: Option<String>,
    file: Option<String>,
) -> Result<Option<String>, SealedError> {
    match (flag, file) {
        (Some(flag), Some(file)) if flag != file => {
            Err(SealedError::Contradiction { origin: origin.to_owned(), field, flag, file })
        }
        (flag, file) => Ok(flag.or(file)),
    }
}

/// Why a file is not SealedSecrets that can be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealedError {
    /// Old and new format at once.
    #[error("{origin}: a SealedSecret has `encryptedData` or the old `data`, not both")]
    BothFormats {
        /// `file:line`
        origin: String,
    },
    /// Flag and file differ.
    #[error("{origin}: the SealedSecret has the {field} `{file}`, and `--{field}` says `{flag}`")]
    Contradiction {
        /// `file:line`
        origin: String,
        /// The flag without dashes.
        field: &'static str,
        /// What the flag says.
        flag: String,
        /// What the file says.
        file: String,
    },
    /// The whole was opened, and is no Secret.
    #[error("{origin}: the old `data` does not hold a Secret")]
    Legacy {
        /// `file:line`
        origin: String,
    },
    /// Not of its schema.
    #[error("{origin}: the SealedSecret is not of its schema")]
    Malformed {
        /// `file:line`
        origin: String,
    },
    /// Nothing in it.
    #[error("there is no SealedSecret in the input")]
    None,
    /// Not an object of Kubernetes.
    #[error("{origin}: a document without `kind`")]
    NoKind {
        /// `file:line`
        origin: String,
    },
    /// Its items are bound to what is missing.
    #[error("{origin}: the SealedSecret has no {field}")]
    NoName {
        /// `file:line`
        origin: String,
        /// `name` or `namespace`
        field: &'static str,
    },
    /// Another kind.
    #[error("{origin}: {kind} is not a SealedSecret")]
    OtherKind {
        /// `file:line`
        origin: String,
        /// The kind.
        kind: String,
    },
    /// Not YAML or JSON.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A template that cannot be rendered.
    #[error("{origin}: template.data `{}`: {source}", source.key)]
    Template {
        /// `file:line`
        origin: String,
        /// The key, and what is wrong.
        source: sealed_secret::Error,
    },
}

impl Explain for SealedError {
    fn exit(&self) -> Exit {
        match self {
            Self::Contradiction { .. } | Self::NoName { .. } => Exit::Target,
            Self::Legacy { .. } => Exit::Unseal,
            Self::Template { .. } => Exit::Failure,
            _ => Exit::Input,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::BothFormats { .. } | Self::Legacy { .. } => Vec::new(),
            Self::Contradiction { field, .. } => hint(format!("leave `--{field}` out")),
            Self::Malformed { .. } => hint("`kubectl explain sealedsecret.spec` shows it"),
            Self::None => hint("give the SealedSecret on the standard input, or name files"),
            Self::NoKind { .. } | Self::OtherKind { .. } => {
                hint("`--skip-others` opens the SealedSecrets alone; a key is given with `--key`")
            }
            Self::NoName { field, .. } => {
                hint(format!("give the one it was sealed for with `--{field}`"))
            }
            Self::Source(error) => error.hints(),
            Self::Template { .. } => hint("`mtk-seal template --lint` lists all mistakes"),
        }
    }
}
