//! Tests of the charts and of the configuration repository, without a cluster.

use super::cargo;
use super::targets::Targets;
use super::terraform;
use crate::command;
use crate::manifests;
use crate::runner::Steps;
use crate::tools;

/// Installs the tools that the tests of the charts run, and runs the tests.
pub(super) async fn run(
    steps: &mut Steps,
    targets: &Targets,
    filter: Option<&str>,
) -> anyhow::Result<()> {
    let output = steps.output();
    let go = async {
        let helms = tools::helms(output).await?;
        Ok((helms, tools::kubeconform(output).await?, tools::health(output).await?))
    };
    // pip waits for the network while Go compiles.
    let tools = async { tokio::try_join!(go, tools::checkov(output)) };
    let what = "build Helm 3 and 4, kubeconform, and code of Flux and Argo CD, and install checkov";
    let ((helms, kubeconform, health), checkov) = steps.step(what, tools).await?;
    steps.step("check generated manifests", manifests::run(true)).await?;
    let filter = filter.map(|filter| vec![filter]).unwrap_or_default();
    let mut test = cargo::test(&targets.charts, &filter);
    helms.name_to(&mut test);
    test.env("MTK_KUBECONFORM", kubeconform).env("MTK_CHECKOV", checkov).env("MTK_HEALTH", health);
    terraform::name_to(&mut test, steps).await?;
    steps
        .step("run tests of the charts and of GitOps, without a cluster", command::run(&mut test))
        .await
}
