//! Runs the commands of the documentation as written.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use e2e::controlplane::Access;
use e2e::helm::Release;
use e2e::programs;
use serde_json::{Value, json};

use super::stage::{node, stage};
use crate::migrate::settings;
use crate::support::{Api, Kind, data, eventually};

const CLUSTER: &str = "docs/deploy-cluster.md";
const PI: &str = "docs/deploy-pi.md";
/// The section of the page on any cluster that the page on the Pi refers to.
const SEAL: &str = "Seal the app's secrets";
/// The sections of the page on the Pi with commands.
const HELM: &str = "Install";
const TERRAFORM: &str = "Install with Terraform";
const REMOVE: &str = "Remove";
const GITOPS: &str = "docs/gitops.md";
/// A section with commands for an app of the old chart.
const MIGRATE: &str = "Migrate from plaintext values";
/// The memory for the controller and the app together on a Pi.
const MEMORY: u64 = 100 * 1024 * 1024;

/// Runs the commands of all sections in one shell, from the installation to the removal.
#[tokio::test]
async fn commands_of_deploy_cluster_install_the_app() {
    // The page needs its own node, because it starts and ends without the controller.
    let Some(_) = stage() else { return };
    let plane = node().unwrap();
    let reader = Reader::new(plane.access());
    let script = commands(CLUSTER, |section| section != MIGRATE);
    assert!(script.matches("helm ").count() >= 4, "{script}");
    let said = reader.run(&script);
    let backup = fs::read_to_string(reader.repository().join("sealing-keys-backup.yaml"));
    assert!(backup.unwrap().contains("tls.key"));
    assert!(said.contains("RestartTriggered"), "{said}");
}

/// A stub of Terraform's providers calls Helm and kubectl, as the real ones would.
#[tokio::test]
async fn commands_of_deploy_pi_install_the_app_with_terraform() {
    let Some(_) = stage() else { return };
    let Some(settings) = settings() else { return };
    let plane = node().unwrap();
    let reader = Reader { settings: Some(settings.into()), ..Reader::new(plane.access()) };
    let section = |wanted: &str| commands(PI, |section| section == wanted);
    reader.run(&section(HELM));
    // The page offers Helm or Terraform.
    reader.run("helm uninstall mtk-controller --namespace kube-system --wait");

    let terraform = section(TERRAFORM);
    let (platform, app) = terraform.split_once("\n\n").unwrap();
    reader.run(platform);
    reader.run(&commands(CLUSTER, |section| section == SEAL));
    reader.run(app);
    reader.run("kubectl exec --stdin deploy/web --namespace demo -- python3 -m app check < ../app-manifests/secrets.env");
    let api = Api::at(plane.kubeconfig()).await;
    let used = memory(&api).await;
    assert!(used < MEMORY, "controller and app use {} MB", used / 1024 / 1024);

    let keys = sealing_keys(&api).await;
    assert!(!keys.is_empty());
    reader.run(&section(REMOVE));
    assert_eq!(sealing_keys(&api).await, keys, "without them nobody can open what is in git");
    reader.run("kubectl get crd sealedsecrets.bitnami.com");
    eventually("no Pod is left", async || {
        let left = api.list(Kind::Pod, None).await;
        left.is_empty().then_some(())
    })
    .await;
}

/// The release and the Secret are those of the old chart.
#[tokio::test]
async fn commands_of_deploy_cluster_migrate_from_plaintext_values() {
    const NS: &str = "docs-migrate";
    let Some(stage) = stage() else { return };
    let reader = Reader::new(stage.plane.access());
    let values = json!({
        "name": "mytomorrows-app",
        "image": { "repository": "localhost/mtk-app", "tag": env!("CARGO_PKG_VERSION"),
                   "pullPolicy": "Never" },
        "envConfigs": { "API_BASE_URL": "https://api.example.org", "PORT": "8080" },
        "envSecrets": { "SECRET_KEY": "old" },
        "service": { "type": "LoadBalancer", "port": 80, "targetPort": 8080 },
    });
    let old = Release { name: "web", namespace: NS };
    stage.helm.upgrade(old, "e2e/tests/suite/pods/old-chart", &values).unwrap();
    let api = stage.api().await;
    let before = api.secret(NS, "web-secret").await.unwrap();
    fs::write(reader.repository().join("secrets.env"), "SECRET_KEY=new\n").unwrap();
    let script = commands(CLUSTER, |section| section == MIGRATE);
    reader.run(&script.replace("--namespace demo", &format!("--namespace {NS}")));
    let after = eventually("the controller has taken over the Secret", async || {
        let secret = api.secret(NS, "web-secret").await?;
        (data(&secret) == ["SECRET_KEY=new"]).then_some(secret)
    });
    assert_eq!(after.await["metadata"]["uid"], before["metadata"]["uid"], "never deleted");
    let config = api.get(Kind::ConfigMap, NS, "web-config").await.unwrap();
    assert_eq!(config["data"]["API_BASE_URL"], "https://api.example.org");
}

#[tokio::test]
async fn commands_of_gitops_begin_a_repository_without_plaintext() {
    let Some(stage) = stage() else { return };
    let reader = Reader::new(stage.plane.access());
    let script = commands(GITOPS, |_| true);
    // The page pushes to a repository that the reader has.
    let remote = "git init --quiet --bare --initial-branch=main ../remote\n\
                  git config --global remote.origin.url \"$PWD/../remote\"\n\
                  git config --global push.autoSetupRemote true\n";
    reader.run(&format!("{remote}{script}"));
    let pushed = reader.run(
        "git -C ../remote show main:apps/web/envs/pi/manifests/sealed.yaml\n\
         git -C ../remote ls-tree -r --name-only main certs",
    );
    assert!(pushed.contains("encryptedData:"), "{pushed}");
    let said = reader.run("git -C ../remote log --all --patch");
    let values =
        fs::read_to_string(programs::repository("deploy/app/secrets.env.example")).unwrap();
    let values = values.lines().filter_map(|line| line.split_once('='));
    let values: Vec<_> = values.filter(|(_, value)| value.contains("dummy")).collect();
    assert!(values.len() > 3, "{values:?}");
    for (name, value) in values {
        assert!(!said.contains(value.trim_matches(['\'', '"'])), "{name} is in git");
    }
}

async fn sealing_keys(api: &Api) -> Vec<Value> {
    const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
    let secrets = api.list(Kind::Secret, Some("kube-system")).await;
    let keys = secrets.iter().filter(|secret| secret["metadata"]["labels"][LABEL].is_string());
    keys.map(|secret| secret["metadata"]["uid"].clone()).collect()
}

/// The sections of the page with blocks marked `sh`.
fn sections(page: &str) -> Vec<String> {
    let text = fs::read_to_string(programs::repository(page)).unwrap();
    let with_commands = text.split("\n## ").filter(|section| section.contains("\n```sh\n"));
    with_commands.map(|section| section.lines().next().unwrap().to_owned()).collect()
}

#[test]
fn every_section_with_commands_for_a_pi_is_run() {
    assert_eq!(sections(PI), [HELM, TERRAFORM, REMOVE]);
}

/// The blocks marked `sh` in these sections, with an empty line between two.
fn commands(page: &str, is_wanted: impl Fn(&str) -> bool) -> String {
    let text = fs::read_to_string(programs::repository(page)).unwrap();
    let mut blocks = Vec::new();
    for section in text.split("\n## ") {
        if is_wanted(section.lines().next().unwrap()) {
            let own = section.split("\n```sh\n").skip(1);
            blocks.extend(own.map(|rest| rest.split("\n```").next().unwrap().to_owned()));
        }
    }
    assert!(!blocks.is_empty(), "no commands in {page}");
    blocks.join("\n\n") + "\n"
}

/// A reader with access to a cluster and a clone of the repository.
struct Reader {
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
    path: OsString,
    /// Settings of Terraform.
    settings: Option<OsString>,
}

impl Reader {
    fn new(access: &Access) -> Reader {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(access.binary(), bin.join("kubectl")).unwrap();
        symlink(programs::seal().unwrap(), bin.join("mtk-seal")).unwrap();
        symlink(programs::made("MTK_HELM4").unwrap(), bin.join("helm")).unwrap();
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([bin].into_iter().chain(env::split_paths(&others))).unwrap();
        fs::create_dir(home.path().join(".kube")).unwrap();
        fs::copy(access.kubeconfig(), home.path().join(".kube/pi")).unwrap();
        let kubeconfig = access.kubeconfig().to_owned();
        let reader = Reader { kubeconfig, home, path, settings: None };
        reader.copy_repository();
        reader
    }

    fn repository(&self) -> PathBuf {
        self.home.path().join("repository")
    }

    /// Terraform writes beside its configurations, so those are a copy.
    fn copy_repository(&self) {
        let (source, deploy) = (programs::repository("deploy"), self.repository().join("deploy"));
        fs::create_dir_all(&deploy).unwrap();
        for entry in fs::read_dir(source).unwrap() {
            let entry = entry.unwrap();
            let target = deploy.join(entry.file_name());
            if entry.file_name() == "terraform" {
                copy(&entry.path(), &target);
            } else {
                symlink(entry.path(), target).unwrap();
            }
        }
    }

    /// Runs a script that has to succeed, and answers `yes` to each question. Returns what it printed.
    fn run(&self, script: &str) -> String {
        let output = self.shell(script);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        said.into_owned()
    }

    /// Runs it in a directory that looks like the repository, with the programs that a reader has.
    fn shell(&self, script: &str) -> Output {
        let author = ["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
            let name = (format!("GIT_{who}_NAME"), "Reader");
            [name, (format!("GIT_{who}_EMAIL"), "reader@localhost")]
        });
        let mut shell = Command::new("bash");
        shell
            .args(["-c", "yes yes | bash -euxo pipefail -c \"$0\""])
            .arg(format!("exec 2>&1\n{script}"))
            .current_dir(self.repository())
            .env("PATH", &self.path)
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("STUB_HELM", self.home.path().join("bin/helm"))
            .env("STUB_KUBECTL", self.home.path().join("bin/kubectl"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("no_proxy", "*")
            .env("NO_PROXY", "*")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(author);
        if let Some(settings) = &self.settings {
            shell.env("TF_CLI_CONFIG_FILE", settings);
        }
        shell.output().unwrap()
    }
}

/// The resident memory of all Pods of the cluster, which are those of the controller and of the app.
async fn memory(api: &Api) -> u64 {
    let pods = api.list(Kind::Pod, None).await;
    let of_pods = pods.iter().map(|pod| of_pod(pod["metadata"]["uid"].as_str().unwrap()));
    let of_pods: Vec<_> = of_pods.filter(|bytes| *bytes > 0).collect();
    assert_eq!(of_pods.len(), 2, "{of_pods:?}");
    of_pods.iter().sum()
}

/// The resident memory of the processes in the control group of a Pod.
fn of_pod(uid: &str) -> u64 {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let resident = processes.filter_map(|process| {
        let group = fs::read_to_string(process.join("cgroup")).ok()?;
        let status = fs::read_to_string(process.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        group.contains(uid).then_some(kibibytes * 1024)
    });
    resident.sum()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name().to_string_lossy().starts_with(".terraform") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
