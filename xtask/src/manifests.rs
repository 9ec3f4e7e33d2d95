//! `cargo xtask manifests`: generated files: CustomResourceDefinitions, install.yaml, the list of template
//! functions, and the copy of the chart's values.

pub(crate) mod modules;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::command::{self, program};
use crate::runner::Output;
use crate::{build, paths, tools};

/// The directories of CustomResourceDefinitions: one for kubectl, and one for the chart, which can
/// read only its own directory.
const CRDS: [&str; 2] = ["crds/manifests", "deploy/charts/mtk-controller/files/crds"];

/// The chart's values, and a copy that its templates can read.
const VALUES: [&str; 2] = [
    "deploy/charts/mtk-controller/values.yaml",
    "deploy/charts/mtk-controller/files/defaults.yaml",
];

const FUNCTIONS: &str = "docs/templates.md";
const INSTALL: &str = "deploy/install.yaml";
const INSTALL_HEADER: &str = "\
# The controller and all that it needs, in kube-system. Rendered by `cargo xtask manifests`:
#
#   helm template mtk-controller deploy/charts/mtk-controller --namespace kube-system
#
# No image is published yet: docs/images.md says how to build one, and docs/install.md how to name yours.
";

/// Writes generated files, or with `check` fails if one is out of date.
pub(crate) async fn run(check: bool) -> anyhow::Result<()> {
    // First, because the others need a build.
    modules::run(check)?;
    let generate = build::example("generate").await?;
    let generated = command::output(&mut program(generate)).await?;
    let generated: Generated = serde_json::from_str(&generated).context("generated files")?;
    for (name, text) in &generated.crds {
        for directory in CRDS {
            file(&format!("{directory}/{name}"), text, check)?;
        }
    }
    file(FUNCTIONS, &generated.functions, check)?;
    let [values, copy] = VALUES;
    let values = fs::read_to_string(paths::root().join(values)).context("the chart's values")?;
    file(copy, &values, check)?;
    // After the CustomResourceDefinitions and the copy, which the chart renders.
    file(INSTALL, &install().await?, check)
}

/// The output of the example `generate` of the crate `e2e`.
#[derive(Deserialize)]
struct Generated {
    crds: BTreeMap<String, String>,
    functions: String,
}

/// The chart with its default values.
async fn install() -> anyhow::Result<String> {
    let helm = tools::helm4(Output::Stdout).await?;
    // Without this user's settings and plug-ins.
    let home = tempfile::tempdir().context("a temporary directory")?;
    let mut helm = program(helm);
    helm.args(["template", "mtk-controller", "deploy/charts/mtk-controller"])
        .args(["--namespace", "kube-system"])
        .current_dir(paths::root())
        .env_clear()
        .env("HOME", home.path());
    Ok(format!("{INSTALL_HEADER}{}", command::output(&mut helm).await?))
}

fn file(name: &str, generated: &str, check: bool) -> anyhow::Result<()> {
    let path = paths::root().join(name);
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == generated {
        Output::Stdout.line(format_args!("{name} is up to date"));
    } else if check {
        bail!("{name} is out of date\nhint: run `cargo xtask manifests`");
    } else {
        fs::write(&path, generated).with_context(|| format!("writing {}", path.display()))?;
        Output::Stdout.line(format_args!("wrote {name}"));
    }
    Ok(())
}
