//! The layers of the environments in AWS: their references, and the order in which they leave.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::paths;

/// In the order in which they are created.
pub(super) const LAYERS: [&str; 5] = ["network", "cluster", "platform", "secrets", "app"];
const GUIDE: &str = "docs/deploy-aws.md";

/// The text of a layer, and the types of resources that it and its modules create.
struct Layer {
    name: &'static str,
    text: String,
    creates: BTreeSet<String>,
}

/// Checks that the layers of all environments are the same, find each other by data sources of earlier
/// layers, and leave in the order of the guide.
pub(super) fn check(home: &Path, environments: &[String]) -> anyhow::Result<()> {
    let mut known: Option<Vec<Layer>> = None;
    for environment in environments {
        let directory = home.join("environments").join(environment);
        let layers = LAYERS.map(|name| read(home, &directory, name)).into_iter();
        let layers = layers.collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(known) = &known {
            for (layer, other) in known.iter().zip(&layers) {
                ensure!(
                    layer.text == other.text,
                    "the layer {} of {environment} differs from that of {}\n\
                     hint: put the difference into settings.yaml",
                    layer.name,
                    environments[0]
                );
            }
        } else {
            references(&layers)?;
            known = Some(layers);
        }
    }
    let guide = fs::read_to_string(paths::root().join(GUIDE)).context(GUIDE)?;
    let reversed: Vec<_> = LAYERS.iter().rev().copied().collect();
    ensure!(
        destruction(&guide) == reversed,
        "{GUIDE} destroys the layers in the order {}\nhint: destroy them as {}",
        destruction(&guide).join(", "),
        reversed.join(", ")
    );
    Ok(())
}

fn read(home: &Path, environment: &Path, name: &'static str) -> anyhow::Result<Layer> {
    let path = environment.join(name).join("main.tf");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut creates = words_after(&text, "resource");
    for module in modules(&text) {
        let directory = home.join("modules").join(&module);
        for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tf") {
                creates.extend(words_after(&fs::read_to_string(&path)?, "resource"));
            }
        }
    }
    Ok(Layer { name, text, creates })
}

/// Each data source of a type that our layers create belongs to an earlier layer.
fn references(layers: &[Layer]) -> anyhow::Result<()> {
    for (position, layer) in layers.iter().enumerate() {
        for forbidden in ["terraform_remote_state", "tfstate\")"] {
            ensure!(
                !layer.text.contains(forbidden),
                "the layer {} reads the state of another one: {forbidden}\nhint: use a data source",
                layer.name
            );
        }
        for wanted in words_after(&layer.text, "data") {
            // `aws_subnets` finds the resources `aws_subnet`.
            let singular = wanted.trim_end_matches('s');
            let creates =
                |layer: &Layer| layer.creates.contains(&wanted) || layer.creates.contains(singular);
            let earlier = layers[..position].iter().any(creates);
            if !earlier && layers[position..].iter().any(creates) {
                bail!(
                    "the layer {} looks for {wanted}, which no earlier layer creates",
                    layer.name
                );
            }
        }
    }
    Ok(())
}

/// The types after `resource` or `data` at the beginning of a line.
fn words_after(text: &str, keyword: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| {
        line.strip_prefix(keyword)?.strip_prefix(" \"")?.split('"').next().map(str::to_owned)
    });
    types.collect()
}

/// The names of our modules.
fn modules(text: &str) -> BTreeSet<String> {
    let sources = text.lines().filter_map(|line| line.trim().strip_prefix("source"));
    let names =
        sources.filter_map(|rest| rest.split('"').nth(1)?.strip_prefix("../../../modules/"));
    names.map(str::to_owned).collect()
}

/// The layers in the numbered list of the section on destruction.
fn destruction(guide: &str) -> Vec<&str> {
    let section = guide.split("\n## ").find(|section| section.starts_with("Destroy"));
    let lines = section.unwrap_or_default().lines();
    let items = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    items.filter_map(|line| line.split('`').nth(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &'static str, text: &str, creates: &[&str]) -> Layer {
        let creates = creates.iter().map(|&one| one.to_owned()).collect();
        Layer { name, text: text.to_owned(), creates }
    }

    #[test]
    fn layer_finds_resources_of_earlier_layers() {
        let network = layer("network", "", &["aws_subnet"]);
        let cluster = layer("cluster", "data \"aws_subnets\" \"a\" {\n", &["aws_eks_cluster"]);
        references(&[network, cluster]).unwrap();
    }

    #[test]
    fn layer_that_needs_a_later_one_is_rejected() {
        let network = layer("network", "data \"aws_eks_cluster\" \"a\" {\n", &["aws_subnet"]);
        let cluster = layer("cluster", "", &["aws_eks_cluster"]);
        assert!(references(&[network, cluster]).is_err());
    }

    #[test]
    fn layer_that_reads_another_state_is_rejected() {
        let text = "data \"terraform_remote_state\" \"network\" {\n";
        assert!(references(&[layer("cluster", text, &[])]).is_err());
    }

    #[test]
    fn data_of_aws_itself_belong_to_no_layer() {
        references(&[layer("network", "data \"aws_region\" \"this\" {}\n", &["aws_vpc"])]).unwrap();
    }

    #[test]
    fn order_of_destruction_is_the_numbered_list() {
        let guide = "# A\n\n## Create\n\n1. `x`\n\n## Destroy\n\n1. `app`: gone\n2. `network`\n\n## Cost\n\n3. `z`\n";
        assert_eq!(destruction(guide), ["app", "network"]);
    }
}
