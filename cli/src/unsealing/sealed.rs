//! Reads SealedSecrets from files, and renders Secrets from their templates and decrypted items.

use std::collections::BTreeMap;

use crds::SealedSecret;
use sealing::Plaintext;
use serde_json::{Value as Json, json};
use sources::{Node, SourceError, Value};
use templates::sealed_secret;

use crate::{
    error::{Explain, hint},
    exit::Exit,
    input::{Input, InputError},
    rendering::secret_from_template,
    report::Report,
    scope::take_scope,
    secret_manifest::SecretContent,
};

/// The input, and the name and namespace of files without them.
pub(crate) struct SealedOptions {
    pub(crate) skip_others: bool,
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
}

/// A SealedSecret, with the name and namespace that its items were sealed for.
pub(crate) struct Sealed {
    pub(crate) name: String,
    /// Empty if it has none and its scope requires none.
    pub(crate) namespace: String,
    pub(crate) resource: SealedSecret,
    origin: String,
}

/// The SealedSecrets of all inputs.
pub(crate) fn read(
    inputs: &[Input],
    options: &SealedOptions,
    report: &Report,
) -> Result<Vec<Sealed>, SealedError> {
    let mut found = Vec::new();
    for input in inputs {
        for node in sources::documents(input.source()?)? {
            add_object(&node, &input.name, options, report, &mut found)?;
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

    /// The Secret that the template renders from decrypted items.
    pub(crate) fn secret(
        &self,
        items: BTreeMap<String, Plaintext>,
    ) -> Result<SecretContent, SealedError> {
        let items = items.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
        secret_from_template(&self.resource.spec.template, items)
            .map_err(|source| SealedError::Template { origin: self.origin.clone(), source })
    }

    /// The Secret in `spec.data`, which kubeseal before 0.7 sealed as a whole.
    pub(crate) fn legacy_secret(
        &self,
        plaintext: &Plaintext,
    ) -> Result<SecretContent, SealedError> {
        let malformed = || SealedError::Legacy { origin: self.origin.clone() };
        let text = std::str::from_utf8(plaintext.expose()).map_err(|_| malformed())?;
        let mut secret = sources::secret_from_json(text).ok_or_else(malformed)?;
        take_scope(&mut secret.annotations);
        Ok(SecretContent {
            type_: secret.type_,
            immutable: secret.immutable,
            labels: secret.labels,
            annotations: secret.annotations,
            data: secret.data.into_iter().map(|(key, value)| (key, value.into_bytes())).collect(),
        })
    }
}

fn add_object(
    node: &Node,
    input: &str,
    options: &SealedOptions,
    report: &Report,
    found: &mut Vec<Sealed>,
) -> Result<(), SealedError> {
    let origin = format!("{input}:{}", node.line);
    let text = |key| node.get(key).and_then(Node::as_str);
    match (text("kind"), node.get("items").map(|items| &items.value)) {
        (Some("SealedSecret"), _) => {
            sources::check_keys(input, node)?;
            found.push(sealed(node, origin, options)?);
            Ok(())
        }
        (Some("List" | "SealedSecretList"), Some(Value::List(items))) => {
            items.iter().try_for_each(|item| add_object(item, input, options, report, found))
        }
        (kind, _) if options.skip_others => {
            report.note(&format!(
                "skipped {} at {origin}",
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

fn sealed(node: &Node, origin: String, options: &SealedOptions) -> Result<Sealed, SealedError> {
    let metadata = node.get("metadata");
    let field = |key: &str| metadata.and_then(|metadata| metadata.get(key));
    let from_file = |key| field(key).and_then(Node::as_str).map(str::to_owned);
    let name = agree(&origin, "name", options.name.clone(), from_file("name"))?;
    let namespace = agree(&origin, "namespace", options.namespace.clone(), from_file("namespace"))?;
    // Only these fields: those that the API server added must not make the object malformed.
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

/// The entries that are strings. The API server would reject others.
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

/// Why the SealedSecrets in a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealedError {
    /// The SealedSecret has items in the old and the new format.
    #[error("{origin}: a SealedSecret cannot have both `encryptedData` and the old `data`")]
    BothFormats {
        /// `file:line`
        origin: String,
    },
    /// A flag and the file differ.
    #[error("{origin}: the SealedSecret has the {field} `{file}`, but `--{field}` is `{flag}`")]
    Contradiction {
        /// `file:line`
        origin: String,
        /// The flag, without dashes.
        field: &'static str,
        /// The value of the flag.
        flag: String,
        /// The value in the file.
        file: String,
    },
    /// The old `data` decrypts to something other than a Secret.
    #[error("{origin}: the old `data` does not contain a Secret")]
    Legacy {
        /// `file:line`
        origin: String,
    },
    /// The object does not match the schema.
    #[error("{origin}: the SealedSecret does not match its schema")]
    Malformed {
        /// `file:line`
        origin: String,
    },
    /// The input has no SealedSecret.
    #[error("no SealedSecret in the input")]
    None,
    /// A document is not a Kubernetes object.
    #[error("{origin}: a document without `kind`")]
    NoKind {
        /// `file:line`
        origin: String,
    },
    /// The name or namespace that the items were sealed for is missing.
    #[error("{origin}: the SealedSecret has no {field}")]
    NoName {
        /// `file:line`
        origin: String,
        /// `name` or `namespace`
        field: &'static str,
    },
    /// An object of another kind.
    #[error("{origin}: {kind} is not a SealedSecret")]
    OtherKind {
        /// `file:line`
        origin: String,
        /// The kind.
        kind: String,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file is neither YAML nor JSON.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A template cannot be rendered.
    #[error("{origin}: template.data `{}`: {source}", source.key)]
    Template {
        /// `file:line`
        origin: String,
        /// The key of the template and the problem.
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
            Self::Contradiction { field, .. } => hint(format!("remove `--{field}`")),
            Self::Malformed { .. } => hint("`kubectl explain sealedsecret.spec` shows the schema"),
            Self::None => hint("give the SealedSecret on the standard input, or name files"),
            Self::NoKind { .. } | Self::OtherKind { .. } => {
                hint("`--skip-others` decrypts only the SealedSecrets; `--key` reads private keys")
            }
            Self::NoName { field, .. } => {
                hint(format!("give the {field} it was sealed for with `--{field}`"))
            }
            Self::Input(error) => error.hints(),
            Self::Source(error) => error.hints(),
            Self::Template { .. } => hint("`mtk-seal template --lint` lists all template errors"),
        }
    }
}
