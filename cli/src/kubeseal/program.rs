//! Recognises the call, and runs it.

use std::{ffi::OsString, path::Path, process::ExitCode};

use super::{flag::PROGRAM, flags::Flags, help, mode::Mode};
use crate::{error::Failure, exit::Exit, output, report::Report};

/// A call of kubeseal.
pub(crate) struct Call<'a> {
    quiet: bool,
    arguments: &'a [OsString],
}

/// The call, if the program was called by that name or with that subcommand.
pub(crate) fn call(arguments: &[OsString]) -> Option<Call<'_>> {
    let (program, rest) = arguments.split_first()?;
    if Path::new(program).file_stem().is_some_and(|stem| stem == PROGRAM) {
        return Some(Call { quiet: false, arguments: rest });
    }
    let flags = rest.iter().take_while(|flag| *flag == "-q" || *flag == "--quiet").count();
    let (command, arguments) = rest[flags..].split_first()?;
    (command == PROGRAM).then_some(Call { quiet: flags > 0, arguments })
}

/// Runs kubeseal. Success is 0, a wrong flag is 2, and any other error is 1, as in the original.
pub(crate) fn main(call: &Call<'_>) -> ExitCode {
    let report = Report::new(call.quiet);
    match run(call.arguments, &report) {
        Ok(()) => Exit::Success.into(),
        Err(failure) => report.failure(&failure).into(),
    }
}

fn run(arguments: &[OsString], report: &Report) -> Result<(), Failure> {
    let flags = Flags::parse(arguments, |variable| std::env::var_os(variable))?;
    if flags.is_set("version") {
        let version = format!("kubeseal version: v{}\n", env!("CARGO_PKG_VERSION"));
        return output::write_stdout(version.as_bytes()).map_err(general);
    }
    if flags.is_set("help") {
        return output::write_stdout(help::text().as_bytes()).map_err(general);
    }
    let mode = Mode::new(&flags)?;
    mode.run(report).map_err(general)
}

/// The failure with the exit code that kubeseal has for everything but wrong flags.
fn general(failure: impl Into<Failure>) -> Failure {
    Failure { exit: Exit::Failure, ..failure.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeseal_is_a_name_of_the_program_or_a_subcommand() {
        let of = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            call(&words).map(|call| (call.quiet, call.arguments.to_vec()))
        };
        assert_eq!(of(&["/usr/bin/kubeseal", "--raw"]), Some((false, vec!["--raw".into()])));
        assert_eq!(of(&["kubeseal.exe"]), Some((false, vec![])));
        let flags = vec!["-f".into(), "a".into()];
        assert_eq!(of(&["mtk-seal", "kubeseal", "-f", "a"]), Some((false, flags)));
        assert_eq!(of(&["mtk-seal", "-q", "kubeseal"]), Some((true, vec![])));
        assert_eq!(of(&["mtk-seal", "a.env", "kubeseal"]), None);
        assert_eq!(of(&["mtk-seal"]), None);
        assert_eq!(of(&[]), None);
    }
}
