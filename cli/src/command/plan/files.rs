//! The inputs of the plan: the standard input, files, and all manifests below directories.

use std::path::PathBuf;

use crate::{
    input::{Input, InputError},
    manifest_files,
};

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
                let found = manifest_files::below(path);
                // A plan without some of the files would be wrong.
                if let Some((_, error)) = found.unreadable.into_iter().next() {
                    return Err(error);
                }
                sources.extend(found.files.into_iter().map(|path| Self { path, is_found: true }));
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
