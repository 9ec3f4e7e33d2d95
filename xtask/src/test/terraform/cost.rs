//! The table of monthly costs in the guide, compared with the plans.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::plan::{Plan, Resource};

const GUIDE: &str = "docs/deploy-aws.md";
/// Cents for a month of 730 hours, as in the table.
const NODES: [(&str, u32); 2] = [("t4g.medium", 2453), ("m7g.large", 5957)];
const DISK: u32 = 176;
const NAT: u32 = 3285;
const ADDRESS: u32 = 365;
const ENDPOINT: u32 = 730;
const LATTICE_SERVICE: u32 = 1825;
const SECRET: u32 = 40;

/// Checks each cell of the environments, and their sums.
pub(super) fn check(root: &Path, plans: &BTreeMap<String, Plan>) -> anyhow::Result<()> {
    let guide = fs::read_to_string(root.join(GUIDE)).context(GUIDE)?;
    let table = table(&guide)?;
    for (environment, plan) in plans {
        let expected = rows(plan).with_context(|| environment.clone())?;
        let column = &table[0];
        let column = column.iter().position(|title| title == environment);
        let column = column.with_context(|| format!("{GUIDE} has no costs of {environment}"))?;
        let mut sum = 0;
        for (item, (cell, cents)) in &expected {
            let row = table.iter().find(|row| row[0] == *item);
            let row = row.with_context(|| format!("{GUIDE} has no costs of {item}"))?;
            ensure!(
                row[column] == *cell,
                "{GUIDE}: {item} of {environment} are `{}`, and not `{cell}`",
                row[column]
            );
            sum += cents;
        }
        let total = format!("**{}**", dollars(sum));
        let last = table.last().context("an empty table")?;
        ensure!(
            table.len() == expected.len() + 2 && last[column] == total,
            "{GUIDE}: the sum of {environment} is `{}`, and not `{total}`",
            last[column]
        );
    }
    Ok(())
}

/// The rows of the table in the section on cost, without the line below the titles.
fn table(guide: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let section = guide.split("\n## ").find(|section| section.starts_with("Cost"));
    let lines = section.unwrap_or_default().lines();
    let rows = lines.filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let cells = |row: &str| {
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let rows: Vec<_> = rows.map(cells).collect();
    ensure!(rows.len() > 2, "{GUIDE} has no table of costs");
    Ok(rows)
}

/// The expected cell and its cents, by the first cell of the row.
fn rows(plan: &Plan) -> anyhow::Result<BTreeMap<&'static str, (String, u32)>> {
    let all: Vec<_> = plan.iter().flat_map(|(_, resources)| resources).collect();
    let of = |kind: &str| all.iter().copied().filter(|one| one.kind == kind).collect::<Vec<_>>();
    let zones = u32::try_from(of("aws_subnet").len() / 3)?;
    let count = |kind: &str| of(kind).len().try_into().unwrap_or(u32::MAX);
    let (nodes, node) = nodes(&of("aws_eks_node_group"))?;
    let endpoints = of("aws_vpc_endpoint");
    let interfaces = endpoints.iter().filter(|one| one.values["vpc_endpoint_type"] == "Interface");
    let interfaces = u32::try_from(interfaces.count())?;
    let endpoints = interfaces * zones * ENDPOINT;
    let endpoint_cell = if interfaces == 0 {
        dollars(0)
    } else {
        format!("{interfaces} × {zones} × {} = {}", dollars(ENDPOINT), dollars(endpoints))
    };
    // A public load balancer has an address in each zone.
    let addresses = count("aws_eip") + zones;
    Ok(BTreeMap::from([
        ("EKS control plane", fixed(count("aws_eks_cluster") * 7300)),
        ("nodes", times(nodes, node)),
        ("their disks of 22 GB", times(nodes, DISK)),
        ("NAT gateways", times(count("aws_nat_gateway"), NAT)),
        ("public IPv4 addresses", times(addresses, ADDRESS)),
        ("interface endpoints", (endpoint_cell, endpoints)),
        ("load balancer", fixed(1643)),
        ("web ACL and its rules", firewall(&of("aws_wafv2_web_acl"))?),
        ("VPC Lattice", times(count("aws_vpclattice_service_network"), LATTICE_SERVICE)),
        ("key of the cluster", fixed(count("aws_kms_key") * 100)),
        ("secrets", times(count("aws_secretsmanager_secret"), SECRET)),
    ]))
}

/// The number of nodes, and the cents of one.
fn nodes(groups: &[&Resource]) -> anyhow::Result<(u32, u32)> {
    let [group] = groups else { bail!("the table knows environments with one group of nodes") };
    let nodes = &group.values["scaling_config"][0]["min_size"];
    let kind = &group.values["instance_types"][0];
    let price = NODES.iter().find(|(name, _)| kind == name);
    let (_, price) = price.with_context(|| format!("the table has no price of {kind}"))?;
    Ok((u32::try_from(nodes.as_u64().context("no number of nodes")?)?, *price))
}

fn firewall(lists: &[&Resource]) -> anyhow::Result<(String, u32)> {
    let [list] = lists else { return Ok(fixed(0)) };
    let rules: Value = serde_json::from_str(list.values["rule_json"].as_str().unwrap_or_default())?;
    let rules = u32::try_from(rules.as_array().map_or(0, Vec::len))?;
    let cents = 500 + rules * 100;
    Ok((format!("5 + {rules} × 1 = {}", dollars(cents)), cents))
}

fn fixed(cents: u32) -> (String, u32) {
    (dollars(cents), cents)
}

fn times(count: u32, cents: u32) -> (String, u32) {
    if count == 0 {
        return fixed(0);
    }
    (format!("{count} × {} = {}", dollars(cents), dollars(count * cents)), count * cents)
}

fn dollars(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cell_shows_the_calculation() {
        assert_eq!(times(3, NAT), ("3 × 32.85 = 98.55".to_owned(), 9855));
        assert_eq!(times(0, NAT), ("0.00".to_owned(), 0));
    }

    #[test]
    fn table_is_that_of_the_costs() {
        let guide =
            "## Other\n\n| x |\n\n## Cost\n\n| item | a |\n|---|---|\n| NAT | 1 |\n| sum | 1 |\n";
        assert_eq!(table(guide).unwrap()[1], ["NAT", "1"]);
        assert!(table("## Cost\n").is_err());
    }
}
