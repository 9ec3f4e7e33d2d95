//! `mtk-seal edit`, with scripts as editors.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::flow::{VECTORS, open, output};

/// A directory with `sealed.yaml`.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new(values: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificate = format!("{VECTORS}/keys/rsa2048.crt");
        let args = ["-q", "--cert", &certificate, "--name", "app", "-n", "web"];
        let sealed = output(directory.path(), &args, values);
        let text = sealed.replacen("  encryptedData:", "  # a comment\n  encryptedData:", 1);
        fs::write(directory.path().join("sealed.yaml"), text).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path("sealed.yaml")).unwrap()
    }

    /// Runs `edit`. The script edits the file `$1`.
    fn command(&self, script: &str, args: &[&str]) -> Command {
        let editor = self.path("editor");
        fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
        let certificate = format!("{VECTORS}/keys/rsa2048.crt");
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtk-seal"));
        command
            .args(["edit", "sealed.yaml", "--insecure-disk", "--cert", &certificate])
            .args(args)
            .current_dir(self.directory.path())
            .env("HOME", "/nonexistent")
            .env("KUBECONFIG", "")
            .env("VISUAL", editor)
            .env("TMPDIR", self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn edit(&self, script: &str, args: &[&str]) -> Output {
        self.command(script, args).output().unwrap()
    }

    fn edit_with_key(&self, script: &str) -> Output {
        self.edit(script, &["--key", &format!("{VECTORS}/keys/rsa2048.key")])
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn changed_lines(before: &str, after: &str) -> Vec<String> {
    after
        .lines()
        .filter(|line| !before.lines().any(|old| old == *line))
        .map(str::to_owned)
        .collect()
}

#[test]
fn key_shows_values_and_only_changed_items_are_sealed() {
    let files = Files::new("A=1\nB=it's\nC=3\n");
    let before = files.text();
    let script =
        "cp \"$1\" seen; sed -i \"s/^A='1'/A='2'/; /^C=/d\" \"$1\"; echo \"D='4'\" >> \"$1\"";
    let edited = files.edit_with_key(script);
    assert_eq!(edited.status.code(), Some(0), "{}", stderr(&edited));
    let seen = fs::read_to_string(files.path("seen")).unwrap();
    assert!(seen.ends_with("\nA='1'\nB=\"it's\"\nC='3'\n"), "{seen}");
    assert!(
        stderr(&edited).contains("added D") && stderr(&edited).contains("changed A"),
        "{}",
        stderr(&edited)
    );
    assert!(stderr(&edited).contains("removed C"), "{}", stderr(&edited));
    let opened = open(&files.text());
    let expected = [("A", "2"), ("B", "it's"), ("D", "4")];
    assert_eq!(opened, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(changed_lines(&before, &files.text()).len(), 2);
    assert!(files.text().contains("  # a comment\n"));
}

#[test]
fn form_without_a_key_keeps_untouched_blanks() {
    let files = Files::new("A=hunter2\nB=hunter2\n");
    let before = files.text();
    let untouched = files.edit("cp \"$1\" seen", &[]);
    assert!(stderr(&untouched).contains("nothing changed"), "{}", stderr(&untouched));
    assert_eq!(files.text(), before);
    let seen = fs::read_to_string(files.path("seen")).unwrap();
    assert!(seen.ends_with("\nA =\nB =\n") && !seen.contains("hunter2"), "{seen}");
    let edited = files.edit("sed -i 's/^B =/B = new/' \"$1\"", &[]);
    assert_eq!(edited.status.code(), Some(0), "{}", stderr(&edited));
    let opened = open(&files.text());
    assert_eq!((opened["A"].as_str(), opened["B"].as_str()), ("hunter2", "new"));
    assert_eq!(changed_lines(&before, &files.text()).len(), 1);
}

#[test]
fn failed_or_missing_editor_and_malformed_text_change_nothing() {
    let files = Files::new("A=hunter2\n");
    let before = files.text();
    for (script, code, cause) in [
        ("echo B=1 >> \"$1\"; exit 3", 1, "the editor failed (exit status: 3)"),
        ("echo hunter2 >> \"$1\"", 3, "a line without `=`"),
        ("echo B=base64:hunter2! >> \"$1\"", 3, "`base64:` is not followed by base64"),
        (
            "head -c 1100000 /dev/zero | tr '\\0' x | sed 's/^/B=/' > \"$1\"",
            3,
            "the value has 1100000 bytes",
        ),
        ("rm \"$1\"", 3, "cannot read "),
    ] {
        let failed = files.edit_with_key(script);
        assert_eq!(failed.status.code(), Some(code), "{script}: {}", stderr(&failed));
        assert!(stderr(&failed).contains(cause), "{script}: {}", stderr(&failed));
        assert!(!stderr(&failed).contains("hunter2"), "{}", stderr(&failed));
        assert_eq!(files.text(), before);
    }
    let mut command = files.command("", &[]);
    let missing = command.env("VISUAL", "/nonexistent/editor").output().unwrap();
    assert_eq!(missing.status.code(), Some(1), "{}", stderr(&missing));
    let emptied = files.edit_with_key(": > \"$1\"");
    assert_eq!((emptied.status.code(), files.text()), (Some(0), before));
}

#[test]
fn only_the_user_can_read_the_text_and_no_argument_contains_a_value() {
    let files = Files::new("A=hunter2\n");
    let script = "stat -c %a \"$1\" \"$(dirname \"$1\")\" > modes; echo \"$1\" > path
        cat /proc/$PPID/cmdline /proc/$$/cmdline /proc/$$/environ > visible; cp \"$1\" \"$1.backup\"";
    let edited = files.edit_with_key(script);
    assert_eq!(edited.status.code(), Some(0), "{}", stderr(&edited));
    assert_eq!(fs::read_to_string(files.path("modes")).unwrap(), "600\n700\n");
    let visible = fs::read(files.path("visible")).unwrap();
    assert!(visible.len() > 100 && !visible.windows(7).any(|part| part == b"hunter2"));
    let path = fs::read_to_string(files.path("path")).unwrap();
    let path = Path::new(path.trim_end());
    assert!(path.is_absolute() && !path.exists() && !path.parent().unwrap().exists());
}

#[test]
fn text_is_removed_after_a_signal() {
    let files = Files::new("A=hunter2\n");
    let before = files.text();
    for signal in ["TERM", "HUP"] {
        let _ = fs::remove_file(files.path("path"));
        let key = format!("{VECTORS}/keys/rsa2048.key");
        let script = "echo \"$1\" > path.new; mv path.new path; exec sleep 60";
        let child = files.command(script, &["--key", &key]).spawn().unwrap();
        let started = Instant::now();
        while !files.path("path").exists() {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(10));
        }
        let text = fs::read_to_string(files.path("path")).unwrap();
        assert!(Path::new(text.trim_end()).exists());
        let id = child.id().to_string();
        // Ctrl-C is for the editor.
        for sent in ["INT", signal] {
            assert!(Command::new("kill").args(["-s", sent, &id]).status().unwrap().success());
        }
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
        assert!(stderr(&ended).contains("a signal ended the editor"), "{}", stderr(&ended));
        assert!(started.elapsed() < Duration::from_secs(40));
        assert!(!Path::new(text.trim_end()).parent().unwrap().exists());
        assert_eq!(files.text(), before);
    }
}

#[test]
fn other_key_is_an_error_and_a_dry_run_writes_nothing() {
    let files = Files::new("A=hunter2\n");
    let before = files.text();
    let other = files.edit("true", &["--key", &format!("{VECTORS}/keys/rsa3072.key")]);
    assert_eq!(other.status.code(), Some(8), "{}", stderr(&other));
    assert!(stderr(&other).contains("no key opens any of the items"), "{}", stderr(&other));
    let dry = files.edit("echo B=1 >> \"$1\"", &["--dry-run"]);
    assert!(stderr(&dry).contains("added B (dry run: nothing is written)"), "{}", stderr(&dry));
    assert_eq!(files.text(), before);
}

#[test]
fn name_selects_one_of_several_documents() {
    let files = Files::new("A=1\n");
    let two = format!("{}{}", files.text(), files.text().replace("name: app", "name: other"));
    fs::write(files.path("sealed.yaml"), &two).unwrap();
    assert_eq!(files.edit("true", &[]).status.code(), Some(4));
    let edited = files.edit("sed -i 's/^A =/A = new/' \"$1\"", &["--name", "other"]);
    assert_eq!(edited.status.code(), Some(0), "{}", stderr(&edited));
    assert!(files.text().starts_with(two.split("name: other").next().unwrap()));
    assert_eq!(changed_lines(&two, &files.text()).len(), 1);
}
