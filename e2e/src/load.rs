//! Requests, one after another, while something happens to the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::anyhow;

use crate::controller::get;

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// Requests that are being made, each on a connection of its own. Dropping it ends them.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Answers>>,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Answers {
    /// How many were answered with status 200.
    pub good: usize,
    /// Why the others were not.
    pub failed: Vec<String>,
}

impl Load {
    /// Begins to ask for this path.
    pub fn start(address: SocketAddr, path: &'static str) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = thread::spawn(move || {
            let mut answers = Answers::default();
            while !told.load(Ordering::Relaxed) {
                match get(address, path) {
                    Ok(_) => answers.good += 1,
                    Err(error) => answers.failed.push(format!("{error:#}")),
                }
                thread::sleep(PAUSE);
            }
            answers
        });
        Load { stop, thread: Some(thread) }
    }

    /// Ends them and counts.
    pub fn end(mut self) -> anyhow::Result<Answers> {
        self.stop.store(true, Ordering::Relaxed);
        let answers = self.thread.take().map(JoinHandle::join);
        answers.and_then(Result::ok).ok_or_else(|| anyhow!("the requests ended on a bug"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
