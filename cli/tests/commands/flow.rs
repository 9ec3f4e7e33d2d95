//! Tests with several runs of the command, or with inputs too large for a case.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

pub(crate) const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sealing/tests/vectors");

fn command(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtk-seal"));
    command.current_dir(directory).args(args).env("HOME", "/nonexistent").env("KUBECONFIG", "");
    command
}

pub(crate) fn run(directory: &Path, args: &[&str], stdin: &[u8]) -> Output {
    let mut command = command(directory, args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The command may fail before it has read all.
        scope.spawn(move || drop(pipe.write_all(stdin)));
        child.wait_with_output().unwrap()
    })
}

/// The standard output of a run that must succeed.
pub(crate) fn output(directory: &Path, args: &[&str], stdin: &str) -> String {
    let output = run(directory, args, stdin.as_bytes());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The files that kubeseal made: number, key and scope from the file name, and the path.
pub(crate) fn kubeseal_files() -> Vec<(String, String, String, PathBuf)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(Path::new(VECTORS).join("files")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let [number, key, scope, _] = name.split('.').collect::<Vec<_>>()[..] {
            files.push((number.to_owned(), key.to_owned(), scope.to_owned(), path.clone()));
        }
    }
    assert_eq!(files.len(), 51);
    files
}

fn read_value(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| serde_saphyr::from_str(&text).unwrap())
}

/// A SealedSecret with its ciphertexts blanked.
fn structure(mut sealed: Value) -> Value {
    for item in sealed["spec"]["encryptedData"].as_object_mut().unwrap().values_mut() {
        assert!(item.as_str().unwrap().len() > 300);
        *item = Value::Null;
    }
    sealed
}

#[test]
fn sealed_manifest_equals_that_of_kubeseal_except_for_ciphertext() {
    for (number, key, scope, path) in kubeseal_files() {
        let secret = format!("{VECTORS}/files/{number}.secret.yaml");
        let certificate = format!("{VECTORS}/keys/{key}.crt");
        let args = [&secret, "--cert", &certificate, "--scope", &scope, "-o", "json"];
        let ours = json(&output(Path::new("/"), &args, ""));
        assert_eq!(structure(ours), structure(read_value(&path)), "{}", path.display());
    }
}

#[test]
fn unseal_restores_the_secrets_that_kubeseal_sealed() {
    let mut keys = Vec::new();
    for (number, key, _, path) in kubeseal_files() {
        let key = format!("{VECTORS}/keys/{key}.key");
        let args = ["unseal", "--key", &key, path.to_str().unwrap(), "-o", "json"];
        let opened = json(&output(Path::new("/"), &args, ""));
        let secret = read_value(&Path::new(VECTORS).join(format!("files/{number}.secret.yaml")));
        for field in ["type", "immutable"] {
            assert_eq!(opened[field], secret[field], "{number} {field}");
        }
        assert_eq!(opened["metadata"]["labels"], secret["metadata"]["labels"], "{number}");
        // Sealing the same Secret with mtk-seal gives the same data, with `stringData` merged.
        let certificate = key.replace(".key", ".crt");
        let manifest = format!("{VECTORS}/files/{number}.secret.yaml");
        let sealed = output(Path::new("/"), &["-q", "--cert", &certificate, &manifest], "");
        let ours = json(&output(Path::new("/"), &["unseal", "-k", &key, "-o", "json"], &sealed));
        assert_eq!(opened["data"], ours["data"], "{number}");
        keys.extend(opened["data"].as_object().unwrap().keys().cloned());
    }
    assert!(keys.contains(&"EXTRA".to_owned()));
}

/// A repository with a project file from `init`.
fn project() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let certificate = format!("{VECTORS}/keys/rsa2048.crt");
    fs::create_dir_all(directory.path().join(".git")).unwrap();
    fs::create_dir_all(directory.path().join("deploy/app")).unwrap();
    output(directory.path(), &["init", "--cert", &certificate, "--name", "app", "-n", "web"], "");
    directory
}

pub(crate) fn open(sealed: &str) -> BTreeMap<String, String> {
    use base64::Engine as _;
    let key = format!("{VECTORS}/keys/rsa2048.key");
    let secret = json(&output(Path::new("/"), &["unseal", "--key", &key, "-o", "json"], sealed));
    let decode = |value: &Value| {
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    secret["data"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), decode(value)))
        .collect()
}

#[test]
fn sealing_after_init_needs_no_flag_in_the_repository() {
    let project = project();
    let sealed = output(&project.path().join("deploy/app"), &[], "A=pa$$word\nB=\"two\\nlines\"\n");
    let expected = [("A", "pa$$word"), ("B", "two\nlines")];
    assert_eq!(
        open(&sealed),
        expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    );
    assert!(sealed.starts_with("---\napiVersion: bitnami.com/v1alpha1\n"));
    assert!(sealed.contains("\n  namespace: web\n"));
}

#[test]
fn all_sources_give_the_same_values() {
    let project = project();
    let expected: BTreeMap<_, _> =
        [("A", "1.50"), ("B", "yes")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    for (from, text) in [
        ("dotenv", "A=1.50\nB=yes\n"),
        ("tfvars", "app_secrets = {\n  A = 1.50\n  B = \"yes\"\n}\n"),
        ("json", "{\"A\": 1.50, \"B\": \"yes\"}"),
        ("yaml", "A: 1.50\nB: yes\n"),
        ("manifest", "apiVersion: v1\nkind: Secret\ndata: {A: MS41MA==}\nstringData: {B: 'yes'}\n"),
    ] {
        assert_eq!(open(&output(project.path(), &[], text)), expected, "detected {from}");
        assert_eq!(open(&output(project.path(), &["--from", from], text)), expected, "{from}");
    }
}

#[test]
fn write_flag_replaces_the_file_only_on_success() {
    let project = project();
    let file = project.path().join("sealed.yaml");
    fs::write(&file, "old").unwrap();
    let failed = run(project.path(), &["-w", "sealed.yaml"], b"not a line\n");
    assert_eq!(
        (failed.status.code(), fs::read_to_string(&file).unwrap().as_str()),
        (Some(3), "old")
    );
    assert_eq!(output(project.path(), &["-w", "sealed.yaml"], "A=1\n"), "");
    assert_eq!(open(&fs::read_to_string(&file).unwrap())["A"], "1");
}

#[test]
fn one_mebibyte_is_sealed_and_one_byte_more_is_rejected() {
    let project = project();
    let value = "x".repeat(1024 * 1024);
    assert_eq!(open(&output(project.path(), &[], &format!("A={value}\n")))["A"], value);
    let refused = run(project.path(), &[], format!("A={value}\nB=x\n").as_bytes());
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(4), 0));
    assert!(
        stderr.contains("the values have 1048577 bytes, but a Secret can contain at most 1048576"),
        "{stderr}"
    );
}

#[cfg(unix)]
#[test]
fn closed_pipe_is_not_an_error() {
    let project = project();
    let values: String = (0..300).map(|i| format!("K{i}=x")).collect::<Vec<_>>().join("\n");
    fs::write(project.path().join("many.env"), values).unwrap();
    let mut child = command(project.path(), &["-q", "many.env"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[cfg(unix)]
#[test]
fn unsealed_secret_in_a_new_file_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = project();
    let sealed = output(project.path(), &[], "A=1\n");
    let key = format!("{VECTORS}/keys/rsa2048.key");
    output(project.path(), &["unseal", "--key", &key, "-w", "secret.yaml"], &sealed);
    let mode = fs::metadata(project.path().join("secret.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn unsealed_secret_in_an_existing_file_takes_the_rights_of_others_and_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = project();
    let sealed = output(project.path(), &[], "A=1\n");
    let file = project.path().join("secret.yaml");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let key = format!("{VECTORS}/keys/rsa2048.key");
    let args = ["unseal", "--key", &key, "-w", "secret.yaml"];
    let written = run(project.path(), &args, sealed.as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&written.stderr),
        "note: the mode of `secret.yaml` is now 600 instead of 644, because it contains secrets\n"
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn certificate_of_the_project_that_others_can_write_is_used_only_if_it_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = project();
    let certificate = project.path().join(".mtk-seal.crt");
    fs::set_permissions(&certificate, fs::Permissions::from_mode(0o646)).unwrap();
    let refused = run(project.path(), &[], b"A=1\n");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    let cause = "error: the certificate `.mtk-seal.crt` is writable by other users (mode 646)\n";
    assert!(stderr.starts_with(cause), "{stderr}");
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(6), 0));
    output(project.path(), &["--cert", ".mtk-seal.crt"], "A=1\n");
}

#[test]
fn secret_in_the_old_format_is_decrypted() {
    let project = project();
    let whole = r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"other","creationTimestamp":null,"labels":{"l":"v"}},"data":{"A":"aGk="},"type":"Opaque"}"#;
    let item = json(&output(project.path(), &["-o", "json"], &format!("A='{whole}'\n")));
    let item = item["spec"]["encryptedData"]["A"].as_str().unwrap();
    let sealed = format!(
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: app, namespace: web}}\nspec: {{data: {item}}}\n"
    );
    assert_eq!(open(&sealed)["A"], "hi");
}

#[test]
fn completions_and_manual_pages_contain_all_definitions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(
            output(Path::new("/"), &["completions", shell], "").contains("sealed-annotation"),
            "{shell}"
        );
    }
    let page = output(Path::new("/"), &["man"], "").replace('\\', "");
    assert!(page.contains("Exit status") && page.contains("MTK_SEAL_NAMESPACE"), "{page}");
    assert!(output(Path::new("/"), &["man", "unseal"], "").contains("mtk\\-seal\\-unseal"));
}
