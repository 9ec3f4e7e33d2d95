//! The contents of the images.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::process::Command;

use memchr::memmem;
use serde_json::{Value, json};

use crate::archive::Archive;
use crate::program::Elf;
use crate::{PROGRAMS, images, shipped, text};

/// The limit for everything that a node pulls and stores.
const LIMIT: usize = 22_000_000;

#[test]
fn image_contains_only_its_program() {
    for image in shipped() {
        let program = format!("usr/local/bin/{}", image.program());
        let link = "usr/local/bin/controller -> mtk-controller";
        let mut links = 0;
        let directories = ["usr/", "usr/local/", "usr/local/bin/", "src/"];
        let mut files = Vec::new();
        for entry in entries(image) {
            if entry.kind == 'd' {
                assert!(directories.contains(&entry.path.as_str()), "{entry:?}");
                assert_eq!(entry.mode, "rwxr-xr-x", "{entry:?}");
            } else if entry.kind == 'l' {
                assert_eq!(entry.path, link);
                links += 1;
            } else {
                assert_eq!((entry.kind, entry.mode.as_str()), ('-', "rwxr-xr-x"), "{entry:?}");
                files.push(entry.path.clone());
            }
            assert_eq!(entry.owner, "0/0", "nobody in there may change it: {entry:?}");
            assert!(entry.time.starts_with("1970-01-01"), "{entry:?}");
        }
        assert_eq!(files, [program]);
        assert_eq!(links, usize::from(image.program() == "mtk-controller"), "Bitnami's name");
    }
}

#[test]
fn no_file_gives_a_capability_or_another_identity() {
    for image in shipped() {
        for layer in image.layers() {
            // Tar files store extended attributes, and `security.capability` among them, under
            // these names.
            assert!(!contains(&layer, b"SCHILY.xattr"), "{}", image.name);
            assert!(!contains(&layer, b"security.capability"), "{}", image.name);
        }
        for entry in entries(image) {
            assert!(!entry.mode.contains(['s', 't']), "{entry:?}");
        }
    }
}

#[test]
fn image_runs_as_numeric_non_root_user() {
    for image in shipped() {
        let config = &image.config()["config"];
        let program = format!("/usr/local/bin/{}", image.program());
        assert_eq!(config["User"], "65532:65532");
        assert_eq!(config["Entrypoint"], json!([program]));
        assert_eq!(config["Env"], json!(["PATH=/usr/local/bin"]));
        for unwanted in ["Cmd", "Volumes", "Shell"] {
            assert_eq!(config[unwanted], Value::Null, "{unwanted}");
        }
    }
}

#[test]
fn labels_tell_what_it_is() {
    for image in shipped() {
        let config = image.config();
        let labels = config["config"]["Labels"].as_object().unwrap();
        let label = |name: &str| labels[&format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(label("title"), image.program());
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(label("source"), env!("CARGO_PKG_REPOSITORY"));
        assert_eq!(label("licenses"), "Apache-2.0");
        assert_eq!(label("revision"), "unknown", "it is told, never guessed");
        assert!(label("description").as_str().unwrap().len() > 20);
        assert_eq!(labels.len(), 6, "{labels:?}");
        assert_eq!(
            (&config["os"], &config["created"]),
            (&json!("linux"), &json!("1970-01-01T00:00:00Z"))
        );
    }
}

#[test]
fn archive_names_its_image() {
    let names: BTreeSet<_> = shipped().iter().map(|image| image.name.clone()).collect();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(names, PROGRAMS.map(|name| format!("localhost/{name}:{version}")).into());
    for image in shipped() {
        let descriptor = image.descriptor();
        let reference = &descriptor["annotations"]["org.opencontainers.image.ref.name"];
        assert_eq!(*reference, image.name);
        assert_eq!(descriptor["digest"], image.digest, "as it was said");
    }
}

#[test]
fn controller_image_is_small() {
    for image in shipped() {
        let layers: usize = image.layers().iter().map(Vec::len).sum();
        assert!(layers <= LIMIT, "{} has {layers} bytes", image.name);
    }
}

#[test]
fn program_is_static_and_contains_no_build_path() {
    let directory = tempfile::tempdir().unwrap();
    for image in shipped() {
        image.unpack(directory.path());
        let path = directory.path().join("usr/local/bin").join(image.program());
        let program = fs::read(path).unwrap();
        let elf = Elf::read(&program);
        assert!(!elf.has_interpreter, "{} needs a dynamic linker", image.name);
        let homes = ["HOME", "CARGO_HOME", "RUSTUP_HOME"].map(env::var_os);
        let repository = crate::repository().as_os_str().to_owned();
        for path in homes.into_iter().flatten().chain([repository]) {
            let mut path = path.into_encoded_bytes();
            path.push(b'/');
            // A home directory such as `/` would match everywhere.
            if path.len() > 4 {
                let shown = String::from_utf8_lossy(&path);
                assert!(!contains(&program, &path), "{} names {shown}", image.name);
            }
        }
    }
}

#[test]
fn same_program_gives_the_same_image() {
    let before: Vec<_> = shipped().iter().map(|image| fs::read(&image.path).unwrap()).collect();
    let again = images(&["controller", "cli", "--no-cache"]);
    for ((image, before), again) in shipped().iter().zip(before).zip(&again) {
        assert_eq!(image.digest, again.digest, "{}", image.name);
        assert!(before == fs::read(&again.path).unwrap(), "{}: the files differ", image.name);
    }
}

/// A file or directory of a layer.
#[derive(Debug)]
struct Entry {
    kind: char,
    mode: String,
    owner: String,
    time: String,
    path: String,
}

/// In the format of `tar`'s listing.
fn entries(image: &Archive) -> Vec<Entry> {
    let mut entries = Vec::new();
    for layer in image.layers() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), layer).unwrap();
        let mut tar = Command::new("tar");
        tar.args(["--numeric-owner", "--utc", "-tvf"]).arg(file.path()).env("LC_ALL", "C");
        for line in text(&mut tar).lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let [mode, owner, _size, date, time, ref path @ ..] = words[..] else {
                panic!("{line}")
            };
            entries.push(Entry {
                kind: mode.chars().next().unwrap(),
                mode: mode[1..].to_owned(),
                owner: owner.to_owned(),
                time: format!("{date} {time}"),
                path: path.join(" "),
            });
        }
    }
    entries
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memmem::find(bytes, wanted).is_some()
}
