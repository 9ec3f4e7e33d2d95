//! The project file: defaults for a repository, so that sealing needs no flag.
//!
//! The search starts in the working directory and goes up to the root of the repository, or else to
//! the home directory. A file that another user can change is an error: its author chooses the
//! certificate, and so who can decrypt the secrets.

mod environments;

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use sealing::{Scope, UnknownScope};
use sources::Node;

pub(crate) use self::environments::Environments;
use crate::{
    certificate::{Expected, Source},
    error::{Explain, hint, root_cause, shown},
    exit::Exit,
    names,
    trust::{self, OpenError, Untrusted},
};

pub(crate) const FILE_NAME: &str = ".mtk-seal.yaml";
/// More than any project file needs.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The content of the project file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Project {
    /// The path of the file.
    pub(crate) path: PathBuf,
    /// Where to get the certificate, and its fingerprint.
    pub(crate) certificate: Expected,
    /// The namespace of the Secret.
    pub(crate) namespace: Option<String>,
    /// The name of the Secret.
    pub(crate) name: Option<String>,
    /// The scope of the Secret.
    pub(crate) scope: Option<Scope>,
    /// The file with the values of an environment.
    pub(crate) source: Option<PathBuf>,
    /// The file for the SealedSecrets of an environment.
    pub(crate) output: Option<PathBuf>,
    /// The environments, with the fields of the file that they do not have themselves.
    pub(crate) environments: Vec<(String, Project)>,
}

/// Which project file and environment to use.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Choice {
    /// The file.
    pub(crate) file: FileChoice,
    /// `--env`
    pub(crate) environment: Option<String>,
}

/// Which project file to use.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum FileChoice {
    /// The nearest file.
    #[default]
    Search,
    /// This file, even if other users can change it.
    File(PathBuf),
    /// No project file.
    None,
}

/// Finds and reads the project file. None if no file exists.
pub(crate) fn find(choice: &Choice) -> Result<Option<Project>, ProjectError> {
    let project = find_file(&choice.file)?;
    match (project, &choice.environment) {
        (Some(project), Some(name)) => project.environment(name).map(Some),
        (None, Some(_)) => Err(ProjectError::NoEnvironments),
        (project, None) => Ok(project),
    }
}

fn find_file(choice: &FileChoice) -> Result<Option<Project>, ProjectError> {
    match choice {
        FileChoice::None => Ok(None),
        FileChoice::File(path) => {
            let file = File::open(path).map_err(|source| unreadable(path, source))?;
            read(path, file).map(Some)
        }
        FileChoice::Search => {
            let Ok(start) = std::env::current_dir() else {
                return Ok(None);
            };
            let home = std::env::home_dir().and_then(|home| fs::canonicalize(home).ok());
            search(&start, home.as_deref())
        }
    }
}

fn search(start: &Path, home: Option<&Path>) -> Result<Option<Project>, ProjectError> {
    for directory in start.ancestors() {
        let path = directory.join(FILE_NAME);
        match trust::open(&path) {
            Ok(file) => {
                let mut project = read(&path, file)?;
                project.check_certificates();
                return Ok(Some(project));
            }
            Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(OpenError::Io(source)) => return Err(unreadable(&path, source)),
            Err(OpenError::Untrusted(problem)) => {
                return Err(ProjectError::Untrusted { path, problem });
            }
        }
        // `.git` is a file in worktrees and submodules.
        if home == Some(directory) || directory.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

fn read(path: &Path, file: File) -> Result<Project, ProjectError> {
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|source| unreadable(path, source))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(malformed(path, None, format!("larger than {} KiB", MAX_FILE_BYTES / 1024)));
    }
    let documents = sources::parse_yaml(&text)
        .map_err(|at| malformed(path, at.line, at.problem.to_string()))?;
    let empty = Project { path: path.to_owned(), ..Project::default() };
    match documents.as_slice() {
        [] => Ok(empty),
        [root] => fields(empty, root, true),
        _ => Err(malformed(path, None, "more than one document".to_owned())),
    }
}

impl Project {
    /// The environment of this name.
    pub(crate) fn environment(&self, name: &str) -> Result<Self, ProjectError> {
        let found = self.environments.iter().find(|(own, _)| own == name);
        let unknown = || ProjectError::UnknownEnvironment {
            name: name.escape_debug().to_string(),
            known: self.environments.iter().map(|(name, _)| name.clone()).collect(),
        };
        found.map(|(_, environment)| environment.clone()).ok_or_else(unknown)
    }

    /// All environments, or those of these names, without duplicates.
    pub(crate) fn environments(
        self,
        chosen: &Environments,
    ) -> Result<Vec<(String, Self)>, ProjectError> {
        let names = match chosen {
            Environments::All if self.environments.is_empty() => {
                return Err(ProjectError::NoEnvironments);
            }
            Environments::All | Environments::None => return Ok(self.environments),
            Environments::Named(names) => names,
        };
        let mut found: Vec<(String, Self)> = Vec::new();
        for name in names {
            if found.iter().all(|(other, _)| other != name) {
                found.push((name.clone(), self.environment(name)?));
            }
        }
        Ok(found)
    }

    /// Requires that no other user can change the certificates.
    fn check_certificates(&mut self) {
        self.certificate.source = self.certificate.source.take().map(Source::checked);
        self.environments.iter_mut().for_each(|(_, own)| own.check_certificates());
    }
}

/// Adds the environments of a mapping.
fn add_environments(project: &mut Project, root: &Node) -> Result<(), ProjectError> {
    let wrong = |line: usize, cause: String| malformed(&project.path, Some(line), cause);
    let Some(entries) = root.entries() else {
        return Err(wrong(root.line, "`environments` must be a mapping".to_owned()));
    };
    let mut environments = Vec::new();
    for (name, node) in entries {
        let name = names::object(name.as_str())
            .map_err(|error| wrong(node.line, format!("environment: {error}")))?;
        let mut own = project.clone();
        if node.get("certificate").is_some() {
            // It is the fingerprint of another certificate.
            own.certificate.fingerprint = None;
        }
        environments.push((name, if node.is_null() { own } else { fields(own, node, false)? }));
    }
    project.environments = environments;
    Ok(())
}

/// A path below the directory of the project file.
fn path_below(base: &Path, text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let is_below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let is_file = path.file_name().is_some();
    (is_file && path.components().all(is_below)).then(|| base.join(path))
}

/// Reads the fields of the file, or of an environment.
fn fields(mut project: Project, root: &Node, is_file: bool) -> Result<Project, ProjectError> {
    let path = project.path.clone();
    let Some(entries) = root.entries() else {
        return Err(malformed(&path, Some(root.line), "not a mapping of fields".to_owned()));
    };
    for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
        let key = key.as_str();
        let wrong = |cause: String| malformed(&path, Some(value.line), cause);
        let text = || value.source_text().ok_or_else(|| wrong(format!("`{key}` must be a string")));
        let invalid = |error: names::NameError| wrong(error.to_string());
        match key {
            "certificate" => {
                project.certificate.source = Some(Source::parse(text()?, path.parent()));
            }
            "fingerprint" => {
                let pinned = text()?;
                if !is_fingerprint(pinned) {
                    return Err(wrong(
                        "a fingerprint is `SHA256:` and 43 characters of base64".to_owned(),
                    ));
                }
                project.certificate.fingerprint = Some(pinned.to_owned());
            }
            "namespace" => project.namespace = Some(names::namespace(text()?).map_err(&invalid)?),
            "name" => project.name = Some(names::object(text()?).map_err(&invalid)?),
            "scope" => {
                let unknown = |error: UnknownScope| wrong(error.to_string());
                project.scope = Some(text()?.parse().map_err(unknown)?);
            }
            "source" | "output" if !is_file => {
                let base = path.parent().unwrap_or_else(|| Path::new(""));
                let outside = || wrong(format!("`{key}` must be a path below the project file"));
                let below = Some(path_below(base, text()?).ok_or_else(outside)?);
                if key == "source" { project.source = below } else { project.output = below }
            }
            "environments" if is_file => {}
            other => {
                let name = other.escape_debug().to_string();
                return Err(ProjectError::UnknownField {
                    place: place(&path, Some(value.line)),
                    name,
                });
            }
        }
    }
    // The environments have the other fields, so they come last.
    match root.get("environments").filter(|node| is_file && !node.is_null()) {
        Some(node) => add_environments(&mut project, node).map(|()| project),
        None => Ok(project),
    }
}

/// Whether the text is a fingerprint as OpenSSH writes it.
fn is_fingerprint(text: &str) -> bool {
    const DIGITS: usize = 43;
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    text.strip_prefix("SHA256:")
        .is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(is_digit))
}

fn place(path: &Path, line: Option<usize>) -> String {
    line.map_or_else(|| shown(path), |line| format!("{}:{line}", shown(path)))
}

fn malformed(path: &Path, line: Option<usize>, cause: String) -> ProjectError {
    ProjectError::Malformed { place: place(path, line), cause }
}

fn unreadable(path: &Path, source: io::Error) -> ProjectError {
    ProjectError::Unreadable { path: path.to_owned(), source }
}

/// Why the project file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    /// There is no project file, or it has no environments.
    #[error("there is no project file with environments")]
    NoEnvironments,
    /// The project file has no such environment.
    #[error("the project file has no environment `{name}`")]
    UnknownEnvironment {
        /// The name, shown safely.
        name: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// Another user can change the file.
    #[error("the project file `{}` {problem}", shown(path))]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why it is not trusted.
        problem: Untrusted,
    },
    /// The file is malformed.
    #[error("{place}: {cause}")]
    Malformed {
        /// `file:line`.
        place: String,
        /// The problem.
        cause: String,
    },
    /// The file has an unknown field.
    #[error("{place}: the project file has no field `{name}`")]
    UnknownField {
        /// `file:line`.
        place: String,
        /// The field.
        name: String,
    },
    /// The operating system reported an error.
    #[error("cannot read the project file `{}`: {}", shown(path), root_cause(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl Explain for ProjectError {
    fn exit(&self) -> Exit {
        Exit::Project
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Untrusted { path, problem } => {
                let mut hints = vec![
                    "the author of a project file chooses who can decrypt what you seal".to_owned(),
                ];
                hints.extend(problem.remedy(path));
                hints.push(format!(
                    "if you trust the file, use `--project-file {}`; otherwise use `--no-project-file`",
                    path.display()
                ));
                hints
            }
            Self::UnknownField { .. } => hint(
                "the fields are certificate, fingerprint, namespace, name, scope and environments; those of an environment also source and output",
            ),
            Self::NoEnvironments => {
                hint("add `environments` to .mtk-seal.yaml, or remove `--env` and `--all-envs`")
            }
            Self::UnknownEnvironment { known, .. } if known.is_empty() => {
                hint("the project file has no environments")
            }
            Self::UnknownEnvironment { known, .. } => {
                hint(format!("the environments are {}", known.join(", ")))
            }
            Self::Malformed { .. } | Self::Unreadable { .. } => {
                hint("`--no-project-file` ignores the file")
            }
        }
    }
}

#[cfg(test)]
mod tests;
