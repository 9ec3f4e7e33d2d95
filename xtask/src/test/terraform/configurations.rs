//! Modules, environments and examples: initialise, validate and test each.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::project::{Project, said};
use super::workspace::Workspace;
use crate::runner::Output;
use crate::tools::Terraform;

/// The folders of configurations that must be valid.
const FOLDERS: [&str; 3] = ["modules", "environments", "examples"];

/// Configurations, which are directories with `.tf` files.
#[derive(Debug)]
pub(super) struct Configurations {
    home: PathBuf,
    /// Relative to the home, sorted.
    directories: Vec<PathBuf>,
}

impl Configurations {
    /// All, or those whose path contains the filter.
    pub(super) fn find(
        workspace: &Workspace,
        filter: Option<&str>,
    ) -> anyhow::Result<Configurations> {
        let home = workspace.home();
        let mut directories = Vec::new();
        for folder in FOLDERS.map(|folder| home.join(folder)) {
            if folder.is_dir() {
                collect(&folder, &mut directories)?;
            }
        }
        for directory in &mut directories {
            *directory = directory.strip_prefix(&home)?.to_owned();
        }
        directories.retain(|path| filter.is_none_or(|text| path.to_string_lossy().contains(text)));
        directories.sort();
        Ok(Configurations { home, directories })
    }

    pub(super) fn len(&self) -> usize {
        self.directories.len()
    }

    /// Tests all, and reports all that fail.
    pub(super) async fn test(&self, terraform: &Terraform, output: Output) -> anyhow::Result<()> {
        self.each(terraform, output, test).await
    }

    /// Validates all, and reports all that fail.
    pub(super) async fn validate(
        &self,
        terraform: &Terraform,
        output: Output,
    ) -> anyhow::Result<()> {
        self.each(terraform, output, validate).await
    }

    /// Does the work for as many at once as there are processors.
    async fn each<F>(
        &self,
        terraform: &Terraform,
        output: Output,
        work: fn(Project) -> F,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<String>> + Send + 'static,
    {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let slots = Arc::new(Semaphore::new(processors));
        let mut running = JoinSet::new();
        for directory in self.directories.clone() {
            let project = Project::new(terraform, &self.home.join(&directory));
            let slots = slots.clone();
            running.spawn(async move {
                let _slot = slots.acquire_owned().await?;
                let started = Instant::now();
                let result = work(project).await;
                Ok::<_, anyhow::Error>((directory, result, started.elapsed()))
            });
        }
        let mut failed = 0;
        while let Some(joined) = running.join_next().await {
            let (directory, result, took) = joined??;
            let (directory, took) = (directory.display(), took.as_secs_f64());
            match result {
                Ok(summary) => output.indented(&format!("{directory}: {summary} in {took:.1} s")),
                Err(error) => {
                    failed += 1;
                    output.indented(&format!("{directory}: failed\n{error:#}"));
                }
            }
        }
        ensure!(failed == 0, "{failed} of {} configurations failed", self.len());
        Ok(())
    }
}

/// Initialises, validates and tests a configuration. Returns the summary of its tests.
async fn test(project: Project) -> anyhow::Result<String> {
    project.init().await?;
    said(&mut project.command(&["validate", "-no-color"])).await?;
    summary(&project.test().await?).context("terraform test ran no test")
}

/// Initialises and validates a configuration.
async fn validate(project: Project) -> anyhow::Result<String> {
    project.init().await?;
    said(&mut project.command(&["validate", "-no-color"])).await?;
    Ok("valid".to_owned())
}

/// `4 passed`, from the messages of `terraform test`; none if it ran no test.
fn summary(messages: &str) -> Option<String> {
    let mut messages = messages.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
    let last = messages.find(|message: &Value| message["type"] == "test_summary")?;
    let passed = last["test_summary"]["passed"].as_u64().filter(|passed| *passed > 0)?;
    Some(format!("{passed} passed"))
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut is_configuration = false;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            is_configuration = true;
        }
    }
    if is_configuration {
        found.push(directory.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_names_the_passed_tests() {
        let messages = concat!(
            r#"{"type":"test_run","test_run":{"status":"pass"}}"#,
            "\n",
            r#"{"type":"test_summary","test_summary":{"status":"pass","passed":4,"failed":0}}"#,
        );
        assert_eq!(summary(messages).as_deref(), Some("4 passed"));
    }

    #[test]
    fn configuration_without_tests_is_rejected() {
        let none = r#"{"type":"test_summary","test_summary":{"passed":0,"failed":0}}"#;
        assert_eq!(summary(none), None);
        assert_eq!(summary(""), None);
    }
}
