//! Reads an OCI archive, independently of the code that creates it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::text;

/// One image in a file.
#[derive(Debug)]
pub(crate) struct Archive {
    /// The name and tag in the output of the command.
    pub(crate) name: String,
    /// The digest in the output of the command.
    pub(crate) digest: String,
    /// The file.
    pub(crate) path: PathBuf,
}

impl Archive {
    /// Parses a line of `cargo xtask images`.
    pub(crate) fn from_line(line: &str) -> Archive {
        let words: Vec<_> = line.split(' ').collect();
        let word = |index: usize| (*words.get(index).expect(line)).to_owned();
        let path = line.split_once("unpacked ").expect(line).1.into();
        Archive { name: word(0), digest: word(2), path }
    }

    /// The program's name.
    pub(crate) fn program(&self) -> &str {
        let name = self.name.strip_prefix("localhost/").unwrap();
        name.split(':').next().unwrap()
    }

    /// The only image of the index.
    pub(crate) fn descriptor(&self) -> Value {
        let index: Value = serde_json::from_slice(&self.file("index.json")).unwrap();
        let [descriptor] = &index["manifests"].as_array().unwrap()[..] else { panic!("{index}") };
        descriptor.clone()
    }

    /// The image's manifest.
    pub(crate) fn manifest(&self) -> Value {
        let descriptor = self.descriptor();
        serde_json::from_slice(&self.blob(&descriptor)).unwrap()
    }

    /// The entrypoint of a container.
    pub(crate) fn config(&self) -> Value {
        serde_json::from_slice(&self.blob(&self.manifest()["config"])).unwrap()
    }

    /// All layers, each an uncompressed tar file.
    pub(crate) fn layers(&self) -> Vec<Vec<u8>> {
        let manifest = self.manifest();
        let layers = manifest["layers"].as_array().unwrap();
        layers.iter().map(|layer| unzipped(&self.blob(layer))).collect()
    }

    /// Unpacks its files.
    pub(crate) fn unpack(&self, directory: &Path) {
        for layer in self.layers() {
            let file = directory.with_extension("layer");
            std::fs::write(&file, layer).unwrap();
            text(Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(directory));
            std::fs::remove_file(file).unwrap();
        }
    }

    /// The blob, whose digest must match.
    fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let blob = self.file(&format!("blobs/sha256/{digest}"));
        let found = Sha256::digest(&blob);
        let found = found.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!(found, digest);
        assert_eq!(descriptor["size"], blob.len());
        blob
    }

    fn file(&self, name: &str) -> Vec<u8> {
        let mut tar = Command::new("tar");
        let output = tar.arg("-xOf").arg(&self.path).arg(name).output().unwrap();
        assert!(output.status.success(), "{name} in {}", self.path.display());
        output.stdout
    }
}

fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let output = Command::new("gzip").arg("-dc").stdin(file.reopen().unwrap()).output().unwrap();
    assert!(output.status.success());
    output.stdout
}
