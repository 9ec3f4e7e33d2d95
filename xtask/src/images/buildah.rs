//! Builds images with buildah, which needs no daemon, in a separate storage.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::cache;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::arch::Arch;
use super::archive::Archive;
use super::packages;
use crate::command;
use crate::paths;
use crate::runner::Output;

/// The inputs of an image.
#[derive(Debug)]
pub(super) struct Recipe {
    /// Name and tag.
    pub(super) name: String,
    /// The architecture.
    pub(super) arch: Arch,
    /// The instructions.
    pub(super) dockerfile: PathBuf,
    /// The directory from which the instructions copy.
    pub(super) context: PathBuf,
    /// The files of the context that decide the result.
    pub(super) inputs: Vec<PathBuf>,
    /// Values of `ARG`s.
    pub(super) arguments: Vec<(&'static str, String)>,
    /// More flags of `buildah bud`, which do not change the result.
    pub(super) flags: Vec<OsString>,
}

/// The program with its storage, which is locked until the value is dropped.
#[derive(Debug)]
pub(super) struct Buildah {
    storage: PathBuf,
    version: String,
    _lock: File,
}

impl Buildah {
    /// Finds or installs buildah, and waits until no other process uses the storage.
    pub(super) async fn open(output: Output) -> anyhow::Result<Buildah> {
        packages::programs(output, &[("buildah", "buildah")]).await?;
        let storage = cache::directory()?.join("containers");
        fs::create_dir_all(&storage).with_context(|| format!("creating {}", storage.display()))?;
        let lock = File::create(storage.join("mtk-seal.lock"))?;
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
        let version = command::output(command::program("buildah").arg("--version")).await?;
        Ok(Buildah { storage, version, _lock: lock })
    }

    /// The image in a file at this path. It is built unless a file with the same inputs exists.
    pub(super) async fn archive(
        &self,
        recipe: &Recipe,
        path: &Path,
        no_cache: bool,
    ) -> anyhow::Result<Archive> {
        let key = self.key(recipe)?;
        if let Some(archive) = Archive::existing(path, &key)
            && !no_cache
        {
            return Ok(archive);
        }
        self.build(recipe).await?;
        let directory = path.parent().context("a directory for images")?;
        fs::create_dir_all(directory)?;
        let layout = tempfile::tempdir_in(directory)?;
        let mut destination = OsString::from("oci:");
        destination.push(layout.path());
        destination.push(":");
        destination.push(&recipe.name);
        let mut push = self.command("push");
        push.args(["--quiet", "--format", "oci", &recipe.name]).arg(&destination);
        command::output(&mut push).await?;
        self.remove(&recipe.name).await?;
        Archive::pack(layout.path(), path, &recipe.name, recipe.arch, key).await
    }

    /// Builds the image into the storage.
    pub(super) async fn build(&self, recipe: &Recipe) -> anyhow::Result<()> {
        let mut build = self.command("bud");
        build
            // A plain chroot also works inside containers.
            .args(["--isolation", "chroot", "--quiet", "--no-cache", "--pull-never"])
            .args(["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"])
            // The result must not depend on the machine or the time.
            .args(["--identity-label=false", "--timestamp", &epoch()?.to_string()])
            .arg(format!("--platform=linux/{}", recipe.arch.name()))
            .args(["--tag", &recipe.name, "--file"])
            .arg(&recipe.dockerfile)
            .args(&recipe.flags);
        for (name, value) in &recipe.arguments {
            build.arg(format!("--build-arg={name}={value}"));
        }
        command::output(build.arg(&recipe.context)).await?;
        Ok(())
    }

    /// Whether the storage has the image.
    pub(super) async fn has(&self, name: &str) -> bool {
        let mut inspect = self.command("inspect");
        inspect.args(["--type", "image", "--format", "{{.FromImageID}}", name]);
        command::output(&mut inspect).await.is_ok()
    }

    async fn remove(&self, name: &str) -> anyhow::Result<()> {
        let mut remove = self.command("rmi");
        command::output(remove.args(["--force", name])).await.map(drop)
    }

    fn command(&self, verb: &str) -> Command {
        let mut buildah = command::program("buildah");
        buildah.current_dir(paths::root());
        buildah.arg("--root").arg(self.storage.join("root"));
        buildah.arg("--runroot").arg(self.storage.join("run"));
        // A slow storage driver, but it works everywhere.
        buildah.args(["--storage-driver", "vfs", verb]);
        buildah
    }

    /// A digest of everything that decides the result.
    fn key(&self, recipe: &Recipe) -> anyhow::Result<String> {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        let said = (&recipe.name, recipe.arch, &recipe.arguments, &self.version, epoch()?);
        add(&serde_json::to_vec(&said)?);
        for input in [&recipe.dockerfile].into_iter().chain(&recipe.inputs) {
            let content =
                fs::read(input).with_context(|| format!("reading {}", input.display()))?;
            let name = input.strip_prefix(&recipe.context).unwrap_or(input);
            add(name.as_os_str().as_encoded_bytes());
            add(&content);
        }
        let digest = digest.finalize();
        Ok(digest.iter().fold(String::new(), |key, byte| format!("{key}{byte:02x}")))
    }
}

/// The timestamp of images and their files: `SOURCE_DATE_EPOCH`, or 0, so that the same content gives
/// the same image.
fn epoch() -> anyhow::Result<u64> {
    match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) if !text.is_empty() => text
            .parse()
            .with_context(|| format!("SOURCE_DATE_EPOCH={text} is not a number of seconds")),
        _ => Ok(0),
    }
}
