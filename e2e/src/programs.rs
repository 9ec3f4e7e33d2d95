//! The paths of programs: our own, and those built for tests.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// The controller: `$MTK_CONTROLLER_BIN`, or the one that cargo built beside this program.
pub fn controller() -> anyhow::Result<PathBuf> {
    find("MTK_CONTROLLER_BIN", "mtk-controller")
}

/// The command-line program: `$MTK_SEAL_BIN`, or the one that cargo built beside this program.
pub fn seal() -> anyhow::Result<PathBuf> {
    find("MTK_SEAL_BIN", "mtk-seal")
}

/// A tool or an image that `cargo xtask test` builds: the path in this variable.
pub fn made(variable: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os(variable).filter(|value| !value.is_empty());
    path.map(PathBuf::from)
        .with_context(|| format!("{variable} is not set\nhint: `cargo xtask test` makes it"))
}

/// The server of moto: `$MTK_MOTO`.
pub fn moto() -> anyhow::Result<PathBuf> {
    made("MTK_MOTO")
}

/// Writes a script that can be run at once.
///
/// Another process writes the file. A program that another thread starts meanwhile inherits, for a
/// moment, the files that this process has open for writing. To run such a file fails with "text file
/// busy".
pub fn script(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut writer = Command::new("sh")
        .args(["-c", r#"cat >"$0" && chmod 755 "$0""#])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .context("starting sh")?;
    if let Some(mut input) = writer.stdin.take() {
        input.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    }
    let status = writer.wait()?;
    ensure!(status.success(), "writing {}: {status}", path.display());
    Ok(())
}

/// A file of this repository, by its path from the root.
pub fn repository(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.parent().unwrap_or(root).join(path)
}

fn find(variable: &str, name: &str) -> anyhow::Result<PathBuf> {
    if let Some(chosen) = env::var_os(variable).filter(|value| !value.is_empty()) {
        return Ok(chosen.into());
    }
    // A test is in `deps/`, one level below the programs.
    let this = env::current_exe().context("this program's path")?;
    this.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
        .with_context(|| {
            format!(
                "no {name} beside this program\nhint: `cargo build -p {name}`, or set {variable}"
            )
        })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn written_script_can_run_while_threads_start_programs() {
        let directory = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        assert!(Command::new("true").status().unwrap().success());
                    }
                });
            }
            for number in 0..200 {
                let path = directory.path().join(number.to_string());
                let ran = script(&path, "#!/bin/sh\nexit 7\n")
                    .and_then(|()| Ok(Command::new(&path).status()?.code()));
                if !matches!(ran, Ok(Some(7))) {
                    done.store(true, Ordering::Relaxed);
                    panic!("{ran:?}");
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
