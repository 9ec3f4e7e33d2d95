//! The requests for the lease.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, Error,
    api::{ObjectMeta, PostParams},
};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    fence::Fence,
    metrics::LeaderMetrics,
    plan::{Action, Candidate, Seen, Timing, plan},
};
use crate::runtime::{
    api::{FIELD_MANAGER, RequestError},
    clock::boot_time,
};

/// The duration of a lease that nobody holds, in seconds, as Kubernetes' own client writes it.
const RELEASED_SECONDS: i32 = 1;

/// A candidate for the lease.
pub(crate) struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    timing: Timing,
    fence: Fence,
    metrics: LeaderMetrics,
    /// The lease as last read or written.
    last: Option<Record>,
    /// Whether `last` is what the API server has, as far as this process knows.
    is_current: bool,
    /// Whether the last request failed.
    is_failing: bool,
    leads_until: Option<Duration>,
}

struct Record {
    lease: Lease,
    since: Duration,
}

/// Why the election ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// This process led, and does no longer.
    Lost,
    /// This process gave up its candidacy, and the lease if it held it.
    Resigned,
}

impl Election {
    /// `identity` is that of this process. No process had it before, so a restarted one waits like any
    /// other.
    pub(crate) fn new(
        client: Client,
        (namespace, name): (&str, &str),
        identity: String,
        timing: Timing,
        fence: Fence,
        metrics: LeaderMetrics,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity,
            timing,
            fence,
            metrics,
            last: None,
            is_current: false,
            is_failing: false,
            leads_until: None,
        }
    }

    /// Takes the lease when it is free, and renews it, until it is lost or `resign` turns true.
    pub(crate) async fn run(mut self, mut resign: watch::Receiver<bool>) -> Ended {
        loop {
            let began = boot_time();
            // An error means that the sender was dropped, which also means resign.
            let resigns = *resign.borrow() || resign.has_changed().is_err();
            let pause = match self.step(resigns).await {
                Ok(pause) => pause,
                Err(ended) => return ended,
            };
            let elapsed = boot_time().saturating_sub(began);
            tokio::select! {
                () = tokio::time::sleep(pause.saturating_sub(elapsed)) => {}
                _ = resign.wait_for(|resigns| *resigns) => {}
            }
        }
    }

    /// Returns when to look at the lease again, counted from the beginning of this step.
    async fn step(&mut self, resigns: bool) -> Result<Duration, Ended> {
        if !self.is_current {
            self.read().await;
        }
        let us = Candidate { identity: &self.identity, leads_until: self.leads_until, resigns };
        match plan(self.seen().as_ref(), us, self.timing, boot_time()) {
            Action::Lost => {
                self.fence.close();
                self.metrics.set_leader(false);
                return Err(Ended::Lost);
            }
            Action::Stop => return Err(Ended::Resigned),
            Action::Release => {
                self.release().await;
                return Err(Ended::Resigned);
            }
            Action::Wait(pause) => {
                self.is_current = false;
                return Ok(pause);
            }
            // The lease may have changed since it was read.
            _ if !self.is_current => {}
            Action::Create => self.write(self.lease_to_create()).await,
            Action::Take => self.write(self.lease_to_take()).await,
            Action::Renew => self.write(self.lease_to_renew()).await,
        }
        Ok(self.timing.retry)
    }

    fn seen(&self) -> Option<Seen> {
        let Record { lease, since } = self.last.as_ref()?;
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let duration = seconds.map_or(self.timing.lease, Duration::from_secs);
        Some(Seen { holder: holder(lease).to_owned(), duration, since: *since })
    }

    async fn read(&mut self) {
        let found = match self.within_limit(self.api.get_opt(&self.name)).await {
            Ok(found) => found,
            Err(error) => return self.failed("cannot read the lease", &error),
        };
        (self.is_current, self.is_failing) = (true, false);
        let before = self.last.take();
        let Some(lease) = found else { return };
        if before.as_ref().map(|before| holder(&before.lease)) != Some(holder(&lease)) {
            info!(lease = self.name, holder = holder(&lease), "read the lease");
        }
        // The time after the answer, so that the lease never counts too short.
        let unchanged = before.filter(|before| before.lease.spec == lease.spec);
        let since = unchanged.map_or_else(boot_time, |before| before.since);
        self.remember(lease, since);
    }

    /// Logs the first failure in a row.
    fn failed(&mut self, what: &str, error: &RequestError) {
        self.is_current = false;
        if !std::mem::replace(&mut self.is_failing, true) {
            // The text of the API server is left out.
            let cause = error.failure("read or write the lease").message;
            warn!(lease = self.name, cause, "{what}");
        }
    }

    fn remember(&mut self, lease: Lease, since: Duration) {
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
        self.metrics.set_transitions(transitions.unwrap_or_default());
        self.last = Some(Record { lease, since });
    }

    /// Makes this process the holder. A conflict, or any other failure, is found out by the next read.
    async fn write(&mut self, lease: Lease) {
        let began = boot_time();
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), dry_run: false };
        let written = if lease.metadata.resource_version.is_none() {
            self.within_limit(self.api.create(&params, &lease)).await
        } else {
            self.within_limit(self.api.replace(&self.name, &params, &lease)).await
        };
        match written {
            Ok(lease) => {
                // The time before the request, so that this process never leads for too long.
                let until = began + self.timing.renew_deadline;
                if self.leads_until.is_none() {
                    info!(lease = self.name, identity = self.identity, "this replica leads");
                }
                self.leads_until = Some(until);
                self.fence.extend(until);
                self.metrics.set_leader(true);
                self.remember(lease, boot_time());
                self.is_failing = false;
            }
            // Another candidate was faster.
            Err(error) if error.is_conflict() => self.is_current = false,
            Err(error) => self.failed("cannot write the lease", &error),
        }
    }

    /// Lets another process take the lease at once. The fence is closed first.
    async fn release(&mut self) {
        self.fence.close();
        self.metrics.set_leader(false);
        let Some(Record { lease, .. }) = &self.last else { return };
        let spec = LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(RELEASED_SECONDS),
            ..self.spec(lease.spec.as_ref())
        };
        let lease = Lease { metadata: lease.metadata.clone(), spec: Some(spec) };
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), dry_run: false };
        match self.within_limit(self.api.replace(&self.name, &params, &lease)).await {
            Ok(_) => info!(lease = self.name, "released the lease"),
            Err(error) => self.failed("cannot release the lease", &error),
        }
    }

    /// Half of the time to renew, so that a renewal can be tried twice.
    async fn within_limit<T>(
        &self,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, RequestError> {
        match tokio::time::timeout(self.timing.renew_deadline / 2, request).await {
            Ok(answer) => answer.map_err(RequestError::Api),
            Err(_) => Err(RequestError::TimedOut),
        }
    }

    fn lease_to_create(&self) -> Lease {
        let name = Some(self.name.clone());
        let metadata = ObjectMeta { name, ..ObjectMeta::default() };
        Lease { metadata, spec: Some(self.spec(None)) }
    }

    fn lease_to_take(&self) -> Lease {
        let mut lease = self.lease_to_renew();
        if let Some(spec) = &mut lease.spec {
            spec.acquire_time.clone_from(&spec.renew_time);
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default() + 1);
        }
        lease
    }

    fn lease_to_renew(&self) -> Lease {
        let last = self.last.as_ref().map(|last| &last.lease);
        let metadata = last.map(|lease| lease.metadata.clone()).unwrap_or_default();
        Lease { metadata, spec: Some(self.spec(last.and_then(|lease| lease.spec.as_ref()))) }
    }

    /// The lease with this process as its holder, and other fields as they were.
    fn spec(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = Some(MicroTime(Timestamp::now()));
        let before = before.cloned().unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.timing.lease.as_secs()).ok(),
            acquire_time: before.acquire_time.or_else(|| now.clone()),
            lease_transitions: Some(before.lease_transitions.unwrap_or_default()),
            renew_time: now,
            ..before
        }
    }
}

/// Empty if nobody holds the lease.
fn holder(lease: &Lease) -> &str {
    let spec = lease.spec.as_ref();
    spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}
