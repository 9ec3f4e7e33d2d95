//! Flags and environment, validated.
//!
//! Every flag `--some-flag` is also read from `MTK_SOME_FLAG`, else from `SEALED_SECRETS_SOME_FLAG`,
//! the name that Bitnami's controller uses. The command line wins.

use std::{collections::BTreeSet, ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use jiff::SignedDuration;
use templates::Limits;
use tracing::Level;

use crate::{
    external::{controller, render::Delimiters},
    keys::KeySettings,
    restart,
    runtime::scope::WatchScope,
    sealed::render,
};

/// Where a Pod finds the name of its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Where Bitnami's controller lives, and so where its keys are.
const DEFAULT_NAMESPACE: &str = "kube-system";

/// The settings.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "mtk-controller",
    version,
    about = "Turns SealedSecrets into Secrets and keeps them in sync",
    after_help = "Every flag is also read from the environment: --some-flag from MTK_SOME_FLAG, \
                  else from SEALED_SECRETS_SOME_FLAG. The command line wins."
)]
pub struct Config {
    /// Configuration of the cluster; by default as kubectl finds it, else as a Pod
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The controller's namespace, where the sealing keys are; by default the Pod's, else kube-system
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Look after all namespaces; if false, after the controller's own and the additional ones
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    all_namespaces: bool,

    /// Further namespaces to look after, with --all-namespaces=false (repeatable, or by commas)
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', value_parser = parse_namespace)]
    additional_namespaces: Vec<String>,

    /// Address of the certificate and health endpoints
    #[arg(long, value_name = "ADDRESS", default_value = ":8080", value_parser = parse_address)]
    pub listen_addr: SocketAddr,

    /// Address of the metrics endpoint
    #[arg(long, value_name = "ADDRESS", default_value = ":8081", value_parser = parse_address)]
    pub listen_metrics_addr: SocketAddr,

    /// Prefix of the names of key Secrets
    #[arg(long, value_name = "PREFIX", default_value = "sealed-secrets-key", value_parser = parse_prefix)]
    key_prefix: String,

    /// Size of a new sealing key, in bits
    #[arg(long, value_name = "BITS", default_value = "4096", value_parser = parse_key_size)]
    key_size: usize,

    /// For how long the certificate of a new sealing key is valid
    #[arg(long, value_name = "DURATION", default_value = "87600h", value_parser = parse_duration)]
    key_ttl: SignedDuration,

    /// Common name in the certificate of a new sealing key
    #[arg(long, value_name = "NAME", default_value = "")]
    my_cn: String,

    /// Open the deprecated `spec.data` too
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub accept_deprecated_v1_data: bool,

    /// Allow a type of Secret by which Kubernetes gives rights away (repeatable)
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub allow_secret_type: Vec<String>,

    /// How long the templates of one object may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    template_timeout: SignedDuration,

    /// How many steps each template may take: a node, a call, a value that is printed
    #[arg(long, value_name = "N", default_value_t = Limits::default().steps)]
    template_max_steps: u64,

    /// How many bytes the templates of one object may give
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().output)]
    template_max_output: usize,

    /// How many objects are worked on at a time
    #[arg(long, value_name = "N", default_value = "32", value_parser = parse_workers)]
    pub workers: usize,

    /// Look at every object once in this period; what is in sync costs no request
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    resync_period: SignedDuration,

    /// Restart workloads that ask for it when what they use of a Secret changes; needs rights on them
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub restart_workloads: bool,

    /// With --restart-workloads: how long to wait for further changes before a restart
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration)]
    restart_delay: SignedDuration,

    /// With --restart-workloads: how long to wait between two restarts of one workload
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    restart_min_interval: SignedDuration,

    /// Make Secrets of ExternalSecrets too
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub external_secrets: bool,

    /// Stores of this class, and of none, are looked after
    #[arg(long, value_name = "CLASS", default_value = "default")]
    controller_class: String,

    /// How many ExternalSecrets are worked on at a time; most of them wait for AWS
    #[arg(long, value_name = "N", default_value = "256", value_parser = parse_workers)]
    pub external_workers: usize,

    /// How often stores are checked that do not say it themselves
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    store_requeue_interval: SignedDuration,

    /// Put the hash of the data on Secrets of ExternalSecrets, by which External Secrets knows them
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    data_hash: bool,

    /// Copy labels and annotations of ExternalSecrets that have no template to their Secrets
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    copy_metadata: bool,

    /// Let ExternalSecrets take over a Secret only if it has the annotation mtk.mytomorrows.com/adopt
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    adopt_with_consent: bool,

    /// What templates of ExternalSecrets begin actions with
    #[arg(long, value_name = "TEXT", default_value = "{{", value_parser = parse_delimiter)]
    template_left_delimiter: String,

    /// What templates of ExternalSecrets end actions with
    #[arg(long, value_name = "TEXT", default_value = "}}", value_parser = parse_delimiter)]
    template_right_delimiter: String,

    /// No metrics with the names of SealedSecrets and ExternalSecrets
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub metrics_omit_secret_labels: bool,

    /// What is logged
    #[arg(long, value_name = "LEVEL", default_value = "info", ignore_case = true)]
    pub log_level: LogLevel,

    /// How it is logged
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The least that is logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogLevel {
    /// Only what needs a person.
    Error,
    /// Also what may.
    Warn,
    /// Also each change.
    Info,
    /// Also each decision.
    Debug,
}

/// How logs look.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// A line of text each.
    Text,
    /// A line of JSON each.
    Json,
}

impl Config {
    /// The settings of this process; on a wrong flag, prints why and exits with code 2.
    pub fn from_process() -> Self {
        let command = Self::command().mut_args(|arg| {
            let Some(long) = arg.get_long().map(ToOwned::to_owned) else {
                return arg;
            };
            let is_set = |name: &str| std::env::var_os(name).is_some();
            arg.env(variable(&long, is_set))
        });
        let matches = command.get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The controller's own namespace.
    pub fn namespace(&self) -> String {
        let from_file = || std::fs::read_to_string(NAMESPACE_FILE).ok();
        let from_environment = || std::env::var("POD_NAMESPACE").ok();
        let found = self.namespace.clone().or_else(from_environment).or_else(from_file);
        let found = found.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        found.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
    }

    /// What is looked after by a controller in this namespace.
    pub fn watched(&self, own: &str) -> WatchScope {
        if self.all_namespaces {
            return WatchScope::All;
        }
        let additional = self.additional_namespaces.iter().filter(|name| !name.is_empty()).cloned();
        WatchScope::Namespaces(additional.chain([own.to_owned()]).collect())
    }

    /// How new sealing keys are made.
    pub fn key_settings(&self) -> KeySettings {
        KeySettings {
            prefix: self.key_prefix.clone(),
            bits: self.key_size,
            common_name: self.my_cn.clone(),
            lifetime: self.key_ttl,
        }
    }

    /// The types that the operator allows.
    pub fn allowed_types(&self) -> BTreeSet<String> {
        self.allow_secret_type.iter().cloned().collect()
    }

    /// What the templates of an object may use.
    pub fn templates(&self) -> render::Settings {
        let limits = Limits {
            steps: self.template_max_steps,
            output: self.template_max_output,
            ..Limits::default()
        };
        render::Settings { limits, time: self.template_timeout.unsigned_abs() }
    }

    /// What ExternalSecrets may do.
    pub fn externals(&self) -> controller::Settings {
        controller::Settings {
            class: self.controller_class.clone(),
            has_hash: self.data_hash,
            copies_labels: self.copy_metadata,
            needs_consent: self.adopt_with_consent,
            has_cluster_stores: self.all_namespaces,
        }
    }

    /// The marks around actions in templates of ExternalSecrets.
    pub fn delimiters(&self) -> Delimiters {
        Delimiters {
            left: self.template_left_delimiter.clone(),
            right: self.template_right_delimiter.clone(),
        }
    }

    /// How often stores are checked.
    pub fn store_interval(&self) -> Duration {
        self.store_requeue_interval.unsigned_abs()
    }

    /// When workloads are restarted; none when they are not.
    pub fn restarts(&self) -> Option<restart::Settings> {
        self.restart_workloads.then(|| restart::Settings {
            delay: self.restart_delay.unsigned_abs(),
            min_interval: self.restart_min_interval.unsigned_abs(),
        })
    }

    /// The period of the resync.
    pub fn resync_period(&self) -> Duration {
        self.resync_period.unsigned_abs()
    }
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
        }
    }
}

/// The variable of a flag: ours, unless only Bitnami's is set.
fn variable(long: &str, is_set: impl Fn(&str) -> bool) -> OsString {
    let upper = long.to_uppercase().replace('-', "_");
    let (ours, peers) = (format!("MTK_{upper}"), format!("SEALED_SECRETS_{upper}"));
    if !is_set(&ours) && is_set(&peers) { peers.into() } else { ours.into() }
}

/// `HOST:PORT`, or `:PORT` for all addresses, as Go's programs read it.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    full.parse().map_err(|_| "not an address such as :8080 or 127.0.0.1:8080".to_owned())
}

/// A duration in Go's notation, such as `720h` or `1h30m`.
fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let parsed: Result<SignedDuration, _> = text.parse();
    let positive = parsed.ok().filter(SignedDuration::is_positive);
    positive.ok_or_else(|| "not a duration above zero, such as 720h or 1h30m".to_owned())
}

/// A label of RFC 1123, as names of namespaces are. Blanks around it, and empty names, come from
/// lists: an unset one among them.
fn parse_namespace(text: &str) -> Result<String, String> {
    let name = text.trim();
    let is_alphanumeric = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_good = |letter| is_alphanumeric(letter) || letter == b'-';
    let ends_well = [name.bytes().next(), name.bytes().last()]
        .iter()
        .all(|end| end.is_some_and(is_alphanumeric));
    if name.is_empty() || ends_well && name.len() <= 63 && name.bytes().all(is_good) {
        Ok(name.to_owned())
    } else {
        Err("not the name of a namespace: lower-case letters, digits and `-`, at most 63"
            .to_owned())
    }
}

fn parse_delimiter(text: &str) -> Result<String, String> {
    let is_fine = !text.is_empty() && text.len() <= 16 && !text.contains(char::is_whitespace);
    is_fine.then(|| text.to_owned()).ok_or_else(|| "not 1 to 16 letters without blanks".to_owned())
}

fn parse_key_size(text: &str) -> Result<usize, String> {
    let bits = text.parse().ok().filter(|bits| [2048, 3072, 4096, 8192].contains(bits));
    bits.ok_or_else(|| "not one of 2048, 3072, 4096 and 8192".to_owned())
}

fn parse_workers(text: &str) -> Result<usize, String> {
    let workers = text.parse().ok().filter(|workers| (1..=1024).contains(workers));
    workers.ok_or_else(|| "not a number from 1 to 1024".to_owned())
}

/// Kubernetes appends five letters to the prefix, and names have at most 253.
fn parse_prefix(text: &str) -> Result<String, String> {
    let is_good =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    let starts_well = text.bytes().next().is_some_and(|first| first != b'-');
    if starts_well && text.len() <= 245 && text.bytes().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err("not a prefix of a name: lower-case letters, digits and `-`, at most 245".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Config::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_of_bitnamis_controller() {
        let config = Config::parse_from(["mtk-controller"]);
        assert_eq!(config.listen_addr.to_string(), "0.0.0.0:8080");
        assert_eq!(config.key_settings().prefix, "sealed-secrets-key");
        assert_eq!(config.key_settings().bits, 4096);
        assert_eq!(config.key_settings().lifetime, SignedDuration::from_hours(87_600));
        assert!(config.accept_deprecated_v1_data);
    }

    #[test]
    fn bitnamis_variable_counts_where_ours_is_not_set() {
        let only = |set: &'static [&str]| move |name: &str| set.contains(&name);
        assert_eq!(variable("key-size", only(&[])), "MTK_KEY_SIZE");
        assert_eq!(
            variable("key-size", only(&["SEALED_SECRETS_KEY_SIZE"])),
            "SEALED_SECRETS_KEY_SIZE"
        );
        assert_eq!(
            variable("key-size", only(&["MTK_KEY_SIZE", "SEALED_SECRETS_KEY_SIZE"])),
            "MTK_KEY_SIZE"
        );
    }

    #[test]
    fn the_own_namespace_is_always_looked_after() {
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
    fn workloads_are_restarted_only_where_asked_for() {
        let restarts =
            |flags: &[&str]| Config::parse_from([&["mtk-controller"], flags].concat()).restarts();
        assert!(restarts(&[]).is_none());
        assert!(restarts(&["--restart-delay=1s"]).is_none());
        let settings = restarts(&["--restart-workloads"]).unwrap();
        assert_eq!((settings.delay.as_secs(), settings.min_interval.as_secs()), (2, 60));
    }

    #[test]
    fn wrong_values_are_refused() {
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
            "--accept-deprecated-v1-data=maybe",
        ] {
            assert!(Config::try_parse_from(["mtk-controller", flag]).is_err(), "{flag}");
        }
        let off = Config::parse_from(["mtk-controller", "--accept-deprecated-v1-data=false"]);
        assert!(!off.accept_deprecated_v1_data);
    }
}
