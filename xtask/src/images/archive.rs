//! An image in a file: an OCI archive, with a record of its inputs.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arch::Arch;
use crate::command;

/// A finished image.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Archive {
    /// The reference in the archive: name and tag, such as `localhost/mtk-controller:0.1.0`.
    pub(crate) name: String,
    /// Its architecture.
    pub(crate) arch: Arch,
    /// The file.
    pub(crate) path: PathBuf,
    /// The digest of its manifest, such as `sha256:…`.
    pub(crate) digest: String,
    /// The compressed size, in bytes.
    pub(crate) packed: u64,
    /// The uncompressed size, in bytes.
    pub(crate) unpacked: u64,
    /// A digest of all inputs.
    key: String,
}

impl Archive {
    /// The archive at this path, if it is complete and has the same inputs.
    pub(super) fn existing(path: &Path, key: &str) -> Option<Archive> {
        let note = fs::read(note(path)).ok()?;
        let archive: Archive = serde_json::from_slice(&note).ok()?;
        (archive.key == key && archive.path == path && path.is_file()).then_some(archive)
    }

    /// Packs an OCI layout with a single image.
    pub(super) async fn pack(
        layout: &Path,
        path: &Path,
        name: &str,
        arch: Arch,
        key: String,
    ) -> anyhow::Result<Archive> {
        let index: Value = json(&layout.join("index.json"))?;
        let digest = index["manifests"][0]["digest"].as_str().context("an index with an image")?;
        let manifest: Value = json(&blob(layout, digest)?)?;
        let layers = manifest["layers"].as_array().context("a manifest with layers")?;
        let (mut packed, mut unpacked) = (0, 0);
        for layer in layers {
            packed += layer["size"].as_u64().context("the size of a layer")?;
            let digest = layer["digest"].as_str().context("the digest of a layer")?;
            unpacked += unpacked_size(&blob(layout, digest)?)?;
        }
        let digest = digest.to_owned();
        // Until both files are replaced, the record would describe the old archive.
        fs::remove_file(note(path)).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        let mut tar = command::program("tar");
        // The same image gives the same file.
        tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"])
            .args(["--mode=u=rwX,go=rX", "--format=gnu", "--create", "--file"])
            .arg(path)
            .arg("--directory")
            .arg(layout)
            .args(["oci-layout", "index.json", "blobs"]);
        command::output(&mut tar).await?;
        let (name, path) = (name.to_owned(), path.to_owned());
        let archive = Archive { name, arch, path, digest, packed, unpacked, key };
        fs::write(note(&archive.path), serde_json::to_vec_pretty(&archive)?)?;
        Ok(archive)
    }
}

fn note(archive: &Path) -> PathBuf {
    archive.with_extension("json")
}

fn blob(layout: &Path, digest: &str) -> anyhow::Result<PathBuf> {
    let hash = digest.strip_prefix("sha256:").context("a digest of SHA-256")?;
    Ok(layout.join("blobs/sha256").join(hash))
}

fn json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))
}

/// The size in the trailer of a gzip file, up to 4 GiB.
fn unpacked_size(layer: &Path) -> anyhow::Result<u64> {
    let mut file = File::open(layer)?;
    let mut magic = [0; 2];
    file.read_exact(&mut magic)?;
    ensure!(magic == [0x1f, 0x8b], "{} is not compressed by gzip", layer.display());
    let mut size = [0; 4];
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut size)?;
    Ok(u32::from_le_bytes(size).into())
}
