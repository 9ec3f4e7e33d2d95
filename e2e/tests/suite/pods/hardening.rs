//! The restrictions of the Pods, tested in the running processes.

use std::fs;

use serde_json::json;

use super::app::App;
use super::stage::stage;

/// Prints the status of the process in the kernel, and tries operations that must fail.
const PROBE: &str = r#"
import os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
for name in ("Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"):
    print(name, *status[name].split())
for path in ("/probe", "/app/probe", "/tmp/probe"):
    try:
        open(path, "w").close()
        print(path, "written")
    except OSError as error:
        print(path, os.strerror(error.errno))
print("token", os.path.exists("/var/run/secrets/kubernetes.io"))
"#;

#[tokio::test]
async fn app_runs_with_least_privileges() {
    let Some(stage) = stage() else { return };
    let values = json!({ "secrets": { "enabled": false } });
    let app = App::install(stage, &stage.helm, "pods-hardening", values).await;
    let exec = ["exec", "-n", app.namespace, "deploy/web", "-c", "app", "--", "python3", "-c"];
    let said = stage.kubectl(&[&exec[..], &[PROBE]].concat(), "");
    let said: Vec<_> = said.lines().collect();
    assert_eq!(
        said,
        [
            "Uid 65532 65532 65532 65532",
            "Gid 65532 65532 65532 65532",
            "CapEff 0000000000000000",
            "CapBnd 0000000000000000",
            "NoNewPrivs 1",
            "Seccomp 2",
            "/probe Read-only file system",
            "/app/probe Read-only file system",
            "/tmp/probe written",
            "token False",
        ]
    );
}

/// Its image has no shell, so the test inspects it from outside.
#[tokio::test]
async fn controller_runs_with_least_privileges() {
    let Some(_) = stage() else { return };
    let pid = controllers_pid().expect("the controller's process");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(&format!("{name}:")));
        line.unwrap_or_default().split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(field("Uid"), "65532 65532 65532 65532");
    assert_eq!(field("Gid"), "65532 65532 65532 65532");
    assert_eq!(field("CapEff"), "0000000000000000");
    assert_eq!(field("CapBnd"), "0000000000000000");
    assert_eq!(field("NoNewPrivs"), "1");
    assert_eq!(field("Seccomp"), "2");
    let mounts = fs::read_to_string(format!("/proc/{pid}/mounts")).unwrap();
    let root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap();
    assert!(root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"), "{root}");
    drop(std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("the controller's idle memory: {} resident\n", field("VmRSS")).as_bytes(),
    ));
}

/// The process `mtk-controller` of the user that only Pods use on this machine.
fn controllers_pid() -> Option<u32> {
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let is_ours = status.starts_with("Name:\tmtk-controller\n") && status.contains("\t65532\t");
        is_ours.then_some(pid)
    })
}
