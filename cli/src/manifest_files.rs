//! The manifests below a directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::input::InputError;

/// The extensions of manifests, as `kubectl` has them.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// All manifests below a directory, sorted. Links are not followed, so the search ends and stays below the
/// directory. Hidden directories are those of tools.
pub(crate) fn below(directory: &Path) -> Result<Vec<PathBuf>, InputError> {
    let mut found = Vec::new();
    walk(directory, &mut found)?;
    found.sort();
    Ok(found)
}

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
