//! Logs: to standard error, as text or JSON.

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogLevel {
    /// Only what needs a person
    Error,
    /// Also what may need one
    Warn,
    /// Also each change
    Info,
    /// Also each decision
    Debug,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// One line of text for each message
    Text,
    /// One line of JSON for each message
    Json,
}

/// Starts the log of this process.
pub fn init(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let filter = filter_fn(move |metadata| *metadata.level() <= level && is_ours(metadata));
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let subscriber = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => subscriber.with(layer.with_ansi(false)).init(),
        LogFormat::Json => subscriber.with(layer.json().flatten_event(true)).init(),
    }
}

/// Only our own crate logs. Libraries would log, at some level, bodies that they cannot parse, and a
/// body may be a Secret (kube-client does, as a warning).
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("mtk_controller")
}
