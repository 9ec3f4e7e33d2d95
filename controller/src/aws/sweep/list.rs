//! One list of the versions of all secrets. It keeps keyed hashes only: 17 bytes for a name and a stage.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use jiff::Timestamp;

use crate::{aws::read::Version, runtime::Now};

/// A page of the list.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) secrets: Vec<ListedSecret>,
    /// The token of the next page.
    pub(crate) next: Option<String>,
}

pub(crate) struct ListedSecret {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// The stages, each with the id of its version.
    pub(crate) stages: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct VersionList {
    /// The time of its first request. Later changes may be missing in it.
    pub(crate) begun: Now,
    pub(super) pages: usize,
    hasher: RandomState,
    /// The versions by the hash of a name or ARN and a stage.
    versions: HashMap<u64, u64>,
}

impl VersionList {
    pub(super) fn begin() -> Self {
        let (hasher, versions) = (RandomState::new(), HashMap::new());
        Self { begun: Now::read(), pages: 0, hasher, versions }
    }

    /// Adds a page. Returns the token of the next one.
    pub(super) fn take(&mut self, page: Page) -> Option<String> {
        self.pages += 1;
        for ListedSecret { name, arn, stages } in page.secrets {
            for (stage, version) in stages {
                let version = self.hasher.hash_one(version);
                for id in [&name, &arn] {
                    self.versions.insert(self.hasher.hash_one((id, &stage)), version);
                }
            }
        }
        page.next
    }

    /// Whether it is newer than the last proof of an object, and younger than the interval. A proof in the
    /// future says nothing: the clock was put back.
    pub(super) fn serves(&self, proved: Timestamp, interval: Duration, now: Now) -> bool {
        let age = now.monotonic.duration_since(self.begun.monotonic);
        (self.begun.wall > proved || proved > now.wall) && age < usable_for(interval)
    }

    /// Whether the secret has the version with this id in the stage. A version that is named by its id is
    /// always the same.
    pub(crate) fn shows(&self, id: &str, version: &Version, recorded: Option<&str>) -> bool {
        let listed = |stage: &str| self.versions.get(&self.hasher.hash_one((id, stage))).copied();
        match version {
            Version::Id(_) => listed(Version::CURRENT).is_some(),
            Version::Stage(stage) => recorded
                .is_some_and(|recorded| listed(stage) == Some(self.hasher.hash_one(recorded))),
        }
    }
}

/// An object is due up to a tenth of its interval early.
fn usable_for(interval: Duration) -> Duration {
    interval.mul_f64(0.9)
}
