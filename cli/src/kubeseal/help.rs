//! The help, the manual page and completions, all from the list of flags.

use clap::{Arg, ArgAction, Command};

use super::flag::{FLAGS, Flag, Group, PROGRAM, ValueKind};

const ABOUT: &str =
    "Seal Secrets as Bitnami's kubeseal does, with the same flags, output and exit codes";
const EXAMPLES: &str = "\
Examples:
  kubeseal --cert cluster.crt < secret.yaml > sealed.json
  kubeseal -f secret.yaml -w sealed.yaml
  printf %s \"$PASSWORD\" | kubeseal --raw --name db --namespace web
  kubeseal --merge-into sealed.yaml < more.yaml
  kubeseal --re-encrypt -f sealed.yaml
  kubeseal --validate < sealed.yaml
  kubeseal --recovery-unseal --recovery-private-key keys.yaml < sealed.yaml
  mtk-seal kubeseal --install ~/.local/bin

Each flag has a variable: SEALED_SECRETS_ and its name in upper case, with _ for -.

Exit status:
  0  success
  1  any error but those of 2
  2  an unknown flag, or a flag or variable with an invalid value";

/// The subcommand of `mtk-seal`.
pub(crate) fn command() -> Command {
    Command::new(PROGRAM)
        .about(ABOUT)
        .after_help(EXAMPLES)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .max_term_width(100)
        .args(FLAGS.iter().map(argument))
}

/// The text of `--help`.
pub(super) fn text() -> String {
    command().render_help().to_string()
}

fn argument(flag: &Flag) -> Arg {
    let argument = Arg::new(flag.name)
        .long(flag.name)
        .help(flag.help)
        .help_heading(flag.group.title())
        .hide(flag.group == Group::Log || flag.name == "rotate");
    let argument = match flag.short {
        Some(letter) => argument.short(letter),
        None => argument,
    };
    match flag.value {
        ValueKind::Bool => argument.action(ArgAction::SetTrue),
        ValueKind::Text(name) => argument.value_name(name).action(ArgAction::Set),
        ValueKind::List(name) => argument.value_name(name).action(ArgAction::Append),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_shows_every_flag_that_has_an_effect_and_examples() {
        let text = text();
        for flag in FLAGS.iter().filter(|flag| flag.group != Group::Log && flag.name != "rotate") {
            assert!(text.contains(&format!("--{}", flag.name)), "{}", flag.name);
        }
        assert!(text.contains("Examples:") && text.contains("Exit status:"));
        command().debug_assert();
    }
}
