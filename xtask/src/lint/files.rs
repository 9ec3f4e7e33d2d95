//! The text files of the repository.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::command;

/// Recorded or generated data, to which no rule applies.
const EXCLUDED: &[&str] = &[
    "LICENSE",
    "crds/manifests/",
    "deploy/charts/mtk-controller/files/crds/",
    "deploy/charts/tests/schemas/",
    "deploy/install.yaml",
    "e2e/golden/cases/",
    "e2e/manifests/",
    "sealing/tests/vectors/",
    "xtask/lint/",
];

/// A text file.
#[derive(Clone, Debug)]
pub(super) struct TextFile {
    /// Relative to the root of the repository, with `/` between its parts.
    pub(super) path: String,
    pub(super) text: String,
}

impl TextFile {
    /// The part of the name after the last dot.
    pub(super) fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// Reads all files that git tracks or would add.
pub(super) async fn read_all(root: &Path) -> anyhow::Result<Vec<TextFile>> {
    let mut git = command::program("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = command::output(&mut git).await?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty() && !is_excluded(path)) {
        let full = root.join(path);
        // Deleted in the working tree, or a symbolic link to a directory.
        if !full.is_file() {
            continue;
        }
        let bytes = fs::read(&full).with_context(|| format!("reading {}", full.display()))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile { path: path.to_owned(), text });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.dedup_by(|one, other| one.path == other.path);
    Ok(files)
}

fn is_excluded(path: &str) -> bool {
    EXCLUDED.iter().any(|excluded| path.starts_with(excluded))
}
