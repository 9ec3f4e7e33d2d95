//! Finds the files to check, and reads their content from the disk or from the index of git.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    error::Failure,
    git::{self, GitError},
    report::Report,
    sealed_file::{SealedFile, SealedFileError},
};

/// The largest content to read.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Directories with the results of builds and with packages, outside of repositories of git.
const SKIPPED: [&str; 4] = ["node_modules", "target", "vendor", ".terraform"];
/// Parts of the names of files without real values.
const SAMPLES: [&str; 4] = ["example", "sample", "template", "dist"];

/// The content of a file, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Manifest,
    Dotenv,
    Tfvars,
}

/// A file to check.
pub(super) struct Candidate {
    /// Its name in findings.
    pub(super) name: String,
    pub(super) kind: Kind,
    content: Content,
}

enum Content {
    /// A file of the command line, or one that was found.
    File { path: PathBuf, is_named: bool },
    /// An entry of the index, and the root of the repository.
    Staged { path: PathBuf, root: PathBuf },
}

/// The files, and those in the directories, without duplicates.
pub(super) fn all(paths: &[PathBuf], report: &Report) -> Result<Vec<Candidate>, Failure> {
    let here = [PathBuf::from(".")];
    let mut seen = BTreeSet::new();
    let mut candidates = Vec::new();
    for path in if paths.is_empty() { &here } else { paths } {
        let found = if path.is_dir() { below(path, report)? } else { vec![Candidate::named(path)] };
        candidates.extend(found.into_iter().filter(|found| seen.insert(found.name.clone())));
    }
    Ok(candidates)
}

/// The files with staged changes.
pub(super) fn staged() -> Result<Vec<Candidate>, GitError> {
    let root = git::path(Path::new("."), &["rev-parse", "--show-toplevel"])?;
    let args = ["diff", "--cached", "--name-only", "--no-ext-diff", "--diff-filter=ACMR", "-z"];
    let paths = git::paths(&root, &args)?;
    Ok(paths.into_iter().filter_map(|path| Candidate::staged(path, &root)).collect())
}

/// The files below a directory. In a repository, these are the files that git does not ignore. Values in
/// dotenv files and Terraform variables count if git has the file.
fn below(directory: &Path, report: &Report) -> Result<Vec<Candidate>, Failure> {
    let list = |args: &[&str]| git::paths(directory, &[&["ls-files", "-z"], args].concat());
    let (paths, tracked) = match list(&["--cached"]) {
        Ok(tracked) => {
            let others = list(&["--others", "--exclude-standard"])?;
            let tracked: BTreeSet<_> = tracked.into_iter().collect();
            (tracked.iter().cloned().chain(others).collect(), tracked)
        }
        Err(_) => (walk(directory, report), BTreeSet::new()),
    };
    let mut found = Vec::new();
    for path in paths {
        let Some(kind) = kind(&path).filter(|k| *k == Kind::Manifest || tracked.contains(&path))
        else {
            continue;
        };
        let path = if directory == Path::new(".") { path } else { directory.join(path) };
        // The index may have files that were deleted.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_symlink() {
            report.note(&format!("skipped the link `{}`", path.display()));
        } else {
            found.push(Candidate::found(path, kind));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// All files below a directory, relative to it. Links are not followed.
fn walk(directory: &Path, report: &Report) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries.flatten(),
            Err(error) => {
                report.warning(&format!("cannot read `{}`: {}", next.display(), error.kind()));
                continue;
            }
        };
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let is_skipped = name == ".git" || SKIPPED.iter().any(|skipped| name == *skipped);
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && !is_skipped {
                waiting.push(path);
            } else if !is_directory && let Ok(path) = path.strip_prefix(directory) {
                found.push(path.to_owned());
            }
        }
    }
    found
}

/// None if the name is not that of a file to check.
fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name().and_then(OsStr::to_str)?.to_ascii_lowercase();
    let parts: Vec<&str> = name.split('.').collect();
    let ends = |ends: &[&str]| parts.ends_with(ends) && parts.len() > ends.len();
    if parts.iter().any(|part| SAMPLES.contains(part)) {
        return ends(&["yaml"]).then_some(Kind::Manifest);
    }
    if ends(&["tfvars"]) || ends(&["tfvars", "json"]) {
        Some(Kind::Tfvars)
    } else if ends(&["yaml"]) || ends(&["yml"]) || ends(&["json"]) {
        Some(Kind::Manifest)
    } else {
        (ends(&["env"]) || parts.starts_with(&["", "env"])).then_some(Kind::Dotenv)
    }
}

impl Candidate {
    fn named(path: &Path) -> Self {
        let content = Content::File { path: path.to_owned(), is_named: true };
        let kind = kind(path).unwrap_or(Kind::Manifest);
        Self { name: path.display().to_string(), kind, content }
    }

    fn found(path: PathBuf, kind: Kind) -> Self {
        let name = path.display().to_string();
        Self { name, kind, content: Content::File { path, is_named: false } }
    }

    fn staged(path: PathBuf, root: &Path) -> Option<Self> {
        let kind = kind(&path)?;
        let name = path.display().to_string();
        Some(Self { name, kind, content: Content::Staged { path, root: root.to_owned() } })
    }

    /// The text without its byte-order mark, or why it cannot be read.
    ///
    /// # Errors
    /// If a file of the command line does not exist, or git fails.
    pub(super) fn read(&self) -> Result<Result<Zeroizing<String>, String>, Failure> {
        match &self.content {
            Content::File { path, is_named } => match SealedFile::open(path) {
                Ok(file) => Ok(Ok(without_mark(file.text()))),
                Err(SealedFileError::Unreadable { name, source })
                    if *is_named && source.kind() == io::ErrorKind::NotFound =>
                {
                    Err(SealedFileError::Unreadable { name, source }.into())
                }
                Err(error) => Ok(Err(error.to_string())),
            },
            Content::Staged { path, root } => {
                let Some(path) = path.to_str() else {
                    return Ok(Err("its name is not UTF-8".to_owned()));
                };
                let object = format!(":{path}");
                let bytes = git::bounded_output(root, &["cat-file", "blob", &object], MAX_BYTES)?;
                if bytes.len() as u64 > MAX_BYTES {
                    return Ok(Err("it is larger than 16 MiB".to_owned()));
                }
                let text = std::str::from_utf8(&bytes).map(without_mark);
                Ok(text.map_err(|_| "it is not UTF-8".to_owned()))
            }
        }
    }
}

fn without_mark(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_by_their_names() {
        for (name, expected) in [
            ("a/sealed.yaml", Some(Kind::Manifest)),
            ("b.YML", Some(Kind::Manifest)),
            (".env", Some(Kind::Dotenv)),
            ("prod.env", Some(Kind::Dotenv)),
            (".env.production", Some(Kind::Dotenv)),
            (".env.example", None),
            ("prod.tfvars", Some(Kind::Tfvars)),
            ("prod.tfvars.json", Some(Kind::Tfvars)),
            ("terraform.tfvars.example", None),
            ("deploy.example.yaml", Some(Kind::Manifest)),
            ("main.rs", None),
            ("env", None),
        ] {
            assert_eq!(kind(Path::new(name)), expected, "{name}");
        }
    }
}
