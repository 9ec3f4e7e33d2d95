//! `cargo xtask images`: static programs, and the images with them, in files.

mod app;
mod arch;
mod archive;
mod base;
mod binaries;
mod buildah;
mod debian_rust;
mod packages;
mod toolchain;

use anyhow::ensure;
use clap::{Args, ValueEnum};

pub(crate) use self::arch::Arch;
pub(crate) use self::archive::Archive;
use self::binaries::Profile;
use self::buildah::{Buildah, Recipe};
use crate::places;
use crate::steps::Output;

/// What to build.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Which images; all of them if none is named
    #[arg(value_enum)]
    images: Vec<Image>,
    /// The processors, as in amd64,arm64; this machine's if none is named
    #[arg(long, value_delimiter = ',')]
    arch: Vec<Arch>,
    /// Only build the programs, into target/dist: the context for another builder of images
    #[arg(long)]
    binaries: bool,
    #[command(flatten)]
    build: Build,
}

/// How to build.
#[derive(Args, Clone, Debug)]
pub(crate) struct Build {
    /// How much the compiler does
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
    /// The commit that the images are labelled with
    #[arg(long, default_value = UNKNOWN)]
    revision: String,
    /// Build images anew that are there already
    #[arg(long)]
    no_cache: bool,
}

/// One of our images.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Image {
    /// mtk-controller
    Controller,
    /// mtk-seal
    Cli,
    /// mtk-app, of deploy/app
    App,
}

/// That of all our crates; it is the images' tag.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");
const UNKNOWN: &str = "unknown";

impl Default for Build {
    /// As it is shipped.
    fn default() -> Build {
        Build { profile: Profile::Release, revision: UNKNOWN.to_owned(), no_cache: false }
    }
}

/// Builds, and prints a line for each: name, platform, digest, sizes and path.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let archs = if options.arch.is_empty() { vec![Arch::host()] } else { options.arch.clone() };
    let images = if options.images.is_empty() { Image::value_variants() } else { &options.images };
    for arch in archs {
        if options.binaries {
            programs(arch, options.build.profile).await?;
            continue;
        }
        for image in images {
            let archive = archive(*image, arch, &options.build, Output::Stderr).await?;
            let Archive { name, digest, packed, unpacked, path, .. } = &archive;
            let (packed, unpacked) = (megabytes(*packed), megabytes(*unpacked));
            Output::Stdout.line(format_args!(
                "{name} linux/{arch} {digest} {packed} packed, {unpacked} unpacked {path}",
                arch = arch.name(),
                path = path.display(),
            ));
        }
    }
    Ok(())
}

/// The image in a file, built unless it is there already, made of the same.
pub(crate) async fn archive(
    image: Image,
    arch: Arch,
    build: &Build,
    output: Output,
) -> anyhow::Result<Archive> {
    // Of no registry. With a shorter name, Kubernetes would look for it in a public one.
    let name = format!("localhost/{}:{VERSION}", image.name());
    let arguments = vec![
        ("VERSION", VERSION.to_owned()),
        ("REVISION", build.revision.clone()),
        ("SOURCE", SOURCE.to_owned()),
    ];
    let path = format!("{}-{VERSION}-{}.tar", image.name(), arch.name());
    let path = places::root().join("target/images").join(build.profile.name()).join(path);
    if image == Image::App {
        ensure!(
            arch == Arch::host(),
            "the app's image is built by programs of its own processor, not of this machine's\n\
             hint: name the images, as in `images controller cli`; docs/images.md says how \
             to build the app's"
        );
        let buildah = Buildah::open(output).await?;
        let recipe = app::recipe(&buildah, name, arguments, output).await?;
        return buildah.archive(&recipe, &path, build.no_cache).await;
    }
    binaries::build(arch, build.profile, output).await?;
    let dockerfile = if image == Image::Controller { "controller" } else { "cli" };
    let dockerfile = places::root().join(format!("deploy/images/{dockerfile}.Dockerfile"));
    let recipe = Recipe {
        dockerfile,
        context: binaries::context(build.profile),
        inputs: vec![binaries::program(arch, build.profile, image.name())],
        flags: Vec::new(),
        name,
        arch,
        arguments,
    };
    let buildah = Buildah::open(output).await?;
    buildah.archive(&recipe, &path, build.no_cache).await
}

impl Image {
    fn name(self) -> &'static str {
        match self {
            Image::Controller => "mtk-controller",
            Image::Cli => "mtk-seal",
            Image::App => "mtk-app",
        }
    }
}

/// Builds the programs for a processor, and prints a line for each: name, platform and path.
async fn programs(arch: Arch, profile: Profile) -> anyhow::Result<()> {
    binaries::build(arch, profile, Output::Stderr).await?;
    for name in binaries::NAMES {
        let path = binaries::program(arch, profile, name);
        Output::Stdout.line(format_args!("{name} linux/{} {}", arch.name(), path.display()));
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_a_tenth() {
        assert_eq!(megabytes(49_999), "0.0 MB");
        assert_eq!(megabytes(19_950_000), "20.0 MB");
        assert_eq!(megabytes(7_340_032), "7.3 MB");
    }
}
