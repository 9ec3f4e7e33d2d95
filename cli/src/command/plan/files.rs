//! The inputs of the plan: the standard input, files, and all manifests below directories.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::input::{Input, InputError};

/// The extensions of manifests, as `kubectl` has them.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// An input that is not read yet.
pub(super) struct Source {
    path: PathBuf,
    /// Whether a directory contains it, beside files that may be anything.
    pub(super) is_found: bool,
}

impl Source {
    /// Only `-` if no path is given. Directories become the manifests below them.
    pub(super) fn all(paths: &[PathBuf]) -> Result<Vec<Self>, InputError> {
        let mut sources = Vec::new();
        for path in paths {
            if path.is_dir() {
                let mut found = Vec::new();
                walk(path, &mut found)?;
                found.sort();
                sources.extend(found.into_iter().map(|path| Self { path, is_found: true }));
            } else {
                sources.push(Self { path: path.clone(), is_found: false });
            }
        }
        if paths.is_empty() {
            sources.push(Self { path: PathBuf::from("-"), is_found: false });
        }
        Ok(sources)
    }

    pub(super) fn read(&self, report: &crate::report::Report) -> Result<Input, InputError> {
        let inputs =
            Input::read_all(std::slice::from_ref(&self.path), "manifests", report)?.into_iter();
        Ok(inputs.last().expect("one path is one input"))
    }
}

/// Links are not followed, so the walk ends and stays below the directory. Hidden directories are those of
/// tools.
fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let failed = |source| InputError::Unreadable { name: directory.display().to_string(), source };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let extension = path.extension().and_then(|extension| extension.to_str());
        if kind.is_dir() && !is_hidden {
            walk(&path, found)?;
        } else if kind.is_file() && extension.is_some_and(|e| EXTENSIONS.contains(&e)) {
            found.push(path);
        }
    }
    Ok(())
}
