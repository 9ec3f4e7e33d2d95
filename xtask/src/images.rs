//! `cargo xtask images`: static programs, and images with them, as files.

mod app;
mod arch;
mod archive;
mod base;
mod binaries;
mod buildah;
mod debian_rust;
mod image;
mod packages;
mod toolchain;
mod unoptimised;

use anyhow::ensure;
use clap::{Args, ValueEnum};

pub(crate) use self::arch::Arch;
pub(crate) use self::archive::Archive;
use self::binaries::Profile;
use self::buildah::{Buildah, Recipe};
pub(crate) use self::image::Image;
use self::image::VERSION;
pub(crate) use self::packages::missing_packages;
pub(crate) use self::unoptimised::controller_image;
use crate::build::Programs;
use crate::paths;
use crate::runner::Output;

/// Options of `cargo xtask images`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Images to build [default: all]
    #[arg(value_enum)]
    images: Vec<Image>,
    /// Architectures, such as amd64,arm64 [default: this machine's]
    #[arg(long, value_delimiter = ',')]
    arch: Vec<Arch>,
    /// Only build the programs, into target/dist, as the context for another image builder
    #[arg(long)]
    binaries: bool,
    #[command(flatten)]
    build: Build,
}

/// Options of a build.
#[derive(Args, Clone, Debug)]
pub(crate) struct Build {
    /// Optimisation level
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
    /// Commit for the images' label
    #[arg(long, default_value = UNKNOWN)]
    revision: String,
    /// Rebuild images that exist already
    #[arg(long)]
    no_cache: bool,
}

const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");
const UNKNOWN: &str = "unknown";

impl Default for Build {
    /// The build of the images that ship.
    fn default() -> Build {
        Build { profile: Profile::Release, revision: UNKNOWN.to_owned(), no_cache: false }
    }
}

/// The programs in the images that ship, for this machine's processor.
pub(crate) fn shipped_programs() -> Programs {
    let program = |name| binaries::program(Arch::host(), Profile::Release, name);
    Programs { seal: program("mtk-seal"), controller: program("mtk-controller") }
}

/// Whether the unoptimised programs for a Raspberry Pi, which the tests of images use, were built once.
pub(crate) fn programs_for_arm_exist() -> bool {
    binaries::program(Arch::Arm64, Profile::Quick, "mtk-controller").exists()
}

/// Builds the programs that the tests of images use, with the lowest priority: those that ship, and perhaps
/// unoptimised ones for a Raspberry Pi.
pub(crate) async fn build_programs_in_background(
    for_arm: bool,
    output: Output,
) -> anyhow::Result<()> {
    let shipped = binaries::build_in_background(Arch::host(), Profile::Release, output);
    if !for_arm {
        return shipped.await;
    }
    // Side by side: link-time optimisation uses one processor.
    let arm = binaries::build_in_background(Arch::Arm64, Profile::Quick, output);
    tokio::try_join!(shipped, arm)?;
    Ok(())
}

/// Builds the programs in the images that ship, for this machine's processor.
pub(crate) async fn build_shipped_programs(output: Output) -> anyhow::Result<Programs> {
    binaries::build(Arch::host(), Profile::Release, output).await?;
    Ok(shipped_programs())
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

/// The file with the image. It is built unless a file with the same inputs exists.
pub(crate) async fn archive(
    image: Image,
    arch: Arch,
    build: &Build,
    output: Output,
) -> anyhow::Result<Archive> {
    let name = image.reference();
    let arguments = vec![
        ("VERSION", VERSION.to_owned()),
        ("REVISION", build.revision.clone()),
        ("SOURCE", SOURCE.to_owned()),
    ];
    let path = format!("{}-{VERSION}-{}.tar", image.name(), arch.name());
    let path = paths::root().join("target/images").join(build.profile.name()).join(path);
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
    let dockerfile = paths::root().join(format!("deploy/images/{dockerfile}.Dockerfile"));
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
