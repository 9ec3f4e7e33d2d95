//! Virtual environments of Python, one for each tool.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::cache;
use sha2::{Digest, Sha256};

use super::install::{cleared, version};
use crate::command;
use crate::paths;
use crate::runner::Output;

/// A Python with the packages of `xtask/requirements.txt`, for independent implementations in tests.
pub(crate) async fn python(output: Output) -> anyhow::Result<PathBuf> {
    environment("python", &read("xtask/requirements.txt")?, &[], output).await
}

/// A Python with the app's packages and its test tools, at the versions of its lock file.
pub(crate) async fn app_python(output: Output) -> anyhow::Result<PathBuf> {
    let mut write = command::program("python3");
    write.arg(paths::root().join("deploy/app/requirements.py")).arg("--dev");
    let requirements = command::output(&mut write).await?;
    environment("app", &requirements, &["--require-hashes"], output).await
}

/// checkov, at the versions in `xtask/checkov.txt`.
pub(crate) async fn checkov(output: Output) -> anyhow::Result<PathBuf> {
    let python =
        environment("checkov", &read("xtask/checkov.txt")?, &["--no-deps"], output).await?;
    Ok(python.with_file_name("checkov"))
}

/// moto's server, an AWS emulator, at the versions in `xtask/moto.txt`.
pub(crate) async fn moto(output: Output) -> anyhow::Result<PathBuf> {
    let python = environment("moto", &read("xtask/moto.txt")?, &["--no-deps"], output).await?;
    Ok(python.with_file_name("moto_server"))
}

/// typos, a spell checker for source code, at the version in `xtask/typos.txt`.
pub(crate) async fn typos(output: Output) -> anyhow::Result<PathBuf> {
    let python = environment("typos", &read("xtask/typos.txt")?, &["--no-deps"], output).await?;
    Ok(python.with_file_name("typos"))
}

/// The interpreter of the virtual environment. The first call creates it.
async fn environment(
    name: &str,
    requirements: &str,
    flags: &[&str],
    output: Output,
) -> anyhow::Result<PathBuf> {
    let hint = "install Python 3 with its module venv (on Debian: python3-venv)";
    let version = version(command::program("python3"), "--version", hint).await?;
    let digest = Sha256::new_with_prefix(&version).chain_update(requirements).finalize();
    let key = digest.iter().take(8).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    let home = cache::directory()?.join(format!("{name}-{key}"));
    let (python, complete) = (home.join("bin/python3"), home.join("complete"));
    if !complete.is_file() {
        output.indented(&format!("creating a virtual environment of {version}, once"));
        cleared(&home)?;
        // A virtual environment cannot be moved, so a marker file shows that it is complete.
        let mut venv = command::program("python3");
        command::run(venv.args(["-m", "venv"]).arg(&home))
            .await
            .with_context(|| format!("cannot create a virtual environment\nhint: {hint}"))?;
        install(&home, &python, requirements, flags).await?;
        fs::write(&complete, "")?;
    }
    Ok(python)
}

async fn install(
    home: &Path,
    python: &Path,
    requirements: &str,
    flags: &[&str],
) -> anyhow::Result<()> {
    let list = home.join("requirements.txt");
    fs::write(&list, requirements).with_context(|| format!("writing {}", list.display()))?;
    let mut pip = command::program(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(flags)
        .arg("--requirement")
        .arg(&list);
    command::run(&mut pip).await
}

fn read(path: &str) -> anyhow::Result<String> {
    let path = paths::root().join(path);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}
