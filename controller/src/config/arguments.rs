//! The command line and the environment, as the settings of the process.
//!
//! The rules are those of Bitnami's controller, so that its command lines and variables work: the last of two equal
//! flags wins, the command line wins over the environment, words that belong to no flag are ignored, and so are
//! invalid variables with its prefix. Here, the log names everything that is ignored.

use std::{any::TypeId, ffi::OsString, path::Path};

use clap::{
    Arg, ArgMatches, Command, CommandFactory as _, Error, FromArgMatches as _,
    builder::ValueParser, error::ErrorKind, parser::ValueSource,
};

use super::{Config, notices::Notices, parse::parse_bool, unused};

/// The words that belong to no flag.
const STRAY: &str = "stray";
/// The program's name in Bitnami's image.
const BITNAMIS_NAME: &str = "controller";

impl Config {
    /// The settings of this process. On an invalid flag, prints the error and exits with code 2.
    pub fn from_process() -> Self {
        let variable = |name: &str| std::env::var_os(name);
        Self::from_arguments(std::env::args_os().collect(), variable)
            .unwrap_or_else(|error| error.exit())
    }

    pub(super) fn from_arguments(
        arguments: Vec<OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Error> {
        let program = arguments.first().cloned().unwrap_or_default();
        let command = command(Path::new(&program));
        let flags = command.clone().try_get_matches_from(&arguments)?;
        let (mut all, mut notices) = (vec![program], Notices::default());
        for long in longs(&command).filter(|long| !is_set(&flags, long)) {
            let Some(set) = Variable::find(&long, &variable) else { continue };
            match set.checked(&command) {
                Ok(flag) => all.push(flag),
                Err(problem) if set.is_ours => {
                    return Err(Error::raw(ErrorKind::ValueValidation, problem + "\n"));
                }
                Err(problem) => notices.ignored.push(problem + "; the variable is ignored"),
            }
        }
        all.extend(arguments.into_iter().skip(1));
        let matches = command.clone().try_get_matches_from(all)?;
        let set = longs(&command).filter(|long| is_set(&matches, long));
        notices.unused.extend(set.filter_map(|long| {
            Some(format!("--{long} has no effect: {}", unused::reason(&long)?))
        }));
        let stray = matches.get_many::<String>(STRAY).into_iter().flatten();
        notices.ignored.extend(stray.map(|word| {
            format!(
                "the argument `{word}` is ignored: it belongs to no flag, because values of \
                     true and false follow `=`"
            )
        }));
        let mut config = Self::from_arg_matches(&matches)?;
        notices.renamed.extend(config.keys.notice().map(ToOwned::to_owned));
        config.notices = notices;
        Ok(config)
    }
}

/// The command line that the program accepts when it is called by this name.
pub(super) fn command(program: &Path) -> Command {
    let command = unused::add(Config::command().args_override_self(true)).mut_args(|arg| {
        let is_bool = arg.get_value_parser().type_id() == TypeId::of::<bool>();
        if is_bool { arg.value_parser(ValueParser::new(parse_bool)) } else { arg }
    });
    let command = command.arg(Arg::new(STRAY).num_args(0..).hide(true));
    if program.file_name().is_some_and(|name| name == BITNAMIS_NAME) {
        // Prints `controller version: v1.2.3`.
        let version = concat!("version: v", env!("CARGO_PKG_VERSION"));
        return command.name(BITNAMIS_NAME).version(version);
    }
    command
}

/// The names of all flags.
pub(super) fn longs(command: &Command) -> impl Iterator<Item = String> {
    command.get_arguments().filter_map(Arg::get_long).map(ToOwned::to_owned)
}

fn is_set(matches: &ArgMatches, long: &str) -> bool {
    matches.value_source(&long.replace('-', "_")) == Some(ValueSource::CommandLine)
}

/// A variable that sets a flag.
struct Variable {
    long: String,
    name: String,
    value: OsString,
    /// Whether the name is ours, and not that of Bitnami's controller.
    is_ours: bool,
}

impl Variable {
    /// The name of Bitnami's controller counts only if ours is unset.
    fn find(long: &str, variable: &impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let upper = long.to_uppercase().replace('-', "_");
        [("MTK_", true), ("SEALED_SECRETS_", false)].into_iter().find_map(|(prefix, is_ours)| {
            let name = format!("{prefix}{upper}");
            Some(Self { long: long.to_owned(), value: variable(&name)?, name, is_ours })
        })
    }

    /// The variable as a flag, or what is wrong with it.
    fn checked(&self, command: &Command) -> Result<OsString, String> {
        let mut flag = OsString::from(format!("--{}=", self.long));
        flag.push(&self.value);
        let parsed = command.clone().try_get_matches_from([OsString::new(), flag.clone()]);
        let Err(error) = parsed else { return Ok(flag) };
        let text = error.to_string();
        let cause = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Err(format!("{}: {cause}", self.name))
    }
}
