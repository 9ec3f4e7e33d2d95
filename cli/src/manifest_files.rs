//! The manifests below a directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::input::InputError;

/// The extensions of manifests, as `kubectl` has them.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// The manifests below a directory.
#[derive(Default)]
pub(crate) struct Found {
    /// Sorted.
    pub(crate) files: Vec<PathBuf>,
    /// The directories that cannot be read.
    pub(crate) unreadable: Vec<(PathBuf, InputError)>,
}

/// All manifests below a directory. Links are not followed, so the search ends and stays below the
/// directory. Hidden directories are those of tools.
pub(crate) fn below(directory: &Path) -> Found {
    let mut found = Found::default();
    walk(directory, &mut found);
    found.files.sort();
    found
}

fn walk(directory: &Path, found: &mut Found) {
    if let Err(source) = entries(directory, found) {
        let name = directory.display().to_string();
        found.unreadable.push((directory.to_owned(), InputError::Unreadable { name, source }));
    }
}

fn entries(directory: &Path, found: &mut Found) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let extension = path.extension().and_then(|extension| extension.to_str());
        if kind.is_dir() && !is_hidden {
            walk(&path, found);
        } else if kind.is_file() && extension.is_some_and(|e| EXTENSIONS.contains(&e)) {
            found.files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_that_cannot_be_read_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("b")).unwrap();
        for file in ["b/1.yaml", "a.json", "c.txt"] {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let found = below(directory.path());
        assert_eq!(found.files, ["a.json", "b/1.yaml"].map(|file| directory.path().join(file)));
        assert!(found.unreadable.is_empty());
        let missing = directory.path().join("missing");
        let found = below(&missing);
        assert!(found.files.is_empty());
        assert_eq!(found.unreadable[0].0, missing);
    }
}
