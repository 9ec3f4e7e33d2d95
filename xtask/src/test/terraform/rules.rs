//! Rules for the text of the configurations, and for the files in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::workspace::HOME;
use crate::command::{self, program};
use crate::paths;

/// Texts that no configuration may contain, and why.
const FORBIDDEN: [(&str, &str); 12] = [
    ("data \"aws_secretsmanager_secret_version\"", "the state would contain the value"),
    ("data \"aws_ssm_parameter\"", "the state would contain the value"),
    ("data \"aws_eks_cluster_auth\"", "the state would contain the token; use the ephemeral one"),
    ("data \"terraform_remote_state\"", "it reads a whole state; use data sources of the provider"),
    ("data \"aws_iam_policy_document\"", "tests cannot read it; use jsonencode"),
    ("resource \"tls_private_key\"", "the state would contain the key"),
    ("resource \"random_password\"", "the state would contain the password"),
    ("resource \"kubernetes_secret", "Secrets come from the controller"),
    ("resource \"kubernetes_manifest\"", "it needs the cluster to plan; use a chart"),
    ("set_sensitive", "state and release would contain the value"),
    ("set_wo", "the release would contain the value"),
    ("secret_string ", "the state would contain the value; use secret_string_wo"),
];
/// Names of files that Terraform writes, and of files with values.
const WRITTEN: [&str; 5] =
    [".terraform.lock.hcl", ".tfstate", ".tfstate.backup", ".tfplan", ".tfvars"];

/// Checks all of them, except those that break rules to test the tests.
pub(super) async fn check() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    let home = paths::root().join(HOME);
    for path in configurations(&home)? {
        let text = fs::read_to_string(&path)?;
        let name = path.strip_prefix(paths::root()).unwrap_or(&path).display().to_string();
        findings.extend(broken(&text).into_iter().map(|rule| format!("{name}: {rule}")));
    }
    let mut git = program("git");
    let files = git.current_dir(paths::root()).args(["ls-files"]);
    findings.extend(written(&command::output(files).await?));
    ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}

fn configurations(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("deploy/terraform/testing") {
                found.extend(configurations(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The rules that a configuration breaks.
fn broken(text: &str) -> Vec<String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut findings: Vec<_> = FORBIDDEN
        .iter()
        .filter(|(forbidden, _)| lines().any(|line| line.starts_with(forbidden)))
        .map(|(forbidden, reason)| format!("`{}`: {reason}", forbidden.trim()))
        .collect();
    for variable in blocks(text, "variable") {
        let is = |flag: &str| variable.lines().any(|line| setting(line) == Some((flag, "true")));
        if is("sensitive") && !is("ephemeral") {
            let name = variable.lines().next().unwrap_or_default();
            findings
                .push(format!("{name}: sensitive, but not ephemeral: the state would contain it"));
        }
    }
    for module in blocks(text, "module") {
        let sources = module.lines().filter_map(setting).filter(|(name, _)| *name == "source");
        findings.extend(
            sources
                .filter(|(_, source)| !source.starts_with("\"../"))
                .map(|(_, source)| format!("the module {source} is not in this repository")),
        );
    }
    findings
}

/// The text of each block of this type at the start of a line.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let start = format!("{kind} \"");
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&start) {
        if at == 0 || text[..at].ends_with('\n') {
            let end = text[at..].find("\n}").map_or(text.len(), |end| at + end);
            found.push(&text[at..end]);
        }
    }
    found
}

/// The name and the value of a line `name = value`.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    Some((name.trim(), value.trim()))
}

/// Files of Terraform among those in the repository.
fn written(files: &str) -> Vec<String> {
    let is_written = |file: &&str| WRITTEN.iter().any(|end| file.ends_with(end));
    // The tests of the command-line program seal files of this kind.
    let is_input = |file: &&str| file.starts_with("cli/tests/");
    files
        .lines()
        .filter(is_written)
        .filter(|file| !is_input(file))
        .map(|file| format!("{file}: remove it from the repository"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_in_the_state_is_reported() {
        let text = "data \"aws_secretsmanager_secret_version\" \"x\" {\n}\n";
        assert_eq!(broken(text).len(), 1);
        let text = "resource \"helm_release\" \"x\" {\n  set_sensitive = []\n}\n";
        assert_eq!(broken(text).len(), 1);
        assert!(broken("# set_sensitive would leak\n").is_empty());
    }

    #[test]
    fn sensitive_variable_has_to_be_ephemeral() {
        let text =
            "variable \"a\" {\n  sensitive = true\n}\n\nvariable \"b\" {\n  ephemeral = true\n}\n";
        assert_eq!(broken(text).len(), 1);
        let text = "variable \"a\" {\n  ephemeral = true\n  sensitive = true\n}\n";
        assert!(broken(text).is_empty());
    }

    #[test]
    fn module_from_elsewhere_is_reported() {
        assert_eq!(broken("module \"a\" {\n  source = \"org/a/aws\"\n}\n").len(), 1);
        assert!(broken("module \"a\" {\n  source = \"../../modules/a\"\n}\n").is_empty());
    }

    #[test]
    fn files_of_terraform_are_reported() {
        let files =
            "deploy/a/.terraform.lock.hcl\ndeploy/a/terraform.tfstate\na/x.auto.tfvars\na/main.tf";
        assert_eq!(written(files).len(), 3);
    }
}
