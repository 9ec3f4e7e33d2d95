//! Runs the commands of the documentation as written.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use e2e::controlplane::ControlPlane;
use e2e::programs;

use super::stage::{node, stage};

/// Runs every block marked `sh` in one shell, from the installation to the removal.
#[tokio::test]
async fn commands_of_deploy_cluster_install_the_app() {
    // The page needs its own node, because it starts and ends without the controller.
    let Some(_) = stage() else { return };
    let plane = node().unwrap();
    let script = commands("docs/deploy-cluster.md");
    assert!(script.matches("helm ").count() >= 4, "{script}");
    let home = tempfile::tempdir().unwrap();
    let output = shell(&plane, home.path(), &script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8(output.stdout).unwrap();
    let backup = fs::read_to_string(home.path().join("repository/sealing-keys-backup.yaml"));
    assert!(backup.unwrap().contains("tls.key"));
    assert!(said.contains("RestartTriggered"), "{said}");
}

/// The blocks marked `sh`.
fn commands(page: &str) -> String {
    let text = fs::read_to_string(programs::repository(page)).unwrap();
    let blocks = text.split("\n```sh\n").skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap().to_owned() + "\n").collect()
}

/// Runs them in a directory that looks like the repository, with the programs that a reader has.
fn shell(plane: &ControlPlane, home: &Path, script: &str) -> std::process::Output {
    let repository = home.join("repository");
    let bin = home.join("bin");
    fs::create_dir(&repository).unwrap();
    fs::create_dir(&bin).unwrap();
    symlink(programs::repository("deploy"), repository.join("deploy")).unwrap();
    symlink(plane.access().binary(), bin.join("kubectl")).unwrap();
    symlink(programs::seal().unwrap(), bin.join("mtk-seal")).unwrap();
    symlink(programs::made("MTK_HELM4").unwrap(), bin.join("helm")).unwrap();
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([bin].into_iter().chain(env::split_paths(&others))).unwrap();
    let author = ["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
        [(format!("GIT_{who}_NAME"), "Reader"), (format!("GIT_{who}_EMAIL"), "reader@localhost")]
    });
    Command::new("bash")
        .args(["-euxo", "pipefail", "-c", &format!("exec 2>&1\n{script}")])
        .current_dir(&repository)
        .env("PATH", path)
        .env("HOME", home)
        .env("KUBECONFIG", plane.kubeconfig())
        .env("no_proxy", "*")
        .env("NO_PROXY", "*")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(author)
        .output()
        .unwrap()
}
