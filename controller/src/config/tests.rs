use clap::CommandFactory as _;

use super::*;

#[test]
fn flags_are_consistent() {
    Config::command().debug_assert();
    arguments::command("controller".as_ref()).debug_assert();
}

#[test]
fn defaults_are_those_of_bitnamis_controller() {
    let config = Config::parse_from(["mtk-controller"]);
    assert_eq!(config.listen_addr.to_string(), "[::]:8080");
    assert_eq!(config.listen_metrics_addr.to_string(), "[::]:8081");
    assert_eq!(config.key_settings().prefix, "sealed-secrets-key");
    assert_eq!(config.key_settings().bits, 4096);
    assert_eq!(config.key_settings().lifetime, SignedDuration::from_hours(87_600));
    assert!(config.accept_deprecated_v1_data);
}

/// The settings from these words and variables, or the error.
fn config(words: &[&str], variables: &[(&str, &str)]) -> Result<Config, String> {
    let arguments = ["mtk-controller"].iter().chain(words).map(Into::into).collect();
    let variable =
        |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
    Config::from_arguments(arguments, variable).map_err(|error| error.to_string())
}

#[test]
fn variables_set_flags_and_the_command_line_wins() {
    let bits = |words: &[&str], variables: &[(&str, &str)]| {
        config(words, variables).unwrap().key_settings().bits
    };
    let (ours, bitnamis) = (("MTK_KEY_SIZE", "2048"), ("SEALED_SECRETS_KEY_SIZE", "3072"));
    assert_eq!(bits(&[], &[]), 4096);
    assert_eq!(bits(&[], &[bitnamis]), 3072);
    assert_eq!(bits(&[], &[bitnamis, ours]), 2048);
    assert_eq!(bits(&["--key-size=8192"], &[bitnamis, ours]), 8192);
    let namespaces = ("SEALED_SECRETS_ADDITIONAL_NAMESPACES", "a,b");
    let watched = config(&["--additional-namespaces=c"], &[namespaces]).unwrap().watched("own");
    assert_eq!(watched, WatchScope::Namespaces(["c", "own"].map(String::from).into()));
}

/// Bitnami's controller ignores an invalid variable without a word. Ours is an error.
#[test]
fn invalid_variable_is_named() {
    let ignored = config(&[], &[("SEALED_SECRETS_KEY_SIZE", "many")]).unwrap();
    assert_eq!(ignored.key_settings().bits, 4096);
    let [notice] = &ignored.notices.ignored[..] else { panic!("{:?}", ignored.notices) };
    assert!(notice.starts_with("SEALED_SECRETS_KEY_SIZE: invalid value 'many'"), "{notice}");
    let error = config(&[], &[("MTK_KEY_SIZE", "many")]).unwrap_err();
    assert!(error.starts_with("error: MTK_KEY_SIZE: invalid value 'many'"), "{error}");
    assert!(error.contains("not one of 2048"), "{error}");
}

#[test]
fn command_lines_are_read_as_bitnamis_controller_does() {
    let words = ["--key-size", "2048", "--key-size", "3072", "--update-status", "true", "yes"];
    let config = config(&words, &[]).unwrap();
    assert_eq!(config.key_settings().bits, 3072, "the last one wins");
    assert_eq!(config.notices.ignored.len(), 2, "{:?}", config.notices);
    assert!(config.notices.ignored[0].contains("`true`"), "{:?}", config.notices);
    for (word, expected) in [("--update-status=f", false), ("--update-status=1", true)] {
        assert_eq!(self::config(&[word], &[]).unwrap().update_status, expected, "{word}");
    }
    assert!(self::config(&["--bogus"], &[]).unwrap_err().contains("--bogus"));
    assert!(self::config(&["-v"], &[]).is_err());
}

/// All flags of Bitnami's controller 0.41 with a value that it accepts.
const BITNAMIS_FLAGS: [&str; 36] = [
    "--accept-deprecated-v1-data=true",
    "--additional-namespaces=a,b",
    "--all-namespaces=false",
    "--key-cutoff-time=Mon, 14 Oct 2024 21:45:30 +0200",
    "--key-order-priority=SecretCreationTimestamp",
    "--key-prefix=k",
    "--key-renew-period=0",
    "--key-size=4096",
    "--key-ttl=87600h",
    "--kubeclient-burst=-1",
    "--kubeclient-qps=5.5",
    "--listen-addr=:8080",
    "--listen-metrics-addr=:8081",
    "--log-format=json",
    "--log-info-stdout",
    "--log-level=DEBUG",
    "--max-unseal-retries=5",
    "--metrics-omit-secret-labels=true",
    "--my-cn=x",
    "--old-gc-behavior",
    "--privatekey-annotations=a=b",
    "--privatekey-labels=a=b",
    "--rate-limit=3",
    "--rate-limit-burst=0",
    "--read-timeout=1m",
    "--rotate-period=720h",
    "--skip-recreate",
    "--update-status=false",
    "--watch-for-secrets=true",
    "--write-timeout=1m",
    // Two words are one value.
    "--kubeclient-qps",
    "-1",
    "--kubeclient-burst",
    "0",
    "--log-level",
    "WARN",
];

#[test]
fn flags_of_bitnamis_controller_are_accepted() {
    let all = config(&BITNAMIS_FLAGS, &[]).unwrap();
    assert_eq!(all.notices.unused.len(), 5, "{:?}", all.notices);
    assert_eq!(all.notices.ignored, [""; 0]);
    let [renamed] = &all.notices.renamed[..] else { panic!("{:?}", all.notices) };
    assert!(renamed.contains("--key-renew-period"), "{renamed}");
    for long in [
        "kubeclient-burst",
        "kubeclient-qps",
        "max-unseal-retries",
        "old-gc-behavior",
        "watch-for-secrets",
    ] {
        let begin = format!("--{long} has no effect: ");
        assert!(all.notices.unused.iter().any(|notice| notice.starts_with(&begin)), "{long}");
        let variable = format!("SEALED_SECRETS_{}", long.to_uppercase().replace('-', "_"));
        let by_variable = config(&[], &[(&variable, "1")]).unwrap();
        assert!(by_variable.notices.unused[0].starts_with(&begin), "{variable}");
    }
    assert!(!all.update_status && all.skip_recreate && all.log_info_stdout);
    assert_eq!(all.log_level, LogLevel::Warn, "the last one wins");
}

#[test]
fn program_called_controller_prints_bitnamis_version_line() {
    let version = |program: &str| {
        let arguments = [program, "--version"].map(Into::into).to_vec();
        Config::from_arguments(arguments, |_| None).unwrap_err().to_string()
    };
    let number = env!("CARGO_PKG_VERSION");
    assert_eq!(version("controller"), format!("controller version: v{number}\n"));
    assert_eq!(version("/usr/local/bin/controller"), format!("controller version: v{number}\n"));
    assert_eq!(version("/usr/local/bin/mtk-controller"), format!("mtk-controller {number}\n"));
}

#[test]
fn own_namespace_is_always_watched() {
    let watched = |flags: &[&str]| {
        let config = Config::parse_from([&["mtk-controller"], flags].concat());
        config.watched("own")
    };
    let these = |names: &[&str]| {
        WatchScope::Namespaces(names.iter().map(|name| (*name).to_owned()).collect())
    };
    assert_eq!(watched(&[]), WatchScope::All);
    assert_eq!(watched(&["--additional-namespaces=a"]), these(&["a", "own"]));
    assert_eq!(watched(&["--all-namespaces=false"]), these(&["own"]));
    let flags = ["--all-namespaces=false", "--additional-namespaces=a, b,"];
    assert_eq!(watched(&flags), these(&["a", "b", "own"]));
}

#[test]
fn workloads_are_restarted_only_on_request() {
    let restarts =
        |flags: &[&str]| Config::parse_from([&["mtk-controller"], flags].concat()).restarts();
    assert!(restarts(&[]).is_none());
    assert!(restarts(&["--restart-delay=1s"]).is_none());
    let settings = restarts(&["--restart-workloads"]).unwrap();
    assert_eq!((settings.delay.as_secs(), settings.min_interval.as_secs()), (2, 60));
}

#[test]
fn invalid_values_are_rejected() {
    for flag in [
        "--additional-namespaces=A",
        "--additional-namespaces=-a",
        "--key-size=1024",
        "--key-size=x",
        "--key-ttl=0h",
        "--key-ttl=never",
        "--listen-addr=8080",
        "--key-prefix=Key",
        "--key-prefix=-k",
        "--workers=0",
        "--restart-delay=0s",
        "--restart-min-interval=often",
        "--log-level=all",
        "--pod-identity=some",
        "--ca-bundle=",
        "--event-queue=changes",
        "--accept-deprecated-v1-data=maybe",
        "--allow-secret-type=example.org/a,helm.sh/release.v1",
    ] {
        assert!(Config::try_parse_from(["mtk-controller", flag]).is_err(), "{flag}");
    }
    let off = Config::parse_from(["mtk-controller", "--accept-deprecated-v1-data=false"]);
    assert!(!off.accept_deprecated_v1_data);
}

#[test]
fn event_queues_are_repeated_or_separated_by_blanks() {
    let urls =
        ["https://sqs.eu-west-1.amazonaws.com/1/a", "https://sqs.us-east-1.amazonaws.com/1/b"];
    let flags = urls.map(|url| format!("--event-queue={url}"));
    let both = format!("--event-queue={}", urls.join(" "));
    for arguments in [flags.to_vec(), vec![both]] {
        let arguments = ["mtk-controller".to_owned()].into_iter().chain(arguments);
        let queues = Config::parse_from(arguments).event_queue;
        assert_eq!(queues.iter().map(|queue| queue.url.as_str()).collect::<Vec<_>>(), urls);
    }
}

#[test]
fn marks_of_tools_are_copied_only_on_request() {
    let copies = |flags: &[&str]| {
        let arguments = ["mtk-controller"].iter().chain(flags);
        Config::parse_from(arguments).copy_tool_metadata
    };
    assert!(!copies(&[]));
    assert!(copies(&["--copy-tool-metadata"]));
    assert!(!copies(&["--copy-tool-metadata=false"]));
}

#[test]
fn every_flag_is_documented() {
    let docs = include_str!("../../../docs/operations.md");
    for long in arguments::longs(&arguments::command("mtk-controller".as_ref())) {
        let row = docs.lines().any(|line| line.starts_with(&format!("| `--{long}")));
        assert!(row, "docs/operations.md has no row for --{long}");
    }
}
