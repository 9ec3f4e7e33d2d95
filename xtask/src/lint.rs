//! `cargo xtask lint`: rules of the repository that no compiler knows, clippy, and spelling.
//!
//! | module | content |
//! |---|---|
//! | `files`, `finding` | the files of the repository, and violations in them |
//! | `rust`, `items`, `code_paths`, `modules` | Rust source: tokens, items for tests, paths, imports |
//! | `text`, `readable` | text for people: comments, messages, documentation |
//! | `layers`, `cycles`, `length`, `calls`, `references`, `commands`, `phrases` | one rule or a few related ones each |

mod calls;
mod code_paths;
mod commands;
mod cycles;
mod files;
mod finding;
mod items;
mod layers;
mod length;
mod modules;
mod phrases;
mod readable;
mod references;
mod rust;
mod text;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use self::files::TextFile;
use self::finding::Finding;
use self::modules::Modules;
use self::phrases::Phrases;
use crate::runner::Output;
use crate::{build, command, paths, tools};

/// Options of `cargo xtask lint`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Check only these rules; all of them and clippy if none is named
    #[arg(long, value_enum, value_delimiter = ',', value_name = "RULE")]
    only: Vec<Rule>,
    /// Short for --only phrases
    #[arg(long, conflicts_with = "only")]
    phrases: bool,
    /// Report only violations in these files and folders
    paths: Vec<String>,
}

/// A rule, or a few that are checked together.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Rule {
    /// Modules of the controller import only from the layers below their own
    Layers,
    /// Files of a crate do not import each other in a cycle
    Cycles,
    /// Source files have at most 400 lines
    Length,
    /// Only `target` writes Secrets; plans read no clock; no decision depends on a message's text
    Calls,
    /// Files and folders that documentation names exist
    References,
    /// Commands in the guides to deployment are run by a test, or have the reason why not
    Commands,
    /// Texts and test names avoid the phrases of xtask/lint/phrases.txt
    Phrases,
    /// Spelling, by `typos` and typos.toml
    Typos,
    /// clippy, warnings denied
    Clippy,
}

/// The rules that `cargo xtask check` and `cargo xtask test` enforce beside clippy.
pub(crate) const ENFORCED: &[Rule] = &[
    Rule::Layers,
    Rule::Cycles,
    Rule::Length,
    Rule::Calls,
    Rule::References,
    Rule::Commands,
    Rule::Phrases,
    Rule::Typos,
];

/// Runs the verb.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let rules = if options.phrases {
        &[Rule::Phrases]
    } else if options.only.is_empty() {
        Rule::value_variants()
    } else {
        options.only.as_slice()
    };
    check(rules, &options.paths, Output::Stdout).await
}

/// Checks these rules, and prints every violation in these files and folders, or in all.
pub(crate) async fn check(rules: &[Rule], paths: &[String], output: Output) -> anyhow::Result<()> {
    let files = files::read_all(paths::root()).await?;
    let mut findings = Vec::new();
    for rule in rules {
        findings.extend(findings_of(*rule, &files)?);
    }
    findings.retain(|finding| is_wanted(&finding.file, paths));
    findings.sort();
    for finding in &findings {
        output.line(finding);
    }
    if rules.contains(&Rule::Typos) {
        typos(paths, output).await?;
    }
    if rules.contains(&Rule::Clippy) {
        clippy().await?;
    }
    ensure!(findings.is_empty(), "{}", summary(&findings));
    Ok(())
}

fn findings_of(rule: Rule, files: &[TextFile]) -> anyhow::Result<Vec<Finding>> {
    let by_path: BTreeMap<_, _> = files.iter().map(|file| (file.path.as_str(), file)).collect();
    Ok(match rule {
        Rule::Layers => layers::check(&Modules::read("controller/src/lib.rs", &by_path)),
        Rule::Cycles => {
            let roots = by_path.keys().copied().filter(|path| is_root(path));
            roots.flat_map(|root| cycles::check(&Modules::read(root, &by_path), &by_path)).collect()
        }
        Rule::Length => length::check(files),
        Rule::Calls => calls::check(files),
        Rule::References => references::check(files, paths::root()),
        Rule::Commands => commands::check(&by_path),
        Rule::Phrases => {
            let path = paths::root().join("xtask/lint/phrases.txt");
            let list =
                fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let phrases = Phrases::parse(&list).with_context(|| path.display().to_string())?;
            files.iter().flat_map(|file| phrases.check(file)).collect()
        }
        // Their rules are separate programs.
        Rule::Typos | Rule::Clippy => Vec::new(),
    })
}

/// Whether the file is the root of a library or of a program.
fn is_root(path: &str) -> bool {
    path.ends_with("src/lib.rs") || path.ends_with("src/main.rs")
}

fn is_wanted(file: &str, paths: &[String]) -> bool {
    let is_inside = |path: &String| {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    paths.is_empty() || paths.iter().any(is_inside)
}

/// The number of violations, in total and for each part of the repository.
fn summary(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.area()).or_default() += 1;
    }
    let counts = counts.iter().map(|(area, count)| format!("{area} {count}"));
    format!("{} violations: {}", findings.len(), counts.collect::<Vec<_>>().join(", "))
}

async fn typos(paths: &[String], output: Output) -> anyhow::Result<()> {
    let mut typos = command::program(tools::typos(output).await?);
    typos.current_dir(paths::root()).args(["--config", "typos.toml", "--force-exclude"]);
    command::run(typos.args(["--format", "brief"]).args(paths)).await
}

/// Runs clippy and denies warnings.
pub(crate) async fn clippy() -> anyhow::Result<()> {
    let mut cargo = build::cargo("clippy");
    cargo.args(["--workspace", "--all-targets", "--", "--deny", "warnings"]);
    command::run(&mut cargo).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_choose_files_and_folders() {
        let wanted = |file, path: &str| is_wanted(file, &[path.to_owned()]);
        assert!(wanted("controller/src/run.rs", "controller/src"));
        assert!(wanted("controller/src/run.rs", "./controller/"));
        assert!(wanted("README.md", "README.md"));
        assert!(!wanted("controllers/a.rs", "controller"));
    }

    #[test]
    fn summary_counts_by_part_of_the_repository() {
        let finding = |file: &str| Finding::new(file, 1, "x");
        let findings = [finding("cli/a.rs"), finding("cli/b.rs"), finding("README.md")];
        assert_eq!(summary(&findings), "3 violations: README.md 1, cli 2");
    }
}
