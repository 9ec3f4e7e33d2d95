//! A node leaves nothing on this machine.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use e2e::controlplane::{Access, Detached};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    deploy_hello, eventually, exists, field, http, load_hello, node, options, restricted_pod,
    skipped, start, text,
};

#[test]
fn sigkill_leaves_no_trace() {
    if skipped() {
        return;
    }
    let before = Machine::now();
    let plane = start();
    deploy_hello(plane.access(), "killed", restricted_pod());
    let traces = Traces::of(plane.access());
    signal(plane.pid(), Signal::KILL);
    traces.assert_gone();
    before.assert_unchanged();
    let directory = plane.directory().to_owned();
    drop(plane);
    assert!(!directory.exists());
}

#[test]
fn ctrl_c_leaves_no_trace_within_seconds() {
    if skipped() {
        return;
    }
    let before = Machine::now();
    let plane = start();
    deploy_hello(plane.access(), "interrupted", restricted_pod());
    let (traces, directory) = (Traces::of(plane.access()), plane.directory().to_owned());
    signal(plane.pid(), Signal::INT);
    let taken = eventually("its directory is gone, the last of it", || !directory.exists());
    assert!(taken < Duration::from_secs(10), "{taken:?}");
    traces.assert_gone();
    before.assert_unchanged();
}

#[test]
fn exit_of_one_component_stops_all() {
    if skipped() {
        return;
    }
    let plane = start();
    deploy_hello(plane.access(), "ended", restricted_pod());
    let traces = Traces::of(plane.access());
    signal(plane.component_pids()["containerd"], Signal::KILL);
    traces.assert_gone();
}

#[test]
fn stopped_node_removes_its_directory() {
    if skipped() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path().join("up");
    let started = Detached::start(&directory, &options()).unwrap();
    load_hello(started.access());
    deploy_hello(started.access(), "stopped", restricted_pod());
    let found = Detached::running(&directory).unwrap().unwrap();
    assert_eq!(node(found.access()).address(), node(started.access()).address());
    let traces = Traces::of(found.access());
    assert!(Detached::stop(&directory).unwrap());
    assert!(!directory.exists());
    traces.assert_gone();
    assert!(Detached::running(&directory).unwrap().is_none());
}

#[test]
fn two_instances_run_independently() {
    if skipped() {
        return;
    }
    let running = [(), ()].map(|()| thread::spawn(start)).map(|plane| plane.join().unwrap());
    let ranges = running.each_ref().map(|plane| node(plane.access()).pod_range().to_owned());
    assert_ne!(ranges[0], ranges[1]);
    for plane in &running {
        let access = plane.access();
        deploy_hello(access, "both", restricted_pod());
        let pod = field(access, "both", "pods", "{.items[0].status.podIP}");
        assert!(http(pod.parse().unwrap(), 8080, "/").is_some(), "{pod}");
    }
}

#[test]
fn leftovers_of_a_killed_node_do_not_block_a_start() {
    if skipped() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let (killed, next) = (temporary.path().join("killed"), temporary.path().join("next"));
    let plane = Detached::start(&killed, &options()).unwrap();
    load_hello(plane.access());
    deploy_hello(plane.access(), "stale", restricted_pod());
    let traces = Traces::of(plane.access());
    signal(owner(&killed), Signal::KILL);
    traces.assert_gone();

    fs::create_dir(&next).unwrap();
    for name in ["containerd", "kubelet", "cni", "pods", "containerd.sock"] {
        fs::rename(killed.join(name), next.join(name)).unwrap();
    }
    let plane = Detached::start(&next, &options()).unwrap();
    load_hello(plane.access());
    deploy_hello(plane.access(), "fresh", restricted_pod());
    assert!(Detached::stop(&next).unwrap());
}

/// The traces of one node on this machine while it runs.
struct Traces {
    directory: PathBuf,
    /// The number of the node, which is in the names of its resources.
    index: u8,
    processes: Vec<u32>,
}

impl Traces {
    fn of(access: &Access) -> Traces {
        let IpAddr::V4(address) = node(access).address() else { panic!("{access:?}") };
        let directory = access.kubeconfig().parent().unwrap().to_owned();
        let mut traces =
            Traces { directory, index: address.octets()[1] - 192, processes: Vec::new() };
        traces.processes = traces.processes();
        // The control plane, the node, their parent processes, and a Pod of three processes.
        assert!(traces.processes.len() > 12, "{:?}", traces.processes);
        assert!(!traces.link().is_empty() && !traces.routes().is_empty());
        assert!(!traces.control_groups().is_empty());
        assert_eq!(traces.mounts(), "", "they are seen nowhere but inside");
        traces
    }

    fn assert_gone(&self) {
        for pid in &self.processes {
            eventually(&format!("{pid} is gone"), || !runs(*pid));
        }
        eventually("its link is gone", || self.link().is_empty());
        eventually("its control groups are gone", || self.control_groups().is_empty());
        assert_eq!(self.routes(), "");
        assert_eq!(self.mounts(), "");
        assert_eq!(self.processes(), Vec::<u32>::new());
    }

    /// The processes with its directory in their command line, or in its control groups.
    fn processes(&self) -> Vec<u32> {
        let group = format!("/mtk-node-{}-", self.index);
        let directory = self.directory.to_str().unwrap();
        let told = |pid: u32, name: &str, text: &str| {
            fs::read(format!("/proc/{pid}/{name}"))
                .is_ok_and(|content| String::from_utf8_lossy(&content).contains(text))
        };
        let here = |pid: u32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == self.directory)
        };
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
            .filter(|&pid| {
                here(pid) || told(pid, "cmdline", directory) || told(pid, "cgroup", &group)
            })
            .collect()
    }

    fn link(&self) -> String {
        let name = format!("mtk-{}", self.index);
        if exists(format!("/sys/class/net/{name}")) { name } else { String::new() }
    }

    fn routes(&self) -> String {
        let link = format!("mtk-{}\t", self.index);
        lines("/proc/net/route", |line| line.starts_with(&link))
    }

    fn mounts(&self) -> String {
        lines("/proc/self/mounts", |line| line.contains(self.directory.to_str().unwrap()))
    }

    fn control_groups(&self) -> Vec<PathBuf> {
        let name = format!("mtk-node-{}-", self.index);
        let mut roots: Vec<PathBuf> = directories(Path::new("/sys/fs/cgroup"));
        roots.push("/sys/fs/cgroup".into());
        let mut found: Vec<_> = roots.iter().flat_map(|root| directories(root)).collect();
        found.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&name));
        found
    }
}

/// Whether a process still runs: a zombie does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// The settings of this machine that a node could change and must not.
#[derive(Debug, PartialEq)]
struct Machine {
    settings: Vec<String>,
    paths: Vec<bool>,
    resolver: Option<String>,
    packet_filter: String,
}

impl Machine {
    fn now() -> Machine {
        const SETTINGS: [&str; 5] = [
            "kernel/panic",
            "kernel/panic_on_oops",
            "vm/overcommit_memory",
            "vm/panic_on_oom",
            "net/ipv4/ip_forward",
        ];
        const PATHS: [&str; 6] = [
            "/etc/cni/net.d/mtk.conflist",
            "/opt/cni",
            "/run/containerd",
            "/var/lib/cni",
            "/var/lib/kubelet",
            "/var/log/pods",
        ];
        Machine {
            settings: SETTINGS
                .map(|name| fs::read_to_string(format!("/proc/sys/{name}")).unwrap())
                .to_vec(),
            paths: PATHS.map(exists).to_vec(),
            resolver: fs::read_to_string("/etc/resolv.conf").ok(),
            packet_filter: text(Command::new("nft").args(["list", "ruleset"])),
        }
    }

    fn assert_unchanged(&self) {
        assert_eq!(*self, Machine::now());
    }
}

fn lines(path: &str, wanted: impl Fn(&str) -> bool) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| wanted(line)).collect::<Vec<_>>().join("\n")
}

/// The directories in this one, without any that were removed meanwhile.
fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The parent process of a detached control plane.
fn owner(directory: &Path) -> u32 {
    let note = fs::read_to_string(directory.join("up.json")).unwrap();
    let note: serde_json::Value = serde_json::from_str(&note).unwrap();
    u32::try_from(note["pid"].as_u64().unwrap()).unwrap()
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}
