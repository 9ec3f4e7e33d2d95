//! A base image with Python, built from Debian packages: for machines without a registry, and for tests.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::arch::Arch;
use super::buildah::{Buildah, Recipe};
use super::packages;
use crate::command;
use crate::runner::Output;

/// Its Python is the version that `deploy/app/Pipfile` requires.
const SUITE: &str = "bookworm";
/// Both stages of the app's image use this base. The second stage needs less, but a separate base
/// would take another minute.
const PACKAGES: &str = "ca-certificates,python3,python3-pip";
/// Documentation.
const EXCLUDED: [&str; 4] =
    ["/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*"];

/// The image's name in the storage. The first call builds the image.
pub(super) async fn python(buildah: &Buildah, output: Output) -> anyhow::Result<String> {
    let name = name();
    if buildah.has(&name).await {
        return Ok(name);
    }
    packages::programs(output, &[("mmdebstrap", "mmdebstrap")]).await?;
    output.indented(&format!(
        "building a base image from Debian packages, once ({SUITE}: {PACKAGES})"
    ));
    let directory = tempfile::tempdir().context("a temporary directory")?;
    let mut mmdebstrap = command::program("mmdebstrap");
    mmdebstrap.args(["--quiet", "--variant=minbase", "--include", PACKAGES]);
    for path in EXCLUDED {
        mmdebstrap.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    mmdebstrap.arg(SUITE).arg(directory.path().join("base.tar"));
    command::output(&mut mmdebstrap).await?;
    let dockerfile = directory.path().join("Dockerfile");
    fs::write(&dockerfile, instructions())?;
    let recipe = Recipe {
        name: name.clone(),
        arch: Arch::host(),
        dockerfile,
        context: directory.path().to_owned(),
        inputs: Vec::new(),
        arguments: Vec::new(),
        flags: Vec::new(),
    };
    buildah.build(&recipe).await?;
    Ok(name)
}

/// The name depends on the inputs: a different list gives a different image.
fn name() -> String {
    let mut digest = Sha256::new();
    for part in [SUITE, PACKAGES, instructions()].iter().chain(&EXCLUDED) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let key = digest.iter().take(8).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    // `localhost` means that no registry has the image.
    format!("localhost/mtk-base:{SUITE}-{key}")
}

fn instructions() -> &'static str {
    "FROM scratch\nADD base.tar /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n"
}

/// The certificates that this machine trusts, such as that of a proxy through which packages come.
pub(super) fn certificates() -> Option<PathBuf> {
    let path = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
    path.is_file().then_some(path)
}
