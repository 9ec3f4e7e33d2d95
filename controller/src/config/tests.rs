use super::*;

#[test]
fn flags_are_consistent() {
    Config::command().debug_assert();
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

#[test]
fn bitnamis_variable_is_read_if_ours_is_unset() {
    let only = |set: &'static [&str]| move |name: &str| set.contains(&name);
    assert_eq!(variable("key-size", only(&[])), "MTK_KEY_SIZE");
    assert_eq!(variable("key-size", only(&["SEALED_SECRETS_KEY_SIZE"])), "SEALED_SECRETS_KEY_SIZE");
    assert_eq!(
        variable("key-size", only(&["MTK_KEY_SIZE", "SEALED_SECRETS_KEY_SIZE"])),
        "MTK_KEY_SIZE"
    );
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
    assert_eq!(watched(&["--additional-namespaces=a"]), WatchScope::All);
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
    let command = Config::command();
    for long in command.get_arguments().filter_map(clap::Arg::get_long) {
        if !["help", "version"].contains(&long) {
            let row = docs.lines().any(|line| line.starts_with(&format!("| `--{long}")));
            assert!(row, "docs/operations.md has no row for --{long}");
        }
    }
}
