//! The commands of `docs/migrate-terraform.md`, on the old chart and on a state of the old Terraform
//! configuration.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::controlplane::Access;
use e2e::programs;
use serde_json::{Value, json};

use crate::support::{Api, Kind, data, eventually};
use crate::workloads::{STATE, alone};

/// The page says `demo`, which other tests of this cluster use.
const NS: &str = "migrate";
const OLD: &str = "canary-5f0c7a";
const NEW: &str = "replaced-91d2";

/// A namespace of its own, for the other way.
const WITH_TERRAFORM: &str = "migrate-terraform";

/// The Secret stays the same object, and no copy of the old values remains.
#[tokio::test]
async fn migration_keeps_the_secret_and_leaves_no_old_value() {
    let Some(settings) = settings() else { return };
    let (private, api, _) = alone(NS).await;
    let _controller = private.cluster().controller(&["--restart-workloads"]).unwrap();
    let reader = Reader::new(private.cluster().plane().access(), &settings);
    reader.deploy_the_old_way(NS);
    assert!(reader.has_old_value("infra/terraform.tfstate"), "the old state has the values");
    assert_eq!(releases_with_old_value(&api, NS).await, 1, "and so has the old release");
    let before = api.secret(NS, "web-secret").await.unwrap();
    wait_revision(&api, NS, "1").await;

    let blocks = blocks(NS);
    let [prepare, upgrade, replace] =
        [&blocks[..3], &blocks[3..5], &blocks[5..]].map(<[_]>::concat);
    reader.run(&prepare);
    assert!(!reader.has_old_value("infra/terraform.tfstate"));
    assert_eq!(revision(&api, NS).await, "1", "nothing restarted yet");
    reader.run(&upgrade);
    wait_revision(&api, NS, "2").await;
    let taken = api.secret(NS, "web-secret").await.unwrap();
    assert_eq!(taken["metadata"]["ownerReferences"][0]["kind"], "SealedSecret");
    assert_eq!(taken["metadata"]["uid"], before["metadata"]["uid"], "not deleted");
    assert_eq!(data(&taken), data(&before));
    assert_eq!(releases_with_old_value(&api, NS).await, 0);
    let reads = api.get(Kind::Deployment, NS, "web").await.unwrap();
    let from = &reads["spec"]["template"]["spec"]["containers"][0]["envFrom"];
    assert!(from.to_string().contains("web-secret"), "{from}");
    let config = api.get(Kind::ConfigMap, NS, "web-config").await.unwrap();
    assert_eq!(config["data"]["API_BASE_URL"], "https://api.example.org");

    eventually("the controller knows the values that the app uses", async || {
        let deployment = api.get(Kind::Deployment, NS, "web").await?;
        deployment["metadata"]["annotations"][STATE].is_string().then_some(())
    })
    .await;
    reader.run(&replace);
    wait_revision(&api, NS, "3").await;
    let after = api.secret(NS, "web-secret").await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "never deleted");
    assert_eq!(data(&after), [format!("SECRET_KEY={NEW}")]);
    assert_eq!(reader.files_with_old_value(), [""; 0]);
}

/// The other way of the page: a `removed` block, and Terraform's release takes over that of the old chart. The stub of
/// the provider calls Helm.
#[tokio::test]
async fn removed_block_keeps_the_secret_while_terraform_takes_over_the_release() {
    const NS: &str = WITH_TERRAFORM;
    let Some(settings) = settings() else { return };
    let (private, api, _) = alone(NS).await;
    let _controller = private.cluster().controller(&["--restart-workloads"]).unwrap();
    let reader = Reader::new(private.cluster().plane().access(), &settings);
    reader.deploy_the_old_way(NS);
    let before = api.secret(NS, "web-secret").await.unwrap();
    wait_revision(&api, NS, "1").await;

    let blocks = blocks(NS);
    reader.run(&blocks[..2].concat());
    reader.use_the_example(NS);
    let said = reader.run(
        "export STUB_HELM=\"$(command -v helm)\" STUB_WITHOUT_PODS=1\n\
         terraform -chdir=infra init -input=false\n\
         terraform -chdir=infra apply -input=false -auto-approve -no-color",
    );
    assert!(said.contains("1 to add, 0 to change, 0 to destroy"), "{said}");
    wait_revision(&api, NS, "2").await;
    let kept = api.secret(NS, "web-secret").await.unwrap();
    assert_eq!(kept["metadata"]["uid"], before["metadata"]["uid"], "Helm kept it");
    assert!(!reader.has_old_value("infra/terraform.tfstate"));

    reader.run(
        "kubectl apply --filename sealed.yaml\n\
         kubectl wait --for=condition=Ready sealedsecret/web-secret --namespace migrate-terraform --timeout=60s",
    );
    let taken = api.secret(NS, "web-secret").await.unwrap();
    assert_eq!(taken["metadata"]["ownerReferences"][0]["kind"], "SealedSecret");
    assert_eq!(taken["metadata"]["uid"], before["metadata"]["uid"], "not deleted");
    assert_eq!(data(&taken), data(&before));
    assert_eq!(revision(&api, NS).await, "2", "one restart, for the new chart");
    reader.run(&blocks[4]);
    assert_eq!(releases_with_old_value(&api, NS).await, 0);
    let said = reader.run("terraform -chdir=infra plan -input=false -no-color");
    assert!(said.contains("No changes."), "{said}");
}

/// Settings of Terraform with stubs of the providers; none if Terraform is missing. With
/// `MTK_REQUIRE_TERRAFORM`, missing settings are a failure.
pub(crate) fn settings() -> Option<PathBuf> {
    let settings = env::var_os("MTK_TERRAFORM_SETTINGS").map(PathBuf::from);
    let is_required = env::var_os("MTK_REQUIRE_TERRAFORM").is_some();
    assert!(settings.is_some() || !is_required, "MTK_TERRAFORM_SETTINGS is not set");
    settings
}

/// The blocks marked `sh`, for this namespace.
fn blocks(namespace: &str) -> Vec<String> {
    let page = fs::read_to_string(programs::repository("docs/migrate-terraform.md")).unwrap();
    let blocks = page.split("\n```sh\n").skip(1);
    let in_namespace = format!("--namespace {namespace}");
    let block = |block: &str| {
        let text = block.split("\n```").next().unwrap().to_owned() + "\n";
        text.replace("--namespace demo", &in_namespace)
    };
    let blocks: Vec<_> = blocks.map(block).collect();
    assert_eq!(blocks.len(), 10);
    blocks
}

/// A reader of the page, with the old deployment.
struct Reader {
    home: tempfile::TempDir,
    path: std::ffi::OsString,
    kubeconfig: PathBuf,
    settings: PathBuf,
}

impl Reader {
    fn new(access: &Access, settings: &Path) -> Reader {
        let home = tempfile::tempdir().unwrap();
        let (bin, infra) = (home.path().join("bin"), home.path().join("repository/infra"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir_all(&infra).unwrap();
        symlink(programs::repository("deploy"), home.path().join("repository/deploy")).unwrap();
        symlink(access.binary(), bin.join("kubectl")).unwrap();
        symlink(programs::seal().unwrap(), bin.join("mtk-seal")).unwrap();
        symlink(programs::made("MTK_HELM4").unwrap(), bin.join("helm")).unwrap();
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([bin].into_iter().chain(env::split_paths(&others))).unwrap();
        fs::copy(programs::repository("e2e/tests/suite/migrate/main.tf"), infra.join("main.tf"))
            .unwrap();
        let values = format!(
            "app_config  = {{ API_BASE_URL = \"https://api.example.org\" }}\n\
             app_secrets = {{ SECRET_KEY = \"{OLD}\" }}\n"
        );
        fs::write(infra.join("secrets.auto.tfvars"), values).unwrap();
        let new = format!("SECRET_KEY={NEW}\n");
        fs::write(home.path().join("repository/secrets.env"), new).unwrap();
        let (kubeconfig, settings) = (access.kubeconfig().to_owned(), settings.to_owned());
        let reader = Reader { home, path, kubeconfig, settings };
        reader.run(
            "git init --quiet\n\
             git -c user.name=Reader -c user.email=reader@localhost \
               commit --quiet --allow-empty --message Begin",
        );
        reader
    }

    /// The stub of the provider writes the state, and Helm installs the release that a real one would.
    fn deploy_the_old_way(&self, namespace: &str) {
        let values = json!({
            "name": "mytomorrows-app",
            "image": { "repository": "localhost/mtk-app", "tag": "1", "pullPolicy": "Never" },
            "envConfigs": { "API_BASE_URL": "https://api.example.org" },
            "envSecrets": { "SECRET_KEY": OLD },
            "service": { "type": "ClusterIP", "port": 80, "targetPort": 8080 },
        });
        let chart = programs::repository("e2e/tests/suite/pods/old-chart");
        self.run(&format!(
            "terraform -chdir=infra init -input=false >&2\n\
             terraform -chdir=infra apply -input=false -auto-approve >&2\n\
             helm install web {} --namespace {namespace} --values - <<'END'\n{values}\nEND\n",
            chart.display()
        ));
    }

    /// Replaces the old configuration with the example, which has the `removed` block. The Deployment keeps the name
    /// of the old chart.
    fn use_the_example(&self, namespace: &str) {
        let example = programs::repository("deploy/terraform/examples/from-tfvars");
        let text = fs::read_to_string(example.join("main.tf")).unwrap();
        assert!(text.contains("removed {"), "{text}");
        let text = text.replace("../../modules", "../deploy/terraform/modules");
        let text = text.replace("\"demo\"", &format!("\"{namespace}\""));
        let infra = self.home.path().join("repository/infra");
        fs::write(infra.join("main.tf"), text).unwrap();
        let values = "name: mytomorrows-app\nconfig: {API_BASE_URL: https://api.example.org}\n";
        fs::write(infra.join("values.yaml"), values).unwrap();
        fs::create_dir_all(self.home.path().join(".kube")).unwrap();
        symlink(&self.kubeconfig, self.home.path().join(".kube/config")).unwrap();
    }

    /// Runs a script that has to succeed. Returns its output.
    fn run(&self, script: &str) -> String {
        let output = self.shell(script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn shell(&self, script: &str) -> Output {
        Command::new("bash")
            .args(["-euxo", "pipefail", "-c", script])
            .current_dir(self.home.path().join("repository"))
            .env("PATH", &self.path)
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("MTK_SEAL_CERT", programs::repository("sealing/tests/vectors/keys/rsa2048.crt"))
            .env("TF_CLI_CONFIG_FILE", &self.settings)
            .env("CHECKPOINT_DISABLE", "1")
            .env("no_proxy", "*")
            .env("NO_PROXY", "*")
            .output()
            .unwrap()
    }

    fn has_old_value(&self, path: &str) -> bool {
        let path = self.home.path().join("repository").join(path);
        fs::read_to_string(path).unwrap().contains(OLD)
    }

    /// All files of the reader that still have the old value.
    fn files_with_old_value(&self) -> Vec<String> {
        let output =
            self.shell(&format!("grep --recursive --files-with-matches --text {OLD} . || true"));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// The number of Helm's releases that contain the old value.
async fn releases_with_old_value(api: &Api, ns: &str) -> usize {
    let secrets = api.list(Kind::Secret, Some(ns)).await;
    let is_release = |secret: &&Value| secret["type"] == "helm.sh/release.v1";
    secrets.iter().filter(is_release).filter(|secret| release(secret).contains(OLD)).count()
}

/// Helm's text of a release: twice in base64, and compressed.
fn release(secret: &Value) -> String {
    let once = STANDARD.decode(secret["data"]["release"].as_str().unwrap()).unwrap();
    let compressed = STANDARD.decode(once).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("release.gz");
    fs::write(&path, compressed).unwrap();
    let output =
        Command::new("gzip").args(["--decompress", "--stdout"]).arg(path).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

async fn revision(api: &Api, ns: &str) -> String {
    let deployment = api.get(Kind::Deployment, ns, "web").await.unwrap();
    let revision = &deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    revision.as_str().unwrap_or_default().to_owned()
}

/// Each restart is a revision of the Deployment.
async fn wait_revision(api: &Api, ns: &str, expected: &str) {
    eventually("the revision of the Deployment", async || {
        (revision(api, ns).await == expected).then_some(())
    })
    .await;
}
