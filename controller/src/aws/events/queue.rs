//! Polls one queue. A message is deleted once its hint has been handed over. If the process ends before that, or
//! AWS delivers a message twice, the hint comes again, which is harmless.

use std::{sync::Arc, time::Duration};

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    message::parse,
    metrics::EventMetrics,
    source::{EventQueue, EventSubscriber},
};
use crate::{
    aws::{
        caller::{Caller, endpoint},
        error::ReadError,
    },
    reason::{Failure, Reason},
    runtime::Backoff,
};

const RECEIVE_MESSAGE: &str = "sqs:ReceiveMessage";
const DELETE_MESSAGE: &str = "sqs:DeleteMessage";

/// The longest poll that SQS offers.
const POLL_SECONDS: i32 = 20;
/// The limit of one request.
const MAX_MESSAGES: i32 = 10;
/// How long a message that was not deleted stays hidden.
const VISIBILITY_SECONDS: i32 = 60;
/// A poll has to be answered within this time.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);
/// The least time between two polls without a message, if a server does not wait.
const MIN_EMPTY_POLL: Duration = Duration::from_secs(1);
const RETRY_BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(1), max: Duration::from_mins(1) };

pub(crate) struct Poller {
    number: usize,
    queue: EventQueue,
    client: aws_sdk_sqs::Client,
    caller: Caller,
    metrics: EventMetrics,
}

impl Poller {
    /// `caller` and `config` have the credentials of the queue's identity.
    pub(in crate::aws) fn new(
        number: usize,
        queue: EventQueue,
        config: &SdkConfig,
        caller: Caller,
        metrics: EventMetrics,
    ) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(POLL_TIMEOUT);
        let timeouts = timeouts.take_unset_from(
            config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled).into_builder(),
        );
        let mut config =
            aws_sdk_sqs::config::Builder::from(config).timeout_config(timeouts.build());
        if let Some(url) = endpoint("AWS_SQS_ENDPOINT").or_else(|| queue.endpoint()) {
            config = config.endpoint_url(url);
        }
        let client = aws_sdk_sqs::Client::from_conf(config.build());
        Self { number, queue, client, caller, metrics }
    }

    /// Polls until the task ends.
    pub(crate) async fn run(self, subscriber: Arc<dyn EventSubscriber>) {
        let (mut failures, mut last) = (0_u32, None);
        let queue = self.queue.name();
        loop {
            let started = Instant::now();
            let polled = self.poll(&*subscriber).await;
            let failure = polled.as_ref().err().map(|error| self.failure(error));
            self.metrics.polled(queue, failure.is_none());
            subscriber.polled(self.number, failure.as_ref());
            let reason = failure.as_ref().map(|failure| failure.reason);
            match &failure {
                Some(Failure { reason, message }) if last != Some(*reason) => {
                    warn!(queue, %reason, cause = message, "event queue cannot be polled");
                }
                None if last.is_some() => info!(queue, "event queue is polled again"),
                _ => {}
            }
            last = reason;
            let pause = match polled {
                Ok(0) => MIN_EMPTY_POLL.saturating_sub(started.elapsed()),
                Ok(_) => Duration::ZERO,
                Err(_) => RETRY_BACKOFF.delay(failures, rand::random()),
            };
            failures = if reason.is_some() { failures.saturating_add(1) } else { 0 };
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for messages and hands over their hints. Returns how many came.
    async fn poll(&self, subscriber: &dyn EventSubscriber) -> Result<usize, ReadError> {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.queue.url)
            .wait_time_seconds(POLL_SECONDS)
            .max_number_of_messages(MAX_MESSAGES)
            .visibility_timeout(VISIBILITY_SECONDS);
        let response = self.caller.call(RECEIVE_MESSAGE, || request.clone().send()).await?;
        let messages = response.messages.unwrap_or_default();
        let done = messages.iter().filter(|message| self.handle(message, subscriber));
        let done = done.filter_map(|message| message.receipt_handle.clone());
        self.delete(done.collect()).await?;
        Ok(messages.len())
    }

    /// False if the message is no event. Then it stays in the queue, whose redrive policy decides.
    fn handle(&self, message: &Message, subscriber: &dyn EventSubscriber) -> bool {
        let parsed = parse(message.body().unwrap_or_default());
        let kind = match &parsed {
            Ok(Some(_)) => "hint",
            Ok(None) => "other",
            Err(_) => "malformed",
        };
        self.metrics.received(self.queue.name(), kind);
        if let Ok(Some(hint)) = &parsed {
            subscriber.hinted(self.number, hint);
        }
        parsed.is_ok()
    }

    /// A message that AWS does not delete comes again.
    async fn delete(&self, receipts: Vec<String>) -> Result<(), ReadError> {
        if receipts.is_empty() {
            return Ok(());
        }
        let entry = |(number, receipt): (usize, String)| {
            let entry = DeleteMessageBatchRequestEntry::builder();
            entry.id(number.to_string()).receipt_handle(receipt).build()
        };
        let entries: Result<Vec<_>, _> = receipts.into_iter().enumerate().map(entry).collect();
        let entries = entries.expect("entries have an id and a receipt");
        let request = self.client.delete_message_batch().queue_url(&self.queue.url);
        let request = request.set_entries(Some(entries));
        self.caller.call(DELETE_MESSAGE, || request.clone().send()).await?;
        Ok(())
    }

    fn failure(&self, ReadError { reason, action, detail, .. }: &ReadError) -> Failure {
        let queue = self.queue.name();
        let message = match reason {
            _ if let Some(detail) = detail => format!("event queue {queue}: {detail}"),
            Reason::NotFound => format!(
                "event queue {queue} was not found: check the URL in --event-queue, its region and its \
                 account"
            ),
            Reason::AccessDenied => format!(
                "AWS denies {action} on event queue {queue}: allow it to the controller's role or to \
                 `role` of the queue"
            ),
            Reason::KmsDenied => format!(
                "AWS denies kms:Decrypt for event queue {queue}: allow it on the key of the queue"
            ),
            _ => format!("event queue {queue}: {action} failed"),
        };
        Failure::new(*reason, message)
    }
}
