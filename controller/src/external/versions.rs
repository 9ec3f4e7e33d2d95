//! Which versions were read, so that an older one never overwrites a newer one.
//!
//! AWS is eventually consistent: shortly after a change, a read may still give what was there before
//! (F13). An older version than the last is therefore not taken until AWS has given it for a while:
//! then somebody has moved the stage back.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use crate::aws::{Version, Want, want::Read};

/// For how long AWS has to give an older version before it is taken.
pub const SETTLES: Duration = Duration::from_secs(60);
/// How many bytes of versions are recorded: of more than two thousand secrets, whose values are more
/// than most Secrets hold. Of objects with more, only what this process has read is known.
const MOST: usize = 256 << 10;

/// The versions of one object.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    read: BTreeMap<String, Read>,
    /// Older ones, and since when AWS gives them.
    doubtful: HashMap<String, (String, Instant)>,
}

impl Versions {
    /// The versions in a status.
    pub fn parse(status: &BTreeMap<String, String>) -> Self {
        let read = |(name, text): (&String, &String)| {
            let (id, created) = text.rsplit_once('@')?;
            Some((name.clone(), Read { id: id.to_owned(), created: created.parse().ok()? }))
        };
        Self { read: status.iter().filter_map(read).collect(), doubtful: HashMap::new() }
    }

    /// What the status records.
    pub fn record(&self) -> BTreeMap<String, String> {
        let text = |(name, read): (&String, &Read)| {
            (name.clone(), format!("{}@{}", read.id, read.created))
        };
        let record: BTreeMap<_, _> = self.read.iter().map(text).collect();
        let size: usize = record.iter().map(|(name, text)| name.len() + text.len()).sum();
        if size > MOST { BTreeMap::new() } else { record }
    }

    /// Whether what was read may be taken.
    pub fn accepts(&mut self, want: &Want, read: &Read, now: Instant) -> bool {
        let Some(name) = name(want) else { return true };
        let is_older = self
            .read
            .get(&name)
            .is_some_and(|known| read.id != known.id && read.created < known.created);
        if !is_older {
            self.doubtful.remove(&name);
            return true;
        }
        let (id, since) = self.doubtful.entry(name).or_insert_with(|| (read.id.clone(), now));
        if *id != read.id {
            (*id, *since) = (read.id.clone(), now);
        }
        now.duration_since(*since) >= SETTLES
    }

    /// Records what was taken, and forgets what is not wanted any more.
    pub fn took<'w>(&mut self, taken: impl Iterator<Item = (&'w Want, &'w Read)>) {
        self.read = taken.filter_map(|(want, read)| Some((name(want)?, read.clone()))).collect();
        self.doubtful.clear();
    }

    /// Whether a secret was read by this name before.
    pub fn has(&self, want: &Want) -> bool {
        name(want).is_some_and(|name| self.read.contains_key(&name))
    }

    /// The names of what was read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.read.keys().map(String::as_str)
    }
}

/// What the versions of a want are recorded under; none if there is but one.
fn name(want: &Want) -> Option<String> {
    match want {
        Want::Secret { id, version: Version::Stage(stage) } if stage == Version::CURRENT => {
            Some(id.clone())
        }
        Want::Secret { id, version: Version::Stage(stage) } => Some(format!("{id}#{stage}")),
        Want::Parameter { name } => Some(name.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: &str, created: i64) -> Read {
        Read { id: id.into(), created }
    }

    /// F13: External Secrets writes whatever it reads.
    #[test]
    fn an_older_version_is_taken_only_when_it_stays() {
        let start = Instant::now();
        let want = Want::current("a");
        let mut versions = Versions::default();
        assert!(versions.accepts(&want, &read("1", 10), start));
        versions.took([(&want, &read("2", 20))].into_iter());
        assert!(!versions.accepts(&want, &read("1", 10), start));
        assert!(!versions.accepts(&want, &read("1", 10), start + SETTLES / 2));
        assert!(
            versions.accepts(&want, &read("2", 20), start + SETTLES / 2),
            "it was a stale read"
        );
        assert!(!versions.accepts(&want, &read("1", 10), start + SETTLES));
        assert!(versions.accepts(&want, &read("1", 10), start + SETTLES * 2), "it was moved back");
        assert!(versions.accepts(&want, &read("3", 30), start));
    }

    #[test]
    fn what_is_recorded_holds_after_a_restart() {
        let mut versions = Versions::default();
        let old = Want::Secret { id: "a".into(), version: Version::Stage("AWSPREVIOUS".into()) };
        let current = Want::current("a");
        versions.took([(&current, &read("x@y", 20)), (&old, &read("z", 5))].into_iter());
        let mut again = Versions::parse(&versions.record());
        assert_eq!(again.read, versions.read);
        assert!(!again.accepts(&current, &read("1", 10), Instant::now()));
    }

    #[test]
    fn a_status_is_never_too_large_for_what_is_recorded() {
        let recorded = |count: usize| {
            let wants = (0..count).map(|number| Want::current(format!("secret/{number}")));
            let wants: Vec<_> = wants.collect();
            let version = read(&"v".repeat(36), 1_800_000_000);
            let mut versions = Versions::default();
            versions.took(wants.iter().map(|want| (want, &version)));
            versions.record().len()
        };
        assert_eq!(recorded(2000), 2000);
        assert_eq!(recorded(100_000), 0);
    }
}
