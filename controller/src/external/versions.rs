//! Which versions were read, so that an older one never overwrites a newer one.
//!
//! AWS is eventually consistent: shortly after a change, a read may still give what was there before
//! (F13). An older version than the last is therefore not taken until AWS has given it for a while:
//! then somebody has moved the stage back. Lists lag too (F14): what a `find` no longer lists is asked
//! for by name, and where that is denied it counts as gone once it has been unlisted for a while.
//!
//! Names are those of a [`scope`]: two stores may have a secret of the same name each, a store that is
//! edited reads from another place, and what one `find` has found is nothing that another one has lost.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use crds::external_secret::Find;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::aws::{ReadRequest, ReadVersion, Version};

/// For how long AWS has to give an older version before it is taken.
pub const SETTLES: Duration = Duration::from_secs(60);
/// For how long AWS has not to list what it denies before that counts as gone: its lists lag by five
/// minutes.
pub const LAGS: Duration = Duration::from_mins(10);
/// How many bytes of versions are recorded: of more than two thousand secrets, whose values are more
/// than most Secrets hold. Of objects with more, only what this process has read is known.
const MOST: usize = 256 << 10;

/// The versions of one object, by [`key`].
#[derive(Clone, Debug, Default)]
pub struct Versions {
    read: BTreeMap<String, ReadVersion>,
    /// Older ones, and since when AWS gives them.
    doubtful: HashMap<String, (String, Instant)>,
    /// Those found before that AWS does not list any more, and since when.
    unlisted: HashMap<String, Instant>,
}

impl Versions {
    /// The versions in a status.
    pub fn parse(status: &BTreeMap<String, String>) -> Self {
        let read = |(key, text): (&String, &String)| {
            let (id, created) = text.rsplit_once('@')?;
            Some((key.clone(), ReadVersion { id: id.to_owned(), created: created.parse().ok()? }))
        };
        Self { read: status.iter().filter_map(read).collect(), ..Self::default() }
    }

    /// What the status records.
    pub fn record(&self) -> BTreeMap<String, String> {
        let text = |(key, read): (&String, &ReadVersion)| {
            (key.clone(), format!("{}@{}", read.id, read.created))
        };
        let record: BTreeMap<_, _> = self.read.iter().map(text).collect();
        let size: usize = record.iter().map(|(key, text)| key.len() + text.len()).sum();
        if size > MOST { BTreeMap::new() } else { record }
    }

    /// Whether what was read may be taken.
    pub fn accepts(&mut self, key: &str, read: &ReadVersion, now: Instant) -> bool {
        let is_older = self
            .read
            .get(key)
            .is_some_and(|known| read.id != known.id && read.created < known.created);
        if !is_older {
            self.doubtful.remove(key);
            return true;
        }
        let doubtful = self.doubtful.entry(key.to_owned());
        let (id, since) = doubtful.or_insert_with(|| (read.id.clone(), now));
        if *id != read.id {
            (*id, *since) = (read.id.clone(), now);
        }
        now.duration_since(*since) >= SETTLES
    }

    /// Records what was taken, and forgets what is not wanted any more.
    pub fn took(&mut self, taken: impl IntoIterator<Item = (String, ReadVersion)>) {
        self.read = taken.into_iter().collect();
        self.doubtful.clear();
    }

    /// The names of what was read in this scope.
    pub fn names<'v>(&'v self, scope: &'v str) -> impl Iterator<Item = &'v str> {
        self.read.keys().filter_map(move |key| key.strip_prefix(scope)?.strip_prefix(' '))
    }

    /// Records what AWS does not list now, of all finds.
    pub fn unlisted(&mut self, keys: BTreeSet<String>, now: Instant) {
        self.unlisted.retain(|key, _| keys.contains(key));
        for key in keys {
            self.unlisted.entry(key).or_insert(now);
        }
    }

    /// Whether AWS has not listed it for so long that this is no lag.
    pub fn is_long_unlisted(&self, key: &str, now: Instant) -> bool {
        self.unlisted.get(key).is_some_and(|since| now.duration_since(*since) >= LAGS)
    }
}

/// Where a name was read: eight hexadecimal digits that stand for the store, by its uid and what it says
/// of AWS, and for the `find`.
pub fn scope(store_uid: &str, provider: &Value, find: Option<&Find>) -> String {
    let find = find.map(|find| (&find.path, &find.name, &find.tags));
    let digest = Sha256::digest(json!([store_uid, provider, find]).to_string());
    let [a, b, c, d, ..]: [u8; 32] = digest.into();
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// What the version of a want is recorded under: `scope name`, and `#stage` where it is not the current
/// one. None if there is but one version.
pub fn key(scope: &str, want: &ReadRequest) -> Option<String> {
    let name = match want {
        ReadRequest::Secret { id, version: Version::Stage(stage) } if stage == Version::CURRENT => {
            id.clone()
        }
        ReadRequest::Secret { id, version: Version::Stage(stage) } => format!("{id}#{stage}"),
        ReadRequest::Parameter { name } => name.clone(),
        _ => return None,
    };
    Some(format!("{scope} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: &str, created: i64) -> ReadVersion {
        ReadVersion { id: id.into(), created }
    }

    /// F13: External Secrets writes whatever it reads.
    #[test]
    fn an_older_version_is_taken_only_when_it_stays() {
        let start = Instant::now();
        let mut versions = Versions::default();
        assert!(versions.accepts("a", &read("1", 10), start));
        versions.took([("a".to_owned(), read("2", 20))]);
        assert!(!versions.accepts("a", &read("1", 10), start));
        assert!(!versions.accepts("a", &read("1", 10), start + SETTLES / 2));
        assert!(versions.accepts("a", &read("2", 20), start + SETTLES / 2), "it was a stale read");
        assert!(!versions.accepts("a", &read("1", 10), start + SETTLES));
        assert!(versions.accepts("a", &read("1", 10), start + SETTLES * 2), "it was moved back");
        assert!(versions.accepts("a", &read("3", 30), start));
    }

    /// Secrets of the same name in two stores were taken for versions of one, and so were those of a store
    /// before and after it was given another role.
    #[test]
    fn each_store_and_each_find_has_names_of_its_own() {
        let [reader, other] = ["reader", "other"].map(|role| json!({ "aws": { "role": role } }));
        let by = |regexp: &str| -> Find {
            serde_json::from_value(json!({ "name": { "regexp": regexp } })).unwrap()
        };
        let scopes = [
            scope("1", &reader, None),
            scope("2", &reader, None),
            scope("1", &other, None),
            scope("1", &reader, Some(&by("."))),
            scope("1", &reader, Some(&by("a"))),
            scope("2", &reader, Some(&by("."))),
        ];
        let want = ReadRequest::current("a");
        let mut versions = Versions::default();
        versions.took(scopes.iter().enumerate().map(|(index, scope)| {
            let created = i64::try_from(index).unwrap();
            (key(scope, &want).unwrap(), read(&index.to_string(), created))
        }));
        assert_eq!(versions.record().len(), scopes.len());
        for scope in &scopes {
            assert_eq!(versions.names(scope).collect::<Vec<_>>(), ["a"]);
        }
    }

    #[test]
    fn what_is_recorded_holds_after_a_restart() {
        let old =
            ReadRequest::Secret { id: "a".into(), version: Version::Stage("AWSPREVIOUS".into()) };
        let [current, old] = [ReadRequest::current("a"), old].map(|want| key("0", &want).unwrap());
        assert_ne!(current, old);
        let mut versions = Versions::default();
        versions.took([(current.clone(), read("x@y", 20)), (old, read("z", 5))]);
        let mut again = Versions::parse(&versions.record());
        assert_eq!(again.read, versions.read);
        assert!(!again.accepts(&current, &read("1", 10), Instant::now()));
    }

    #[test]
    fn a_status_is_never_too_large_for_what_is_recorded() {
        let recorded = |count: usize| {
            let version = read(&"v".repeat(36), 1_800_000_000);
            let mut versions = Versions::default();
            versions.took((0..count).map(|number| (format!("secret/{number}"), version.clone())));
            versions.record().len()
        };
        assert_eq!(recorded(2000), 2000);
        assert_eq!(recorded(100_000), 0);
    }

    #[test]
    fn what_is_listed_again_was_not_gone() {
        let start = Instant::now();
        let mut versions = Versions::default();
        let both = || ["a", "b"].map(str::to_owned).into();
        versions.unlisted(both(), start);
        versions.unlisted(["a".to_owned()].into(), start + LAGS / 2);
        versions.unlisted(both(), start + LAGS / 2);
        let is_long = |key, at| versions.is_long_unlisted(key, at);
        assert_eq!((is_long("a", start + LAGS), is_long("b", start + LAGS)), (true, false));
        assert!(!is_long("c", start + LAGS));
    }
}
