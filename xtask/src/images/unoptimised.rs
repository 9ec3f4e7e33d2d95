//! The controller's image for the demo: with the program that is already built, and the shared
//! libraries that it is linked to. The image that ships takes minutes of link-time optimisation.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::arch::Arch;
use super::archive::Archive;
use super::binaries;
use super::buildah::{Buildah, Recipe};
use super::image::{Image, VERSION};
use crate::command;
use crate::paths;
use crate::runner::Output;

/// The same user, path and command as in `deploy/images/controller.Dockerfile`.
const INSTRUCTIONS: &str = "\
FROM scratch
COPY root/ /
ENV PATH=/usr/local/bin
USER 65532:65532
ENTRYPOINT [\"/usr/local/bin/mtk-controller\"]
";

/// The image with this program, in a file.
pub(crate) async fn controller_image(program: &Path, output: Output) -> anyhow::Result<Archive> {
    let context = paths::root().join("target/images/unoptimised");
    let root = context.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("removing {}", root.display()))?;
    }
    let mut inputs = vec![copy(program, &root, Path::new("usr/local/bin/mtk-controller"))?];
    binaries::link(&root.join("usr/local/bin"))?;
    for library in libraries(program).await? {
        let inside = library.strip_prefix("/").unwrap_or(&library);
        inputs.push(copy(&library, &root, inside)?);
    }
    let dockerfile = context.join("Dockerfile");
    fs::write(&dockerfile, INSTRUCTIONS)?;
    let recipe = Recipe {
        name: Image::Controller.reference(),
        arch: Arch::host(),
        dockerfile,
        inputs,
        arguments: Vec::new(),
        flags: Vec::new(),
        context: context.clone(),
    };
    let path = context.join(format!("mtk-controller-{VERSION}.tar"));
    Buildah::open(output).await?.archive(&recipe, &path, false).await
}

/// The shared libraries of a program, its loader included.
async fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = command::output(command::program("ldd").arg(program)).await?;
    Ok(libraries_in(&listed))
}

/// The paths in lines such as `libc.so.6 => /lib/libc.so.6 (0x7f)` and `/lib64/ld.so (0x7f)`.
fn libraries_in(listed: &str) -> Vec<PathBuf> {
    let words = listed
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    words.map(PathBuf::from).collect()
}

fn copy(from: &Path, root: &Path, inside: &Path) -> anyhow::Result<PathBuf> {
    let to = root.join(inside);
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(from, &to).with_context(|| format!("copying {}", from.display()))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loader_and_libraries_are_found_and_the_kernels_own_is_not() {
        let listed = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        let expected = ["/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(libraries_in(listed), expected);
    }
}
