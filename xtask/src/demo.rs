//! `cargo xtask demo`: shows the product in three parts.
//!
//! 1. Secrets: a file of secrets becomes a Secret on a real API server.
//! 2. Pods: the controller and the app run in Pods on a real node.
//! 3. AWS: the app gets its values from Secrets Manager. An event brings a changed value in seconds.

mod cluster;
mod story;

use anyhow::Context;
use clap::Args;
use e2e::controlplane::ControlPlane;
use e2e::controlplane::node::{Missing, missing_packages};
use e2e::moto::{self, Moto};
use e2e::tls_proxy::TlsProxy;
use tokio::task::spawn_blocking;

use self::cluster::DemoCluster;
use crate::build::{self, Programs};
use crate::images;
use crate::node::{self, Announcing, AwsOverTls, NodeImages, NodeSession};
use crate::runner::{Output, Steps};
use crate::shell::Shell;
use crate::tools;

/// Options of `cargo xtask demo`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Leave out the parts with real Pods and with AWS
    #[arg(long)]
    no_pods: bool,
    /// Leave out AWS
    #[arg(long)]
    no_aws: bool,
}

/// Runs all parts and removes everything that it started.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let output = steps.output();
    let missing = e2e::controlplane::node::missing();
    announce(options, &missing, output);
    let build = build::programs_and_control_plane(output);
    let what = "build mtk-seal, mtk-controller and a Kubernetes control plane";
    let (programs, _) = steps.step(what, build).await?;
    show_secrets(&mut steps, &programs).await?;
    if !options.no_pods {
        let missing = node::missing(output).await?;
        if missing.is_empty() {
            show_pods(&mut steps, &programs, !options.no_aws).await?;
        } else {
            let missing = node::described(&missing);
            output.line(format_args!("==> no real Pods on this machine; missing: {missing}"));
        }
    }
    steps.summary();
    Ok(())
}

/// Prints the parts, their times, and the packages to install.
fn announce(options: &Options, missing: &[Missing], output: Output) {
    output.line("The first run builds everything from source. On two cores it takes about:");
    output.line("  secrets  20 min  a file of secrets becomes a Secret on a real API server");
    if options.no_pods {
        return;
    }
    output.line("  pods      4 min  the controller and the app run in Pods (--no-pods skips it)");
    if !options.no_aws {
        output.line("  aws       1 min  the app gets its values from AWS, and a change by an event (--no-aws skips it)");
    }
    let (packages, others): (Vec<_>, Vec<_>) =
        missing.iter().cloned().partition(|one| matches!(one, Missing::Program { .. }));
    if !others.is_empty() {
        let others = node::described(&others);
        output.line(format_args!("This machine cannot run pods; missing: {others}"));
        return;
    }
    let packages = [missing_packages(&packages), images::missing_packages()].concat();
    if !packages.is_empty() {
        let packages = packages.join(" ");
        output.line(format_args!("The part with Pods will run: apt-get install {packages}"));
    }
    output.line("Later runs take about two minutes.");
}

/// The first part: the controller runs as a process on this machine.
async fn show_secrets(steps: &mut Steps, programs: &Programs) -> anyhow::Result<()> {
    let mut cluster = DemoCluster::start(steps, programs.controller.clone()).await?;
    let seal = [("mtk-seal", programs.seal.as_path())];
    let shell = Shell::new(cluster.directory(), cluster.access(), &seal, steps.output())?;
    story::play(steps, &mut cluster, &shell).await
}

/// The second and the third part: the controller and the app run in Pods. The app's values are
/// sealed first, and then in AWS.
async fn show_pods(steps: &mut Steps, programs: &Programs, aws: bool) -> anyhow::Result<()> {
    let images = NodeImages::for_demo(steps, &programs.controller).await?;
    let home = tempfile::Builder::new().prefix("mtk-demo-").tempdir()?;
    let start = || ControlPlane::start(&node::options());
    let plane = steps
        .step("start a Kubernetes node, in separate namespaces", async {
            spawn_blocking(start).await?
        })
        .await?;
    let output = steps.output();
    let session = NodeSession::new(home.path(), plane.access(), &programs.seal, &images, output)?;
    session.deploy(steps).await?;
    session.change(steps).await?;
    if !aws {
        return Ok(());
    }
    let program = steps.step("install moto, an AWS emulator", tools::moto(output)).await?;
    let node = plane.access().node().context("the control plane has no node")?;
    let host = node.host_address();
    let binary = plane.access().binary().to_owned();
    let start = move || {
        let moto = Moto::start(&program)?;
        let tls = TlsProxy::start(&binary, host, moto.address())?;
        let queue = moto::create_queue(moto.address(), "secret-changes")?;
        Ok::<_, anyhow::Error>((moto, tls, queue))
    };
    let what = "start moto, with a queue and with TLS at an address that Pods can reach";
    let (moto, tls, queue) = steps.step(what, async { spawn_blocking(start).await? }).await?;
    let for_pods = moto::queue_at(&format!("https://{}", tls.address()), &queue)?;
    let (address, authority) = (tls.address(), tls.authority());
    let over_tls = AwsOverTls { address, authority, queue: Some(&for_pods) };
    session.connect_to_aws(steps, over_tls).await?;
    session.show_aws(steps, &Announcing { moto: moto.address(), queue }).await
}
