//! Flags and environment, validated.
//!
//! Every flag `--some-flag` is also read from `MTK_SOME_FLAG`, or from `SEALED_SECRETS_SOME_FLAG`, the
//! name that Bitnami's controller uses. The command line wins.

mod external;
mod keys;
mod log;
mod namespaces;
mod parse;
mod restart;
mod templates;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser};
use jiff::SignedDuration;

use self::{
    external::ExternalArgs,
    keys::KeyArgs,
    log::LogArgs,
    namespaces::NamespaceArgs,
    parse::{parse_address, parse_duration, parse_workers},
    restart::RestartArgs,
    templates::TemplateArgs,
};
use crate::{
    context::TemplateSettings,
    external::{render::Delimiters, settings::Settings},
    keys::KeySettings,
    runtime::scope::WatchScope,
    telemetry::{LogFormat, LogLevel},
};

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

    #[command(flatten)]
    namespaces: NamespaceArgs,

    /// Address of the certificate and health endpoints
    #[arg(long, value_name = "ADDRESS", default_value = ":8080", value_parser = parse_address)]
    pub(crate) listen_addr: SocketAddr,

    /// Address of the metrics endpoint
    #[arg(long, value_name = "ADDRESS", default_value = ":8081", value_parser = parse_address)]
    pub(crate) listen_metrics_addr: SocketAddr,

    #[command(flatten)]
    keys: KeyArgs,

    /// Also decrypt the deprecated `spec.data`
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) accept_deprecated_v1_data: bool,

    /// Allow Secrets of a privileged type, e.g. kubernetes.io/service-account-token (repeatable)
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    allow_secret_type: Vec<String>,

    #[command(flatten)]
    templates: TemplateArgs,

    /// Number of SealedSecrets to reconcile at the same time
    #[arg(long, value_name = "N", default_value = "32", value_parser = parse_workers)]
    pub(crate) workers: usize,

    /// Interval at which to reconcile every object; objects that are in sync cause no requests
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    resync_period: SignedDuration,

    #[command(flatten)]
    restart: RestartArgs,

    #[command(flatten)]
    external: ExternalArgs,

    /// Omit metrics that are labelled with the names of SealedSecrets and ExternalSecrets
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) metrics_omit_secret_labels: bool,

    #[command(flatten)]
    log: LogArgs,
}

impl Config {
    /// The settings of this process. On an invalid flag, prints the error and exits with code 2.
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

    pub(crate) fn namespace(&self) -> String {
        self.namespaces.own()
    }

    /// The namespaces that a controller in this namespace watches.
    pub(crate) fn watched(&self, own: &str) -> WatchScope {
        self.namespaces.watched(own)
    }

    pub(crate) fn key_settings(&self) -> KeySettings {
        self.keys.settings()
    }

    /// Privileged types of Secrets that the operator allows.
    pub(crate) fn allowed_types(&self) -> BTreeSet<String> {
        self.allow_secret_type.iter().cloned().collect()
    }

    /// Limits on the templates of one object.
    pub(crate) fn templates(&self) -> TemplateSettings {
        self.templates.settings()
    }

    pub(crate) fn external_secrets(&self) -> bool {
        self.external.external_secrets
    }

    /// Number of ExternalSecrets to reconcile at the same time.
    pub(crate) fn external_workers(&self) -> usize {
        self.external.external_workers
    }

    pub(crate) fn externals(&self) -> Settings {
        self.external.settings(self.namespaces.watches_all())
    }

    pub(crate) fn delimiters(&self) -> Delimiters {
        self.external.delimiters()
    }

    /// `None` if workloads are not restarted.
    pub(crate) fn restarts(&self) -> Option<crate::restart::Settings> {
        self.restart.settings()
    }

    pub(crate) fn resync_period(&self) -> Duration {
        self.resync_period.unsigned_abs()
    }

    /// The least severe level to log.
    pub fn log_level(&self) -> LogLevel {
        self.log.log_level
    }

    /// The format of the log.
    pub fn log_format(&self) -> LogFormat {
        self.log.log_format
    }
}

/// The environment variable of a flag. Bitnami's name counts only if ours is unset.
fn variable(long: &str, is_set: impl Fn(&str) -> bool) -> OsString {
    let upper = long.to_uppercase().replace('-', "_");
    let (ours, bitnamis) = (format!("MTK_{upper}"), format!("SEALED_SECRETS_{upper}"));
    if !is_set(&ours) && is_set(&bitnamis) { bitnamis.into() } else { ours.into() }
}
