//! Prints messages for the user on stderr, one line each.
//!
//! Data goes to stdout through `output`. Messages have colour only on a terminal, and never if
//! `NO_COLOR` is set (<https://no-color.org>).

use std::io::{self, IsTerminal as _, Write as _};

use crate::{error::Failure, exit::Exit};

/// The width of the progress bar.
const BAR_WIDTH: usize = 30;

/// Prints messages for the user.
pub(crate) struct Report {
    quiet: bool,
    colour: bool,
}

impl Report {
    /// `quiet` prints only errors.
    pub(crate) fn new(quiet: bool) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { quiet, colour: io::stderr().is_terminal() && !no_colour && !dumb }
    }

    /// Prints a note, unless `--quiet` is set.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.line("note", "36", text);
        }
    }

    /// Prints a warning about a probable mistake, unless `--quiet` is set.
    pub(crate) fn warning(&self, text: &str) {
        if !self.quiet {
            self.line("warning", "33", text);
        }
    }

    /// Prints what the user can do about the warning before it, unless `--quiet` is set.
    pub(crate) fn hint(&self, text: &str) {
        if !self.quiet {
            self.line("hint", "33", text);
        }
    }

    /// Prints a note that the program reads from the terminal, if it does.
    pub(crate) fn waiting_for_input(&self, what: &str) {
        if io::stdin().is_terminal() {
            self.note(&format!("reading {what} from the terminal; press Ctrl-D to end"));
        }
    }

    /// Shows on a terminal how much is done, in one line that the next one replaces.
    pub(crate) fn progress(&self, done: usize, total: usize) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let filled = BAR_WIDTH * done / total.max(1);
        let bar = "=".repeat(filled) + &" ".repeat(BAR_WIDTH - filled);
        let line =
            if done < total { format!("[{bar}] {done}/{total} files") } else { String::new() };
        let mut stderr = io::stderr().lock();
        // A closed stderr must not make the command fail.
        let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
    }

    /// Prints a failure with its details and hints, and returns its exit code.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        self.line("error", "31", &failure.cause);
        for detail in &failure.details {
            write_line(&format!("  {detail}"));
        }
        for hint in &failure.hints {
            self.line("hint", "33", hint);
        }
        failure.exit
    }

    fn line(&self, word: &str, colour: &str, text: &str) {
        if self.colour {
            write_line(&format!("\x1b[1;{colour}m{word}:\x1b[0m {text}"));
        } else {
            write_line(&format!("{word}: {text}"));
        }
    }
}

/// Prints clap's output: help and version on stdout, errors on stderr.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    // If the stream is closed, the message is lost.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Success }
}

fn write_line(text: &str) {
    // A closed stderr must not make the command fail. `eprintln!` would panic.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
