//! Where programs are: our own, and those made for tests.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The controller: `$MTK_CONTROLLER_BIN`, else what cargo built beside this program.
pub fn controller() -> anyhow::Result<PathBuf> {
    find("MTK_CONTROLLER_BIN", "mtk-controller")
}

/// The command line program: `$MTK_SEAL_BIN`, else what cargo built beside this program.
pub fn seal() -> anyhow::Result<PathBuf> {
    find("MTK_SEAL_BIN", "mtk-seal")
}

/// A tool or an image that `cargo xtask test` makes: the path in this variable.
pub fn made(variable: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os(variable).filter(|value| !value.is_empty());
    path.map(PathBuf::from)
        .with_context(|| format!("{variable} is not set\nhint: `cargo xtask test` makes it"))
}

/// The server of moto: `$MTK_MOTO`.
pub fn moto() -> anyhow::Result<PathBuf> {
    made("MTK_MOTO")
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
