//! The project file: what a repository's secrets are sealed for, so that no flag is needed.
//!
//! It is looked for in the working directory and above, up to the repository's root, else up to the
//! home directory. A file of another user is refused: whoever writes it chooses the certificate, and
//! so who can read what is sealed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sealing::{Scope, UnknownScope};

use crate::certificate::Source;
use crate::error::{Explain, hint, root_cause, shown};
use crate::exit::Exit;
use crate::names;
use crate::source::node::Node;
use crate::source::yaml;

/// The file's name.
pub(crate) const FILE: &str = ".mtk-seal.yaml";
/// More than any project file has.
const MAX_SIZE: u64 = 64 * 1024;

/// What the file says.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Project {
    /// Where it was.
    pub(crate) path: PathBuf,
    /// Where the certificate is.
    pub(crate) certificate: Option<Source>,
    /// The Secret's namespace.
    pub(crate) namespace: Option<String>,
    /// The Secret's name.
    pub(crate) name: Option<String>,
    /// The scope to seal for.
    pub(crate) scope: Option<Scope>,
}

/// Which project file to use.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Choice {
    /// The nearest.
    #[default]
    Search,
    /// This one, whoever owns it: the user named it.
    File(PathBuf),
    /// None.
    None,
}

/// The project file, if there is one.
pub(crate) fn find(choice: &Choice) -> Result<Option<Project>, ProjectError> {
    match choice {
        Choice::None => Ok(None),
        Choice::File(path) => {
            let file = File::open(path).map_err(|source| unreadable(path, source))?;
            read(path, file).map(Some)
        }
        Choice::Search => {
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
        let path = directory.join(FILE);
        match File::open(&path) {
            Ok(file) => {
                check_owner(&path, &file)?;
                return read(&path, file).map(Some);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(unreadable(&path, source)),
        }
        // `.git` is a file in worktrees and submodules.
        if home == Some(directory) || directory.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

/// The file must belong to the user, to root, or under `sudo` to the user who called it. A symbolic
/// link must too: it decides what the paths in the file are relative to.
#[cfg(unix)]
fn check_owner(path: &Path, file: &File) -> Result<(), ProjectError> {
    use std::os::unix::fs::MetadataExt as _;

    let user = rustix::process::geteuid();
    let caller =
        std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok()).filter(|_| user.is_root());
    let owners = [file.metadata(), fs::symlink_metadata(path)];
    for owner in owners {
        let owner = owner.map_err(|source| unreadable(path, source))?.uid();
        if !is_trusted(owner, user.as_raw(), caller) {
            return Err(ProjectError::Foreign { path: path.to_owned(), owner });
        }
    }
    Ok(())
}

/// Windows keeps other users out of one's directories.
#[cfg(not(unix))]
fn check_owner(_: &Path, _: &File) -> Result<(), ProjectError> {
    Ok(())
}

/// May a file of this owner tell the user what to seal for? Keeps another user of the machine from
/// leaving a project file, with a certificate of theirs, where somebody will work.
#[cfg(unix)]
fn is_trusted(owner: u32, user: u32, sudo_caller: Option<u32>) -> bool {
    owner == user || owner == 0 || sudo_caller == Some(owner)
}

fn read(path: &Path, file: File) -> Result<Project, ProjectError> {
    let mut text = String::new();
    file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(|source| unreadable(path, source))?;
    if text.len() as u64 > MAX_SIZE {
        return Err(malformed(path, None, format!("larger than {} KiB", MAX_SIZE / 1024)));
    }
    let documents =
        yaml::parse(&text).map_err(|at| malformed(path, at.line, at.problem.to_string()))?;
    let empty = Project { path: path.to_owned(), ..Project::default() };
    match documents.as_slice() {
        [] => Ok(empty),
        [root] => fields(empty, root),
        _ => Err(malformed(path, None, "more than one document".to_owned())),
    }
}

fn fields(mut project: Project, root: &Node) -> Result<Project, ProjectError> {
    let path = project.path.clone();
    let Some(entries) = root.entries() else {
        return Err(malformed(&path, Some(root.line), "not a mapping of fields".to_owned()));
    };
    for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
        let wrong = |cause: String| malformed(&path, Some(value.line), cause);
        let text = || value.source_text().ok_or_else(|| wrong(format!("`{key}` must be a string")));
        let invalid = |error: names::NameError| wrong(error.to_string());
        match key.as_str() {
            "certificate" => project.certificate = Some(Source::parse(text()?, path.parent())),
            "namespace" => project.namespace = Some(names::namespace(text()?).map_err(&invalid)?),
            "name" => project.name = Some(names::object(text()?).map_err(&invalid)?),
            "scope" => {
                let unknown = |error: UnknownScope| wrong(error.to_string());
                project.scope = Some(text()?.parse().map_err(unknown)?);
            }
            other => {
                let name = other.escape_debug().to_string();
                return Err(ProjectError::UnknownField {
                    place: place(&path, Some(value.line)),
                    name,
                });
            }
        }
    }
    Ok(project)
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
    /// It belongs to somebody else.
    #[error("the project file `{}` belongs to another user (uid {owner})", shown(path))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// It is not what it should be.
    #[error("{place}: {cause}")]
    Malformed {
        /// `file:line`.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// A field that it does not have.
    #[error("{place}: the project file has no field `{name}`")]
    UnknownField {
        /// `file:line`.
        place: String,
        /// The field.
        name: String,
    },
    /// The operating system's reason.
    #[error("cannot read the project file `{}`: {}", shown(path), root_cause(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Explain for ProjectError {
    fn exit(&self) -> Exit {
        Exit::Project
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Foreign { path, .. } => vec![
                "whoever writes it chooses who can read what you seal".to_owned(),
                format!(
                    "if you trust it: `--project-file {}`; else `--no-project-file`",
                    path.display()
                ),
            ],
            Self::UnknownField { .. } => {
                hint("its fields are certificate, namespace, name and scope")
            }
            Self::Malformed { .. } | Self::Unreadable { .. } => {
                hint("`--no-project-file` does without it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn name_found(root: &tempfile::TempDir, start: &str, home: Option<&str>) -> Option<String> {
        let start = root.path().join(start);
        fs::create_dir_all(&start).unwrap();
        let home = home.map(|home| root.path().join(home));
        search(&start, home.as_deref()).unwrap().and_then(|project| project.name)
    }

    #[test]
    fn the_nearest_file_up_to_the_repository_is_found() {
        let root = tree(&[
            (".mtk-seal.yaml", "name: outside"),
            ("repo/.git/HEAD", ""),
            ("repo/.mtk-seal.yaml", "name: repo"),
            ("repo/app/.mtk-seal.yaml", "name: app"),
        ]);
        assert_eq!(name_found(&root, "repo/app/x", None).as_deref(), Some("app"));
        assert_eq!(name_found(&root, "repo/other", None).as_deref(), Some("repo"));
    }

    #[test]
    fn the_search_stops_at_the_repository_even_below_home() {
        let root = tree(&[(".mtk-seal.yaml", "name: home"), ("repo/.git", "gitdir: elsewhere")]);
        assert_eq!(name_found(&root, "repo/app", Some("")), None);
    }

    #[test]
    fn without_a_repository_the_search_stops_at_home_and_outside_it_goes_on() {
        let root = tree(&[
            (".mtk-seal.yaml", "name: above"),
            ("home/.mtk-seal.yaml", "name: home"),
            ("house/.mtk-seal.yaml", "name: house"),
        ]);
        assert_eq!(name_found(&root, "home/a/b", Some("home")).as_deref(), Some("home"));
        assert_eq!(name_found(&root, "house/a", Some("house")).as_deref(), Some("house"));
        assert_eq!(name_found(&root, "else/a/b", Some("home")).as_deref(), Some("above"));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let root = tree(&[(
            ".mtk-seal.yaml",
            "certificate: certs/a.pem\nnamespace: n\nscope: namespace-wide\n",
        )]);
        let project = search(root.path(), None).unwrap().unwrap();
        assert_eq!(project.certificate, Some(Source::File(root.path().join("certs/a.pem"))));
        assert_eq!(
            (project.namespace.as_deref(), project.scope),
            (Some("n"), Some(Scope::NamespaceWide))
        );
    }

    #[test]
    fn unknown_and_wrong_fields_are_refused_with_their_line() {
        for (text, cause) in [
            ("name: a\nnamspace: b\n", ":2: the project file has no field `namspace`"),
            ("name: A\n", ":1: a name has"),
            ("namespace: a.b\n", ":1: a namespace has"),
            ("scope: wide\n", ":1: unknown scope"),
            ("certificate: [a]\n", ":1: `certificate` must be a string"),
            ("- a\n", ":1: not a mapping"),
            ("name: a\nname: b\n", ":2: the key `name` is already on line 1"),
            ("name: a\n---\nname: b\n", ": more than one document"),
        ] {
            let root = tree(&[(".mtk-seal.yaml", text)]);
            let error = search(root.path(), None).unwrap_err().to_string();
            assert!(error.contains(cause), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_users_own_files_roots_and_the_sudo_callers_are_trusted() {
        assert!(is_trusted(1000, 1000, None));
        assert!(is_trusted(0, 1000, None));
        assert!(is_trusted(1000, 0, Some(1000)));
        assert!(!is_trusted(1000, 0, None));
        assert!(!is_trusted(1001, 1000, None));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_or_link_of_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give files away; the rule itself is tested above.
        }
        let other = Some(rustix::fs::Uid::from_raw(12345));
        let root = tree(&[(".mtk-seal.yaml", "name: a")]);
        let path = root.path().join(FILE);
        rustix::fs::chown(&path, other, None).unwrap();
        assert!(matches!(
            search(root.path(), None),
            Err(ProjectError::Foreign { owner: 12345, .. })
        ));
        assert_eq!(find(&Choice::File(path)).unwrap().unwrap().name.as_deref(), Some("a"));

        let linked = tree(&[("mine.yaml", "name: a")]);
        let link = linked.path().join(FILE);
        std::os::unix::fs::symlink("mine.yaml", &link).unwrap();
        assert!(search(linked.path(), None).unwrap().is_some());
        rustix::fs::chownat(
            rustix::fs::CWD,
            &link,
            other,
            None,
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        )
        .unwrap();
        assert!(matches!(search(linked.path(), None), Err(ProjectError::Foreign { .. })));
    }
}
