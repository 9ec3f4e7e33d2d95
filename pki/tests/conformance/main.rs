//! Files that Go and OpenSSL wrote.

mod certificates;
mod keys;
mod pkcs12;

use std::{fs, path::PathBuf};

use serde::de::DeserializeOwned;

/// A file of `tests/recordings`.
fn read(name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The lines of a file of `tests/recordings`.
fn read_lines<T: DeserializeOwned>(name: &str) -> Vec<T> {
    read(name).lines().map(|line| serde_json::from_str(line).expect("a recording")).collect()
}
