//! Files and folders that documentation names.

use std::path::Path;

use super::files::TextFile;
use super::finding::Finding;

/// Paths in backticks without a file or folder. A path begins with a folder at the root of the repository,
/// except `target`, which builds create.
pub(super) fn check(files: &[TextFile], root: &Path) -> Vec<Finding> {
    let pages = files.iter().filter(|file| file.extension() == "md");
    pages.flat_map(|page| missing(page, root)).collect()
}

fn missing(page: &TextFile, root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in (1..).zip(page.text.lines()) {
        for path in text.split('`').skip(1).step_by(2).filter_map(path) {
            let folder = path.split('/').next().unwrap_or_default();
            let is_ours = !["", "target"].contains(&folder) && root.join(folder).is_dir();
            if is_ours && !root.join(path).exists() {
                findings.push(Finding::new(&page.path, line, format!("`{path}` does not exist")));
            }
        }
    }
    findings
}

/// The path, if the text is one: several parts without a pattern.
fn path(code: &str) -> Option<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    let path = code.trim_end_matches('/');
    (path.contains('/') && path.chars().all(is_part)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("cli/src")).unwrap();
        std::fs::write(root.path().join("cli/src/main.rs"), "").unwrap();
        check(&[TextFile { path: "docs/page.md".to_owned(), text: text.to_owned() }], root.path())
            .len()
    }

    #[test]
    fn path_of_a_missing_file_is_reported() {
        assert_eq!(findings("Read `cli/src/gone.rs` and `cli/src/main.rs` in `cli/src/`."), 1);
    }

    #[test]
    fn patterns_and_foreign_paths_are_ignored() {
        assert_eq!(
            findings(
                "`cli/src/*.rs`, `v1/Secret`, `target/debug`, `/etc/passwd`, `cargo run`, `main.rs`"
            ),
            0
        );
    }
}
