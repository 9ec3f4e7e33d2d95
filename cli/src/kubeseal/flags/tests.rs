//! The parser, and that every flag has an effect or is known to have none.

use super::*;
use crate::kubeseal::flag::Group;

fn parse(words: &[&str]) -> Result<Flags, FlagError> {
    parse_with(words, &[])
}

fn parse_with(words: &[&str], variables: &[(&str, &str)]) -> Result<Flags, FlagError> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    Flags::parse(&words, |name| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
    })
}

fn problem(words: &[&str]) -> String {
    parse(words).err().unwrap().to_string()
}

#[test]
fn values_follow_after_a_blank_or_an_equals_sign_or_the_letter() {
    for words in [
        &["--format", "yaml"][..],
        &["--format=yaml"],
        &["-o", "yaml"],
        &["-oyaml"],
        &["-o=yaml"],
        &["ignored", "-o", "json", "-", "--format=yaml", "--", "--nope"],
    ] {
        assert_eq!(parse(words).ok().unwrap().text("format"), "yaml", "{words:?}");
    }
    let flags = parse(&["--token", "-x", "--name=", "--cert", "a=b"]).ok().unwrap();
    assert_eq!((flags.text("token"), flags.text("cert")), ("-x", "a=b"));
    assert_eq!(flags.some("name"), None);
}

#[test]
fn flags_without_a_value_accept_go_booleans() {
    assert!(parse(&["--raw"]).ok().unwrap().is_set("raw"));
    assert!(parse(&["--raw=T"]).ok().unwrap().is_set("raw"));
    let flags = parse(&["--raw", "--raw=false", "false", "-h"]).ok().unwrap();
    assert!(!flags.is_set("raw"));
    assert!(flags.is_set("help"));
    assert!(!parse(&[]).ok().unwrap().is_set("validate"));
}

#[test]
fn errors_have_the_words_of_the_original() {
    assert_eq!(problem(&["--nope"]), "unknown flag: --nope");
    assert_eq!(problem(&["-s", "x"]), "unknown shorthand flag: 's' in -s");
    assert_eq!(problem(&["--cert"]), "flag needs an argument: --cert");
    assert_eq!(problem(&["-f"]), "flag needs an argument: 'f' in -f");
    assert_eq!(problem(&["--=x"]), "bad flag syntax: --=x");
    assert_eq!(
        problem(&["--scope", "foo"]),
        "invalid argument \"foo\" for \"--scope\" flag: must be one of: strict, namespace-wide, cluster-wide"
    );
    assert!(problem(&["-v", "x"]).starts_with("invalid argument \"x\" for \"-v, --v\" flag: "));
    assert!(problem(&["--raw=maybe"]).starts_with("invalid argument \"maybe\" for \"--raw\" flag"));
    assert!(problem(&["--request-timeout=1d"]).contains("duration"));
}

#[cfg(unix)]
#[test]
fn argument_that_is_not_utf8_is_an_error() {
    use std::os::unix::ffi::OsStringExt as _;

    let words = ["--name".into(), OsString::from_vec(vec![0xff])];
    assert_eq!(Flags::parse(&words, |_| None).err(), Some(FlagError::NotUtf8));
}

#[test]
fn command_line_wins_over_variables_and_lists_add_up() {
    let variables = [
        ("SEALED_SECRETS_FORMAT", "yaml"),
        ("SEALED_SECRETS_AS_GROUP", "one"),
        ("SEALED_SECRETS_RECOVERY_PRIVATE_KEY", "a.pem,b.pem"),
        ("SEALED_SECRETS_RAW", "true"),
        ("SEALED_SECRETS_NAME", ""),
        // The flags for logging have no variables.
        ("SEALED_SECRETS_V", "x"),
    ];
    let flags = parse_with(
        &["-o", "json", "--as-group=two", "--recovery-private-key", "c.pem"],
        &variables,
    )
    .ok()
    .unwrap();
    assert_eq!(flags.text("format"), "json");
    assert_eq!(flags.list("as-group"), ["one", "two"]);
    assert_eq!(flags.list("recovery-private-key"), ["a.pem", "b.pem", "c.pem"]);
    assert!(flags.is_set("raw"));
    assert_eq!(flags.some("name"), None);
}

#[test]
fn every_variable_sets_its_flag() {
    for flag in &FLAGS {
        let Some(variable) = flag.variable() else {
            assert!(flag.group == Group::Log || flag.is_ours(), "{}", flag.name);
            continue;
        };
        let value = match flag.name {
            "scope" => "strict",
            "request-timeout" => "5s",
            _ if flag.value == ValueKind::Bool => "true",
            _ => "value",
        };
        let flags = parse_with(&[], &[(&variable, value)]).ok().unwrap();
        assert_eq!(flags.text(flag.name), value, "{variable}");
    }
}

#[test]
fn invalid_variable_is_an_error_that_names_it_without_its_value() {
    for variable in ["SEALED_SECRETS_SCOPE", "SEALED_SECRETS_VALIDATE"] {
        let error = parse_with(&[], &[(variable, "hunter2")]).err().unwrap().to_string();
        assert!(error.contains(variable) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn flags_are_documented() {
    let docs = include_str!("../../../../docs/compatibility.md");
    for flag in &FLAGS {
        assert!(docs.contains(&format!("`--{}", flag.name)), "no --{}", flag.name);
    }
}
