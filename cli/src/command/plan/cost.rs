//! How many requests a reader makes in a month. Pure: no clock, file or message.

use std::collections::BTreeMap;

use super::{
    assumptions::Assumptions,
    checks::Checks,
    prices::{
        Call, DAILY_SLOTS, DAYS, LONG_POLL, PARAMETERS_IN_BATCH, PARAMETERS_ON_PAGE,
        PARAMETERS_ON_PAGE_OF_PATH, SECRETS_IN_BATCH, SESSION, batches, pages,
    },
    reads::{Filter, Read, Reader, per_month},
};

/// How changes are noticed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Mode {
    /// By events. All values are read once a day.
    Events,
    /// By lists and descriptions of versions, where these save requests. All values are read once a day.
    Lists,
    /// By reading all values at the refresh interval, in batches.
    Batches,
    /// As the External Secrets Operator does.
    ExternalSecrets,
}

impl Mode {
    pub(super) const ALL: [Self; 4] =
        [Self::Events, Self::Lists, Self::Batches, Self::ExternalSecrets];

    /// Its name in the output.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Lists => "lists",
            Self::Batches => "batches",
            Self::ExternalSecrets => "External Secrets",
        }
    }
}

/// The number of requests in a month. Large numbers saturate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Calls(pub(super) BTreeMap<Call, u64>);

impl Calls {
    fn add(&mut self, call: Call, count: u64) {
        if count > 0 {
            let sum = self.0.entry(call).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(call, count)| self.add(*call, *count));
    }

    /// Requests to AWS. KMS is asked by AWS itself.
    pub(super) fn count(&self) -> u64 {
        let own = self.0.iter().filter(|(call, _)| **call != Call::Decrypt);
        own.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// In billionths of a dollar.
    pub(super) fn price(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, (call, count)| sum.saturating_add(call.price().saturating_mul(*count)))
    }
}

/// The requests of queues with events, where each change is one message.
pub(super) fn queues(queues: u64, changes: u64) -> Calls {
    let mut calls = Calls::default();
    calls.add(Call::ReceiveMessage, per_month(LONG_POLL).saturating_mul(queues));
    calls.add(Call::DeleteMessage, changes);
    calls
}

/// The requests of one reader.
pub(super) fn calls(reader: &Reader, mode: Mode, with: &Assumptions) -> Calls {
    let mut month = Month { calls: Calls::default(), with };
    match mode {
        Mode::Events => month.events(reader),
        Mode::Lists => month.lists(reader),
        Mode::Batches => month.batches(reader),
        Mode::ExternalSecrets => month.objects(reader),
    }
    month.calls
}

/// The requests with which values are read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Batch {
    /// They come with something else, or are no values.
    None,
    Secrets,
    /// Of secrets: a batch has no versions.
    Versions,
    Parameters,
}

impl Batch {
    /// The requests that read so many values. Batches need several values.
    fn requests(self, values: u64) -> (Call, u64) {
        match self {
            Self::None => (Call::GetSecretValue, 0),
            Self::Secrets if values > 1 => (Call::BatchGetSecretValue, batches(values)),
            Self::Parameters if values > 1 => {
                (Call::GetParameters, values.div_ceil(PARAMETERS_IN_BATCH))
            }
            Self::Parameters => (Call::GetParameter, values),
            Self::Secrets | Self::Versions => (Call::GetSecretValue, values),
        }
    }
}

/// The kind of its batches, and its number of values. None: as many as are found.
fn batch_of(read: &Read) -> (Batch, Option<u64>) {
    match read {
        Read::Secret { version, .. } if version.is_empty() => (Batch::Secrets, Some(1)),
        Read::Secret { .. } => (Batch::Versions, Some(1)),
        Read::SecretsFound(_) => (Batch::Secrets, None),
        Read::Parameter { .. } => (Batch::Parameters, Some(1)),
        Read::ParametersFound(filter) if !filter.tags.is_empty() => (Batch::Parameters, None),
        Read::ParametersFound(_) | Read::SecretTags { .. } | Read::ParameterTags { .. } => {
            (Batch::None, Some(0))
        }
    }
}

/// The requests of a month, while they are counted.
struct Month<'a> {
    calls: Calls,
    with: &'a Assumptions,
}

impl Month<'_> {
    fn add(&mut self, call: Call, count: u64) {
        self.calls.add(call, count);
    }

    /// Adds requests for values. AWS asks KMS once for each value.
    fn read(&mut self, call: Call, requests: u64, values: u64) {
        self.add(call, requests);
        if self.with.has_kms_key {
            self.add(Call::Decrypt, values);
        }
    }

    /// The controller reads a value that events announce after each change and once a day, and any other value at
    /// each refresh.
    fn events(&mut self, reader: &Reader) {
        let mut announced = BTreeMap::new();
        for (read, refreshes) in &reader.reads {
            let times = refreshes.listed.max(refreshes.announced);
            if times > refreshes.other {
                self.change(read);
                let (batch, _) = batch_of(read);
                let proofs = times.min(self.with.proofs_per_month);
                *announced.entry((batch, proofs)).or_default() += 1;
            }
        }
        let objects = reader.objects.len() as u64;
        for ((batch, proofs), values) in announced {
            self.prove(batch, values, DAILY_SLOTS.min(objects), proofs);
        }
        let reads = reader.reads.iter().map(|(read, refreshes)| (read, refreshes.other));
        let most = self.refresh(reads);
        self.sessions(reader, most.max(self.with.proofs_per_month));
    }

    /// The controller reads a value whose version a list or a description shows after each change and once a day,
    /// and any other value at each refresh.
    fn lists(&mut self, reader: &Reader) {
        let with = self.with;
        let Checks { listed, described } = Checks::of(reader, with);
        if let Some(lists) = listed.values().max() {
            self.add(Call::ListSecrets, pages(with.listed).saturating_mul(*lists));
        }
        let (mut due, mut asked) = (BTreeMap::new(), BTreeMap::<(Batch, u64), u64>::new());
        for (read, times) in listed.iter().chain(&described) {
            self.change(read);
            *due.entry((batch_of(read).0, *times)).or_default() += 1;
        }
        for (read, times) in &described {
            *asked.entry((batch_of(read).0, *times)).or_default() += 1;
        }
        let objects = reader.objects.len() as u64;
        for ((batch, times), values) in due {
            let slots = (times / DAYS).min(DAILY_SLOTS).min(objects);
            self.prove(batch, values, slots, with.proofs_per_month.min(times));
        }
        for ((batch, times), values) in asked {
            // The daily read needs no description.
            let times = times.saturating_sub(with.proofs_per_month);
            if batch == Batch::Parameters {
                let requests = values.div_ceil(PARAMETERS_ON_PAGE);
                self.add(Call::DescribeParameters, requests.saturating_mul(times));
            } else {
                self.add(Call::DescribeSecret, values.saturating_mul(times));
            }
        }
        let most = self.refresh(reader.reads.iter().map(|(read, refreshes)| {
            let is_checked = listed.contains_key(read) || described.contains_key(read);
            let unchecked = refreshes.announced.max(refreshes.other);
            (read, if is_checked { unchecked } else { refreshes.most() })
        }));
        let checks = listed.values().chain(described.values()).max();
        self.sessions(reader, checks.map_or(most, |checks| most.max(*checks)));
    }

    fn batches(&mut self, reader: &Reader) {
        let reads = reader.reads.iter().map(|(read, refreshes)| (read, refreshes.most()));
        let most = self.refresh(reads);
        self.sessions(reader, most);
    }

    /// A value is read once after each change. A version that is named by its id never changes.
    fn change(&mut self, read: &Read) {
        let is_fixed = |version: &str| version.starts_with("uuid/");
        let changes = self.with.changes_per_month;
        match read {
            Read::Secret { version, .. } if is_fixed(version) => {}
            Read::Secret { .. } => self.read(Call::GetSecretValue, changes, changes),
            _ => self.read(Call::GetParameter, changes, changes),
        }
    }

    /// All values are read so many times a month, a part of them at each of the times of a day.
    fn prove(&mut self, batch: Batch, values: u64, slots: u64, times: u64) {
        let slots = slots.clamp(1, values.max(1));
        let (call, requests) = batch.requests(values.div_ceil(slots));
        let requests = requests.saturating_mul(slots).saturating_mul(times);
        self.read(call, requests, values.saturating_mul(times));
    }

    /// Values that are due together share batches. Returns the number of refreshes.
    fn refresh<'r>(&mut self, reads: impl Iterator<Item = (&'r Read, u64)>) -> u64 {
        let (mut due, mut most) = (BTreeMap::<(Batch, u64), u64>::new(), 0);
        for (read, times) in reads {
            most = times.max(most);
            let (batch, values) = batch_of(read);
            match read {
                Read::SecretsFound(_) => self.find_secrets(times),
                Read::ParametersFound(filter) => self.find_parameters(filter, times),
                Read::SecretTags { .. } => self.add(Call::DescribeSecret, times),
                Read::ParameterTags { .. } => self.add(Call::ListTagsForResource, times),
                Read::Secret { .. } | Read::Parameter { .. } => {}
            }
            let values = values.unwrap_or(self.with.values_per_find);
            *due.entry((batch, times)).or_default() += values;
        }
        for ((batch, times), values) in due {
            let (call, requests) = batch.requests(values);
            self.read(call, requests.saturating_mul(times), values.saturating_mul(times));
        }
        most
    }

    /// One request for each value of each object, at each refresh.
    fn objects(&mut self, reader: &Reader) {
        let found = self.with.values_per_find;
        for object in &reader.objects {
            let times = object.refreshes.most();
            let found_times = found.saturating_mul(times);
            for read in &object.reads {
                match read {
                    Read::Secret { .. } => self.read(Call::GetSecretValue, times, times),
                    Read::SecretsFound(filter) if filter.is_empty() => {
                        self.find_secrets(times);
                        self.read(Call::GetSecretValue, found_times, found_times);
                    }
                    Read::SecretsFound(_) => {
                        let requests = found.div_ceil(SECRETS_IN_BATCH).max(1);
                        let requests = requests.saturating_mul(times);
                        self.read(Call::BatchGetSecretValue, requests, found_times);
                    }
                    Read::SecretTags { .. } => self.add(Call::DescribeSecret, times),
                    Read::Parameter { .. } => self.read(Call::GetParameter, times, times),
                    Read::ParametersFound(filter) => {
                        self.find_parameters(filter, times);
                        if !filter.tags.is_empty() {
                            self.read(Call::GetParameter, found_times, found_times);
                        }
                    }
                    Read::ParameterTags { .. } => self.add(Call::ListTagsForResource, times),
                }
            }
            if reader.chain.has_token() {
                self.add(Call::AssumeRoleWithWebIdentity, times);
            }
            self.add(Call::AssumeRole, reader.chain.roles().saturating_mul(times));
        }
    }

    fn find_secrets(&mut self, times: u64) {
        self.add(Call::ListSecrets, pages(self.with.listed).saturating_mul(times));
    }

    /// Without tags, the pages have the values.
    fn find_parameters(&mut self, filter: &Filter, times: u64) {
        let found = self.with.values_per_find;
        let pages = |size: u64| found.div_ceil(size).max(1).saturating_mul(times);
        if filter.tags.is_empty() {
            let requests = pages(PARAMETERS_ON_PAGE_OF_PATH);
            self.read(Call::GetParametersByPath, requests, found.saturating_mul(times));
        } else {
            self.add(Call::DescribeParameters, pages(PARAMETERS_ON_PAGE));
        }
    }

    /// A session is renewed only while it is used.
    fn sessions(&mut self, reader: &Reader, refreshes: u64) {
        let sessions = refreshes.min(per_month(SESSION));
        if reader.chain.has_token() {
            self.add(Call::AssumeRoleWithWebIdentity, sessions);
        }
        self.add(Call::AssumeRole, reader.chain.roles().saturating_mul(sessions));
    }
}

#[cfg(test)]
mod tests;
