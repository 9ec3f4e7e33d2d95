//! `mtk-controller`: turns SealedSecrets into Secrets and keeps them in sync.

use std::process::ExitCode;

use mtk_controller::{config::Config, run, telemetry};
use tracing::error;

fn main() -> ExitCode {
    let config = Config::from_process();
    let level = telemetry::init(config.log_level, config.log_format, config.log_info_stdout);
    run::harden();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("this is the first provider");
    match run::run(config, level) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(error = format!("{cause:#}"), "the controller cannot run");
            ExitCode::FAILURE
        }
    }
}
