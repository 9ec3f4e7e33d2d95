//! The table of flags in docs/compatibility.md, row by row.

use std::collections::BTreeSet;

use clap::error::ErrorKind;

use super::*;

/// The effect of a flag.
enum Effect {
    /// The configuration differs from the default one.
    Changes,
    /// Only the log mentions it.
    Notice,
    /// The program prints its version and ends.
    Version,
}

/// Each flag of the table, with a value that is not its default.
const CASES: [(&str, Effect); 31] = [
    ("--accept-deprecated-v1-data=false", Effect::Changes),
    ("--additional-namespaces=a,b", Effect::Changes),
    ("--all-namespaces=false", Effect::Changes),
    ("--key-cutoff-time=Mon, 14 Oct 2024 21:45:30 +0200", Effect::Changes),
    ("--key-order-priority=SecretCreationTimestamp", Effect::Changes),
    ("--key-prefix=k", Effect::Changes),
    ("--key-renew-period=0", Effect::Changes),
    ("--key-size=2048", Effect::Changes),
    ("--key-ttl=1h", Effect::Changes),
    ("--kubeclient-burst=-1", Effect::Notice),
    ("--kubeclient-qps=5.5", Effect::Notice),
    ("--listen-addr=:9080", Effect::Changes),
    ("--listen-metrics-addr=:9081", Effect::Changes),
    ("--log-format=json", Effect::Changes),
    ("--log-info-stdout", Effect::Changes),
    ("--log-level=DEBUG", Effect::Changes),
    ("--max-unseal-retries=5", Effect::Notice),
    ("--metrics-omit-secret-labels=true", Effect::Changes),
    ("--my-cn=x", Effect::Changes),
    ("--old-gc-behavior", Effect::Notice),
    ("--privatekey-annotations=a=b", Effect::Changes),
    ("--privatekey-labels=a=b", Effect::Changes),
    ("--rate-limit=3", Effect::Changes),
    ("--rate-limit-burst=0", Effect::Changes),
    ("--read-timeout=1m", Effect::Changes),
    ("--rotate-period=5h", Effect::Changes),
    ("--skip-recreate", Effect::Changes),
    ("--update-status=false", Effect::Changes),
    ("--version", Effect::Version),
    ("--watch-for-secrets=true", Effect::Notice),
    ("--write-timeout=1m", Effect::Changes),
];

/// Values that the table calls errors, and what the message offers instead.
const REFUSED: [(&str, &str); 6] = [
    ("--key-size=1024", "2048, 3072, 4096"),
    ("--log-level=all", "info"),
    ("--log-format=xml", "json"),
    ("--key-renew-period=-1h", "a duration above zero"),
    ("--key-order-priority=Newest", "SecretCreationTimestamp"),
    ("--privatekey-labels=team", "a=b,c=d"),
];

fn parse(words: &[&str]) -> Result<Config, clap::Error> {
    let arguments = ["mtk-controller"].iter().chain(words).map(Into::into).collect();
    Config::from_arguments(arguments, |_| None)
}

/// All settings without what the log mentions.
fn settings(config: &Config) -> String {
    format!("{:?}", Config { notices: Notices::default(), ..config.clone() })
}

fn long(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

#[test]
fn every_flag_of_the_table_has_a_case() {
    let page = include_str!("../../../docs/compatibility.md");
    let (_, rest) = page.split_once("### Flags of Bitnami's controller").unwrap();
    let rows = rest.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let flags = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    let flags: BTreeSet<_> = flags.collect();
    let cases: BTreeSet<_> = CASES.iter().map(|(word, _)| long(word)).collect();
    assert_eq!(flags, cases);
}

#[test]
fn each_flag_of_the_table_changes_the_settings_or_has_a_notice() {
    let default = settings(&parse(&[]).unwrap());
    for (word, effect) in CASES {
        let parsed = parse(&[word]);
        let notice = format!("{} has no effect: ", long(word));
        match effect {
            Effect::Changes => {
                let config = parsed.unwrap();
                assert_ne!(settings(&config), default, "{word}");
                assert_eq!(config.notices.unused, [""; 0], "{word}");
            }
            Effect::Notice => {
                let config = parsed.unwrap();
                assert_eq!(settings(&config), default, "{word}");
                assert!(config.notices.unused[0].starts_with(&notice), "{:?}", config.notices);
            }
            Effect::Version => {
                assert_eq!(parsed.unwrap_err().kind(), ErrorKind::DisplayVersion);
            }
        }
    }
}

#[test]
fn refused_values_of_the_table_name_what_to_use_instead() {
    for (word, replacement) in REFUSED {
        let error = parse(&[word]).unwrap_err().to_string();
        assert!(error.contains(long(word)) && error.contains(replacement), "{error}");
    }
}
