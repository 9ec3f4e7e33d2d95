//! A Python with the packages of `xtask/requirements.txt`: what independent implementations in
//! tests are written in.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use e2e::cache;
use sha2::{Digest, Sha256};

use crate::command;
use crate::steps::Output;
use crate::{places, tools};

/// The interpreter of the virtual environment; made at the first call.
pub(crate) async fn python(output: Output) -> anyhow::Result<PathBuf> {
    let requirements = places::root().join("xtask/requirements.txt");
    let wanted =
        fs::read(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let hint = "install Python 3 with its module venv (on Debian: python3-venv)";
    let version = tools::version(command::program("python3"), "--version", hint).await?;
    let digest = Sha256::new_with_prefix(&version).chain_update(&wanted).finalize();
    let key = digest.iter().take(8).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    let home = cache::directory()?.join(format!("python-{key}"));
    let (python, complete) = (home.join("bin/python3"), home.join("complete"));
    if !complete.is_file() {
        output.indented(&format!("making a virtual environment of {version}, once"));
        tools::cleared(&home)?;
        // A virtual environment cannot be moved: it is made in its place, and marked when whole.
        let mut venv = command::program("python3");
        command::run(venv.args(["-m", "venv"]).arg(&home))
            .await
            .with_context(|| format!("no virtual environment\nhint: {hint}"))?;
        let mut pip = command::program(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .arg("--requirement")
            .arg(&requirements);
        command::run(&mut pip).await?;
        fs::write(&complete, "")?;
    }
    Ok(python)
}
