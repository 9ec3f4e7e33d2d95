//! The order in which Terraform creates resources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::command;
use crate::tools::Terraform;

/// A configuration, a resource, and another one that Terraform creates only after it.
const ORDER: [(&str, &str, &str); 7] = [
    // A node becomes ready only with a network, and its Pods get credentials from the agent.
    ("modules/eks", "aws_eks_addon.before_nodes", "aws_eks_node_group.this"),
    ("modules/eks", "aws_eks_node_group.this", "aws_eks_addon.after_nodes"),
    // A Pod gets credentials only if the association exists when it starts.
    ("modules/gateway", "aws_eks_pod_identity_association.lbc", "helm_release.lbc"),
    ("modules/lattice", "aws_eks_pod_identity_association.controller", "helm_release.controller"),
    (
        "environments/aws-prod/platform",
        "module.controller_identity.aws_eks_pod_identity_association.this",
        "module.controller.helm_release.this",
    ),
    // The controller has to delete the load balancer, so the Gateway leaves first.
    ("modules/gateway", "helm_release.lbc", "helm_release.objects"),
    ("modules/lattice", "helm_release.controller", "helm_release.objects"),
];

/// Checks the order in configurations that are initialised.
pub(super) async fn check(terraform: &Terraform, home: &Path) -> anyhow::Result<()> {
    let mut graphs = BTreeMap::new();
    for (configuration, first, then) in ORDER {
        if !graphs.contains_key(configuration) {
            let graph = graph(terraform, &home.join(configuration)).await;
            graphs.insert(configuration, edges(&graph.context(configuration)?));
        }
        let graph = &graphs[configuration];
        if !depends(graph, then, first).with_context(|| configuration.to_owned())? {
            bail!(
                "{configuration}: {then} does not wait for {first}\n\
                 hint: refer to it, or add it to depends_on"
            );
        }
    }
    Ok(())
}

/// The output of `terraform graph`. It wants a backend, unlike tests.
async fn graph(terraform: &Terraform, directory: &Path) -> anyhow::Result<String> {
    fs::write(directory.join("backend_override.tf"), "terraform {\n  backend \"local\" {}\n}\n")?;
    let mut init = terraform.command(directory);
    command::output(init.args(["init", "-reconfigure", "-input=false"])).await?;
    command::output(terraform.command(directory).arg("graph")).await
}

/// The resources that each resource waits for.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// Reads the lines `"A" -> "B"` of a graph.
fn edges(graph: &str) -> Edges {
    let mut edges = Edges::new();
    for line in graph.lines() {
        let names: Vec<_> = line.split('"').skip(1).step_by(2).map(resource).collect();
        if let [from, to] = names[..]
            && line.contains("->")
        {
            edges.entry(from.to_owned()).or_default().insert(to.to_owned());
            edges.entry(to.to_owned()).or_default();
        }
    }
    edges
}

/// OpenTofu writes `[root] TYPE.NAME (expand)`.
fn resource(node: &str) -> &str {
    node.trim_start_matches("[root] ").trim_end_matches(" (expand)")
}

/// Whether a resource waits for another one, through any number of others.
fn depends(edges: &Edges, from: &str, to: &str) -> anyhow::Result<bool> {
    for name in [from, to] {
        if !edges.contains_key(name) {
            bail!("the graph has no {name}");
        }
    }
    let (mut seen, mut todo) = (BTreeSet::new(), vec![from]);
    while let Some(name) = todo.pop() {
        if name == to {
            return Ok(true);
        }
        if seen.insert(name) {
            todo.extend(edges[name].iter().map(String::as_str));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = r#"digraph G {
  "a.x" [label="a.x"];
  "a.x" -> "b.y";
  "b.y" -> "c.z";
}"#;

    #[test]
    fn resource_depends_on_others_through_others() {
        let edges = edges(GRAPH);
        assert!(depends(&edges, "a.x", "c.z").unwrap());
        assert!(!depends(&edges, "c.z", "a.x").unwrap());
    }

    #[test]
    fn graph_of_opentofu_has_the_same_names() {
        let graph = "\t\t\"[root] a.x (expand)\" -> \"[root] b.y (expand)\"\n";
        assert!(depends(&edges(graph), "a.x", "b.y").unwrap());
    }

    #[test]
    fn missing_resource_is_rejected() {
        assert!(depends(&edges(GRAPH), "a.x", "d.w").is_err());
    }
}
