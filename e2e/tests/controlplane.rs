//! The control plane itself: it starts, it serves, and it leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use e2e::controlplane::{ControlPlane, Detached, StartOptions};
use e2e::programs;
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn control_plane_is_ready_within_seconds_and_reports_its_version() {
    let plane = ControlPlane::start(&StartOptions::default()).unwrap();
    assert!(plane.ready_in() < Duration::from_secs(60), "{:?}", plane.ready_in());
    let version = text(plane.kubectl().arg("version"));
    assert!(version.contains("Server Version: v1.37.2"), "{version}");
    let owner = fs::metadata(plane.directory()).unwrap().permissions().mode() & 0o777;
    assert_eq!(owner, 0o700, "keys are in there");
}

#[test]
fn two_instances_run_independently() {
    let start = || thread::spawn(|| ControlPlane::start(&StartOptions::default()).unwrap());
    let [one, other] = [start(), start()].map(|started| started.join().unwrap());
    assert_ne!(one.access().server(), other.access().server());
    text(one.kubectl().args(["create", "namespace", "only-here"]));
    text(one.kubectl().args(["get", "namespace", "only-here"]));
    assert!(
        !other.kubectl().args(["get", "namespace", "only-here"]).output().unwrap().status.success()
    );
}

#[test]
fn drop_stops_all_processes_and_removes_all_files() {
    let plane = ControlPlane::start(&StartOptions::default()).unwrap();
    let (pids, directory) = (pids(&plane), plane.directory().to_owned());
    drop(plane);
    assert_gone(&pids);
    assert!(!directory.exists());
}

#[test]
fn sigkill_leaves_no_process() {
    let plane = ControlPlane::start(&StartOptions::default()).unwrap();
    let pids = pids(&plane);
    signal(plane.pid(), Signal::KILL);
    assert_gone(&pids[1..]);
    let directory = plane.directory().to_owned();
    drop(plane);
    assert!(!directory.exists());
}

#[test]
fn ctrl_c_stops_everything() {
    let plane = ControlPlane::start(&StartOptions::default()).unwrap();
    let (pids, directory) = (pids(&plane), plane.directory().to_owned());
    signal(plane.pid(), Signal::INT);
    assert_gone(&pids[1..]);
    drop(plane);
    assert_gone(&pids);
    assert!(!directory.exists());
}

#[test]
fn exit_of_one_component_stops_all() {
    let plane = ControlPlane::start(&StartOptions::default()).unwrap();
    let pids = pids(&plane);
    signal(plane.component_pids()["etcd"], Signal::KILL);
    assert_gone(&pids[1..]);
}

/// A shell takes the role of a test: it starts the control plane with a pipe to its standard input,
/// becomes a process that only holds that pipe, and is killed.
#[test]
fn killed_holder_leaves_no_process_or_file() {
    let binary = e2e::controlplane::binary(|_| {}).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let (directory, answer) = (temporary.path().join("plane"), temporary.path().join("answer"));
    let mut holder = Command::new("bash")
        .args([
            "-c",
            r#"exec 3> >(exec "$0" up --lifeline --rm --dir "$1" > "$2"); exec sleep 600"#,
        ])
        .args([&binary, &directory, &answer])
        .process_group(0)
        .spawn()
        .unwrap();
    eventually("a summary", || fs::read_to_string(&answer).is_ok_and(|text| text.ends_with('\n')));
    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&answer).unwrap()).unwrap();
    let pids: Vec<u32> = summary["pids"]
        .as_object()
        .unwrap()
        .values()
        .map(|pid| u32::try_from(pid.as_u64().unwrap()).unwrap())
        .collect();
    assert_eq!(pids.len(), 3);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_gone(&pids);
    eventually("its directory is removed", || !directory.exists());
}

#[test]
fn kubebuilder_assets_replace_the_built_programs() {
    let binary = e2e::controlplane::binary(|_| {}).unwrap();
    let assets = tempfile::tempdir().unwrap();
    for name in ["etcd", "kube-apiserver"] {
        let used = assets.path().join(format!("{name}.used"));
        let script = format!(
            "#!/bin/sh\ntouch {}\nexec {} {name} \"$@\"\n",
            used.display(),
            binary.display(),
        );
        programs::script(&assets.path().join(name), &script).unwrap();
    }
    let assets = assets.path().to_owned();
    let options = StartOptions { assets: Some(assets.clone()), ..StartOptions::default() };
    let plane = ControlPlane::start(&options).unwrap();
    text(plane.kubectl().args(["get", "namespaces"]));
    assert!(assets.join("etcd.used").exists());
    assert!(assets.join("kube-apiserver.used").exists());
}

#[test]
fn failed_component_is_named_with_its_error() {
    let assets = tempfile::tempdir().unwrap();
    for name in ["etcd", "kube-apiserver"] {
        let script = "#!/bin/sh\nsleep 0.2\necho no disk here\nexit 3\n";
        programs::script(&assets.path().join(name), script).unwrap();
    }
    let options =
        StartOptions { assets: Some(assets.path().to_owned()), ..StartOptions::default() };
    let error = ControlPlane::start(&options).unwrap_err().to_string();
    assert!(error.contains("ended: exit status 3"), "{error}");
    assert!(error.contains("no disk here"), "{error}");
}

#[test]
fn audit_log_has_user_and_request() {
    let options = StartOptions { audit: true, ..StartOptions::default() };
    let plane = ControlPlane::start(&options).unwrap();
    text(plane.kubectl().args(["create", "serviceaccount", "reader"]));
    let kubeconfig = plane.directory().join("reader.kubeconfig");
    plane.access().service_account_kubeconfig("default", "reader", &kubeconfig).unwrap();
    let refused = plane
        .kubectl()
        .env("KUBECONFIG", &kubeconfig)
        .args(["get", "secret", "db"])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let secrets: Vec<_> = plane
        .requests()
        .unwrap()
        .into_iter()
        .filter(|request| request.user == "system:serviceaccount:default:reader")
        .filter(|request| request.resource == "secrets")
        .collect();
    let [request] = secrets.as_slice() else { panic!("one request: {secrets:?}") };
    assert_eq!((request.verb.as_str(), request.code), ("get", 403));
    assert_eq!((request.namespace.as_str(), request.name.as_str()), ("default", "db"));
}

#[test]
fn detached_control_plane_runs_until_stopped() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path().join("up");
    assert!(!Detached::stop(&directory).unwrap(), "nothing to stop");
    let plane = Detached::start(&directory, &StartOptions::default()).unwrap();
    text(plane.access().kubectl().args(["get", "namespaces"]));
    let again = Detached::start(&directory, &StartOptions::default()).unwrap_err().to_string();
    assert!(again.contains("already"), "{again}");
    assert!(Detached::stop(&directory).unwrap());
    assert!(!directory.exists());
}

#[test]
fn reused_process_id_is_not_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path().join("up");
    fs::create_dir(&directory).unwrap();
    let mut innocent = Command::new("sleep").arg("600").spawn().unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let note = serde_json::json!({ "pid": innocent.id(), "start_time": "1", "boot": boot.trim() });
    fs::write(directory.join("up.json"), note.to_string()).unwrap();
    assert!(!Detached::stop(&directory).unwrap());
    assert!(innocent.try_wait().unwrap().is_none(), "it still runs");
    assert!(!directory.exists(), "what was left is removed");
    innocent.kill().unwrap();
    innocent.wait().unwrap();
}

fn text(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// The parent process, then its children.
fn pids(plane: &ControlPlane) -> Vec<u32> {
    let components = plane.component_pids();
    assert_eq!(components.len(), 3, "{components:?}");
    let all: Vec<u32> = [plane.pid()].into_iter().chain(components.values().copied()).collect();
    for pid in &all {
        assert!(Path::new(&format!("/proc/{pid}")).exists());
    }
    all
}

fn assert_gone(pids: &[u32]) {
    for pid in pids {
        let process = format!("/proc/{pid}");
        eventually(&format!("{process} is gone"), || !Path::new(&process).exists());
    }
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < patience, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
