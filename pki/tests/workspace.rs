//! The layering of the workspace: only two crates depend on ciphers.

use std::{collections::BTreeSet, fs, path::PathBuf};

/// Crates that contain ciphers, keys or certificates.
const CIPHER_CRATES: [&str; 20] = [
    "aes",
    "aes-gcm",
    "aws-lc-rs",
    "bcrypt",
    "cbc",
    "crypto-bigint",
    "crypto-primes",
    "der",
    "des",
    "ed25519-dalek",
    "p256",
    "p384",
    "p521",
    "pkcs1",
    "pkcs8",
    "rc2",
    "rsa",
    "scrypt",
    "spki",
    "x509-cert",
];

/// The names of the dependencies in a `Cargo.toml`, from all its tables of dependencies.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_dependencies = false;
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            is_dependencies = table.ends_with("dependencies");
            if let Some((_, name)) = table.split_once("dependencies.") {
                names.insert(name.to_owned());
            }
        } else if is_dependencies {
            let name: String = line
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
                .collect();
            names.insert(name);
        }
    }
    names
}

#[test]
fn only_pki_and_sealing_depend_on_cipher_crates() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace =
        fs::read_to_string(root.join("Cargo.toml")).expect("the workspace's Cargo.toml");
    let start = workspace.find("members = [").expect("members");
    let members = &workspace[start..start + workspace[start..].find("\n]").expect("an end")];
    let members: Vec<_> = members
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once('"').map(|(name, _)| name))
        .collect();
    assert!(members.contains(&"pki") && members.contains(&"sealing") && members.contains(&"cli"));
    for member in members {
        let manifest = fs::read_to_string(root.join(member).join("Cargo.toml")).expect(member);
        let dependencies = dependencies(&manifest);
        let ciphers: Vec<_> =
            CIPHER_CRATES.iter().filter(|name| dependencies.contains(**name)).collect();
        match member {
            "pki" => assert!(ciphers.len() > 10, "{ciphers:?}"),
            "sealing" => assert_eq!(ciphers, [&"aws-lc-rs"], "{member}"),
            _ => assert!(ciphers.is_empty(), "{member} depends on {ciphers:?}: use pki or sealing"),
        }
    }
}

/// The `rsa` crate is several times slower than aws-lc-rs, and its private-key operations are not
/// constant-time.
#[test]
fn aws_lc_is_the_only_rsa_library() {
    let lock = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).expect("the workspace's Cargo.lock");
    assert!(lock.contains("\nname = \"aws-lc-rs\"\n"));
    for other in ["rsa", "aes-gcm"] {
        assert!(!lock.contains(&format!("\nname = \"{other}\"\n")), "{other}");
    }
}

/// Otherwise each run of `mtk-seal` would spend 60 ms to collect CPU jitter.
#[test]
fn aws_lc_is_seeded_by_the_operating_system_only() {
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.cargo/config.toml");
    let config = fs::read_to_string(config).expect("the workspace's .cargo/config.toml");
    assert!(config.contains("\nAWS_LC_SYS_NO_JITTER_ENTROPY = \"1\"\n"));
}

#[test]
fn dependencies_are_found_in_every_table() {
    let manifest = "[features]\nrsa = []\n[dependencies]\naes.workspace = true\ndes = \"1\"\n\
                    [target.'cfg(unix)'.dev-dependencies]\nrsa = { version = \"1\" }\n\
                    [build-dependencies.scrypt]\nversion = \"1\"\n[lints]\nworkspace = true\n";
    let found = dependencies(manifest);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["aes", "des", "rsa", "scrypt"]);
}
