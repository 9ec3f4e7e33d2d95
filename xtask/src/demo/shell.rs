//! A person's shell: in a git repository, with `mtk-seal` and `kubectl` at hand.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::command;
use crate::stage::Stage;
use crate::steps::Output;

/// Runs lines as a person would type them.
#[derive(Debug)]
pub(super) struct Shell {
    directory: PathBuf,
    path: OsString,
    kubeconfig: PathBuf,
    output: Output,
}

impl Shell {
    /// A shell in a new directory.
    pub(super) fn new(
        stage: &Stage,
        seal: &Path,
        kubectl: &Path,
        output: Output,
    ) -> anyhow::Result<Shell> {
        let programs = stage.directory().join("bin");
        let directory = stage.directory().join("repository");
        fs::create_dir(&programs)?;
        fs::create_dir(&directory)?;
        symlink(seal, programs.join("mtk-seal"))?;
        symlink(kubectl, programs.join("kubectl"))?;
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([programs].into_iter().chain(env::split_paths(&others)))?;
        Ok(Shell { directory, path, kubeconfig: stage.access().kubeconfig().to_owned(), output })
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Says what happens besides.
    pub(super) fn remark(&self, text: &str) {
        self.output.line(format_args!("    # {text}"));
    }

    /// Shows the line, runs it, shows what it says. An error of any part of it is one of it.
    pub(super) async fn run(&self, line: &str) -> anyhow::Result<()> {
        self.output.line(format_args!("    $ {line}"));
        let said = self.quietly(&format!("{{ {line}; }} 2>&1")).await?;
        self.output.indented(&said);
        Ok(())
    }

    /// Runs the line for what it writes to its standard output.
    pub(super) async fn quietly(&self, line: &str) -> anyhow::Result<String> {
        let mut shell = command::program("bash");
        shell
            .args(["-eu", "-o", "pipefail", "-c", line])
            .current_dir(&self.directory)
            .env("PATH", &self.path)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBERC", "off")
            .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"))
            // Loopback is not behind a proxy, whatever else is.
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            // Commits need an author, and nothing of this user's own settings.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Demo")))
            .envs(
                ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "demo@localhost")),
            );
        command::output(&mut shell).await.context("a step of the demo failed")
    }
}
