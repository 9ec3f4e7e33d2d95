//! Why inputs cannot be read.

use crate::{
    dotenv::DotenvProblem, flat::FlatProblem, json::JsonProblem, located::Located,
    manifest::ManifestProblem, tfvars::TfvarsProblem, yaml::YamlProblem,
};

/// Why inputs cannot be read. No variant contains a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// An input breaks the rules of its syntax.
    #[error("{}: {problem}", place(input, *line))]
    Malformed {
        /// The input.
        input: String,
        /// The line, counted from 1. None if the problem concerns the whole input.
        line: Option<usize>,
        /// The problem.
        problem: Problem,
    },
    /// No rule of detection fits.
    #[error("{input}: cannot detect the format of this input")]
    UnknownFormat {
        /// The input.
        input: String,
    },
    /// Two inputs set the same key.
    #[error("{second}: the key `{key}` is already in {first}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// `file:line` of the first.
        first: String,
        /// `file:line` of the second.
        second: String,
    },
    /// Flat values and manifests in one run.
    #[error("flat values and Secret manifests cannot be sealed together")]
    Mixed,
    /// The inputs contain no Secret.
    #[error("no Secret in the input")]
    NoSecret {
        /// Whether other objects were left out.
        skipped: bool,
    },
}

impl SourceError {
    /// A problem in the input of this name.
    pub(crate) fn malformed<P: Into<Problem>>(input: &str, located: Located<P>) -> Self {
        Self::Malformed {
            input: input.to_owned(),
            line: located.line,
            problem: located.problem.into(),
        }
    }
}

/// A problem of one syntax.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// A dotenv file.
    #[error(transparent)]
    Dotenv(#[from] DotenvProblem),
    /// One flat object of keys and values.
    #[error(transparent)]
    Flat(#[from] FlatProblem),
    /// JSON.
    #[error(transparent)]
    Json(#[from] JsonProblem),
    /// Kubernetes manifests.
    #[error(transparent)]
    Manifest(#[from] ManifestProblem),
    /// Terraform variables.
    #[error(transparent)]
    Tfvars(#[from] TfvarsProblem),
    /// YAML.
    #[error(transparent)]
    Yaml(#[from] YamlProblem),
}

impl Problem {
    /// How the user can correct the input. It names no flag of any program.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Dotenv(problem) => Some(problem.remedy()),
            Self::Flat(problem) => Some(problem.remedy()),
            Self::Json(problem) => problem.remedy(),
            Self::Manifest(problem) => problem.remedy(),
            Self::Tfvars(problem) => problem.remedy(),
            Self::Yaml(problem) => problem.remedy(),
        }
    }
}

/// `file:line`, or only the file.
pub(crate) fn place(input: &str, line: Option<usize>) -> String {
    line.map_or_else(|| input.to_owned(), |line| format!("{input}:{line}"))
}
