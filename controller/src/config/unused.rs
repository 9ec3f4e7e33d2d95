//! Flags of Bitnami's controller that have no meaning here. They are accepted, so that its command lines work, and
//! the log says why each changes nothing.

use clap::{Arg, ArgAction, Command, builder::ValueParser};

use super::parse::{parse_bool, parse_number};

struct Unused {
    long: &'static str,
    is_bool: bool,
    reason: &'static str,
}

const NO_LIMITER: &str =
    "the controller does not limit its requests; the API server's priority and fairness does";

const UNUSED: [Unused; 5] = [
    Unused { long: "kubeclient-burst", is_bool: false, reason: NO_LIMITER },
    Unused { long: "kubeclient-qps", is_bool: false, reason: NO_LIMITER },
    Unused {
        long: "max-unseal-retries",
        is_bool: false,
        reason: "the controller retries with back-off and never gives up",
    },
    Unused {
        long: "old-gc-behavior",
        is_bool: true,
        reason: "Kubernetes deletes a Secret with the SealedSecret that owns it",
    },
    Unused {
        long: "watch-for-secrets",
        is_bool: true,
        reason: "the controller always watches the Secrets with its keys",
    },
];

/// Adds these flags.
pub(super) fn add(command: Command) -> Command {
    command.args(UNUSED.iter().map(|flag| {
        let arg =
            Arg::new(flag.long.replace('-', "_")).long(flag.long).action(ArgAction::Set).hide(true);
        if flag.is_bool {
            let arg = arg.num_args(0..=1).default_missing_value("true").require_equals(true);
            arg.value_parser(ValueParser::new(parse_bool))
        } else {
            arg.allow_negative_numbers(true).value_parser(ValueParser::new(parse_number))
        }
    }))
}

/// Why the flag changes nothing. None for a flag that does something.
pub(super) fn reason(long: &str) -> Option<&'static str> {
    UNUSED.iter().find(|flag| flag.long == long).map(|flag| flag.reason)
}
