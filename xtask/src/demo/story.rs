//! The steps of the first part, in order.

use std::fs;
use std::time::Instant;

use anyhow::{Context, ensure};

use super::cluster::DemoCluster;
use crate::paths;
use crate::runner::Steps;
use crate::shell::Shell;
use crate::values;

const SEAL: &str = "mtk-seal < secrets.env > sealed.yaml";
const APPLY: &str = "git show HEAD:sealed.yaml | kubectl apply -f -";
const WAIT: &str = "kubectl wait --for=condition=Ready sealedsecret/app -n demo --timeout=60s";
/// A certificate whose private key no cluster has.
const OTHER_CERTIFICATE: &str = "sealing/tests/vectors/keys/rsa4096.crt";

/// Plays all scenes.
pub(super) async fn play(
    steps: &mut Steps,
    cluster: &mut DemoCluster,
    shell: &Shell,
) -> anyhow::Result<()> {
    steps.step("create a git repository with a project file", repository(cluster, shell)).await?;
    steps.step("seal the app's secrets and commit them", seal(shell)).await?;
    steps.step("apply from git: the controller creates the Secret", appear(shell)).await?;
    steps.step("change one value", change(shell)).await?;
    steps
        .step("apply a file that is sealed for another cluster", sealed_for_another_cluster(shell))
        .await?;
    steps.step("kill the controller during a change", crash(cluster, shell)).await?;
    Ok(())
}

async fn repository(cluster: &DemoCluster, shell: &Shell) -> anyhow::Result<()> {
    let example = paths::root().join("deploy/app/secrets.env.example");
    let example =
        fs::read_to_string(&example).with_context(|| format!("reading {}", example.display()))?;
    fs::write(shell.directory().join("secrets.env"), example)?;
    let api = cluster.controller()?.address()?;
    shell.run("git init --quiet && echo secrets.env > .gitignore").await?;
    shell.run("kubectl create namespace demo").await?;
    // On a real cluster, mtk-seal uses the API server's service proxy. Here no Pod is behind it.
    shell
        .run(&format!(
            "mtk-seal init --name app --namespace demo --cert http://{api}/v1/cert.pem --insecure-http"
        ))
        .await
}

async fn seal(shell: &Shell) -> anyhow::Result<()> {
    shell.run(SEAL).await?;
    shell.run("cut -c 1-100 sealed.yaml").await?;
    shell.run("git add . && git commit --quiet -m 'Add the secrets of the app'").await?;
    shell.run("git ls-files").await
}

async fn appear(shell: &Shell) -> anyhow::Result<()> {
    shell.run(APPLY).await?;
    shell.run(WAIT).await?;
    shell.run("kubectl describe secret app -n demo | sed -n '/^Type:/,$p'").await?;
    compare(shell).await
}

async fn change(shell: &Shell) -> anyhow::Result<()> {
    edit(shell, "API_TOKEN", "dummy-tok_rotated-77")?;
    shell.remark("secrets.env has a new API_TOKEN");
    shell.run(SEAL).await?;
    shell.run("git commit --quiet -am 'Rotate the API token'").await?;
    shell.run(APPLY).await?;
    shell.run(WAIT).await?;
    shell.run("kubectl describe secret app -n demo | grep API_TOKEN").await?;
    compare(shell).await
}

async fn sealed_for_another_cluster(shell: &Shell) -> anyhow::Result<()> {
    let certificate = paths::root().join(OTHER_CERTIFICATE);
    fs::copy(&certificate, shell.directory().join("other-cluster.crt"))
        .with_context(|| format!("reading {}", certificate.display()))?;
    shell.run("mtk-seal --name lost --cert other-cluster.crt < secrets.env > lost.yaml").await?;
    shell.run("kubectl apply -f lost.yaml").await?;
    shell
        .run("kubectl wait --for=condition=Stalled sealedsecret/lost -n demo --timeout=60s")
        .await?;
    shell.run("kubectl get sealedsecrets -n demo").await?;
    shell.run("kubectl describe sealedsecret lost -n demo | sed -n '/^Status:/,$p'").await?;
    shell.run("rm lost.yaml other-cluster.crt").await
}

async fn crash(cluster: &mut DemoCluster, shell: &Shell) -> anyhow::Result<()> {
    edit(shell, "DB_PASSWORD", "dummy-changed-under-way")?;
    shell.remark("secrets.env has a new DB_PASSWORD");
    shell.run(SEAL).await?;
    shell.run("git commit --quiet -am 'Rotate the password of the database'").await?;
    shell.run(APPLY).await?;
    let controller = cluster.take_controller()?;
    let pid = controller.pid();
    // Dropping it sends SIGKILL.
    drop(controller);
    shell.remark(&format!(
        "SIGKILL to the controller, process {pid}, so that it misses the next change"
    ));
    edit(shell, "SMTP_PASSWORD", "dummy-changed-while-nobody-looked")?;
    shell.run(SEAL).await?;
    shell.run("git commit --quiet -am 'Rotate the password of the mail server'").await?;
    shell.run(APPLY).await?;
    let restarted = Instant::now();
    cluster.start_controller().await?;
    shell.remark(&format!("started again, ready after {} ms", restarted.elapsed().as_millis()));
    shell.run(WAIT).await?;
    shell.run("kubectl get sealedsecrets -n demo").await?;
    compare(shell).await
}

fn edit(shell: &Shell, key: &str, value: &str) -> anyhow::Result<()> {
    let path = shell.directory().join("secrets.env");
    let text = values::with(&fs::read_to_string(&path)?, key, value);
    Ok(fs::write(path, text)?)
}

/// Fails unless the Secret has exactly the values of the file. Prints their number, never a value.
async fn compare(shell: &Shell) -> anyhow::Result<()> {
    let expected = values::of_file(&fs::read_to_string(shell.directory().join("secrets.env"))?);
    let secret = shell.quietly("kubectl get secret app -n demo -o json").await?;
    ensure!(
        values::of_secret(&secret)? == expected,
        "the Secret's values are not those of secrets.env"
    );
    let count = expected.len();
    shell.remark(&format!(
        "compared: the Secret has the {count} values of secrets.env, and no other"
    ));
    Ok(())
}
