//! The environments in AWS: their layers, their plans and their costs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::plan::Plan;
use super::{cost, layers, plan};
use crate::paths;
use crate::tools::Terraform;

/// Checks the environments in AWS, whose tests have run.
pub(super) fn check(terraform: &Terraform, home: &Path) -> anyhow::Result<()> {
    let environments = environments(home)?;
    layers::check(home, &environments)?;
    let mut plans = BTreeMap::new();
    for environment in environments {
        let directory = home.join("environments").join(&environment);
        let plan = plan::read(terraform, &directory).with_context(|| environment.clone())?;
        let expected = fs::read_to_string(directory.join("plan.txt")).unwrap_or_default();
        compare(&environment, &expected, &plan::counts(&plan))?;
        plans.insert(environment, plan);
    }
    survives(plans.get("aws-prod").context("there is no aws-prod")?)?;
    cost::check(paths::root(), &plans)
}

/// Production survives the loss of a zone, and nobody deletes it by mistake.
fn survives(plan: &Plan) -> anyhow::Result<()> {
    let all = || plan.iter().flat_map(|(_, resources)| resources);
    let every = |kind: &str, holds: &dyn Fn(&Value) -> bool| {
        let mut of_kind = all().filter(|one| one.kind == kind).peekable();
        of_kind.peek().is_some() && of_kind.all(|one| holds(&one.values))
    };
    let properties = [
        ("three NAT gateways", all().filter(|one| one.kind == "aws_nat_gateway").count() == 3),
        (
            "two nodes on demand",
            every("aws_eks_node_group", &|group| {
                group["capacity_type"] == "ON_DEMAND"
                    && group["scaling_config"][0]["min_size"].as_u64() >= Some(2)
            }),
        ),
        (
            "nodes in three zones",
            every("aws_eks_node_group", &|group| {
                group["subnet_ids"].as_array().map_or(0, Vec::len) == 3
            }),
        ),
        (
            "deletion protection",
            every("aws_eks_cluster", &|one| one["deletion_protection"] == true),
        ),
        ("a web ACL with a log", every("aws_wafv2_web_acl_logging_configuration", &|_| true)),
        ("access logs", every("aws_s3_bucket_lifecycle_configuration", &|_| true)),
        (
            "alarms that reach somebody",
            every("aws_cloudwatch_metric_alarm", &|alarm| {
                alarm["alarm_actions"].as_array().is_some_and(|actions| !actions.is_empty())
            }),
        ),
    ];
    for (property, holds) in properties {
        ensure!(holds, "aws-prod lacks {property}");
    }
    Ok(())
}

fn environments(home: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(home.join("environments"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("aws-") {
            names.push(name);
        }
    }
    names.sort();
    ensure!(names.len() > 1, "there are no environments in AWS to compare");
    Ok(names)
}

fn compare(environment: &str, expected: &str, actual: &str) -> anyhow::Result<()> {
    ensure!(
        expected == actual,
        "the plan of {environment} differs from deploy/terraform/environments/{environment}/plan.txt\n\
         hint: if you meant the change, write there:\n{actual}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_without_its_properties_is_rejected() {
        let error = survives(&vec![("network", Vec::new())]).unwrap_err();
        assert_eq!(error.to_string(), "aws-prod lacks three NAT gateways");
    }

    #[test]
    fn other_plan_is_rejected() {
        compare("aws-dev", "network\n", "network\n").unwrap();
        assert!(compare("aws-dev", "network\n", "network\n  aws_eip 1\n").is_err());
    }
}
