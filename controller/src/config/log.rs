//! Logs.

use clap::Args;

use crate::telemetry::{LogFormat, LogLevel};

#[derive(Args, Clone, Debug)]
pub(super) struct LogArgs {
    /// Log level
    #[arg(long, value_name = "LEVEL", default_value = "info", ignore_case = true)]
    pub(super) log_level: LogLevel,

    /// Log format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: LogFormat,
}
