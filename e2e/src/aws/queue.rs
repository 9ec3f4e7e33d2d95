//! A queue that the proxy itself serves, for benchmarks: moto takes tens of milliseconds for each message.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A queue of SQS. Until it is served, moto answers.
#[derive(Debug, Default)]
pub struct Queue {
    is_served: AtomicBool,
    messages: Mutex<Messages>,
    sent: Notify,
}

#[derive(Debug, Default)]
struct Messages {
    waiting: VecDeque<Message>,
    /// By receipt: received and not deleted, until they become visible again.
    received: HashMap<String, (Message, Instant)>,
    sent: usize,
    receipts: usize,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    body: String,
}

impl Queue {
    pub(super) fn serve(&self) {
        self.is_served.store(true, Ordering::SeqCst);
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: String) {
        let mut messages = self.lock();
        messages.sent += 1;
        let id = format!("message-{}", messages.sent);
        messages.waiting.push_back(Message { id, body });
        drop(messages);
        self.sent.notify_one();
    }

    /// The answer to a request. None: moto answers.
    pub(super) async fn answer(&self, operation: &str, request: &Value) -> Option<Value> {
        if !self.is_served.load(Ordering::SeqCst) {
            return None;
        }
        match operation {
            "ReceiveMessage" => Some(self.receive(request).await),
            "DeleteMessageBatch" => {
                let entries = request["Entries"].as_array()?;
                let mut messages = self.lock();
                for receipt in entries.iter().filter_map(|entry| entry["ReceiptHandle"].as_str()) {
                    messages.received.remove(receipt);
                }
                let deleted: Vec<_> =
                    entries.iter().map(|entry| json!({ "Id": entry["Id"] })).collect();
                Some(json!({ "Successful": deleted, "Failed": [] }))
            }
            _ => None,
        }
    }

    /// Waits for messages as long as the request says.
    async fn receive(&self, request: &Value) -> Value {
        let seconds = |field: &str| Duration::from_secs(request[field].as_u64().unwrap_or(0));
        let end = Instant::now() + seconds("WaitTimeSeconds");
        let most = request["MaxNumberOfMessages"].as_u64().unwrap_or(1);
        loop {
            let received = self.lock().take(most, seconds("VisibilityTimeout"));
            let ended = timeout_at(end, self.sent.notified());
            if !received.is_empty() || ended.await.is_err() {
                return json!({ "Messages": received });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().expect("no holder of the lock panics")
    }
}

impl Messages {
    fn take(&mut self, most: u64, visibility: Duration) -> Vec<Value> {
        let now = Instant::now();
        let visible = self.received.extract_if(|_, (_, until)| *until <= now);
        self.waiting.extend(visible.map(|(_, (message, _))| message));
        let mut taken = Vec::new();
        for _ in 0..most {
            let Some(message) = self.waiting.pop_front() else { break };
            self.receipts += 1;
            let receipt = format!("receipt-{}", self.receipts);
            taken.push(
                json!({ "MessageId": message.id, "ReceiptHandle": receipt, "Body": message.body }),
            );
            self.received.insert(receipt, (message, now + visibility));
        }
        taken
    }
}
