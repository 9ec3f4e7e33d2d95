//! The committed schemas are those of the named packages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use e2e::cache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::workspace::HOME;
use crate::command::{self, program};
use crate::paths;
use crate::runner::Output;
use crate::tools::schema_files;

/// Generates the schemas again, and compares them byte for byte. The result is remembered for these files.
pub(super) async fn check(output: Output) -> anyhow::Result<()> {
    let verified = cache::directory()?.join(format!("terraform-schemas-{}", key(&home())?));
    if verified.is_file() {
        output.indented("verified before, for the same files");
        return Ok(());
    }
    let wheels = wheels(output).await?;
    let generated = generated(&wheels).await?;
    for path in schema_files(&home())? {
        let name = path.file_name().context("a file name")?;
        let again = fs::read(generated.path().join(name))
            .with_context(|| format!("{} comes from no package", path.display()))?;
        ensure!(
            again == fs::read(&path)?,
            "{} is not what its package contains\nhint: deploy/terraform/schemas/README.md",
            path.display()
        );
    }
    fs::write(&verified, "").with_context(|| format!("writing {}", verified.display()))
}

/// A digest of the schemas, of their generator and of the names of their packages.
fn key(directory: &Path) -> anyhow::Result<String> {
    let mut paths = files(directory)?;
    paths.retain(|path| path.is_file());
    paths.sort();
    let mut digest = Sha256::new();
    for path in paths {
        let content = fs::read(&path)?;
        digest.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(content);
    }
    let digest = digest.finalize();
    Ok(digest.iter().take(10).fold(String::new(), |key, byte| format!("{key}{byte:02x}")))
}

/// Downloads the newest packages. If they are newer than ours, returns their schemas, with our versions, so
/// that the configurations can be validated with them.
pub(super) async fn newest(output: Output) -> anyhow::Result<Option<tempfile::TempDir>> {
    let directory = tempfile::tempdir()?;
    let names = requirements()?;
    let names = names.lines().filter_map(|line| line.split_once("==")).map(|(name, _)| name);
    pip(directory.path(), &names.collect::<Vec<_>>()).await?;
    let ours = wheels(output).await?;
    let newer: Vec<_> = files(directory.path())?
        .into_iter()
        .filter(|path| !path.file_name().is_some_and(|name| ours.join(name).exists()))
        .collect();
    if newer.is_empty() {
        output.indented("the schemas are those of the newest packages");
        return Ok(None);
    }
    for path in &newer {
        let name = path.file_name().unwrap_or_default().display();
        output.indented(&format!("newer than our schemas, not used: {name}"));
    }
    let generated = generated(directory.path()).await?;
    for path in schema_files(&home())? {
        let newer = generated.path().join(path.file_name().context("a file name")?);
        let (ours, mut theirs) = (read(&path)?, read(&newer)?);
        for missing in missing(&ours, &theirs) {
            output.indented(&format!("the newest provider lacks {missing}"));
        }
        theirs.insert("version".to_owned(), ours["version"].clone());
        fs::write(&newer, serde_json::to_string(&theirs)?)?;
    }
    Ok(Some(generated))
}

fn read(path: &Path) -> anyhow::Result<Map<String, Value>> {
    serde_json::from_str(&fs::read_to_string(path)?).with_context(|| path.display().to_string())
}

fn home() -> PathBuf {
    paths::root().join(HOME).join("schemas")
}

fn requirements() -> anyhow::Result<String> {
    fs::read_to_string(home().join("wheels.txt")).context("reading wheels.txt")
}

/// The named packages, in the cache. The first call downloads them.
async fn wheels(output: Output) -> anyhow::Result<PathBuf> {
    let directory = cache::directory()?.join("terraform-wheels");
    fs::create_dir_all(&directory)?;
    // pip verifies the hashes of what is in the directory, and downloads only what is missing.
    output.indented("downloading packages with schemas, 90 MB, unless they are in the cache");
    let list = home().join("wheels.txt").display().to_string();
    let existing = directory.display().to_string();
    let arguments = ["--require-hashes", "--find-links", &existing, "--requirement", &list];
    let wanted = tempfile::Builder::new().prefix("wheels-").tempdir_in(cache::directory()?)?;
    pip(wanted.path(), &arguments).await?;
    fs::remove_dir_all(&directory)?;
    fs::rename(wanted.keep(), &directory).context("keeping the packages")?;
    Ok(directory)
}

async fn pip(directory: &Path, what: &[&str]) -> anyhow::Result<()> {
    let mut pip = program("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .arg("--dest")
        .arg(directory)
        .args(what);
    command::output(&mut pip).await.map(drop)
}

async fn generated(wheels: &Path) -> anyhow::Result<tempfile::TempDir> {
    let out = tempfile::tempdir()?;
    let mut generate = program("python3");
    generate
        .arg("-B")
        .arg(home().join("generate.py"))
        .arg("--wheels")
        .arg(wheels)
        .arg("--out")
        .arg(out.path());
    command::output(&mut generate).await?;
    Ok(out)
}

fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
}

/// The attributes and blocks of one schema that another one lacks.
fn missing(ours: &Map<String, Value>, theirs: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in ours {
        match (value, theirs.get(name)) {
            (_, None) => found.push(name.clone()),
            (Value::Object(ours), Some(Value::Object(theirs))) => {
                found
                    .extend(missing(ours, theirs).into_iter().map(|rest| format!("{name}.{rest}")));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_schema_is_verified_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("aws.json");
        fs::write(&path, "{}").unwrap();
        let before = key(directory.path()).unwrap();
        fs::write(&path, "{ }").unwrap();
        assert_ne!(key(directory.path()).unwrap(), before);
    }

    #[test]
    fn removed_attribute_is_found() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let ours = object(json!({ "a": { "block": { "x": 1, "y": 2 } }, "b": {} }));
        let theirs = object(json!({ "a": { "block": { "x": 3 } }, "c": {} }));
        assert_eq!(missing(&ours, &theirs), ["a.block.y", "b"]);
        assert!(missing(&ours, &ours).is_empty());
    }
}
