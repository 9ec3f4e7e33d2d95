//! The signal that ends the process.

use tokio::sync::watch;

/// Waits until `stop` turns true.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which also means stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
