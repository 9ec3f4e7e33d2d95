//! `mtk-controller`: turns SealedSecrets into Secrets and keeps them in sync.

use std::process::ExitCode;

use mtk_controller::{config::Config, run, telemetry};
use tracing::error;

fn main() -> ExitCode {
    let config = Config::from_process();
    telemetry::init(config.log_level, config.log_format);
    run::harden();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("this is the first provider");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("the system has threads and epoll");
    match runtime.block_on(run::run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(error = format!("{cause:#}"), "the controller cannot run");
            ExitCode::FAILURE
        }
    }
}
