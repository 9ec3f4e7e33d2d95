//! `cargo xtask manifests`: files that are made from something else: for the cluster, and the list of
//! template functions.

mod functions;

use std::fs;

use anyhow::{Context, bail};

use crate::command::{self, program};
use crate::steps::Output;
use crate::{places, tools};

/// Where the CustomResourceDefinitions are: for kubectl, and for the chart, which cannot read what is
/// not in its directory.
const CRDS: [&str; 2] = ["crds/manifests", "deploy/charts/mtk-controller/files/crds"];

const FUNCTIONS: &str = "docs/templates.md";
const INSTALL: &str = "deploy/install.yaml";
const INSTALL_HEADER: &str = "\
# The controller and all that it needs, in kube-system. Rendered by `cargo xtask manifests`:
#
#   helm template mtk-controller deploy/charts/mtk-controller --namespace kube-system
#
# No image is published yet: docs/images.md says how to build one, and docs/install.md how to name yours.
";

/// Writes them, or with `check` only says whether they are as they would be written.
pub(crate) async fn run(check: bool) -> anyhow::Result<()> {
    for (name, generated) in crds::manifest::all()? {
        for directory in CRDS {
            file(&format!("{directory}/{name}"), &generated, check)?;
        }
    }
    file(FUNCTIONS, &functions::page(), check)?;
    // After the CustomResourceDefinitions, which are in there.
    file(INSTALL, &install().await?, check)
}

/// What the chart renders by default.
async fn install() -> anyhow::Result<String> {
    let helm = tools::helm4(Output::Stdout).await?;
    // None of this user's settings and plug-ins.
    let home = tempfile::tempdir().context("a temporary directory")?;
    let mut helm = program(helm);
    helm.args(["template", "mtk-controller", "deploy/charts/mtk-controller"])
        .args(["--namespace", "kube-system"])
        .current_dir(places::root())
        .env_clear()
        .env("HOME", home.path());
    Ok(format!("{INSTALL_HEADER}{}", command::output(&mut helm).await?))
}

fn file(name: &str, generated: &str, check: bool) -> anyhow::Result<()> {
    let path = places::root().join(name);
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == generated {
        Output::Stdout.line(format_args!("{name} is up to date"));
    } else if check {
        bail!("{name} is stale\nhint: run `cargo xtask manifests`");
    } else {
        fs::write(&path, generated).with_context(|| format!("writing {}", path.display()))?;
        Output::Stdout.line(format_args!("{name} is written"));
    }
    Ok(())
}
