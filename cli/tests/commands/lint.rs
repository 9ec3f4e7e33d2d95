//! `lint` and `hook` in repositories of git.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::flow::{json, run};

const PLAIN: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  A: hunter2\n";

fn git_output(directory: &Path, args: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_mtk-seal")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(args)
        .current_dir(directory)
        .env("PATH", path)
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap()
}

fn git(directory: &Path, args: &[&str]) {
    let output = git_output(directory, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn repository() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), &["init", "-q", "."]);
    directory
}

/// The files and rules of all findings.
fn lint(directory: &Path, args: &[&str]) -> Vec<(String, String)> {
    let args = [&["lint", "--format", "json"], args].concat();
    let output = run(directory, &args, b"");
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(!stdout.contains("hunter2") && !stderr.contains("hunter2"), "{stdout}{stderr}");
    let findings = json(&stdout);
    let findings = findings.as_array().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!findings.is_empty())), "{stderr}");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(finding, "file"), text(finding, "rule"))).collect()
}

fn found(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(file, rule)| ((*file).to_owned(), (*rule).to_owned())).collect()
}

#[test]
fn staged_content_is_checked_and_not_that_of_the_file() {
    let directory = repository();
    let path = directory.path();
    fs::create_dir(path.join("sub")).unwrap();
    fs::write(path.join("sub/é secret.yaml"), PLAIN).unwrap();
    fs::write(path.join(".env"), "A=hunter2\n").unwrap();
    fs::write(path.join("other.yaml"), PLAIN).unwrap();
    git(path, &["add", "sub", ".env"]);
    fs::write(path.join("sub/é secret.yaml"), "a: 1\n").unwrap();
    let expected = found(&[(".env", "plain-values"), ("sub/é secret.yaml", "plain-secret")]);
    assert_eq!(lint(path, &["--staged"]), expected);
    assert_eq!(lint(&path.join("sub"), &["--staged"]), expected);
}

#[test]
fn tree_honours_gitignore_and_values_count_if_git_has_the_file() {
    let directory = repository();
    let path = directory.path();
    fs::write(path.join(".gitignore"), "ignored.yaml\n").unwrap();
    for name in ["ignored.yaml", "new.yaml", "tracked.yaml"] {
        fs::write(path.join(name), PLAIN).unwrap();
    }
    fs::write(path.join("local.env"), "A=hunter2\n").unwrap();
    fs::write(path.join("prod.tfvars"), "db_password = \"hunter2\"\n").unwrap();
    git(path, &["add", "tracked.yaml", "prod.tfvars"]);
    assert_eq!(
        lint(path, &[]),
        found(&[
            ("new.yaml", "plain-secret"),
            ("prod.tfvars", "plain-values"),
            ("tracked.yaml", "plain-secret")
        ])
    );
    // A file of the command line always counts.
    assert_eq!(lint(path, &["local.env"]), found(&[("local.env", "plain-values")]));
}

#[cfg(unix)]
#[test]
fn hostile_files_are_findings_or_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tree");
    fs::create_dir_all(path.join("target")).unwrap();
    fs::create_dir(path.join(".git")).unwrap();
    fs::write(directory.path().join("out.yaml"), PLAIN).unwrap();
    fs::write(path.join("target/built.yaml"), PLAIN).unwrap();
    std::os::unix::fs::symlink("../out.yaml", path.join("link.yaml")).unwrap();
    assert!(Command::new("mkfifo").arg(path.join("pipe.yaml")).status().unwrap().success());
    fs::write(path.join("binary.yaml"), b"\xff\xfe\0").unwrap();
    fs::File::create(path.join("large.json")).unwrap().set_len(100 << 20).unwrap();
    let unreadable = |names: &[&'static str]| {
        found(&names.iter().map(|name| (*name, "unreadable")).collect::<Vec<_>>())
    };
    let findings = lint(&path, &[]);
    assert_eq!(findings, unreadable(&["binary.yaml", "large.json", "pipe.yaml"]));
    assert_eq!(lint(&path, &["link.yaml"]), unreadable(&["link.yaml"]));
}

#[test]
fn hook_stops_a_commit_with_a_plain_secret() {
    let directory = repository();
    let path = directory.path();
    assert!(run(path, &["hook", "install"], b"").status.success());
    fs::write(path.join("a.yaml"), PLAIN).unwrap();
    git(path, &["add", "a.yaml"]);
    let commit = git_output(path, &["commit", "-q", "-m", "a"]);
    let stderr = String::from_utf8_lossy(&commit.stderr);
    assert!(!commit.status.success() && stderr.contains("lint found 1 problem"), "{stderr}");
    fs::write(path.join("a.yaml"), "a: 1\n").unwrap();
    git(path, &["add", "a.yaml"]);
    git(path, &["commit", "-q", "-m", "a"]);
    // Installing twice is fine, and removing leaves nothing.
    assert!(run(path, &["hook", "install"], b"").status.success());
    assert!(run(path, &["hook", "uninstall"], b"").status.success());
    assert!(!path.join(".git/hooks/pre-commit").exists());
    assert!(run(path, &["hook", "uninstall"], b"").status.success());
}

#[test]
fn hook_of_others_stays_unless_forced() {
    let directory = repository();
    let path = directory.path();
    let hook = path.join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    for command in ["install", "uninstall"] {
        let output = run(path, &["hook", command], b"");
        assert_eq!(output.status.code(), Some(9));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("did not write the hook"), "{stderr}");
    }
    assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\n");
    assert!(run(path, &["hook", "install", "--force"], b"").status.success());
    assert!(fs::read_to_string(&hook).unwrap().contains("lint --staged"));
}

#[test]
fn hook_is_installed_where_git_looks_for_it() {
    let directory = repository();
    let path = directory.path().join("main");
    fs::create_dir(&path).unwrap();
    git(&path, &["init", "-q", "."]);
    git(&path, &["commit", "-q", "--allow-empty", "-m", "a"]);
    git(&path, &["worktree", "add", "-q", "../other"]);
    let worktree = directory.path().join("other");
    assert!(worktree.join(".git").is_file());
    assert!(run(&worktree, &["hook", "install"], b"").status.success());
    assert!(path.join(".git/hooks/pre-commit").exists());
    git(&path, &["config", "core.hooksPath", "my-hooks"]);
    assert!(run(&path, &["hook", "install"], b"").status.success());
    assert!(path.join("my-hooks/pre-commit").exists());
    // A file stands where the directory should be.
    fs::write(path.join("file"), "").unwrap();
    git(&path, &["config", "core.hooksPath", "file/hooks"]);
    let output = run(&path, &["hook", "install"], b"");
    assert_eq!(output.status.code(), Some(9));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot change the hook"));
}
