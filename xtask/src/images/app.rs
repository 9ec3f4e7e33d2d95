//! The app's image, on a base of Debian's packages.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::arch::Arch;
use super::base;
use super::buildah::{Buildah, Recipe};
use crate::paths;
use crate::runner::Output;

/// The inputs of the app's image.
pub(super) async fn recipe(
    buildah: &Buildah,
    name: String,
    arguments: Vec<(&'static str, String)>,
    output: Output,
) -> anyhow::Result<Recipe> {
    let context = paths::root().join("deploy/app");
    let base = base::python(buildah, output).await?;
    let bases = [("BUILDER_BASE", base.clone()), ("BASE", base)];
    let mut flags = Vec::new();
    if let Some(certificates) = base::certificates() {
        // Visible during the build, and not kept in the image.
        let mut volume = OsString::from("--volume=");
        volume.push(&certificates);
        volume.push(":");
        volume.push(&certificates);
        volume.push(":ro");
        flags.push(volume);
    }
    Ok(Recipe {
        name,
        arch: Arch::host(),
        dockerfile: context.join("Dockerfile"),
        inputs: files(&context)?,
        context,
        arguments: bases.into_iter().chain(arguments).collect(),
        flags,
    })
}

/// All files in a directory except tests, and files that a run of the app or of the tests creates.
fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        let entries = fs::read_dir(&next).with_context(|| format!("reading {}", next.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let hidden = name.as_encoded_bytes().starts_with(b".");
            let left_over = hidden || name == "__pycache__" || name == "tests";
            if entry.file_type()?.is_dir() {
                if !left_over {
                    pending.push(entry.path());
                }
            } else if !left_over || name == ".dockerignore" {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_generated_files_are_no_input() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        let paths =
            ["app/main.py", "app/__pycache__/a.pyc", "tests/a.py", ".venv/pip", ".dockerignore"];
        for path in paths {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = files(root).unwrap();
        assert_eq!(found, [root.join(".dockerignore"), root.join("app/main.py")]);
    }
}
