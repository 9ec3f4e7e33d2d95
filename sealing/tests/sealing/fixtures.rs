//! Test keys, test files and kubeseal's items.

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealing::{Item, Label, Malformed, OpenError, Scope, SealingKey, open};
use serde::Deserialize;

/// One line of `vectors/cases.jsonl`.
#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) key: String,
    scope: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    plaintext: String,
    pub(crate) ciphertext: String,
}

impl Vector {
    pub(crate) fn scope(&self) -> Scope {
        self.scope.parse().expect("a scope")
    }

    pub(crate) fn plaintext(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.plaintext).expect("base64")
    }

    pub(crate) fn label(&self) -> Label {
        self.scope().label(&self.namespace, &self.name)
    }
}

/// All 108 items.
pub(crate) fn vectors() -> Vec<Vector> {
    let text = String::from_utf8(read("vectors/cases.jsonl")).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a vector")).collect()
}

/// A file below `tests/`.
pub(crate) fn read(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(path);
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A key of `vectors/keys/` with its certificate.
pub(crate) fn key(name: &str) -> SealingKey {
    let [key, certificate] =
        ["key", "crt"].map(|suffix| read(&format!("vectors/keys/{name}.{suffix}")));
    SealingKey::from_pem(&key, Some(&certificate)).expect("a test key")
}

/// RSA-2048, 3072 and 4096.
pub(crate) fn keys() -> Vec<SealingKey> {
    ["rsa2048", "rsa3072", "rsa4096"].into_iter().map(key).collect()
}

/// Seals for a key that has a certificate.
pub(crate) fn seal(key: &SealingKey, label: &Label, plaintext: &[u8]) -> String {
    key.certificate().expect("a certificate").seal(label, plaintext).expect("sealed")
}

/// Parses and opens, like all callers.
pub(crate) fn reopen(text: &str, label: &Label, keys: &[SealingKey]) -> Result<Vec<u8>, Failure> {
    let item = Item::parse(text).map_err(Failure::Malformed)?;
    let opened = open(&item, label, keys).map_err(Failure::Open)?;
    Ok(opened.plaintext.expose().to_vec())
}

/// How [`reopen`] failed.
#[derive(Debug, PartialEq)]
pub(crate) enum Failure {
    Malformed(Malformed),
    Open(OpenError),
}
