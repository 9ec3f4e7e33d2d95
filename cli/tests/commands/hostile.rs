//! Hostile files: an error in bounded time, and no file is changed.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::flow::{VECTORS, run};

const SEALED: &str = "\
kind: SealedSecret
metadata: {name: app, namespace: web}
spec:
  encryptedData:
    A: AgA # a
";

/// Runs `set` with the value `hunter2`, and returns its exit code and stderr.
fn set(directory: &Path, file: &str, value: &[u8]) -> (Option<i32>, String) {
    let certificate = format!("{VECTORS}/keys/rsa2048.crt");
    let started = Instant::now();
    let output = run(directory, &["set", "A", file, "--cert", &certificate], value);
    assert!(started.elapsed() < Duration::from_secs(20), "{file}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("hunter2"), "{stderr}");
    (output.status.code(), stderr)
}

/// A repository with `sealed.yaml`.
fn repository() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("repository/.git")).unwrap();
    fs::create_dir_all(directory.path().join("repository/deploy")).unwrap();
    fs::write(directory.path().join("repository/sealed.yaml"), SEALED).unwrap();
    fs::write(directory.path().join("outside.yaml"), SEALED).unwrap();
    directory
}

fn is_unchanged(path: &Path) -> bool {
    fs::read_to_string(path).unwrap() == SEALED
}

#[test]
fn link_is_followed_only_within_the_repository() {
    let directory = repository();
    let repository = directory.path().join("repository");
    symlink("../../outside.yaml", repository.join("deploy/out.yaml")).unwrap();
    symlink("../..", repository.join("deploy/up")).unwrap();
    symlink("../sealed.yaml", repository.join("deploy/in.yaml")).unwrap();
    for out in ["deploy/out.yaml", "deploy/up/outside.yaml"] {
        let (code, stderr) = set(&repository, out, b"hunter2");
        assert_eq!(code, Some(3), "{stderr}");
        assert!(stderr.contains("leads out of the repository"), "{stderr}");
    }
    assert!(is_unchanged(&directory.path().join("outside.yaml")));
    let (code, stderr) = set(&repository, "deploy/in.yaml", b"hunter2");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!is_unchanged(&repository.join("sealed.yaml")));
    assert!(repository.join("deploy/in.yaml").is_symlink());
    // A path that leaves the repository without a link is the user's own choice.
    assert_eq!(set(&repository, "../outside.yaml", b"hunter2").0, Some(0));
}

#[test]
fn pipe_and_large_file_and_large_value_are_errors() {
    let directory = repository();
    let path = directory.path();
    let made = Command::new("mkfifo").arg(path.join("pipe")).status().unwrap();
    assert!(made.success());
    assert_eq!(set(path, "pipe", b"hunter2").0, Some(3));
    let large = fs::File::create(path.join("large.yaml")).unwrap();
    large.set_len(100 << 20).unwrap();
    let (code, stderr) = set(path, "large.yaml", b"hunter2");
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("larger than 16 MiB"), "{stderr}");
    let (code, stderr) = set(path, "outside.yaml", &vec![b'a'; (1 << 20) + 1]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("the value has 1048577 bytes"), "{stderr}");
    assert!(is_unchanged(&path.join("outside.yaml")));
}

#[test]
fn edited_file_keeps_its_mode_and_a_full_disk_leaves_it_alone() {
    let directory = repository();
    let path = directory.path().join("outside.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    let full = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_mtk-seal"), "unset", "A", "outside.yaml"])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(full.status.code(), Some(9), "{}", String::from_utf8_lossy(&full.stderr));
    assert!(is_unchanged(&path));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    assert_eq!(set(directory.path(), "outside.yaml", b"hunter2").0, Some(0));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn value_from_the_standard_input_is_neither_in_the_arguments_nor_in_the_environment() {
    let directory = repository();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mtk-seal"))
        .args(["set", "A", "outside.yaml", "--cert", &format!("{VECTORS}/keys/rsa2048.crt")])
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, b"hunter2").unwrap();
    assert_no_core_dump(child.id());
    for file in ["cmdline", "environ"] {
        let text = fs::read(format!("/proc/{}/{file}", child.id())).unwrap_or_default();
        assert!(!text.windows(7).any(|part| part == b"hunter2"), "{file}");
    }
    drop(pipe);
    assert!(child.wait_with_output().unwrap().status.success());
}

/// The program starts with a limit of 0 bytes for its core dumps.
fn assert_no_core_dump(id: u32) {
    let started = Instant::now();
    loop {
        let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap_or_default();
        let core = limits.lines().find(|line| line.starts_with("Max core file size"));
        let numbers: Vec<_> = core.unwrap_or_default().split_whitespace().skip(4).collect();
        if numbers.first() == Some(&"0") && numbers.get(1) == Some(&"0") {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{limits}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn pipe_that_no_program_writes_to_is_an_error_and_another_is_read() {
    let directory = repository();
    let path = directory.path();
    assert!(Command::new("mkfifo").arg(path.join("pipe")).status().unwrap().success());
    let certificate = format!("{VECTORS}/keys/rsa2048.crt");
    for (flag, other) in [("--from-file", "--cert"), ("--cert", "--from-file")] {
        let args = ["set", "A", "outside.yaml", flag, "pipe", other, &certificate];
        let output = run(path, &args, b"");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(3 | 5)), "{stderr}");
        assert!(stderr.contains("no program writes to this pipe"), "{stderr}");
    }
    assert!(is_unchanged(&path.join("outside.yaml")));
    let pipe = path.join("pipe");
    let writer = std::thread::spawn(move || fs::write(pipe, "hunter2"));
    let args = ["set", "A", "outside.yaml", "--from-file", "pipe", "--cert", &certificate];
    assert!(run(path, &args, b"").status.success());
    writer.join().unwrap().unwrap();
    assert!(!is_unchanged(&path.join("outside.yaml")));
}

#[test]
fn tree_with_other_files_is_re_encrypted_and_each_file_once() {
    let directory = repository();
    let tree = directory.path().join("repository");
    assert_eq!(set(&tree, "sealed.yaml", b"hunter2").0, Some(0));
    fs::write(tree.join("deploy/binary.yaml"), b"SealedSecret\xff").unwrap();
    fs::write(tree.join("deploy/comment.yaml"), "# SealedSecret\n{{ if }}: [\n").unwrap();
    let large = fs::File::create(tree.join("deploy/large.json")).unwrap();
    large.set_len(100 << 20).unwrap();
    let (key, certificate) =
        (format!("{VECTORS}/keys/rsa2048.key"), format!("{VECTORS}/keys/rsa2048.crt"));
    let args = ["re-encrypt", "--all", "-k", &key, "--cert", &certificate, ".", "sealed.yaml"];
    let output = run(&tree, &args, b"");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("re-encrypted 1 item in 1 file;"), "{stderr}");
    assert!(stderr.contains("note: skipped ./deploy/binary.yaml:1:"), "{stderr}");
    assert!(stderr.contains("note: skipped ./deploy/large.json:"), "{stderr}");
    assert!(!stderr.contains("comment.yaml"), "{stderr}");
}

#[test]
fn kubeseal_merges_through_no_link_that_leaves_the_repository() {
    let directory = repository();
    let repository = directory.path().join("repository");
    symlink("../../outside.yaml", repository.join("deploy/out.yaml")).unwrap();
    let certificate = format!("{VECTORS}/keys/rsa2048.crt");
    let secret = b"metadata: {name: app, namespace: web}\nstringData: {B: hunter2}\n";
    let merge = |file: &str| {
        run(&repository, &["kubeseal", "--cert", &certificate, "--merge-into", file], secret)
    };
    let output = merge("deploy/out.yaml");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("leads out of the repository"), "{stderr}");
    assert!(is_unchanged(&directory.path().join("outside.yaml")));
    assert!(merge("sealed.yaml").status.success());
    let text = fs::read_to_string(repository.join("sealed.yaml")).unwrap();
    assert!(text.starts_with(SEALED) && text.contains("\n    B: A"), "{text}");
}
