//! What the demo shows, in order.

use std::fs;
use std::time::Instant;

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use sealing::{Certificate, KeyOptions, SealingKey};

use crate::places;
use crate::shell::Shell;
use crate::stage::Stage;
use crate::steps::Steps;
use crate::values;

const SEAL: &str = "mtk-seal < secrets.env > sealed.yaml";
const APPLY: &str = "git show HEAD:sealed.yaml | kubectl apply -f -";
const WAIT: &str = "kubectl wait --for=condition=Ready sealedsecret/app -n demo --timeout=60s";

/// Plays all scenes.
pub(super) async fn tell(
    steps: &mut Steps,
    stage: &mut Stage,
    shell: &Shell,
) -> anyhow::Result<()> {
    steps.step("a git repository with a project file", repository(stage, shell)).await?;
    steps.step("sealing the app's secrets, and committing them", seal(shell)).await?;
    steps.step("applying from git: the Secret appears", appear(shell)).await?;
    steps.step("one value changes", change(shell)).await?;
    steps.step("a file sealed for another cluster", stranger(shell)).await?;
    steps.step("the controller is killed in the middle of a change", crash(stage, shell)).await?;
    Ok(())
}

async fn repository(stage: &Stage, shell: &Shell) -> anyhow::Result<()> {
    let example = places::root().join("deploy/app/secrets.env.example");
    let example =
        fs::read_to_string(&example).with_context(|| format!("reading {}", example.display()))?;
    fs::write(shell.directory().join("secrets.env"), example)?;
    let api = stage.controller()?.address()?;
    shell.run("git init --quiet && echo secrets.env > .gitignore").await?;
    shell.run("kubectl create namespace demo").await?;
    // The API server's service proxy, where mtk-seal looks on a real cluster, leads to no Pod here.
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
    shell.remark("secrets.env has another API_TOKEN now");
    shell.run(SEAL).await?;
    shell.run("git commit --quiet -am 'Rotate the API token'").await?;
    shell.run(APPLY).await?;
    shell.run(WAIT).await?;
    shell.run("kubectl describe secret app -n demo | grep API_TOKEN").await?;
    compare(shell).await
}

async fn stranger(shell: &Shell) -> anyhow::Result<()> {
    let certificate = tokio::task::spawn_blocking(other_cluster).await??;
    fs::write(shell.directory().join("other-cluster.crt"), certificate)?;
    shell.run("mtk-seal --name lost --cert other-cluster.crt < secrets.env > lost.yaml").await?;
    shell.run("kubectl apply -f lost.yaml").await?;
    shell
        .run("kubectl wait --for=condition=Stalled sealedsecret/lost -n demo --timeout=60s")
        .await?;
    shell.run("kubectl get sealedsecrets -n demo").await?;
    shell.run("kubectl describe sealedsecret lost -n demo | sed -n '/^Status:/,$p'").await?;
    shell.run("rm lost.yaml other-cluster.crt").await
}

async fn crash(stage: &mut Stage, shell: &Shell) -> anyhow::Result<()> {
    edit(shell, "DB_PASSWORD", "dummy-changed-under-way")?;
    shell.remark("secrets.env has another DB_PASSWORD now");
    shell.run(SEAL).await?;
    shell.run("git commit --quiet -am 'Rotate the password of the database'").await?;
    shell.run(APPLY).await?;
    let controller = stage.take_controller()?;
    let pid = controller.pid();
    // Which is SIGKILL.
    drop(controller);
    shell.remark(&format!("SIGKILL to the controller, process {pid}; the next change misses it"));
    edit(shell, "SMTP_PASSWORD", "dummy-changed-while-nobody-looked")?;
    shell.run(SEAL).await?;
    shell.run("git commit --quiet -am 'Rotate the password of the mail server'").await?;
    shell.run(APPLY).await?;
    let restarted = Instant::now();
    stage.start_controller().await?;
    shell.remark(&format!("started again, ready after {} ms", restarted.elapsed().as_millis()));
    shell.run(WAIT).await?;
    shell.run("kubectl get sealedsecrets -n demo").await?;
    compare(shell).await
}

/// The certificate of a cluster that this one knows nothing of.
fn other_cluster() -> anyhow::Result<String> {
    let key = SealingKey::generate(&KeyOptions {
        bits: 4096,
        common_name: String::new(),
        not_before: Timestamp::now(),
        lifetime: SignedDuration::from_hours(24),
    })?;
    let certificate = key.certificate().map(Certificate::to_pem);
    certificate.context("a generated key has a certificate")
}

fn edit(shell: &Shell, key: &str, value: &str) -> anyhow::Result<()> {
    let path = shell.directory().join("secrets.env");
    let text = values::with(&fs::read_to_string(&path)?, key, value);
    Ok(fs::write(path, text)?)
}

/// The Secret has exactly the values of the file. Says so, and never what they are.
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
