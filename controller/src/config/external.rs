//! ExternalSecrets and their stores.

use clap::{ArgAction, Args};
use jiff::SignedDuration;

use super::parse::{parse_delimiter, parse_duration, parse_workers};
use crate::external::{render::Delimiters, settings::Settings};

#[derive(Args, Clone, Debug)]
pub(super) struct ExternalArgs {
    /// Reconcile ExternalSecrets
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(super) external_secrets: bool,

    /// Only manage stores with this class or no class
    #[arg(long, value_name = "CLASS", default_value = "default")]
    controller_class: String,

    /// Number of ExternalSecrets to reconcile at the same time; most of them wait for AWS
    #[arg(long, value_name = "N", default_value = "256", value_parser = parse_workers)]
    pub(super) external_workers: usize,

    /// Default check interval for stores without `spec.refreshInterval`
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    store_requeue_interval: SignedDuration,

    /// Annotate Secrets of ExternalSecrets with the hash of their data, as External Secrets does
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    data_hash: bool,

    /// Copy labels and annotations of ExternalSecrets without a template to their Secrets
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    copy_metadata: bool,

    /// Let ExternalSecrets take over an existing Secret only if it is annotated with
    /// mtk.mytomorrows.com/adopt
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    adopt_with_consent: bool,

    /// Left template delimiter for ExternalSecrets
    #[arg(long, value_name = "TEXT", default_value = "{{", value_parser = parse_delimiter)]
    template_left_delimiter: String,

    /// Right template delimiter for ExternalSecrets
    #[arg(long, value_name = "TEXT", default_value = "}}", value_parser = parse_delimiter)]
    template_right_delimiter: String,
}

impl ExternalArgs {
    pub(super) fn settings(&self, watches_cluster_stores: bool) -> Settings {
        Settings {
            class: self.controller_class.clone(),
            writes_data_hash: self.data_hash,
            copies_metadata: self.copy_metadata,
            requires_consent: self.adopt_with_consent,
            watches_cluster_stores,
            store_check_interval: self.store_requeue_interval.unsigned_abs(),
        }
    }

    pub(super) fn delimiters(&self) -> Delimiters {
        Delimiters {
            left: self.template_left_delimiter.clone(),
            right: self.template_right_delimiter.clone(),
        }
    }
}
