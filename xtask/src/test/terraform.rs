//! Tests of the Terraform configurations, with stubs of the providers.

mod canary;
mod configurations;
mod cost;
mod destruction;
mod environments;
mod events;
mod graph;
mod layers;
mod lint;
mod migration;
mod plan;
mod project;
mod refused;
mod release;
mod rules;
mod schemas;
mod workspace;

use std::path::Path;

use anyhow::Context;
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
    if filter.is_some() {
        return configurations(steps, &terraform, filter).await;
    }
    steps.step("check the format of the configurations", format(&terraform)).await?;
    texts(steps).await?;
    let helm = steps.step("find Helm 4", tools::helm4_if(all, output)).await?;
    if helm.is_none() {
        steps.leave_out(
            "releases without secrets, for which Helm takes minutes to build; --all checks them",
        );
    }
    behaviour(steps, &terraform, helm.as_deref()).await?;
    with_checkov(steps, &terraform).await?;
    further_tools(steps, &mirror, all).await?;
    if all {
        newest(steps, &version).await?;
    } else {
        steps.leave_out("the newest schemas of providers; --all compares them");
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
    // With Terraform, a test that finds no settings fails.
    tests.env("MTK_REQUIRE_TERRAFORM", "1").env("MTK_TERRAFORM_SETTINGS", mirror.settings());
    Ok(())
}

/// Validates and tests the configurations, or those whose path contains the filter.
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
        order_and_plans(steps, terraform, &workspace).await?;
    }
    Ok(())
}

/// Checks of all configurations together, after their tests.
async fn order_and_plans(
    steps: &mut Steps,
    terraform: &Terraform,
    workspace: &Workspace,
) -> anyhow::Result<()> {
    let home = workspace.home();
    steps.step("check the order of creation", graph::check(terraform, &home)).await?;
    let environments = async { environments::check(terraform, &home) };
    steps.step("check the environments in AWS", environments).await
}

/// Checks of texts, without Terraform.
async fn texts(steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("check rules for secrets and files", rules::check()).await?;
    steps.step("check the tables of the modules", async { modules::run(true) }).await?;
    let what = "generate the schemas again and compare";
    steps.step(what, schemas::check(steps.output())).await
}

/// Checks of what Terraform does with the configurations, at the same time: each runs one program after another.
async fn behaviour(
    steps: &mut Steps,
    terraform: &Terraform,
    helm: Option<&Path>,
) -> anyhow::Result<()> {
    // In the copy, each of them uses other directories.
    let workspace = Workspace::new()?;
    let checks = async {
        tokio::try_join!(
            named("mistakes", refused::check(&workspace, terraform)),
            named("secrets", canary::check(&workspace, terraform, helm)),
            named("events", events::check(&workspace, terraform)),
            named("migration", migration::check(&workspace, terraform)),
            named("destruction", destruction::check(&workspace, terraform, helm)),
        )
        .map(drop)
    };
    let what = "check mistakes, secrets in plans and releases, events, migration and destruction";
    steps.step(what, checks).await
}

/// The check, whose error has this name.
fn named(
    name: &str,
    check: impl Future<Output = anyhow::Result<()>>,
) -> impl Future<Output = anyhow::Result<()>> {
    // The future of all checks together would be large.
    let check = Box::pin(check);
    async move { check.await.with_context(|| format!("the check of {name}")) }
}

/// Tests the configurations with Terraform, and checks them with other programs at the same time. checkov uses only
/// one processor.
async fn with_checkov(steps: &mut Steps, terraform: &Terraform) -> anyhow::Result<()> {
    let checkov = steps.step("install checkov", tools::checkov(steps.output())).await?;
    let workspace = Workspace::new()?;
    let configurations = Configurations::find(&workspace, None)?;
    let count = configurations.len();
    let what = format!("validate and test {count} configurations, and check them with checkov");
    let output = steps.output();
    let both = async {
        tokio::try_join!(configurations.test(terraform, output), lint::checkov(&checkov)).map(drop)
    };
    steps.step(&what, both).await?;
    order_and_plans(steps, terraform, &workspace).await
}

/// Checks with programs that take minutes to build.
async fn further_tools(steps: &mut Steps, mirror: &Mirror, all: bool) -> anyhow::Result<()> {
    let output = steps.output();
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
