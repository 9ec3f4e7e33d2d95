//! A user's shell in a git repository, with `mtk-seal`, `kubectl` and more on the PATH.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::controlplane::Access;

use crate::command;
use crate::runner::Output;

/// Runs lines as a user would type them.
#[derive(Debug)]
pub(crate) struct Shell {
    directory: PathBuf,
    path: OsString,
    kubeconfig: PathBuf,
    output: Output,
}

impl Shell {
    /// A shell in a new subdirectory `repository` of this directory, with access to this cluster
    /// and these programs.
    pub(crate) fn new(
        home: &Path,
        access: &Access,
        programs: &[(&str, &Path)],
        output: Output,
    ) -> anyhow::Result<Shell> {
        let bin = home.join("bin");
        let directory = home.join("repository");
        fs::create_dir(&bin)?;
        fs::create_dir(&directory)?;
        symlink(access.binary(), bin.join("kubectl"))?;
        for (name, program) in programs {
            symlink(program, bin.join(name))?;
        }
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([bin].into_iter().chain(env::split_paths(&others)))?;
        Ok(Shell { directory, path, kubeconfig: access.kubeconfig().to_owned(), output })
    }

    /// The repository.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Prints a remark about an action that is not a command.
    pub(crate) fn remark(&self, text: &str) {
        self.output.line(format_args!("    # {text}"));
    }

    /// Prints the line, runs it, and prints its output. The line fails if a command in it fails.
    pub(crate) async fn run(&self, line: &str) -> anyhow::Result<()> {
        self.output.line(format_args!("    $ {line}"));
        let said = self.quietly(&format!("{{ {line}; }} 2>&1")).await?;
        self.output.indented(&said);
        Ok(())
    }

    /// Runs the line and returns its standard output.
    pub(crate) async fn quietly(&self, line: &str) -> anyhow::Result<String> {
        let mut shell = command::program("bash");
        shell
            .args(["-eu", "-o", "pipefail", "-c", line])
            .current_dir(&self.directory)
            .env("PATH", &self.path)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBERC", "off")
            .envs(["CACHE", "CONFIG", "DATA"].map(|kind| {
                let home = self.kubeconfig.with_file_name("helm").join(kind.to_lowercase());
                (format!("HELM_{kind}_HOME"), home)
            }))
            .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"))
            // All addresses are local, so no proxy is needed.
            .env("NO_PROXY", "*")
            .env("no_proxy", "*")
            // Commits need an author, and must not depend on this user's settings.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Demo")))
            .envs(
                ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "demo@localhost")),
            );
        command::output(&mut shell).await.context("a step of the demo failed")
    }
}
