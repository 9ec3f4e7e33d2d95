//! A configuration, and Terraform's commands for it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::command;
use crate::tools::Terraform;

/// The messages of `terraform test`, beside the configuration.
const MESSAGES: &str = "tests.json";

/// A directory with a configuration, which is a copy.
#[derive(Clone, Debug)]
pub(super) struct Project {
    terraform: Terraform,
    directory: PathBuf,
}

impl Project {
    pub(super) fn new(terraform: &Terraform, directory: &Path) -> Project {
        Project { terraform: terraform.clone(), directory: directory.to_owned() }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Terraform with these arguments.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.terraform.command(&self.directory);
        command.args(arguments);
        command
    }

    /// Installs the providers. The configured backend is left out.
    pub(super) async fn init(&self) -> anyhow::Result<()> {
        said(&mut self.command(&["init", "-backend=false", "-no-color"])).await.map(drop)
    }

    /// Writes the plan to a file in the directory. Returns all output.
    pub(super) async fn plan(&self, file: &str, variables: &[String]) -> anyhow::Result<String> {
        let out = format!("-out={file}");
        let mut command = self.command(&["plan", "-no-color", &out]);
        said(command.args(flags(variables))).await
    }

    /// Writes the plan of a destroy to a file in the directory.
    pub(super) async fn plan_destruction(&self, file: &str) -> anyhow::Result<()> {
        let out = format!("-out={file}");
        said(&mut self.command(&["plan", "-destroy", "-no-color", &out])).await.map(drop)
    }

    /// Applies a plan. Ephemeral variables need their values again. Returns all output.
    pub(super) async fn apply(&self, file: &str, variables: &[String]) -> anyhow::Result<String> {
        let mut command = self.command(&["apply", "-no-color"]);
        said(command.args(flags(variables)).arg(file)).await
    }

    /// Runs its tests. Keeps their messages, and returns them.
    pub(super) async fn test(&self) -> anyhow::Result<String> {
        let (passed, messages) =
            command::result(&mut self.command(&["test", "-json", "-verbose"])).await?;
        if !passed {
            // The same for readers.
            said(&mut self.command(&["test", "-no-color"])).await?;
            bail!("the tests in {} passed only the second time", self.directory.display());
        }
        fs::write(self.directory.join(MESSAGES), &messages)?;
        Ok(messages)
    }

    /// The messages of its tests, which have run.
    pub(super) fn messages(&self) -> anyhow::Result<String> {
        let path = self.directory.join(MESSAGES);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// A plan, or without one the state.
    pub(super) async fn show(&self, plan: Option<&str>) -> anyhow::Result<String> {
        command::output(self.command(&["show", "-json"]).args(plan)).await
    }

    /// The changes of a plan: for each, the address and the actions. No-ops are left out.
    pub(super) async fn changes(&self, plan: &str) -> anyhow::Result<Vec<(String, String)>> {
        let shown: Value = serde_json::from_str(&self.show(Some(plan)).await?)?;
        let changes = shown["resource_changes"].as_array().cloned().unwrap_or_default();
        let named = changes.iter().map(|change| {
            let actions = change["change"]["actions"].as_array().into_iter().flatten();
            let actions: Vec<_> = actions.filter_map(Value::as_str).collect();
            (change["address"].as_str().unwrap_or_default().to_owned(), actions.join(" "))
        });
        Ok(named.filter(|(_, actions)| !["no-op", "read"].contains(&actions.as_str())).collect())
    }
}

fn flags(variables: &[String]) -> impl Iterator<Item = String> {
    variables.iter().map(|variable| format!("-var={variable}"))
}

/// The output of a command; if it failed, an error with both of its streams.
pub(super) async fn said(terraform: &mut Command) -> anyhow::Result<String> {
    let output = terraform.output().await.context("starting Terraform")?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if !output.status.success() {
        bail!("{}: {}\n{}", command::shown(terraform), output.status, text.trim_end());
    }
    Ok(text)
}
