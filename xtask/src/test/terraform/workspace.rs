//! A copy of the configurations, in which Terraform may write files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::paths;

/// The directory of everything that concerns Terraform.
pub(super) const HOME: &str = "deploy/terraform";

/// Terraform writes a lock file with the hashes of the stubs beside each configuration. Nobody may
/// commit such a file, so the tests run in a copy.
#[derive(Debug)]
pub(super) struct Workspace {
    directory: TempDir,
}

impl Workspace {
    /// Copies the configurations. The rest of `deploy`, which they read, is linked.
    pub(super) fn new() -> anyhow::Result<Workspace> {
        let directory = tempfile::Builder::new().prefix("mtk-terraform-").tempdir()?;
        let deploy = directory.path().join("deploy");
        fs::create_dir(&deploy)?;
        let source = paths::root().join("deploy");
        for entry in fs::read_dir(&source)? {
            let entry = entry?;
            if entry.file_name() != "terraform" {
                symlink(entry.path(), deploy.join(entry.file_name()))?;
            }
        }
        copy(&source.join("terraform"), &deploy.join("terraform"))?;
        Ok(Workspace { directory })
    }

    /// The copy of `deploy/terraform`.
    pub(super) fn home(&self) -> PathBuf {
        self.directory.path().join(HOME)
    }
}

/// Copies a directory without what a user's own Terraform left there.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to).with_context(|| format!("creating {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(".terraform") {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
