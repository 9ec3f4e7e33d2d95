//! Signals to this process.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::keys::KeyRenewal;

/// Creates a sealing key at each SIGUSR1, as Bitnami's controller does.
pub(super) fn request_keys(renewal: Arc<KeyRenewal>) -> impl Future<Output = ()> {
    let signals = signal(SignalKind::user_defined1());
    let mut signals = signals.expect("the process can handle signals");
    async move {
        while signals.recv().await.is_some() {
            renewal.request();
        }
    }
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn signalled() {
    let mut terminate = signal(SignalKind::terminate()).expect("the process can handle signals");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the process can handle signals");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
