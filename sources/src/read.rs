//! Reads all inputs of one run. Flat values from all inputs make one Secret; manifests make one each.

use std::collections::BTreeMap;

use crate::{
    detect::{self, Syntax},
    dotenv,
    entry::Entry,
    error::{SourceError, place},
    flat::{self, FlatProblem},
    json,
    kind::SourceKind,
    located::Located,
    manifest::{self, ManifestSecrets},
    node::{Key, Node},
    secret::Secret,
    secret_bytes::SecretBytes,
    tfvars, yaml,
};

/// One input.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Its name in errors.
    pub name: &'a str,
    /// Its file name without directories. None for the standard input.
    pub file_name: Option<&'a str>,
    /// Its text, without a byte-order mark.
    pub text: &'a str,
}

/// How to read inputs.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The kind of all inputs. `None` detects the kind of each.
    pub kind: Option<SourceKind>,
    /// The Terraform variable with the values. None is `app_secrets`.
    pub variable: Option<String>,
    /// Leave out objects that are not Secrets, instead of failing.
    pub skip_others: bool,
}

/// The Secrets in all inputs.
#[derive(Default)]
pub struct Parsed {
    /// The Secrets.
    pub secrets: Vec<Secret>,
    /// The objects that were left out, as `Kind name`.
    pub skipped: Vec<String>,
    /// Probable mistakes.
    pub warnings: Vec<Warning>,
}

/// A probable mistake, which may be intended.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Warning {
    /// A dotenv file has keys that no shell can have as variables.
    #[error("{input}: not names of environment variables: {}", keys.join(", "))]
    NoVariables {
        /// The input.
        input: String,
        /// The keys.
        keys: Vec<String>,
    },
}

/// Reads all inputs.
///
/// # Errors
/// If an input is malformed, two inputs set the same key, or the inputs contain no Secret.
pub fn read(inputs: &[Input<'_>], options: &ReadOptions) -> Result<Parsed, SourceError> {
    let mut parsed = Parsed::default();
    let mut flat: Option<FlatValues> = None;
    for input in inputs {
        match parse(*input, options)? {
            Content::Dotenv(entries) => {
                parsed.warnings.extend(no_variables(input.name, &entries));
                flat.get_or_insert_default().add(input.name, entries)?;
            }
            Content::Flat(entries) => flat.get_or_insert_default().add(input.name, entries)?,
            Content::Secrets(found) => {
                parsed.secrets.extend(with_origins(input.name, found.secrets));
                parsed.skipped.extend(found.skipped);
            }
        }
    }
    match flat {
        Some(_) if !parsed.secrets.is_empty() => Err(SourceError::Mixed),
        Some(flat) => {
            parsed.secrets.push(flat.into_secret());
            Ok(parsed)
        }
        None if parsed.secrets.is_empty() => {
            Err(SourceError::NoSecret { skipped: !parsed.skipped.is_empty() })
        }
        None => Ok(parsed),
    }
}

/// The assignments in a dotenv text, in order.
///
/// # Errors
/// If the text is malformed, or sets a key twice.
pub fn dotenv_entries(input: Input<'_>) -> Result<Vec<Entry>, SourceError> {
    dotenv::parse(input.text).map_err(|problem| SourceError::malformed(input.name, problem))
}

/// The Secrets in a text of manifests. Other objects are left out.
///
/// # Errors
/// If the text is neither YAML nor JSON, or a Secret is malformed.
pub fn secrets(input: Input<'_>) -> Result<Vec<Secret>, SourceError> {
    let found = manifest::secrets(&documents(input)?, true)
        .map_err(|problem| SourceError::malformed(input.name, problem))?;
    Ok(with_origins(input.name, found.secrets).collect())
}

/// The documents in a text of manifests.
///
/// # Errors
/// If the text is neither YAML nor JSON.
pub fn documents(input: Input<'_>) -> Result<Vec<Node>, SourceError> {
    nodes(input, detect::syntax_of_kind(SourceKind::Manifest, input.text))
}

/// Rejects an object with a key that Kubernetes reads otherwise, such as `y`, which is `true`.
///
/// # Errors
/// If it has one.
pub fn check_keys(input: &str, object: &Node) -> Result<(), SourceError> {
    manifest::check_keys(object).map_err(|problem| SourceError::malformed(input, problem))
}

/// The only Secret in a JSON text. None if the text is anything else.
pub fn secret_from_json(text: &str) -> Option<Secret> {
    let found = manifest::secrets(&json::parse(text).ok()?, false).ok()?;
    let [(_, secret)] = <[_; 1]>::try_from(found.secrets).ok()?;
    Some(secret)
}

enum Content {
    Dotenv(Vec<Entry>),
    Flat(Vec<Entry>),
    Secrets(ManifestSecrets),
}

fn parse(input: Input<'_>, options: &ReadOptions) -> Result<Content, SourceError> {
    let variable = options.variable.as_deref();
    let detect = || {
        let by_name = input.file_name.and_then(detect::syntax_of_name);
        by_name.or_else(|| detect::syntax_of_content(input.text, variable))
    };
    let syntax = match options.kind {
        Some(kind) => detect::syntax_of_kind(kind, input.text),
        None => match detect() {
            Some(syntax) => syntax,
            None if is_blank(input.text) => return Ok(Content::Flat(Vec::new())),
            None => return Err(SourceError::UnknownFormat { input: input.name.to_owned() }),
        },
    };
    let variable = variable.unwrap_or(tfvars::DEFAULT_VARIABLE);
    match syntax {
        Syntax::Dotenv => dotenv::parse(input.text)
            .map(Content::Dotenv)
            .map_err(|problem| SourceError::malformed(input.name, problem)),
        Syntax::Tfvars => tfvars::parse(input.text, variable)
            .map(Content::Flat)
            .map_err(|problem| SourceError::malformed(input.name, problem)),
        Syntax::TfvarsJson => tfvars_json(input, variable).map(Content::Flat),
        Syntax::Json | Syntax::Yaml => values_or_secrets(input, syntax, options),
    }
}

/// Reads flat values or Secrets, depending on the documents.
fn values_or_secrets(
    input: Input<'_>,
    syntax: Syntax,
    options: &ReadOptions,
) -> Result<Content, SourceError> {
    let nodes = nodes(input, syntax)?;
    let is_manifest = match options.kind {
        Some(kind) => kind == SourceKind::Manifest,
        None => nodes.iter().any(manifest::is_manifest),
    };
    if is_manifest {
        return manifest::secrets(&nodes, options.skip_others)
            .map(Content::Secrets)
            .map_err(|problem| SourceError::malformed(input.name, problem));
    }
    match nodes.as_slice() {
        [] => Ok(Content::Flat(Vec::new())),
        [root] => flat_entries(input, root).map(Content::Flat),
        [_, second, ..] => {
            let problem = Located::at_line(second.line, FlatProblem::SeveralDocuments);
            Err(SourceError::malformed(input.name, problem))
        }
    }
}

fn flat_entries(input: Input<'_>, root: &Node) -> Result<Vec<Entry>, SourceError> {
    flat::entries(root).map_err(|problem| SourceError::malformed(input.name, problem))
}

/// The documents of a text. Text that starts like JSON is read as JSON first, as `kubectl` does.
fn nodes(input: Input<'_>, syntax: Syntax) -> Result<Vec<Node>, SourceError> {
    let Input { name, text, .. } = input;
    if syntax == Syntax::Json {
        return json::parse(text).map_err(|problem| SourceError::malformed(name, problem));
    }
    if text.trim_start().starts_with('{')
        && let Ok(nodes) = json::parse(text)
    {
        return Ok(nodes);
    }
    yaml::parse(text).map_err(|problem| SourceError::malformed(name, problem))
}

fn tfvars_json(input: Input<'_>, variable: &str) -> Result<Vec<Entry>, SourceError> {
    let nodes = nodes(input, Syntax::Json)?;
    let variables = nodes.first().and_then(Node::entries).unwrap_or_default();
    if let Some((_, map)) = variables.iter().find(|(key, _)| key.as_str() == variable) {
        return flat_entries(input, map);
    }
    let is_map = |(_, node): &&(Key, Node)| node.entries().is_some();
    let maps = variables.iter().filter(is_map).map(|(key, _)| key.as_str().to_owned()).collect();
    let problem = tfvars::TfvarsProblem::NoVariable { wanted: variable.to_owned(), maps };
    Err(SourceError::malformed(input.name, Located::whole_text(problem)))
}

fn is_blank(text: &str) -> bool {
    text.split(['\n', '\r']).map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

fn no_variables(input: &str, entries: &[Entry]) -> Option<Warning> {
    let others = entries.iter().filter(|entry| !is_variable(&entry.key));
    let keys: Vec<String> = others.map(|entry| format!("`{}`", entry.key)).collect();
    (!keys.is_empty()).then(|| Warning::NoVariables { input: input.to_owned(), keys })
}

/// Whether a key of a Secret is a name in the shell (POSIX.1-2024, 3.216 "Name").
fn is_variable(key: &str) -> bool {
    !key.contains(['-', '.']) && !key.starts_with(|c: char| c.is_ascii_digit())
}

fn with_origins(input: &str, secrets: Vec<(usize, Secret)>) -> impl Iterator<Item = Secret> {
    secrets
        .into_iter()
        .map(move |(line, secret)| Secret { origin: place(input, Some(line)), ..secret })
}

/// The values of all flat inputs.
#[derive(Default)]
struct FlatValues {
    inputs: Vec<String>,
    places: BTreeMap<String, String>,
    data: BTreeMap<String, SecretBytes>,
}

impl FlatValues {
    fn add(&mut self, input: &str, entries: Vec<Entry>) -> Result<(), SourceError> {
        self.inputs.push(input.to_owned());
        for Entry { key, value, line } in entries {
            let second = place(input, Some(line));
            if let Some(first) = self.places.insert(key.clone(), second.clone()) {
                return Err(SourceError::DuplicateKey { key, first, second });
            }
            self.data.insert(key, value);
        }
        Ok(())
    }

    fn into_secret(self) -> Secret {
        Secret { origin: self.inputs.join(", "), data: self.data, ..Secret::default() }
    }
}
