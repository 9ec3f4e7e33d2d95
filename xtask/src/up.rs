//! `cargo xtask up`: a control plane with the controller that stays.

mod background;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::controlplane::{Access, Detached, StartOptions};

use crate::steps::{Output, Steps};
use crate::{build, command, places, stage};

/// Starts both, unless they run, and prints the line for the shell.
pub(crate) async fn run() -> anyhow::Result<()> {
    let directory = places::up()?;
    let _lock = lock(&directory)?;
    let up = Up::in_directory(directory);
    if up.works().await {
        Output::Stderr.line("it is up already; `cargo xtask down` ends it");
    } else {
        up.start().await?;
    }
    Output::Stderr.indented(&up.addresses()?);
    Output::Stdout.line(format_args!("export KUBECONFIG={}", quoted(&up.kubeconfig())));
    Ok(())
}

/// Ends both, and says whether there was anything to end.
pub(crate) fn end() -> anyhow::Result<bool> {
    let directory = places::up()?;
    let _lock = lock(&directory)?;
    Up::in_directory(directory).end()
}

/// Two of these at once would end what the other starts.
fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.with_extension("lock");
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    }
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    file.lock()?;
    Ok(file)
}

/// What runs in a directory.
#[derive(Debug)]
struct Up {
    directory: PathBuf,
}

/// Ends what was started, unless all went well.
#[derive(Debug)]
struct Unfinished(Option<Up>);

impl Up {
    fn in_directory(directory: PathBuf) -> Up {
        Up { directory }
    }

    fn plane(&self) -> PathBuf {
        self.directory.join("plane")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.plane().join("kubeconfig")
    }

    fn kubectl(&self) -> PathBuf {
        self.directory.join("kubectl")
    }

    /// Whether the controller runs and the API server answers.
    async fn works(&self) -> bool {
        let mut kubectl = command::program(self.kubectl());
        kubectl
            .args(["get", "--raw=/readyz", "--request-timeout=5s"])
            .env("KUBECONFIG", self.kubeconfig());
        let controller = background::find(&self.directory);
        matches!(controller, Ok(Some(_))) && command::output(&mut kubectl).await.is_ok()
    }

    async fn start(&self) -> anyhow::Result<()> {
        self.end()?;
        let mut steps = Steps::new(Output::Stderr);
        let programs =
            steps.step("building mtk-seal and mtk-controller", build::programs()).await?;
        let control_plane = build::control_plane(steps.output());
        let binary = steps.step("building the control plane", control_plane).await?;
        fs::create_dir_all(&self.directory)?;
        symlink(binary, self.kubectl())?;

        let directory = self.directory.clone();
        // In a task of its own, which a Ctrl-C does not stop half way.
        let plane = tokio::task::spawn_blocking(move || {
            let up = Up::in_directory(directory);
            let plane = Detached::start(&up.plane(), &StartOptions::default())?;
            Ok((plane.access().clone(), Unfinished(Some(up))))
        });
        let (access, mut unfinished) = steps
            .step("starting a Kubernetes control plane on loopback", async {
                plane.await.context("the control plane did not start")?
            })
            .await?;
        steps
            .step("starting mtk-controller as its ServiceAccount", async {
                self.start_controller(&access, &programs.controller).await
            })
            .await?;
        unfinished.0 = None;
        Ok(())
    }

    async fn start_controller(&self, access: &Access, binary: &Path) -> anyhow::Result<()> {
        let identity = self.directory.join("controller.kubeconfig");
        stage::prepare(access.clone(), identity.clone()).await?;
        background::start(&self.directory, binary, &identity).await
    }

    fn addresses(&self) -> anyhow::Result<String> {
        let config: serde_json::Value = serde_json::from_slice(&fs::read(self.kubeconfig())?)?;
        let server = config["clusters"][0]["cluster"]["server"].as_str();
        let controller = |purpose| background::address(&self.directory, purpose);
        Ok(format!(
            "API server   {}\n\
             certificate  http://{}/v1/cert.pem\n\
             metrics      http://{}/metrics\n\
             log          {}\n\
             kubectl      {} (or one of yours)\n\
             For a day: that long the controller's token is valid.",
            server.unwrap_or_default(),
            controller("api")?,
            controller("metrics")?,
            background::log(&self.directory).display(),
            self.kubectl().display(),
        ))
    }

    fn end(&self) -> anyhow::Result<bool> {
        let controller = background::stop(&self.directory)?;
        let plane = Detached::stop(&self.plane())?;
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("removing {}", self.directory.display()));
            }
            _ => {}
        }
        Ok(controller || plane)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(up) = &self.0
            && let Err(error) = up.end()
        {
            Output::Stderr.line(format_args!("{error:#}"));
        }
    }
}

/// For a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        assert_eq!(quoted(Path::new("/a b/c")), "'/a b/c'");
        assert_eq!(quoted(Path::new("/it's")), r"'/it'\''s'");
    }
}
