//! Tests of the Terraform configurations, with stubs of the providers.

mod canary;
mod configurations;
mod cost;
mod environments;
mod events;
mod graph;
mod layers;
mod lint;
mod migration;
mod plan;
mod project;
mod refused;
mod rules;
mod schemas;
mod workspace;

use tokio::process::Command;

use self::configurations::Configurations;
use self::workspace::{HOME, Workspace};
use crate::command;
use crate::manifests::modules;
use crate::paths;
use crate::runner::Steps;
use crate::tools::{self, Mirror, Terraform, Version};

/// Runs all checks, or tests the configurations whose path contains the filter. With `all`, it also builds
/// the tools that take minutes to build.
pub(super) async fn run(steps: &mut Steps, filter: Option<&str>, all: bool) -> anyhow::Result<()> {
    let output = steps.output();
    let Some(version) = tools::terraform().await? else {
        steps.leave_out("Terraform, which is not on PATH; install Terraform 1.11 or newer");
        return Ok(());
    };
    let schemas = paths::root().join(HOME).join("schemas");
    let what = format!("arrange stubs of the providers for Terraform {}", version.number);
    let mirror = steps.step(&what, Mirror::new(&schemas, &version, output)).await?;
    let terraform = mirror.terraform();
    if filter.is_none() {
        steps.step("check the format of the configurations", format(&terraform)).await?;
        texts(steps).await?;
        behaviour(steps, &terraform).await?;
    }
    configurations(steps, &terraform, filter).await?;
    if filter.is_none() {
        further_tools(steps, &mirror, all).await?;
        if all {
            newest(steps, &version).await?;
        } else {
            steps.leave_out("the newest schemas of providers; --all compares them");
        }
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
pub(super) async fn name_to(tests: &mut Command, steps: &mut Steps) -> anyhow::Result<()> {
    let Some(version) = tools::terraform().await? else {
        steps.leave_out("tests that run Terraform, which is not on PATH");
        return Ok(());
    };
    let schemas = paths::root().join(HOME).join("schemas");
    let mirror = Mirror::new(&schemas, &version, steps.output()).await?;
    tests.env("MTK_TERRAFORM_SETTINGS", mirror.settings());
    Ok(())
}

async fn configurations(
    steps: &mut Steps,
    terraform: &Terraform,
    filter: Option<&str>,
) -> anyhow::Result<()> {
    let workspace = Workspace::new()?;
    let configurations = Configurations::find(&workspace, filter)?;
    let what = format!("validate and test {} configurations", configurations.len());
    steps.step(&what, configurations.test(terraform, steps.output())).await?;
    if filter.is_none_or(|text| text == "environments") {
        let home = workspace.home();
        steps.step("check the order of creation", graph::check(terraform, &home)).await?;
        steps.step("check the environments in AWS", environments::check(terraform, &home)).await?;
    }
    Ok(())
}

/// Checks of texts, without Terraform.
async fn texts(steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("check rules for secrets and files", rules::check()).await?;
    steps.step("check the tables of the modules", async { modules::run(true) }).await?;
    let what = "generate the schemas again and compare";
    steps.step(what, schemas::check(steps.output())).await
}

/// Checks of what Terraform does with the configurations.
async fn behaviour(steps: &mut Steps, terraform: &Terraform) -> anyhow::Result<()> {
    // In the copy, each of them uses other directories.
    let workspace = Workspace::new()?;
    let refused = refused::check(&workspace, terraform);
    steps.step("check that mistakes are refused", refused).await?;
    let canary = canary::check(&workspace, terraform);
    steps.step("look for a secret in plans, states and outputs", canary).await?;
    let events = events::check(&workspace, terraform);
    steps.step("match events with the rule", events).await?;
    let migration = migration::check(&workspace, terraform);
    steps.step("migrate from the old deployment", migration).await
}

/// Checks with further programs.
async fn further_tools(steps: &mut Steps, mirror: &Mirror, all: bool) -> anyhow::Result<()> {
    let output = steps.output();
    let checkov = steps.step("install checkov", tools::checkov(output)).await?;
    steps.step("check the configurations with checkov", lint::checkov(&checkov)).await?;
    if let Some(tflint) = steps.step("find tflint", tools::tflint(all, output)).await? {
        let workspace = Workspace::new()?;
        let tflint = lint::tflint(&tflint, &workspace);
        steps.step("check the configurations with tflint", tflint).await?;
    } else {
        steps.leave_out("tflint, which takes minutes to build; --all runs it");
    }
    if let Some(tofu) = steps.step("find OpenTofu", tools::opentofu(all, output)).await? {
        let tofu = mirror.program(&tofu);
        configurations(steps, &tofu, None).await?;
    } else {
        steps.leave_out("OpenTofu, which takes minutes to build; --all runs it");
    }
    Ok(())
}

/// Validates all configurations with the newest providers, if they are newer than our schemas.
async fn newest(steps: &mut Steps, version: &Version) -> anyhow::Result<()> {
    let output = steps.output();
    let what = "look for newer schemas";
    let Some(schemas) = steps.step(what, schemas::newest(output)).await? else { return Ok(()) };
    let mirror = Mirror::new(schemas.path(), version, output).await?;
    let workspace = Workspace::new()?;
    let configurations = Configurations::find(&workspace, None)?;
    let terraform = mirror.terraform();
    let validation = configurations.validate(&terraform, output);
    steps.step("validate with the newest providers", validation).await
}
