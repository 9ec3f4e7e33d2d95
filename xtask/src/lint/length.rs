//! The length of source files.

use super::files::TextFile;
use super::finding::Finding;

/// About as much as a reader can keep in mind.
const MAX_LINES: usize = 400;

/// Source files that are too long.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let sources = files.iter().filter(|file| is_source(file));
    sources
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > MAX_LINES).then(|| {
                let message = format!("{lines} lines; split the file, {MAX_LINES} is the limit");
                Finding::new(&file.path, MAX_LINES + 1, message)
            })
        })
        .collect()
}

fn is_source(file: &TextFile) -> bool {
    let is_template = file.path.starts_with("deploy/charts/") && file.path.contains("/templates/");
    let is_script = file.text.starts_with("#!");
    is_template || is_script || matches!(file.extension(), "rs" | "go" | "py" | "sh")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_file(path: &str, lines: usize) -> usize {
        check(&[TextFile { path: path.to_owned(), text: "\n".repeat(lines) }]).len()
    }

    #[test]
    fn source_file_of_401_lines_fails() {
        assert_eq!(check_file("a/b.rs", 400), 0);
        assert_eq!(check_file("a/b.rs", 401), 1);
        assert_eq!(check_file("deploy/charts/app/templates/pod.yaml", 401), 1);
    }

    #[test]
    fn data_may_be_long() {
        assert_eq!(check_file("docs/page.md", 401), 0);
        assert_eq!(check_file("deploy/charts/app/values.yaml", 401), 0);
    }
}
