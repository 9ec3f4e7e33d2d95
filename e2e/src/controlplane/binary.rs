//! Building the Go program, once.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::cache;

const NAME: &str = "mtk-controlplane";

/// The built program `mtk-controlplane`.
///
/// It is built at the first call, which takes six minutes of two cores, and kept in the cache
/// under a key of its sources, `go.sum` and Go's version. Several processes may call this at once:
/// one builds, the others wait. `progress` gets a line for each step of a build and none otherwise.
pub fn binary(mut progress: impl FnMut(&str)) -> anyhow::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane");
    let home = cache::directory()?.join("controlplane").join(key(&source)?);
    let built = home.join(NAME);
    if built.is_file() {
        return Ok(built);
    }
    fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
    let lock = File::create(home.join("lock")).context("the lock of the build")?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress("waiting for another process that builds the control plane");
            lock.lock().context("the lock of the build")?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("the lock of the build"),
    }
    // The process that held the lock has probably built it.
    if !built.is_file() {
        let unfinished = home.join("unfinished");
        build(&source, &unfinished, &mut progress)?;
        fs::rename(&unfinished, &built).context("putting the built program in its place")?;
    }
    Ok(built)
}

/// A digest of all that decides what comes out of the build.
fn key(source: &Path) -> anyhow::Result<String> {
    let version = go(source).arg("version").output().map_err(|error| {
        anyhow::anyhow!(
            "cannot run go: {error}\n\
             hint: the control plane is built from Go modules; install Go 1.26 or newer"
        )
    })?;
    if !version.status.success() {
        bail!("go version: {}", String::from_utf8_lossy(&version.stderr).trim_end());
    }
    let mut digest = Sha256::new_with_prefix(&version.stdout);
    for name in inputs(source)? {
        let content = fs::read(source.join(&name))?;
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(name.as_encoded_bytes());
        digest.update(content);
    }
    let digest = digest.finalize();
    Ok(digest.iter().take(10).fold(String::new(), |key, byte| format!("{key}{byte:02x}")))
}

/// `go.mod`, `go.sum` and the Go files, sorted.
fn inputs(source: &Path) -> anyhow::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(source).with_context(|| format!("reading {}", source.display()))? {
        let name = entry?.file_name();
        let path = Path::new(&name);
        if name == "go.mod" || name == "go.sum" || path.extension().is_some_and(|e| e == "go") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn build(source: &Path, target: &Path, progress: &mut impl FnMut(&str)) -> anyhow::Result<()> {
    let version = kubernetes_version(&fs::read_to_string(source.join("go.mod"))?)?;
    progress(&format!(
        "building a Kubernetes {version} control plane from Go modules (once; about 6 minutes)"
    ));
    let started = Instant::now();
    let mut child = go(source)
        .args(["build", "-trimpath", "-ldflags", &linker_flags(&version), "-o"])
        .arg(target)
        .arg(".")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting go build")?;
    let (sender, lines) = mpsc::channel();
    let errors = child.stderr.take().context("the errors of go build")?;
    let reader = thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            drop(sender.send(line));
        }
    });
    let mut said = Vec::new();
    let mut modules = 0_usize;
    loop {
        match lines.recv_timeout(Duration::from_secs(30)) {
            Ok(line) if line.starts_with("go: downloading ") => {
                modules += 1;
                if modules == 1 {
                    progress("downloading Go modules");
                }
            }
            Ok(line) => said.push(line),
            Err(RecvTimeoutError::Timeout) => {
                progress(&format!("still building, {} s so far", started.elapsed().as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    drop(reader.join());
    let status = child.wait().context("waiting for go build")?;
    if !status.success() {
        bail!("go build failed ({status})\n{}", said.join("\n"));
    }
    progress(&format!("built the control plane in {} s", started.elapsed().as_secs()));
    Ok(())
}

/// The `go` command in that module, apart from any workspace around it. Without cgo, the same on
/// every machine.
fn go(source: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(source).env("GOWORK", "off").env("CGO_ENABLED", "0");
    command
}

/// The version that the module requires, such as `v1.37.2`.
fn kubernetes_version(go_mod: &str) -> anyhow::Result<String> {
    go_mod
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .map(|version| version.trim().to_owned())
        .context("go.mod does not require k8s.io/kubernetes")
}

/// Without its version the API server calls itself `v0.0.0-master+$Format`, which kubectl cannot
/// read.
fn linker_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or(""), numbers.next().unwrap_or(""));
    let package = "k8s.io/component-base/version";
    format!(
        "-s -w -X {package}.gitVersion={version} -X {package}.gitMajor={major} \
         -X {package}.gitMinor={minor}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_told_the_version_that_go_mod_requires() {
        let go_mod =
            "module m\n\nrequire (\n\tk8s.io/kubectl v0.37.2\n\tk8s.io/kubernetes v1.37.2\n)\n";
        let flags = linker_flags(&kubernetes_version(go_mod).unwrap());
        for part in ["gitVersion=v1.37.2 ", "gitMajor=1 ", "gitMinor=37"] {
            assert!(flags.contains(part), "{part} in {flags}");
        }
    }

    #[test]
    fn the_key_covers_the_module_and_its_sums() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane");
        let names = inputs(&source).unwrap();
        for name in ["go.mod", "go.sum", "main.go"] {
            assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
        }
        assert!(names.is_sorted());
    }
}
