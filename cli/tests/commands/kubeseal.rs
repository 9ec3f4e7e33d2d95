//! `mtk-seal kubeseal` against files that kubeseal made. Numbers of rows are those of
//! `docs/compatibility.md`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    fake_server,
    flow::{VECTORS, json, kubeseal_files, output, run},
};

/// The text with every ciphertext blanked.
fn without_ciphertexts(text: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut blanked = String::new();
    for word in text.split_inclusive(|c| !is_base64(c)) {
        let end = word.trim_end_matches(|c| !is_base64(c));
        blanked += if end.len() > 300 { "CIPHERTEXT" } else { end };
        blanked += &word[end.len()..];
    }
    blanked
}

fn key(name: &str) -> String {
    format!("{VECTORS}/keys/{name}")
}

fn kubeseal(directory: &Path, args: &[&str], stdin: &str) -> String {
    output(directory, &[&["kubeseal"], args].concat(), stdin)
}

/// The Secret in a SealedSecret of the test key.
fn open(sealed: &str) -> Value {
    let key = key("rsa2048.key");
    let args = ["--recovery-unseal", "--recovery-private-key", &key];
    json(&kubeseal(Path::new("/"), &args, sealed))
}

/// Rows 3, 4, 48, 50 and 51.
#[test]
fn sealed_text_equals_that_of_kubeseal_except_for_ciphertext() {
    for (number, name, scope, path) in kubeseal_files() {
        let secret = format!("{VECTORS}/files/{number}.secret.yaml");
        let is_json = path.extension().is_some_and(|e| e == "json");
        let format = if is_json { "json" } else { "yaml" };
        let certificate = key(&format!("{name}.crt"));
        let args = ["-f", &secret, "--cert", &certificate, "--scope", &scope, "-o", format];
        let ours = kubeseal(Path::new("/"), &args, "");
        // Both are plain YAML scalars; kubeseal's library prefers single quotes.
        let theirs = fs::read_to_string(&path).unwrap().replace("'kept: yes'", "\"kept: yes\"");
        assert_eq!(without_ciphertexts(&ours), without_ciphertexts(&theirs), "{}", path.display());
    }
}

/// Row 49.
#[cfg(unix)]
#[test]
fn written_file_is_replaced_atomically_and_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sealed.yaml");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let certificate = key("rsa2048.crt");
    let args = ["kubeseal", "--cert", &certificate, "-w", "sealed.yaml"];
    let failed = run(directory.path(), &args, b"kind: Secret\n");
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");

    let secret = "metadata: {name: a, namespace: b}\nstringData: {A: x}\n";
    assert_eq!(kubeseal(directory.path(), &args[1..], secret), "");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("---\napiVersion: bitnami.com/v1alpha1\n"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays");
}

/// Row 54.
#[test]
fn raw_value_opens_under_its_scope_and_ends_without_a_line_end() {
    let certificate = key("rsa2048.crt");
    for (scope, annotations) in [
        ("strict", ""),
        ("namespace-wide", "sealedsecrets.bitnami.com/namespace-wide: 'true'"),
        ("cluster-wide", "sealedsecrets.bitnami.com/cluster-wide: 'true'"),
    ] {
        let args = ["--raw", "--cert", &certificate, "--name", "a", "-n", "b", "--scope", scope];
        let item = kubeseal(Path::new("/"), &args, "hunter2");
        assert!(!item.ends_with('\n'));
        let sealed = format!(
            "kind: SealedSecret\nmetadata: {{name: a, namespace: b, annotations: {{{annotations}}}}}\nspec: {{encryptedData: {{A: {item}}}}}\n"
        );
        assert_eq!(open(&sealed)["data"]["A"], "aHVudGVyMg==", "{scope}");
    }
}

/// Row 55.
#[cfg(unix)]
#[test]
fn merged_items_open_and_nothing_else_in_the_file_changes() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let certificate = key("rsa2048.crt");
    let secret = "metadata: {name: a, namespace: b, annotations: {sealedsecrets.bitnami.com/namespace-wide: 'true'}}\nstringData: {A: one, B: two}\n";
    let sealed = kubeseal(directory.path(), &["--cert", &certificate, "-o", "yaml"], secret);
    let before = format!("# the owner is team b\n{sealed}# end\n");
    let file = directory.path().join("sealed.yaml");
    fs::write(&file, &before).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();

    let more = "metadata: {name: other}\nstringData: {B: three, C: four}\n";
    let args = ["--cert", &certificate, "--merge-into", "sealed.yaml"];
    assert_eq!(kubeseal(directory.path(), &args, more), "");
    let after = fs::read_to_string(&file).unwrap();
    let opened = open(&after);
    let data = ["b25l", "dGhyZWU=", "Zm91cg=="];
    assert_eq!(["A", "B", "C"].map(|key| opened["data"][key].as_str().unwrap()), data);
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let added: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(added[0].starts_with("    B: ") && added[1].starts_with("    C: "), "{added:?}");
    assert_eq!((added.len(), after.len()), (2, before.len() + 1));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);

    let failed = run(
        directory.path(),
        &["kubeseal", "--cert", &certificate, "--merge-into", "sealed.yaml"],
        b"data: {A: x}",
    );
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), after.len());
}

/// Row 55.
#[test]
fn name_and_namespace_choose_one_of_several_sealed_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = key("rsa2048.crt");
    let secret = |name: &str, namespace: &str| {
        format!("---\nmetadata: {{name: {name}, namespace: {namespace}}}\nstringData: {{A: one}}\n")
    };
    let secrets = [secret("a", "x"), secret("b", "x"), secret("b", "m")].concat();
    let before = kubeseal(directory.path(), &["--cert", &certificate, "-o", "yaml"], &secrets);
    let file = directory.path().join("sealed.yaml");
    fs::write(&file, &before).unwrap();

    let args = ["kubeseal", "--cert", &certificate, "--merge-into", "sealed.yaml"];
    for unclear in ["{name: b}", "{name: c, namespace: x}"] {
        let more = format!("metadata: {unclear}\nstringData: {{B: two}}\n");
        let refused = run(directory.path(), &args, more.as_bytes());
        assert_eq!(refused.status.code(), Some(1), "{unclear}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let more = "metadata: {name: b, namespace: m}\nstringData: {B: two}\n---\nmetadata: {name: a}\nstringData: {A: three}\n";
    kubeseal(directory.path(), &args[1..], more);
    let after = fs::read_to_string(&file).unwrap();
    let documents: Vec<_> = after.split("---\n").skip(1).map(open).collect();
    assert_eq!(documents[0]["data"], serde_json::json!({ "A": "dGhyZWU=" }));
    assert_eq!(documents[1]["data"], serde_json::json!({ "A": "b25l" }));
    assert_eq!(documents[2]["data"], serde_json::json!({ "A": "b25l", "B": "dHdv" }));
}

/// Row 58.
#[test]
fn re_encrypted_file_changes_only_in_its_items() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    fake_server::start(&kubeconfig);
    let kubeconfig = kubeconfig.to_str().unwrap();
    let sealed = fs::read_to_string(format!("{VECTORS}/files/f05.rsa2048.strict.yaml")).unwrap();
    let before = format!("# keep me\n{sealed}");
    let file = directory.path().join("sealed.yaml");
    let args = ["--re-encrypt", "-f", "sealed.yaml", "--kubeconfig", kubeconfig];

    fs::write(&file, &before).unwrap();
    assert_eq!(kubeseal(directory.path(), &args, ""), "");
    let after = fs::read_to_string(&file).unwrap();
    assert_eq!(without_ciphertexts(&after), without_ciphertexts(&before));
    let changed = before.lines().zip(after.lines()).filter(|(old, new)| old != new);
    assert!(changed.map(|(old, _)| &old[..6]).eq(["    K0", "    K1", "    K2", "    K3"]));

    // Loops over all files of a directory reach those without a SealedSecret too.
    for other in ["resources:\n- sealed.yaml\n", "", "# nothing\n"] {
        fs::write(&file, other).unwrap();
        kubeseal(directory.path(), &args, "");
        assert_eq!(fs::read_to_string(&file).unwrap(), other);
    }
}

/// Row 59.
#[test]
fn recovery_opens_every_file_of_kubeseal() {
    let keys = ["rsa2048.key", "rsa3072.key", "rsa4096.key"].map(key).join(",");
    for (number, _, _, path) in kubeseal_files() {
        let args = ["--recovery-unseal", "--recovery-private-key", &keys, "-f"];
        let opened =
            json(&kubeseal(Path::new("/"), &[&args[..], &[path.to_str().unwrap()]].concat(), ""));
        let secret = fs::read_to_string(format!("{VECTORS}/files/{number}.secret.yaml")).unwrap();
        let secret: Value = serde_saphyr::from_str(&secret).unwrap();
        for (key, value) in secret["data"].as_object().unwrap() {
            assert_eq!(opened["data"][key], *value, "{number} {key}");
        }
        assert_eq!(opened["metadata"].get("ownerReferences"), None);
    }
}

#[cfg(unix)]
#[test]
fn installed_link_behaves_as_kubeseal() {
    let directory = tempfile::tempdir().unwrap();
    let bin = directory.path().to_str().unwrap();
    for _ in 0..2 {
        kubeseal(directory.path(), &["--install", bin], "");
    }
    let link: PathBuf = directory.path().join("kubeseal");
    let version = Command::new(&link).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    assert_eq!(version, format!("kubeseal version: v{}\n", env!("CARGO_PKG_VERSION")));

    fs::remove_file(&link).unwrap();
    fs::write(&link, "another program").unwrap();
    let refused = run(directory.path(), &["kubeseal", "--install", bin], b"");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&link).unwrap(), "another program");
}

#[test]
fn completions_and_manual_page_contain_the_flags() {
    let bash = output(Path::new("/"), &["completions", "bash"], "");
    assert!(bash.contains("--recovery-private-key"));
    let page = output(Path::new("/"), &["man", "kubeseal"], "").replace('\\', "");
    assert!(page.contains("--merge-into") && page.contains("Examples:"), "{page}");
    assert!(output(Path::new("/"), &["--help"], "").contains("kubeseal"));
}
