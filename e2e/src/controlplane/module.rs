//! Programs built from a Go module, once.

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

/// A Go module of this repository and its programs.
#[derive(Debug)]
pub struct Module {
    /// Its directory.
    pub source: PathBuf,
    /// Its own directory in the cache.
    pub cache: &'static str,
    /// The collective name of the programs, for messages.
    pub what: String,
    /// About how long a build takes, for messages.
    pub duration: &'static str,
    /// The packages of the programs.
    pub packages: &'static [&'static str],
    /// The name of the only program, if it differs from that of its package.
    pub name: Option<&'static str>,
    /// Flags of the linker.
    pub linker_flags: String,
}

/// The same for all Go programs, so that packages which several of them use are compiled once. Paths of
/// this machine stay out, and information for debuggers, which takes a tenth of the compiler's time.
pub const COMPILER_FLAGS: [&str; 2] = ["-trimpath", "-gcflags=all=-dwarf=false"];

impl Module {
    /// The directory with the built programs.
    ///
    /// The first call builds them, and keeps them in the cache under a hash of their sources,
    /// `go.sum` and Go's version. Several processes may call this at once: one builds, the others
    /// wait. `progress` receives a line for each step of a build.
    pub fn built(&self, mut progress: impl FnMut(&str)) -> anyhow::Result<PathBuf> {
        let home = self.home()?;
        let built = home.join("programs");
        if built.is_dir() {
            return Ok(built);
        }
        fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
        let lock = File::create(home.join("lock")).context("the lock of the build")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress(&format!("waiting for another process that builds {}", self.what));
                lock.lock().context("the lock of the build")?;
            }
            Err(TryLockError::Error(error)) => return Err(error).context("the lock of the build"),
        }
        // The process that held the lock has probably built it.
        if !built.is_dir() {
            let unfinished = home.join("unfinished");
            fs::create_dir_all(&unfinished)?;
            self.build(&unfinished, &mut progress)?;
            fs::rename(&unfinished, &built).context("putting the built programs in their place")?;
        }
        Ok(built)
    }

    /// Whether the cache contains them.
    pub fn is_built(&self) -> anyhow::Result<bool> {
        Ok(self.home()?.join("programs").is_dir())
    }

    fn home(&self) -> anyhow::Result<PathBuf> {
        Ok(cache::directory()?.join(self.cache).join(self.key()?))
    }

    /// A digest of all inputs of the build.
    fn key(&self) -> anyhow::Result<String> {
        let version = self.go().arg("version").output().map_err(|error| {
            anyhow::anyhow!(
                "cannot run go: {error}\n\
                 hint: {} is built from Go modules; install Go 1.26 or newer",
                self.what
            )
        })?;
        if !version.status.success() {
            bail!("go version: {}", String::from_utf8_lossy(&version.stderr).trim_end());
        }
        let mut digest = Sha256::new_with_prefix(&version.stdout);
        for path in inputs(&self.source)? {
            let content = fs::read(&path)?;
            let name = path.strip_prefix(&self.source)?;
            digest.update((content.len() as u64).to_be_bytes());
            digest.update(name.as_os_str().as_encoded_bytes());
            digest.update(content);
        }
        let digest = digest.finalize();
        Ok(digest.iter().take(10).fold(String::new(), |key, byte| format!("{key}{byte:02x}")))
    }

    fn build(&self, target: &Path, progress: &mut impl FnMut(&str)) -> anyhow::Result<()> {
        progress(&format!(
            "building {} from Go modules (once; about {})",
            self.what, self.duration,
        ));
        let started = Instant::now();
        let mut child = self
            .go()
            .args(["build", "-ldflags", &self.linker_flags])
            .args(COMPILER_FLAGS)
            .arg("-o")
            // Git marks a directory with a slash at its end.
            .arg(target.join(self.name.unwrap_or_default()))
            .args(self.packages)
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
        progress(&format!("built {} in {} s", self.what, started.elapsed().as_secs()));
        Ok(())
    }

    /// The `go` command in the module, outside of any Go workspace. Without cgo, the result is the
    /// same on every machine.
    fn go(&self) -> Command {
        let mut command = Command::new("go");
        command.current_dir(&self.source).env("GOWORK", "off").env("CGO_ENABLED", "0");
        command
    }
}

/// The version of a module that the module in `source` requires, such as `v1.37.2`.
pub(super) fn required_version(source: &Path, module: &str) -> anyhow::Result<String> {
    let path = source.join("go.mod");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    version_in(&text, module)
        .with_context(|| format!("{} does not require {module}", path.display()))
}

fn version_in(go_mod: &str, module: &str) -> Option<String> {
    go_mod.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(module)).then(|| words.next().map(str::to_owned)).flatten()
    })
}

/// `go.mod`, `go.sum`, the Go files and the embedded files of the module, sorted. A directory with its own `go.mod` is
/// another module.
fn inputs(source: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(source).with_context(|| format!("reading {}", source.display()))? {
        let path = entry?.path();
        // Programs embed scripts.
        let is_source =
            path.extension().is_some_and(|extension| extension == "go" || extension == "lua");
        if path.is_dir() {
            if !path.join("go.mod").exists() {
                paths.extend(inputs(&path)?);
            }
        } else if is_source || path.ends_with("go.mod") || path.ends_with("go.sum") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_comes_from_the_required_module() {
        let go_mod = "module m\n\nrequire (\n\tk8s.io/kubectl v0.37.2\n\tk8s.io/kubernetes v1.37.2 // indirect\n)\n";
        assert_eq!(version_in(go_mod, "k8s.io/kubernetes").unwrap(), "v1.37.2");
        assert_eq!(version_in(go_mod, "k8s.io/kube"), None);
    }

    #[test]
    fn key_covers_a_module_without_its_nested_module() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane");
        let outer = inputs(&source).unwrap();
        let inner = inputs(&source.join("node")).unwrap();
        for name in ["go.mod", "go.sum", "main.go"] {
            assert!(outer.contains(&source.join(name)), "{name} in {outer:?}");
        }
        for name in ["go.mod", "go.sum", "pause/main.go"] {
            assert!(inner.contains(&source.join("node").join(name)), "{name} in {inner:?}");
        }
        assert!(inner.iter().all(|path| !outer.contains(path)), "{outer:?}");
        assert!(outer.is_sorted() && inner.is_sorted());
    }
}
