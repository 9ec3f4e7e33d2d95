//! The only place that speaks to the user: everything on stderr, one line each.
//!
//! Data goes to stdout through `output`. Colour only on a terminal, and never with `NO_COLOR` set
//! (<https://no-color.org>).

use std::io::{self, IsTerminal as _, Write as _};

use crate::error::Failure;
use crate::exit::Exit;

/// The user's ear.
pub(crate) struct Report {
    quiet: bool,
    colour: bool,
}

impl Report {
    /// `quiet` keeps everything but errors back.
    pub(crate) fn new(quiet: bool) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { quiet, colour: io::stderr().is_terminal() && !no_colour && !dumb }
    }

    /// Something worth knowing that is not an error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.line("note", "36", text);
        }
    }

    /// Says that the program waits for the user, if somebody is there to be told.
    pub(crate) fn waiting_for_input(&self, what: &str) {
        if io::stdin().is_terminal() {
            self.note(&format!("reading {what} from the terminal, end with Ctrl-D"));
        }
    }

    /// The failure: its cause, its details, its hints. Gives back the exit code.
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

/// Shows what clap has to say: help and version on stdout, errors on stderr.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    // Nobody is left to be told when this cannot be written.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Success }
}

fn write_line(text: &str) {
    // A closed stderr is no reason to fail, nor to panic as `eprintln!` does.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
