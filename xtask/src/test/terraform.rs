//! Tests of the Terraform configurations, with stubs of the providers.

mod configurations;
mod cost;
mod environments;
mod graph;
mod layers;
mod plan;
mod workspace;

use tokio::process::Command;

use self::configurations::Configurations;
use self::workspace::{HOME, Workspace};
use crate::command;
use crate::paths;
use crate::runner::{Output, Steps};
use crate::tools::{self, Mirror, Terraform};

/// Runs all checks, or tests the configurations whose path contains the filter.
pub(super) async fn run(steps: &mut Steps, filter: Option<&str>, _all: bool) -> anyhow::Result<()> {
    let output = steps.output();
    let Some(version) = tools::terraform().await? else {
        output.line(
            "==> skipping the tests of Terraform: install Terraform 1.11 or newer, and put it on PATH",
        );
        return Ok(());
    };
    let schemas = paths::root().join(HOME).join("schemas");
    let what = format!("arrange stubs of the providers for Terraform {}", version.number);
    let mirror = steps.step(&what, Mirror::new(&schemas, &version, output)).await?;
    let terraform = mirror.terraform();
    steps.step("check the format of the configurations", format(&terraform)).await?;
    let workspace = Workspace::new()?;
    let configurations = Configurations::find(&workspace, filter)?;
    let what = format!("validate and test {} configurations", configurations.len());
    steps.step(&what, configurations.test(&terraform, output)).await?;
    if filter.is_none_or(|text| text == "environments") {
        let home = workspace.home();
        steps.step("check the order of creation", graph::check(&terraform, &home)).await?;
        steps.step("check the environments in AWS", environments::check(&terraform, &home)).await?;
    }
    Ok(())
}

async fn format(terraform: &Terraform) -> anyhow::Result<()> {
    let mut format = terraform.command(&paths::root().join(HOME));
    format.args(["fmt", "-check", "-recursive", "-diff"]);
    command::run(&mut format).await
}

/// Passes the settings of Terraform with the stubs to tests that run Terraform. They skip what needs it if
/// Terraform is missing.
pub(super) async fn name_to(tests: &mut Command, output: Output) -> anyhow::Result<()> {
    let Some(version) = tools::terraform().await? else {
        output.line("==> skipping tests that run Terraform: it is not on PATH");
        return Ok(());
    };
    let schemas = paths::root().join(HOME).join("schemas");
    let mirror = Mirror::new(&schemas, &version, output).await?;
    tests.env("MTK_TERRAFORM_SETTINGS", mirror.settings());
    Ok(())
}
