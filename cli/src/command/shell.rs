//! Completion scripts and manual pages, generated from the same definitions as `--help`.

use clap_complete::Shell;

use crate::{
    args,
    error::{Explain, Failure, hint},
    exit::Exit,
    output,
};

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "mtk-seal", &mut script);
    print(&script)
}

/// Prints a manual page.
pub(crate) fn man(name: Option<&str>) -> Result<(), Failure> {
    let mut command = args::command();
    command.build();
    let page = match name {
        None => command,
        Some(name) => {
            let unknown = || UnknownCommand { name: name.to_owned() };
            let found = command.find_subcommand(name).ok_or_else(unknown)?;
            found.clone().name(format!("mtk-seal-{name}"))
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(output::OutputError::Stdout)?;
    print(&text)
}

fn print(text: &[u8]) -> Result<(), Failure> {
    Ok(output::write_stdout(text)?)
}

/// The command does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown command `{name}`")]
struct UnknownCommand {
    name: String,
}

impl Explain for UnknownCommand {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        hint("`mtk-seal --help` lists the commands")
    }
}
