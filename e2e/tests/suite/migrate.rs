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

/// The Secret stays the same object, and no copy of the old values remains.
#[tokio::test]
async fn migration_keeps_the_secret_and_leaves_no_old_value() {
    let Some(settings) = env::var_os("MTK_TERRAFORM_SETTINGS").map(PathBuf::from) else {
        assert!(
            env::var_os("MTK_REQUIRE_TERRAFORM").is_none(),
            "MTK_TERRAFORM_SETTINGS is not set"
        );
        return;
    };
    let (private, api, _) = alone(NS).await;
    let _controller = private.cluster().controller(&["--restart-workloads"]).unwrap();
    let reader = Reader::new(private.cluster().plane().access(), &settings);
    reader.deploy_the_old_way();
    assert!(reader.has_old_value("infra/terraform.tfstate"), "the old state has the values");
    assert_eq!(releases_with_old_value(&api).await, 1, "and so has the old release");
    let before = api.secret(NS, "web-secret").await.unwrap();
    wait_revision(&api, "1").await;

    let [prepare, upgrade, replace] = script();
    reader.run(&prepare);
    assert!(!reader.has_old_value("infra/terraform.tfstate"));
    assert_eq!(revision(&api).await, "1", "nothing restarted yet");
    reader.run(&upgrade);
    wait_revision(&api, "2").await;
    let taken = api.secret(NS, "web-secret").await.unwrap();
    assert_eq!(taken["metadata"]["ownerReferences"][0]["kind"], "SealedSecret");
    assert_eq!(taken["metadata"]["uid"], before["metadata"]["uid"], "not deleted");
    assert_eq!(data(&taken), data(&before));
    assert_eq!(releases_with_old_value(&api).await, 0);
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
    wait_revision(&api, "3").await;
    let after = api.secret(NS, "web-secret").await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "never deleted");
    assert_eq!(data(&after), [format!("SECRET_KEY={NEW}")]);
    assert_eq!(reader.files_with_old_value(), [""; 0]);
}

/// The blocks marked `sh`: until the state has forgotten the release, until old revisions are deleted, and
/// the rest.
fn script() -> [String; 3] {
    let page = fs::read_to_string(programs::repository("docs/migrate-terraform.md")).unwrap();
    let blocks: Vec<_> = page.split("\n```sh\n").skip(1).collect();
    let in_namespace = format!("--namespace {NS}");
    let block = |block: &&str| {
        let text = block.split("\n```").next().unwrap().to_owned() + "\n";
        text.replace("--namespace demo", &in_namespace)
    };
    let blocks: Vec<_> = blocks.iter().map(block).collect();
    assert_eq!(blocks.len(), 9);
    [blocks[..3].concat(), blocks[3..5].concat(), blocks[5..].concat()]
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
        Reader { home, path, kubeconfig, settings }
    }

    /// The stub of the provider writes the state, and Helm installs the release that a real one would.
    fn deploy_the_old_way(&self) {
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
             helm install web {} --namespace {NS} --values - <<'END'\n{values}\nEND\n",
            chart.display()
        ));
    }

    fn run(&self, script: &str) {
        let output = self.shell(script);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
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
async fn releases_with_old_value(api: &Api) -> usize {
    let secrets = api.list(Kind::Secret, Some(NS)).await;
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

async fn revision(api: &Api) -> String {
    let deployment = api.get(Kind::Deployment, NS, "web").await.unwrap();
    let revision = &deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    revision.as_str().unwrap_or_default().to_owned()
}

/// Each restart is a revision of the Deployment.
async fn wait_revision(api: &Api, expected: &str) {
    eventually("the revision of the Deployment", async || {
        (revision(api).await == expected).then_some(())
    })
    .await;
}
