//! Virtual environments of Python: each with what one thing needs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::cache;
use sha2::{Digest, Sha256};

use crate::command;
use crate::steps::Output;
use crate::{places, tools};

/// A Python with the packages of `xtask/requirements.txt`: what independent implementations in
/// tests are written in.
pub(crate) async fn python(output: Output) -> anyhow::Result<PathBuf> {
    environment("python", &read("xtask/requirements.txt")?, &[], output).await
}

/// A Python with the app's packages, and with what tests it, as its lock file has them.
pub(crate) async fn app_python(output: Output) -> anyhow::Result<PathBuf> {
    let mut write = command::program("python3");
    write.arg(places::root().join("deploy/app/requirements.py")).arg("--dev");
    let requirements = command::output(&mut write).await?;
    environment("app", &requirements, &["--require-hashes"], output).await
}

/// checkov, by `xtask/checkov.txt`, which names all that it needs.
pub(crate) async fn checkov(output: Output) -> anyhow::Result<PathBuf> {
    let python =
        environment("checkov", &read("xtask/checkov.txt")?, &["--no-deps"], output).await?;
    Ok(python.with_file_name("checkov"))
}

/// moto's server, a local AWS, by `xtask/moto.txt`.
pub(crate) async fn moto(output: Output) -> anyhow::Result<PathBuf> {
    let python = environment("moto", &read("xtask/moto.txt")?, &["--no-deps"], output).await?;
    Ok(python.with_file_name("moto_server"))
}

/// typos, a spell checker for source code, by `xtask/typos.txt`.
pub(crate) async fn typos(output: Output) -> anyhow::Result<PathBuf> {
    let python = environment("typos", &read("xtask/typos.txt")?, &["--no-deps"], output).await?;
    Ok(python.with_file_name("typos"))
}

/// The interpreter of the virtual environment; made at the first call.
async fn environment(
    name: &str,
    requirements: &str,
    flags: &[&str],
    output: Output,
) -> anyhow::Result<PathBuf> {
    let hint = "install Python 3 with its module venv (on Debian: python3-venv)";
    let version = tools::version(command::program("python3"), "--version", hint).await?;
    let digest = Sha256::new_with_prefix(&version).chain_update(requirements).finalize();
    let key = digest.iter().take(8).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    let home = cache::directory()?.join(format!("{name}-{key}"));
    let (python, complete) = (home.join("bin/python3"), home.join("complete"));
    if !complete.is_file() {
        output.indented(&format!("making a virtual environment of {version}, once"));
        tools::cleared(&home)?;
        // A virtual environment cannot be moved: it is made in its place, and marked when whole.
        let mut venv = command::program("python3");
        command::run(venv.args(["-m", "venv"]).arg(&home))
            .await
            .with_context(|| format!("no virtual environment\nhint: {hint}"))?;
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
    let path = places::root().join(path);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}
