//! The plan of an environment in AWS, from nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use super::layers::LAYERS;
use super::project::Project;
use crate::tools::Terraform;

/// The run in the tests of each layer whose plan counts.
const RUN: &str = "plan_from_nothing";

/// A resource of a plan: its type, and its arguments as far as they are known.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) values: Value,
}

/// The resources that each layer creates, in the order of the layers.
pub(super) type Plan = Vec<(&'static str, Vec<Resource>)>;

/// The plans of all layers, whose tests have run.
pub(super) fn read(terraform: &Terraform, directory: &Path) -> anyhow::Result<Plan> {
    let read = |layer| {
        let messages = Project::new(terraform, &directory.join(layer)).messages()?;
        Ok((layer, resources(&messages).context(layer)?))
    };
    LAYERS.into_iter().map(read).collect()
}

/// The resources that a plan creates, from the messages of `terraform test`.
fn resources(messages: &str) -> anyhow::Result<Vec<Resource>> {
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).context("a message of Terraform")?;
        if message["type"] != "test_plan" || message["@testrun"] != RUN {
            continue;
        }
        let changes = message["test_plan"]["resource_changes"].as_array();
        let managed = changes.into_iter().flatten().filter(|change| change["mode"] == "managed");
        let resource = |change: &Value| Resource {
            kind: change["type"].as_str().unwrap_or_default().to_owned(),
            values: change["change"]["after"].clone(),
        };
        return Ok(managed.map(resource).collect());
    }
    bail!("the tests have no run {RUN}")
}

/// `LAYER`, and below it `TYPE COUNT`, sorted.
pub(super) fn counts(plan: &Plan) -> String {
    let mut text = String::new();
    for (layer, resources) in plan {
        let mut counts = BTreeMap::<_, u32>::new();
        for resource in resources {
            *counts.entry(&resource.kind).or_default() += 1;
        }
        let _ = writeln!(text, "{layer}");
        for (kind, count) in counts {
            let _ = writeln!(text, "  {kind} {count}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = concat!(
        r#"{"type":"test_run"}"#,
        "\n",
        r#"{"type":"test_plan","@testrun":"plan_from_nothing","test_plan":{"resource_changes":["#,
        r#"{"mode":"managed","type":"aws_eip","change":{"after":{"domain":"vpc"}}},"#,
        r#"{"mode":"managed","type":"aws_eip","change":{"after":{}}},"#,
        r#"{"mode":"data","type":"aws_vpc","change":{"after":{}}}]}}"#,
    );

    #[test]
    fn plan_counts_managed_resources_by_type() {
        let plan = vec![("network", resources(MESSAGES).unwrap()), ("app", Vec::new())];
        assert_eq!(counts(&plan), "network\n  aws_eip 2\napp\n");
    }

    #[test]
    fn tests_without_the_plan_are_rejected() {
        assert!(resources(r#"{"type":"test_run"}"#).is_err());
    }
}
