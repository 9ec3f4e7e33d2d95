//! The charts, without a cluster.

use super::{cargo, targets};
use crate::command;
use crate::manifests;
use crate::steps::Steps;
use crate::tools;

/// Makes the tools that the tests of the charts run, and runs the tests.
pub(super) async fn run(steps: &mut Steps) -> anyhow::Result<()> {
    let output = steps.output();
    let helms = steps.step("Helm 3 and 4", tools::helms(output)).await?;
    let kubeconform = steps.step("kubeconform", tools::kubeconform(output)).await?;
    let checkov = steps.step("checkov", tools::checkov(output)).await?;
    steps.step("manifests that are made from others", manifests::run(true)).await?;
    let targets = targets::Targets::read().await?;
    let mut test = cargo::test(&targets.charts, &[]);
    helms.name_to(&mut test);
    test.env("MTK_KUBECONFORM", kubeconform).env("MTK_CHECKOV", checkov);
    steps.step("tests of the charts, without a cluster", command::run(&mut test)).await
}
