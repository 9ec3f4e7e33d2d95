//! Commands in the guides to deployment: a test runs them, or the page gives the reason why none does.

use std::collections::BTreeMap;

use super::files::TextFile;
use super::finding::Finding;

/// The guides, each with the file of the test that runs its blocks marked `sh`.
const GUIDES: [(&str, Option<&str>); 5] = [
    ("docs/deploy-aws.md", None),
    ("docs/deploy-cluster.md", Some("e2e/tests/suite/pods/docs.rs")),
    ("docs/deploy-pi.md", Some("e2e/tests/suite/pods/docs.rs")),
    ("docs/gitops.md", Some("e2e/tests/suite/pods/docs.rs")),
    ("docs/migrate-terraform.md", Some("e2e/tests/suite/migrate.rs")),
];
/// Starts the line above a block that no test runs. The reason follows.
const REASON: &str = "<!-- Not run by a test: ";
/// Programs of the guides. A line that starts with one of them is a command.
const PROGRAMS: [&str; 9] =
    ["aws", "bin/promote", "cargo", "docker", "git", "helm", "kubectl", "mtk-seal", "terraform"];

pub(super) fn check(files: &BTreeMap<&str, &TextFile>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (page, test) in GUIDES {
        let Some(text) = files.get(page).map(|file| file.text.as_str()) else {
            findings.push(Finding::new(page, 1, "this guide is missing"));
            continue;
        };
        let runs = |test| files.get(test).is_some_and(|file| file.text.contains(page));
        findings.extend(of_page(page, text, test.is_some_and(runs)));
    }
    findings
}

/// The violations of a page, of which a test runs the blocks marked `sh`, or none does.
fn of_page(page: &str, text: &str, is_run: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut language, mut before) = (None, "");
    for (line, text) in (1..).zip(text.lines()) {
        let mut report = |message: &str| findings.push(Finding::new(page, line, message));
        match (text.strip_prefix("```"), language) {
            (Some(_), Some(_)) => language = None,
            (Some("sh"), None) if !is_run => {
                report("no test runs the commands of this page");
                language = Some("sh");
            }
            (Some("console"), None) => {
                if !has_reason(before) {
                    report(
                        "mark the commands `sh`, and run them in a test, or give the reason above them",
                    );
                }
                language = Some("console");
            }
            (Some(other), None) => language = Some(other),
            (None, Some("sh" | "console")) => {}
            (None, Some(_)) => {
                if is_command(text) {
                    report("mark the block of this command `sh` or `console`");
                }
            }
            (None, None) => {
                if text.starts_with("    ") && is_command(text) {
                    report("put this command into a block marked `sh` or `console`");
                }
            }
        }
        before = text;
    }
    findings
}

fn has_reason(line: &str) -> bool {
    let reason = line.strip_prefix(REASON).and_then(|rest| rest.strip_suffix(" -->"));
    reason.is_some_and(|reason| reason.split(' ').count() >= 3)
}

fn is_command(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("$ ");
    let program = line.split(' ').next().unwrap_or_default();
    line.contains(' ') && PROGRAMS.contains(&program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, is_run: bool) -> Vec<usize> {
        of_page("page.md", text, is_run).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn command_without_a_test_needs_a_reason() {
        let block = "```console\n$ helm list --all\n```\n";
        assert_eq!(lines(block, true), [1]);
        assert!(lines(&format!("{REASON}it needs a registry. -->\n{block}"), true).is_empty());
        assert_eq!(lines(&format!("{REASON}no. -->\n{block}"), true), [2]);
        assert_eq!(lines(&format!("{REASON}it needs a registry. -->\n\n{block}"), true), [3]);
    }

    #[test]
    fn block_that_a_test_runs_needs_that_test() {
        assert!(lines("```sh\nhelm list\n```\n", true).is_empty());
        assert_eq!(lines("```sh\nhelm list\n```\n", false), [1]);
    }

    #[test]
    fn command_outside_of_marked_blocks_is_reported() {
        assert_eq!(lines("```\nkubectl get pods\n```\n", true), [2]);
        assert_eq!(lines("Run:\n\n    $ mtk-seal cert\n", true), [3]);
        assert!(lines("```hcl\nremoved {\n```\n\n    apps/web  values\n", true).is_empty());
    }

    #[test]
    fn guide_without_a_file_is_reported() {
        assert_eq!(check(&BTreeMap::new()).len(), GUIDES.len());
    }
}
