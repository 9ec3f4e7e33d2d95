//! Sealing the same values again.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::flow::{VECTORS, open};

/// A working directory, and a home directory with the record.
struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path("home/.local/state/mtk-seal")
    }

    /// Seals `values` with the key, and returns the output.
    fn run(&self, values: &str, key: &str, args: &[&str]) -> Output {
        fs::write(self.path("secrets.env"), values).unwrap();
        let certificate = format!("{VECTORS}/keys/{key}.crt");
        let output = Command::new(env!("CARGO_BIN_EXE_mtk-seal"))
            .args(["secrets.env", "--name", "app", "-n", "web", "--cert", &certificate])
            .args(args)
            .current_dir(self.directory.path())
            .env("HOME", self.path("home"))
            .env_remove("XDG_STATE_HOME")
            .env("KUBECONFIG", "")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Seals into `sealed.yaml`, and returns the messages after the certificate.
    fn seal(&self, values: &str, args: &[&str]) -> String {
        let args = [&["-w", "sealed.yaml"], args].concat();
        notes(&self.run(values, "rsa2048", &args))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path("sealed.yaml")).unwrap()
    }

    fn items(&self) -> BTreeMap<String, String> {
        items(&self.text())
    }
}

fn items(text: &str) -> BTreeMap<String, String> {
    let sealed: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    serde_json::from_value(sealed["spec"]["encryptedData"].clone()).unwrap()
}

fn notes(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    stderr
        .lines()
        .filter(|line| !line.starts_with("note: certificate "))
        .collect::<Vec<_>>()
        .join("\n")
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    after
        .iter()
        .filter(|(key, item)| before.get(*key) != Some(item))
        .map(|(key, _)| key.clone())
        .collect()
}

#[test]
fn only_changed_values_are_sealed_again() {
    let machine = Machine::new();
    assert_eq!(machine.seal("A=1\nB=2\nC=3\n", &[]), "");
    let first = machine.text();
    assert_eq!(machine.seal("C=3\nB=2\nA=1\n", &[]), "note: web/app: 3 kept (A, B, C)");
    assert_eq!(machine.text(), first);

    let notes = machine.seal("A=1\nB=other\nD=4\n", &[]);
    assert_eq!(notes, "note: web/app: 1 new (D), 1 changed (B), 1 removed (C), 1 kept (A)");
    assert_eq!(changed(&items(&first), &machine.items()), ["B", "D"]);
    let opened = open(&machine.text());
    assert_eq!(
        opened,
        [("A", "1"), ("B", "other"), ("D", "4")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    );
}

#[test]
fn fresh_seals_every_value() {
    let machine = Machine::new();
    machine.seal("A=1\nB=2\n", &[]);
    let first = machine.items();
    assert_eq!(machine.seal("A=1\nB=2\n", &["--fresh"]), "note: web/app: 2 changed (A, B)");
    assert_eq!(changed(&first, &machine.items()), ["A", "B"]);
    machine.seal("A=1\nB=2\n", &[]);
    assert_eq!(changed(&first, &machine.items()), ["A", "B"]);
}

#[test]
fn standard_output_keeps_the_ciphertexts_of_the_last_run() {
    let machine = Machine::new();
    let sealed = |values: &str| {
        let output = machine.run(values, "rsa2048", &[]);
        (items(&String::from_utf8(output.stdout.clone()).unwrap()), notes(&output))
    };
    let (first, _) = sealed("A=1\nB=2\n");
    let (second, notes) = sealed("A=1\nB=3\n");
    assert_eq!(changed(&first, &second), ["B"]);
    assert_eq!(notes, "note: web/app: 1 changed (B), 1 kept (A)");
    // The old ciphertext would show that the value is the old one.
    let (third, _) = sealed("A=1\nB=2\n");
    assert_ne!(first["B"], third["B"]);
    let (_, notes) = sealed("A=1\n");
    assert_eq!(notes, "note: web/app: 1 kept (A), 1 removed");
}

#[test]
fn file_of_another_branch_keeps_its_ciphertexts() {
    let machine = Machine::new();
    machine.seal("A=1\n", &[]);
    let main = machine.text();
    machine.seal("A=branch\n", &[]);
    fs::write(machine.path("sealed.yaml"), &main).unwrap();
    machine.seal("A=1\n", &[]);
    assert_eq!(machine.text(), main);
}

#[test]
fn other_certificate_scope_or_machine_seals_every_value() {
    let machine = Machine::new();
    machine.seal("A=1\n", &[]);
    let first = machine.items();
    let other = machine.run("A=1\n", "rsa3072", &["-w", "sealed.yaml"]);
    assert!(
        notes(&other).contains("sealed every value (1): nothing was recorded"),
        "{}",
        notes(&other)
    );
    assert_ne!(machine.items(), first);

    let first = machine.items();
    machine.run("A=1\n", "rsa3072", &["-w", "sealed.yaml", "--scope", "cluster-wide"]);
    assert_ne!(machine.items(), first);
    let first = machine.items();
    fs::rename(machine.path("home"), machine.path("elsewhere")).unwrap();
    let args = ["-w", "sealed.yaml", "--scope", "cluster-wide"];
    let notes = notes(&machine.run("A=1\n", "rsa3072", &args));
    assert!(notes.contains("sealed every value (1)"), "{notes}");
    assert_ne!(machine.items(), first);
}

#[test]
fn equal_values_are_never_linkable() {
    let machine = Machine::new();
    machine.seal("A=hunter2\nB=hunter2\n", &[]);
    machine.seal("A=hunter2\nB=hunter2\nC=hunter2\n", &[]);
    let items = machine.items();
    assert!(items["A"] != items["B"] && items["B"] != items["C"]);
    for entry in fs::read_dir(machine.state()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"));
    }
}

#[test]
fn item_that_was_exchanged_in_the_file_is_sealed_again() {
    let machine = Machine::new();
    machine.seal("A=1\nB=1\n", &[]);
    let items = machine.items();
    let exchanged = machine
        .text()
        .replace(&items["A"], "@")
        .replace(&items["B"], &items["A"])
        .replace('@', &items["B"]);
    fs::write(machine.path("sealed.yaml"), exchanged).unwrap();
    assert_eq!(machine.seal("A=1\nB=1\n", &[]), "note: web/app: 2 changed (A, B)");
    assert_eq!(open(&machine.text())["A"], "1");
}

#[test]
fn key_that_others_can_read_is_refused_with_a_warning() {
    let machine = Machine::new();
    machine.seal("A=1\n", &[]);
    let key = machine.state().join("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (before, notes) = (machine.items(), machine.seal("A=1\n", &[]));
    assert!(
        notes.starts_with("warning: every value is sealed again: other users can read "),
        "{notes}"
    );
    assert!(notes.contains("hint: `chmod go= "), "{notes}");
    assert_ne!(machine.items(), before);
}

#[test]
fn home_that_is_missing_or_no_directory_is_no_error() {
    let machine = Machine::new();
    fs::remove_dir(machine.path("home")).unwrap();
    assert_eq!(machine.seal("A=1\n", &[]), "");
    assert!(!machine.path("home").exists());
    fs::create_dir(machine.path("home")).unwrap();
    fs::write(machine.path("home/.local"), "").unwrap();
    let notes = machine.seal("A=1\n", &[]);
    assert!(notes.starts_with("warning: every value is sealed again: cannot use "), "{notes}");
    assert_eq!(open(&machine.text())["A"], "1");
}

#[test]
fn damaged_output_is_replaced() {
    let machine = Machine::new();
    machine.seal("A=1\n", &[]);
    for text in ["", "a: [", "kind: SealedSecret\nspec: 1\n", "\u{0}"] {
        fs::write(machine.path("sealed.yaml"), text).unwrap();
        machine.seal("A=1\n", &[]);
        assert_eq!(open(&machine.text())["A"], "1", "{text}");
    }
    assert!(Path::new(&machine.path("sealed.yaml")).is_file());
}
