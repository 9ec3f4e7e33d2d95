//! Runs the editor of the user.

use std::{ffi::OsString, path::Path};

use crate::command::items::error::ItemsError;

/// The editor, as a command of the shell.
pub(super) struct Editor {
    command: OsString,
}

impl Editor {
    /// `$VISUAL`, or else `$EDITOR`, or else `vi`.
    pub(super) fn from_environment() -> Self {
        let variables = ["VISUAL", "EDITOR"].into_iter().filter_map(std::env::var_os);
        let command = variables.into_iter().find(|command| !command.is_empty());
        Self { command: command.unwrap_or_else(|| "vi".into()) }
    }

    /// Waits until the user has closed the editor. Ctrl-C is for the editor. After SIGTERM or SIGHUP, the
    /// editor ends too.
    #[cfg(unix)]
    pub(super) fn run(&self, path: &Path) -> Result<(), ItemsError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let status = runtime.and_then(|runtime| runtime.block_on(self.wait(path)));
        match status.map_err(ItemsError::EditorMissing)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(ItemsError::EditorFailed(status.to_string())),
            None => Err(ItemsError::Interrupted),
        }
    }

    /// The status of the editor. None if a signal ended the program.
    #[cfg(unix)]
    async fn wait(&self, path: &Path) -> std::io::Result<Option<std::process::ExitStatus>> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut interrupts = [signal(SignalKind::interrupt())?, signal(SignalKind::quit())?];
        let [interrupt, quit] = &mut interrupts;
        let script = script(&self.command);
        let mut command = tokio::process::Command::new("sh");
        command.arg("-c").arg(script).arg("editor").arg(path).kill_on_drop(true);
        let mut child = command.spawn()?;
        loop {
            tokio::select! {
                status = child.wait() => return status.map(Some),
                _ = terminate.recv() => break,
                _ = hang_up.recv() => break,
                _ = interrupt.recv() => {}
                _ = quit.recv() => {}
            }
        }
        child.kill().await?;
        Ok(None)
    }

    #[cfg(not(unix))]
    pub(super) fn run(&self, _: &Path) -> Result<(), ItemsError> {
        Err(ItemsError::EditorMissing(std::io::ErrorKind::Unsupported.into()))
    }
}

/// The command with its argument. A plain command replaces the shell, so that a signal reaches it.
#[cfg(unix)]
fn script(command: &std::ffi::OsStr) -> OsString {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_./:+,@".contains(c);
    let is_plain = command.to_str().is_some_and(|command| command.chars().all(is_plain));
    let mut script = OsString::from(if is_plain { "exec " } else { "" });
    script.push(command);
    script.push(" \"$@\"");
    script
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn plain_command_replaces_the_shell() {
        for (command, expected) in [
            ("vim", "exec vim \"$@\""),
            ("code --wait", "exec code --wait \"$@\""),
            ("TERM=x vim", "TERM=x vim \"$@\""),
            ("'/a b/vim' -n", "'/a b/vim' -n \"$@\""),
        ] {
            assert_eq!(script(command.as_ref()), expected);
        }
    }
}
