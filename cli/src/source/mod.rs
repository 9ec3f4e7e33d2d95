//! Where values come from: one file per syntax.
//!
//! `dotenv` and `tfvars` are read by themselves. `json` and `yaml` are read into `node`s, of which
//! `flat` makes values and `manifest` makes Secrets. `detect` tells which it is.

mod detect;
mod dotenv;
mod flat;
pub(crate) mod input;
pub(crate) mod json;
mod manifest;
pub(crate) mod node;
mod tfvars;
pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use sealing::Plaintext;

use self::detect::Syntax;
use self::input::Input;
use self::node::Node;
use crate::error::{Explain, hint};
use crate::exit::Exit;
use crate::secret::Secret;

/// What `--from` forces an input to be read as.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum From {
    /// KEY=value lines
    Dotenv,
    /// a map in Terraform variables
    Tfvars,
    /// one flat JSON object
    Json,
    /// one flat YAML mapping
    Yaml,
    /// Secret manifests, YAML or JSON
    Manifest,
}

/// How inputs are to be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// One syntax for all inputs; none detects each.
    pub(crate) from: Option<From>,
    /// The Terraform variable that was asked for.
    pub(crate) variable: Option<String>,
    /// Leave objects out that are not Secrets.
    pub(crate) skip_others: bool,
}

/// The Secrets that inputs hold.
pub(crate) struct Read {
    /// All Secrets. Flat inputs together make one.
    pub(crate) secrets: Vec<Secret>,
    /// Objects that were left out, as `Kind name`.
    pub(crate) skipped: Vec<String>,
}

/// One value of a flat source.
pub(crate) struct Entry {
    /// A valid key of a Secret.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: Plaintext,
    /// Where it was.
    pub(crate) line: usize,
}

/// A problem in a source. `Display` never quotes a value.
pub(crate) trait Problem: std::error::Error {
    /// What the user can do.
    fn hints(&self) -> Vec<String>;
}

/// A problem and its line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct At<P> {
    /// 1 is the first. None if the problem is with the whole.
    pub(crate) line: Option<usize>,
    /// What is wrong.
    pub(crate) problem: P,
}

impl<P: Problem> At<P> {
    /// A problem on a line.
    pub(crate) fn line(line: usize, problem: P) -> Self {
        Self { line: Some(line), problem }
    }

    /// A problem with the whole.
    pub(crate) fn nowhere(problem: P) -> Self {
        Self { line: None, problem }
    }

    /// The problem with the name of the input that it is in.
    pub(crate) fn in_input(self, input: &str) -> SourceError {
        SourceError::Malformed {
            place: place(input, self.line),
            cause: self.problem.to_string(),
            hints: self.problem.hints(),
        }
    }
}

/// Reads all inputs.
pub(crate) fn read(inputs: &[Input], reading: &Reading) -> Result<Read, SourceError> {
    let mut read = Read { secrets: Vec::new(), skipped: Vec::new() };
    let mut flat: Option<Flat> = None;
    for input in inputs {
        let text = input.text()?;
        match parse(&input.name, text, input.path.as_deref(), reading)? {
            Parsed::Flat(entries) => flat.get_or_insert_default().add(&input.name, entries)?,
            Parsed::Secrets(mut found) => {
                for (line, secret) in &mut found.secrets {
                    secret.origin = place(&input.name, Some(*line));
                }
                read.secrets.extend(found.secrets.into_iter().map(|(_, secret)| secret));
                read.skipped.extend(found.skipped);
            }
        }
    }
    match flat {
        Some(_) if !read.secrets.is_empty() => Err(SourceError::Mixed),
        Some(flat) => {
            read.secrets.push(flat.secret());
            Ok(read)
        }
        None if read.secrets.is_empty() => {
            Err(SourceError::NoSecret { skipped: !read.skipped.is_empty() })
        }
        None => Ok(read),
    }
}

/// The Secrets in a file of manifests, whatever else is in it.
pub(crate) fn secrets(input: &Input) -> Result<Vec<Secret>, SourceError> {
    let found =
        manifest::secrets(&documents(input)?, true).map_err(|at| at.in_input(&input.name))?;
    let named = |(line, secret)| Secret { origin: place(&input.name, Some(line)), ..secret };
    Ok(found.secrets.into_iter().map(named).collect())
}

/// The documents of a file of manifests.
pub(crate) fn documents(input: &Input) -> Result<Vec<Node>, SourceError> {
    let text = input.text()?;
    nodes(&input.name, text, detect::forced(From::Manifest, text))
}

/// The one Secret of a JSON text.
pub(crate) fn one_secret(text: &str) -> Option<Secret> {
    let found = manifest::secrets(&json::parse(text).ok()?, false).ok()?;
    let [(_, secret)] = <[_; 1]>::try_from(found.secrets).ok()?;
    Some(secret)
}

enum Parsed {
    Flat(Vec<Entry>),
    Secrets(manifest::Found),
}

fn parse(
    name: &str,
    text: &str,
    path: Option<&Path>,
    reading: &Reading,
) -> Result<Parsed, SourceError> {
    let variable = reading.variable.as_deref();
    let syntax = match reading.from {
        Some(from) => detect::forced(from, text),
        None => match path.and_then(detect::by_name).or_else(|| detect::by_content(text, variable))
        {
            Some(syntax) => syntax,
            None if is_blank(text) => return Ok(Parsed::Flat(Vec::new())),
            None => {
                return Err(SourceError::Unknown { input: name.to_owned() });
            }
        },
    };
    let variable = variable.unwrap_or(tfvars::DEFAULT_VARIABLE);
    match syntax {
        Syntax::Dotenv => dotenv::parse(text).map(Parsed::Flat).map_err(|at| at.in_input(name)),
        Syntax::Tfvars => {
            tfvars::parse(text, variable).map(Parsed::Flat).map_err(|at| at.in_input(name))
        }
        Syntax::TfvarsJson => tfvars_json(name, text, variable).map(Parsed::Flat),
        Syntax::Json | Syntax::Yaml => values(name, text, syntax, reading),
    }
}

/// Flat values or Secrets, whichever the documents are.
fn values(
    name: &str,
    text: &str,
    syntax: Syntax,
    reading: &Reading,
) -> Result<Parsed, SourceError> {
    let nodes = nodes(name, text, syntax)?;
    let is_manifest = match reading.from {
        Some(from) => from == From::Manifest,
        None => nodes.iter().any(manifest::is_manifest),
    };
    if is_manifest {
        return manifest::secrets(&nodes, reading.skip_others)
            .map(Parsed::Secrets)
            .map_err(|at| at.in_input(name));
    }
    match nodes.as_slice() {
        [] => Ok(Parsed::Flat(Vec::new())),
        [root] => flat::entries(root).map(Parsed::Flat).map_err(|at| at.in_input(name)),
        [_, second, ..] => {
            Err(At::line(second.line, flat::FlatProblem::SeveralDocuments).in_input(name))
        }
    }
}

/// The documents of a text. What starts like JSON is tried as JSON first, as `kubectl` does.
fn nodes(name: &str, text: &str, syntax: Syntax) -> Result<Vec<Node>, SourceError> {
    if syntax == Syntax::Json {
        return json::parse(text).map_err(|at| at.in_input(name));
    }
    if text.trim_start().starts_with('{')
        && let Ok(nodes) = json::parse(text)
    {
        return Ok(nodes);
    }
    yaml::parse(text).map_err(|at| at.in_input(name))
}

fn tfvars_json(name: &str, text: &str, variable: &str) -> Result<Vec<Entry>, SourceError> {
    let nodes = nodes(name, text, Syntax::Json)?;
    let variables = nodes.first().and_then(Node::entries).unwrap_or_default();
    if let Some((_, map)) = variables.iter().find(|(key, _)| key == variable) {
        return flat::entries(map).map_err(|at| at.in_input(name));
    }
    let is_map = |(_, node): &&(String, Node)| node.entries().is_some();
    let maps = variables.iter().filter(is_map).map(|(key, _)| key.clone()).collect();
    let problem = tfvars::TfvarsProblem::NoVariable { wanted: variable.to_owned(), maps };
    Err(At::nowhere(problem).in_input(name))
}

fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

fn place(input: &str, line: Option<usize>) -> String {
    line.map_or_else(|| input.to_owned(), |line| format!("{input}:{line}"))
}

/// The values of all flat inputs.
#[derive(Default)]
struct Flat {
    origin: Vec<String>,
    places: BTreeMap<String, String>,
    data: BTreeMap<String, Plaintext>,
}

impl Flat {
    fn add(&mut self, input: &str, entries: Vec<Entry>) -> Result<(), SourceError> {
        self.origin.push(input.to_owned());
        for Entry { key, value, line } in entries {
            let here = place(input, Some(line));
            if let Some(first) = self.places.insert(key.clone(), here.clone()) {
                return Err(SourceError::Twice { key, first, second: here });
            }
            self.data.insert(key, value);
        }
        Ok(())
    }

    fn secret(self) -> Secret {
        Secret { origin: self.origin.join(", "), data: self.data, ..Secret::default() }
    }
}

/// Why the inputs could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The bytes could not be got.
    #[error(transparent)]
    Input(#[from] input::InputError),
    /// A syntax's own problem.
    #[error("{place}: {cause}")]
    Malformed {
        /// `file:line`.
        place: String,
        /// The problem.
        cause: String,
        /// What to do.
        hints: Vec<String>,
    },
    /// No rule of detection fits.
    #[error("{input}: cannot tell what kind of input this is")]
    Unknown {
        /// Its name.
        input: String,
    },
    /// The same key in two inputs.
    #[error("{second}: the key `{key}` is already in {first}")]
    Twice {
        /// The key.
        key: String,
        /// `file:line` of the first.
        first: String,
        /// `file:line` of the second.
        second: String,
    },
    /// Flat values and manifests.
    #[error("flat values and Secret manifests cannot be sealed together")]
    Mixed,
    /// Nothing to seal.
    #[error("there is no Secret in the input")]
    NoSecret {
        /// There were other objects.
        skipped: bool,
    },
}

impl Explain for SourceError {
    fn exit(&self) -> Exit {
        Exit::Input
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Input(error) => error.hints(),
            Self::Malformed { hints, .. } => hints.clone(),
            Self::Unknown { .. } => {
                hint("name it with `--from dotenv`, `tfvars`, `json`, `yaml` or `manifest`")
            }
            Self::Twice { .. } => hint("remove one of the two"),
            Self::Mixed => hint("run mtk-seal once for the values and once for the manifests"),
            Self::NoSecret { skipped: true } => {
                hint("everything in it was left out by `--skip-others`")
            }
            Self::NoSecret { skipped: false } => {
                hint("give values on the standard input, or name files")
            }
        }
    }
}

#[cfg(test)]
mod leak_tests;
