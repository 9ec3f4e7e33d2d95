//! Requests, one after another, while a test changes the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::anyhow;

use crate::controller::get;

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// A loop of requests, each on a new connection. Dropping it stops the loop.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Answers>>,
}

/// The results of the requests.
#[derive(Debug, Default)]
pub struct Answers {
    /// The number of responses with status 200.
    pub good: usize,
    /// The errors of the others.
    pub failed: Vec<String>,
}

impl Load {
    /// Starts requesting this path.
    pub fn start(address: SocketAddr, path: &'static str) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let mut answers = Answers::default();
            while !stopped.load(Ordering::Relaxed) {
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

    /// Stops the loop, and returns the results.
    pub fn end(mut self) -> anyhow::Result<Answers> {
        self.stop.store(true, Ordering::Relaxed);
        let answers = self.thread.take().map(JoinHandle::join);
        answers.and_then(Result::ok).ok_or_else(|| anyhow!("the thread with the requests panicked"))
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
