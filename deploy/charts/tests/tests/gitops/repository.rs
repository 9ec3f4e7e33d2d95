//! A configuration repository in a temporary directory, with git.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chart_tests::objects;
use serde_json::Value;
use tempfile::TempDir;

use crate::template;

/// A copy of the template with one commit.
pub(crate) struct Repository {
    directory: TempDir,
}

impl Repository {
    pub(crate) fn new() -> Repository {
        let directory = tempfile::tempdir().unwrap();
        copy(&template(), directory.path());
        let repository = Repository { directory };
        repository.succeed("git", &["init", "--quiet", "--initial-branch=main"]);
        repository.succeed("git", &["config", "core.hooksPath", "hooks"]);
        repository.commit("Begin");
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let old = fs::read_to_string(self.path().join(path)).unwrap();
        assert!(old.contains(from), "no {from} in {path}");
        self.write(path, &old.replace(from, to));
    }

    /// Commits everything, past the hook: its own tests run it.
    pub(crate) fn commit(&self, subject: &str) {
        self.succeed("git", &["add", "--all", "--force"]);
        self.succeed("git", &["commit", "--quiet", "--no-verify", "--message", subject]);
    }

    pub(crate) fn succeed(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The program must fail. Returns its errors.
    pub(crate) fn fail(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(!output.status.success(), "{program} {arguments:?} succeeded");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Relative programs are in the repository.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let own = self.path().join(program);
        let program = if own.is_file() { own.as_os_str() } else { OsStr::new(program) };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Test");
            command.env(format!("GIT_{who}_EMAIL"), "test@localhost");
        }
        // A hook of this repository may run these tests.
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
            command.env_remove(name);
        }
        command.output().unwrap()
    }
}

/// The objects of a file.
pub(crate) fn read(path: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    objects::parse(&text).unwrap_or_else(|error| panic!("{}: {error:#}", path.display()))
}

/// All files below a directory, without those of git.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(".git") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        // It copies permissions too: scripts stay executable.
        fs::copy(&path, target).unwrap();
    }
}
