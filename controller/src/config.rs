//! Flags and environment, validated.
//!
//! Every flag `--some-flag` is also read from `MTK_SOME_FLAG`, or from `SEALED_SECRETS_SOME_FLAG`, the
//! name that Bitnami's controller uses. The command line wins.

mod arguments;
mod http;
mod keys;
mod leader;
mod metrics;
mod notices;
mod parse;
mod selector;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;
mod unused;

use std::{net::SocketAddr, path::PathBuf, str::FromStr as _, sync::Arc};

use clap::{ArgAction, Parser};
use jiff::SignedDuration;
use kube::core::Selector;
use templates::Limits;

use self::{
    http::HttpFlags,
    keys::KeyFlags,
    leader::LeaderFlags,
    metrics::MetricsFlags,
    notices::Notices,
    parse::{
        parse_address, parse_delimiter, parse_duration, parse_key_size, parse_namespace,
        parse_prefix, parse_secret_type, parse_workers,
    },
    selector::parse_selector,
};
use crate::{
    aws::{events::EventQueue, identity::PodIdentity},
    context::TemplateSettings,
    external::{self, render::Delimiters},
    keys::KeySettings,
    restart,
    runtime::{memory::TemplateMemory, scope::WatchScope},
    telemetry::{LogFormat, LogLevel},
};

/// The file with the name of the Pod's namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The default namespace of Bitnami's controller, and so of its keys.
const DEFAULT_NAMESPACE: &str = "kube-system";

/// The settings of this process.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "mtk-controller",
    version,
    about = "Turns SealedSecrets and ExternalSecrets into Secrets and keeps them in sync",
    after_help = "Every flag is also read from the environment: --some-flag from MTK_SOME_FLAG, \
                  or from SEALED_SECRETS_SOME_FLAG. The command line wins."
)]
pub struct Config {
    /// Path of the kubeconfig file; by default the one that kubectl uses, or the Pod's ServiceAccount
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Namespace of the controller and its sealing keys; by default the Pod's, or kube-system
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Watch all namespaces, unless --additional-namespaces is set. If false, watch the controller's namespace
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    all_namespaces: bool,

    /// Watch these namespaces and the controller's, and no others (comma-separated or repeated)
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', value_parser = parse_namespace)]
    additional_namespaces: Vec<String>,

    /// Reconcile objects only in watched namespaces with matching labels, such as team=a,!legacy
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true,
          value_parser = parse_selector)]
    pub(crate) namespace_selector: Selector,

    /// Reconcile only SealedSecrets and ExternalSecrets with matching labels
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true,
          value_parser = parse_selector)]
    pub(crate) label_selector: Selector,

    /// Address of the endpoints for certificate, verify, rotate and health
    #[arg(long, value_name = "ADDRESS", default_value = ":8080", value_parser = parse_address)]
    pub(crate) listen_addr: SocketAddr,

    /// Address of the metrics endpoint
    #[arg(long, value_name = "ADDRESS", default_value = ":8081", value_parser = parse_address)]
    pub(crate) listen_metrics_addr: SocketAddr,

    /// Prefix of the names of key Secrets
    #[arg(long, value_name = "PREFIX", default_value = "sealed-secrets-key", value_parser = parse_prefix)]
    key_prefix: String,

    /// Size of a new sealing key, in bits
    #[arg(long, value_name = "BITS", default_value = "4096", value_parser = parse_key_size)]
    key_size: usize,

    /// Validity of the certificate of a new sealing key
    #[arg(long, value_name = "DURATION", default_value = "87600h", value_parser = parse_duration)]
    key_ttl: SignedDuration,

    /// Common name in the certificate of a new sealing key
    #[arg(long, value_name = "NAME", default_value = "")]
    my_cn: String,

    #[command(flatten)]
    pub(crate) keys: KeyFlags,

    #[command(flatten)]
    pub(crate) http: HttpFlags,

    #[command(flatten)]
    pub(crate) leader: LeaderFlags,

    #[command(flatten)]
    pub(crate) metrics: MetricsFlags,

    /// Also decrypt the deprecated `spec.data`
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) accept_deprecated_v1_data: bool,

    /// Allow Secrets of a privileged type, e.g. kubernetes.io/service-account-token (repeatable)
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = parse_secret_type)]
    pub(crate) allow_secret_type: Vec<String>,

    /// Time limit for the templates of one object
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    template_timeout: SignedDuration,

    /// Maximum number of steps of one template: nodes, calls and printed values
    #[arg(long, value_name = "N", default_value_t = Limits::default().steps)]
    template_max_steps: u64,

    /// Maximum output of the templates of one object, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().output)]
    template_max_output: usize,

    /// Number of SealedSecrets to reconcile at the same time
    #[arg(long, value_name = "N", default_value = "32", value_parser = parse_workers)]
    pub(crate) workers: usize,

    /// Interval at which to reconcile every object; objects that are in sync cause no requests
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) resync_period: SignedDuration,

    /// Restart annotated workloads when Secrets that they use change; requires RBAC on workloads
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    restart_workloads: bool,

    /// With --restart-workloads: how long to wait for further changes before a restart
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration)]
    restart_delay: SignedDuration,

    /// With --restart-workloads: minimum interval between two restarts of one workload
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    restart_min_interval: SignedDuration,

    /// Reconcile ExternalSecrets
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) external_secrets: bool,

    /// Only manage stores with this class or no class
    #[arg(long, value_name = "CLASS", default_value = "default")]
    controller_class: String,

    /// Number of ExternalSecrets to reconcile at the same time; most of them wait for AWS
    #[arg(long, value_name = "N", default_value = "256", value_parser = parse_workers)]
    pub(crate) external_workers: usize,

    /// Default check interval for stores without `spec.refreshInterval`
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    store_requeue_interval: SignedDuration,

    /// Shortest refresh interval whose changes may be found by lists of versions. Lists may lag by 5 minutes,
    /// so values with shorter intervals are read
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    min_list_interval: SignedDuration,

    /// Part of AWS's quotas for requests that the controller uses at most, in percent
    #[arg(long, value_name = "PERCENT", default_value = "50",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) aws_quota_percent: u32,

    /// Which stores without `auth` read with the identity of the controller's Pod
    #[arg(long, value_name = "STORES", default_value = "all")]
    pod_identity: PodIdentity,

    /// SQS queue with events of AWS, as URL[,region=REGION][,role=ARN] (repeated or separated by blanks)
    #[arg(long, value_name = "QUEUE", value_delimiter = ' ', value_parser = EventQueue::from_str)]
    pub(crate) event_queue: Vec<EventQueue>,

    /// With --event-queue: how long after its last event a store counts as announced by events
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    event_max_silence: SignedDuration,

    /// Additional certificate authorities for connections to AWS, as PEM; by default the file in `AWS_CA_BUNDLE`
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,

    /// Annotate Secrets of ExternalSecrets with the hash of their data, as External Secrets does
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    data_hash: bool,

    /// Copy labels and annotations of ExternalSecrets without a template to their Secrets
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    copy_metadata: bool,

    /// Also copy labels and annotations by which Argo CD, Flux, Helm or kubectl know their objects
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) copy_tool_metadata: bool,

    /// Let ExternalSecrets write to a Secret that External Secrets did not make only if it is annotated
    /// with mtk.mytomorrows.com/adopt=true
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    require_adopt_annotation: bool,

    /// Left template delimiter for ExternalSecrets
    #[arg(long, value_name = "TEXT", default_value = "{{", value_parser = parse_delimiter)]
    template_left_delimiter: String,

    /// Right template delimiter for ExternalSecrets
    #[arg(long, value_name = "TEXT", default_value = "}}", value_parser = parse_delimiter)]
    template_right_delimiter: String,

    /// Omit metrics that are labelled with the names of SealedSecrets and ExternalSecrets
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) metrics_omit_secret_labels: bool,

    /// Write the status of SealedSecrets. If false, Events and metrics report results
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) update_status: bool,

    /// Leave Secrets of SealedSecrets as others changed or deleted them, until the SealedSecret changes
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) skip_recreate: bool,

    /// Log level: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = LogLevel::parse)]
    pub log_level: LogLevel,

    /// File with the log level, instead of --log-level; changes apply within seconds
    #[arg(long, value_name = "FILE")]
    pub(crate) log_level_file: Option<PathBuf>,

    /// Write messages up to level info to standard output, and not to standard error
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub log_info_stdout: bool,

    /// Log format
    #[arg(long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    pub log_format: LogFormat,

    /// Arguments and variables that the log mentions.
    #[arg(skip)]
    pub(crate) notices: Notices,
}

impl Config {
    pub(crate) fn namespace(&self) -> String {
        let from_file = || std::fs::read_to_string(NAMESPACE_FILE).ok();
        let from_environment = || std::env::var("POD_NAMESPACE").ok();
        let found = self.namespace.clone().or_else(from_environment).or_else(from_file);
        let found = found.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        found.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
    }

    /// AWS's own programs read the same variable.
    pub(crate) fn ca_bundle(&self) -> Option<PathBuf> {
        let from_environment = || std::env::var_os("AWS_CA_BUNDLE").map(PathBuf::from);
        let found = self.ca_bundle.clone().or_else(from_environment);
        found.filter(|path| !path.as_os_str().is_empty())
    }

    /// The namespaces that a controller in this namespace watches.
    pub(crate) fn watched(&self, own: &str) -> WatchScope {
        let mut additional: Vec<_> = self.additional_namespaces.clone();
        additional.retain(|name| !name.is_empty());
        // As in Bitnami's controller, a list of namespaces wins over the default.
        if self.all_namespaces && additional.is_empty() {
            return WatchScope::All;
        }
        WatchScope::Namespaces(additional.into_iter().chain([own.to_owned()]).collect())
    }

    pub(crate) fn key_settings(&self) -> KeySettings {
        KeySettings {
            prefix: self.key_prefix.clone(),
            bits: self.key_size,
            common_name: self.my_cn.clone(),
            lifetime: self.key_ttl,
            order: self.keys.key_order_priority,
            labels: self.keys.privatekey_labels.0.clone(),
            annotations: self.keys.privatekey_annotations.0.clone(),
        }
    }

    pub(crate) fn templates(&self, memory: &Arc<TemplateMemory>) -> TemplateSettings {
        let (steps, output) = (self.template_max_steps, self.template_max_output);
        // A rendering that needs more than the share of its namespace would be retried forever.
        let bytes = Limits::default().bytes.min(memory.share());
        let limits = Limits { steps, output, bytes, ..Limits::default() };
        let time = self.template_timeout.unsigned_abs();
        TemplateSettings { limits, time, memory: memory.clone() }
    }

    pub(crate) fn delimiters(&self) -> Delimiters {
        Delimiters {
            left: self.template_left_delimiter.clone(),
            right: self.template_right_delimiter.clone(),
        }
    }

    pub(crate) fn externals(&self) -> external::Settings {
        external::Settings {
            class: self.controller_class.clone(),
            writes_data_hash: self.data_hash,
            copies_metadata: self.copy_metadata,
            requires_adopt_annotation: self.require_adopt_annotation,
            watches_cluster_stores: self.watched("") == WatchScope::All,
            pod_identity: self.pod_identity,
            store_check_interval: self.store_requeue_interval.unsigned_abs(),
            min_list_interval: self.min_list_interval.unsigned_abs(),
            event_queues: self.event_queue.len(),
            max_event_silence: self.event_max_silence.unsigned_abs(),
        }
    }

    /// `None` if workloads are not restarted.
    pub(crate) fn restarts(&self) -> Option<restart::Settings> {
        self.restart_workloads.then(|| restart::Settings {
            delay: self.restart_delay.unsigned_abs(),
            min_interval: self.restart_min_interval.unsigned_abs(),
        })
    }
}
