//! No other module writes Secrets: checked on the sources.

use std::{fs, path::Path};

/// The modules that may: this one, the request below it, and the creation of the controller's keys.
const WRITERS: [&str; 3] = ["target/", "runtime/secret.rs", "keys/"];
const SECRET_APIS: [&str; 2] = ["Api<SecretObject>", "Api<Secret>"];
const WRITE_VERBS: [&str; 7] = [
    ".create(",
    ".delete(",
    ".delete_collection(",
    ".patch(",
    ".patch_metadata(",
    ".replace(",
    "secret::create(",
];

#[test]
fn no_other_module_names_a_write_verb_on_secrets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut writers = Vec::new();
    visit(&root, &mut |path, text| {
        let name = path.strip_prefix(&root).expect("a file below src").display().to_string();
        if writes_secrets(text) {
            writers.push(name);
        }
    });
    assert!(writers.iter().any(|name| name == "target/writer.rs"), "{writers:?}");
    writers.retain(|name| !WRITERS.iter().any(|writer| name.starts_with(writer)));
    assert_eq!(writers, [""; 0]);
}

#[test]
fn keys_only_create_secrets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys");
    let mut files = 0;
    visit(&root, &mut |path, text| {
        if !writes_secrets(text) && !text.contains("SecretObject") {
            return;
        }
        files += 1;
        let others = WRITE_VERBS.iter().filter(|verb| **verb != "secret::create(");
        for verb in others {
            assert!(!text.contains(verb), "{}: {verb}", path.display());
        }
    });
    assert!(files > 2);
}

fn writes_secrets(text: &str) -> bool {
    let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
    text.contains("secret::create(") || names(&SECRET_APIS) && names(&WRITE_VERBS)
}

fn visit(folder: &Path, check: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, check);
        } else {
            check(&path, &fs::read_to_string(&path).expect("a source file"));
        }
    }
}
