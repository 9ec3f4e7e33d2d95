//! The versions of the values that were read, so that an older one never overwrites a newer one.
//! AWS is eventually consistent: shortly after a change, a read may return the old value (F13). So an
//! older version than the last one is only used if AWS returns it for a while. Then somebody has moved
//! the stage back.
//! Each name belongs to a [`scope`]. Two stores may have a secret of the same name each. An edited store
//! may read from another place. And what one `find` has found is not missing in another.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use crds::external_secret::Find;
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::store::Store;
use crate::aws::{ReadRequest, ReadVersion, Version};

/// How long AWS must return an older version before it is used.
const STALE_READ_GRACE: Duration = Duration::from_secs(60);
/// How long a value that AWS denies must be unlisted before it counts as gone. Lists lag by five minutes.
pub(super) const LIST_LAG: Duration = Duration::from_mins(10);
/// How much the status records: the versions of more than two thousand values, which is more than most
/// Secrets hold. For objects with more, only this process knows the versions that it read.
const MAX_RECORD_BYTES: usize = 256 << 10;

/// The versions of one object, by [`key`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    taken: BTreeMap<String, ReadVersion>,
    /// The ids of older versions that AWS returns, and since when.
    suspects: HashMap<String, (String, Instant)>,
    /// The values that AWS does not list any more, and since when.
    unlisted: HashMap<String, Instant>,
    /// The ids that an event named, which may be older than the last ones: somebody has moved the stage back.
    expected: HashMap<String, String>,
}

impl Versions {
    pub(super) fn parse(status: &BTreeMap<String, String>) -> Self {
        let read = |(key, text): (&String, &String)| {
            let (id, created) = text.rsplit_once('@')?;
            Some((key.clone(), ReadVersion { id: id.to_owned(), created: created.parse().ok()? }))
        };
        Self { taken: status.iter().filter_map(read).collect(), ..Self::default() }
    }

    pub(super) fn record(&self) -> BTreeMap<String, String> {
        let text = |(key, read): (&String, &ReadVersion)| {
            (key.clone(), format!("{}@{}", read.id, read.created))
        };
        let record: BTreeMap<_, _> = self.taken.iter().map(text).collect();
        let size: usize = record.iter().map(|(key, text)| key.len() + text.len()).sum();
        if size > MAX_RECORD_BYTES { BTreeMap::new() } else { record }
    }

    pub(super) fn accepts(&mut self, key: &str, read: &ReadVersion, now: Instant) -> bool {
        let is_newer = |taken: &ReadVersion| read.id != taken.id && read.created < taken.created;
        let is_expected = self.expected.get(key) == Some(&read.id);
        if is_expected || !self.taken.get(key).is_some_and(is_newer) {
            self.suspects.remove(key);
            return true;
        }
        let suspect = self.suspects.entry(key.to_owned());
        let (id, since) = suspect.or_insert_with(|| (read.id.clone(), now));
        if *id != read.id {
            (*id, *since) = (read.id.clone(), now);
        }
        now.duration_since(*since) >= STALE_READ_GRACE
    }

    pub(super) fn record_taken(&mut self, taken: impl IntoIterator<Item = (String, ReadVersion)>) {
        self.taken = taken.into_iter().collect();
        self.suspects.clear();
        self.expected.clear();
    }

    pub(super) fn expect(&mut self, expected: impl Iterator<Item = (String, String)>) {
        self.expected = expected.collect();
    }

    pub(super) fn knows(&self, key: &str) -> bool {
        self.taken.contains_key(key)
    }

    pub(super) fn id(&self, key: &str) -> Option<String> {
        self.taken.get(key).map(|taken| taken.id.clone())
    }

    /// Whether an event of this time that names this version is out of date: the version was read already, or
    /// the one that was read last did not exist when the event happened. Times of events are whole seconds.
    pub(super) fn are_after(&self, key: &str, id: &str, at: Timestamp) -> bool {
        let second = 1000;
        let is_after = |taken: &ReadVersion| {
            taken.id == id || taken.created >= at.as_millisecond().saturating_add(second)
        };
        self.taken.get(key).is_some_and(is_after)
    }

    /// The id of the version that was read last.
    pub(super) fn applied(&self, key: &str) -> Option<&str> {
        self.taken.get(key).map(|version| version.id.as_str())
    }

    /// The keys in this scope under which `next` has another version.
    pub(super) fn changed<'v>(
        &'v self,
        next: &'v Self,
        scope: &'v str,
    ) -> impl Iterator<Item = &'v str> {
        self.taken.iter().filter_map(move |(key, old)| {
            let is_changed = next.taken.get(key).is_some_and(|new| new.id != old.id);
            (is_changed && key.starts_with(scope)).then_some(key.as_str())
        })
    }

    /// The names of the values that were read in this scope.
    pub(super) fn names<'v>(&'v self, scope: &'v str) -> impl Iterator<Item = &'v str> {
        self.taken.keys().filter_map(move |key| key.strip_prefix(scope)?.strip_prefix(' '))
    }

    pub(super) fn record_unlisted(&mut self, keys: BTreeSet<String>, now: Instant) {
        self.unlisted.retain(|key, _| keys.contains(key));
        for key in keys {
            self.unlisted.entry(key).or_insert(now);
        }
    }

    /// Whether AWS has not listed the value for longer than lists lag.
    pub(super) fn is_long_unlisted(&self, key: &str, now: Instant) -> bool {
        self.unlisted.get(key).is_some_and(|since| now.duration_since(*since) >= LIST_LAG)
    }
}

/// Where a name was read: eight hexadecimal digits for the store, its provider and the `find`.
pub(super) fn scope(store: &Store, find: Option<&Find>) -> String {
    let find = find.map(|find| (&find.path, &find.name, &find.tags));
    let digest = Sha256::digest(json!([store.uid, store.spec.provider, find]).to_string());
    let [a, b, c, d, ..]: [u8; 32] = digest.into();
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// The key of a version: `scope name`, and `#stage` unless it is the current one. None if the request
/// names a version, so that it always reads the same.
pub(super) fn key(scope: &str, request: &ReadRequest) -> Option<String> {
    let name = match request {
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
    use crate::external::store;

    fn read(id: &str, created: i64) -> ReadVersion {
        ReadVersion { id: id.into(), created }
    }

    /// F13: External Secrets writes every value that it reads.
    #[test]
    fn older_version_is_used_only_if_it_persists() {
        let start = Instant::now();
        let mut versions = Versions::default();
        assert!(versions.accepts("a", &read("1", 10), start));
        versions.record_taken([("a".to_owned(), read("2", 20))]);
        assert!(!versions.accepts("a", &read("1", 10), start));
        assert!(!versions.accepts("a", &read("1", 10), start + STALE_READ_GRACE / 2));
        assert!(
            versions.accepts("a", &read("2", 20), start + STALE_READ_GRACE / 2),
            "the older one was a stale read"
        );
        assert!(!versions.accepts("a", &read("1", 10), start + STALE_READ_GRACE));
        assert!(
            versions.accepts("a", &read("1", 10), start + STALE_READ_GRACE * 2),
            "the stage was moved back"
        );
        assert!(versions.accepts("a", &read("3", 30), start));
    }

    #[test]
    fn stores_providers_and_finds_have_separate_versions() {
        let store = |uid: &str, role: &str| {
            let store = store::tests::store("n", "s", json!({ "role": role }));
            Store { uid: uid.to_owned(), ..store }
        };
        let by = |regexp: &str| -> Find {
            serde_json::from_value(json!({ "name": { "regexp": regexp } })).unwrap()
        };
        let scopes = [
            scope(&store("1", "reader"), None),
            scope(&store("2", "reader"), None),
            scope(&store("1", "other"), None),
            scope(&store("1", "reader"), Some(&by("."))),
            scope(&store("1", "reader"), Some(&by("a"))),
            scope(&store("2", "reader"), Some(&by("."))),
        ];
        let request = ReadRequest::current("a");
        let mut versions = Versions::default();
        versions.record_taken(scopes.iter().enumerate().map(|(index, scope)| {
            let created = i64::try_from(index).unwrap();
            (key(scope, &request).unwrap(), read(&index.to_string(), created))
        }));
        assert_eq!(versions.record().len(), scopes.len());
        for scope in &scopes {
            assert_eq!(versions.names(scope).collect::<Vec<_>>(), ["a"]);
        }
    }

    #[test]
    fn recorded_versions_survive_a_restart() {
        let old =
            ReadRequest::Secret { id: "a".into(), version: Version::Stage("AWSPREVIOUS".into()) };
        let [current, old] =
            [ReadRequest::current("a"), old].map(|request| key("0", &request).unwrap());
        assert_ne!(current, old);
        let mut versions = Versions::default();
        versions.record_taken([(current.clone(), read("x@y", 20)), (old, read("z", 5))]);
        let mut again = Versions::parse(&versions.record());
        assert_eq!(again.taken, versions.taken);
        assert!(!again.accepts(&current, &read("1", 10), Instant::now()));
    }

    #[test]
    fn changed_versions_are_those_with_another_id_in_the_same_scope() {
        let with = |taken: &[(&str, &str)]| {
            let mut versions = Versions::default();
            let taken = taken.iter().map(|(key, id)| ((*key).to_owned(), read(id, 1)));
            versions.record_taken(taken);
            versions
        };
        let old = with(&[("0 same", "1"), ("0 new", "1"), ("0 gone", "1"), ("1 new", "1")]);
        let new = with(&[("0 same", "1"), ("0 new", "2"), ("0 added", "1"), ("1 new", "2")]);
        assert_eq!(old.changed(&new, "0").collect::<Vec<_>>(), ["0 new"]);
    }

    #[test]
    fn too_many_versions_are_not_recorded() {
        let recorded = |count: usize| {
            let version = read(&"v".repeat(36), 1_800_000_000);
            let mut versions = Versions::default();
            versions.record_taken(
                (0..count).map(|number| (format!("secret/{number}"), version.clone())),
            );
            versions.record().len()
        };
        assert_eq!(recorded(2000), 2000);
        assert_eq!(recorded(100_000), 0);
    }

    #[test]
    fn value_that_is_listed_again_is_not_long_unlisted() {
        let start = Instant::now();
        let mut versions = Versions::default();
        let both = || ["a", "b"].map(str::to_owned).into();
        versions.record_unlisted(both(), start);
        versions.record_unlisted(["a".to_owned()].into(), start + LIST_LAG / 2);
        versions.record_unlisted(both(), start + LIST_LAG / 2);
        let is_long = |key, at| versions.is_long_unlisted(key, at);
        assert_eq!((is_long("a", start + LIST_LAG), is_long("b", start + LIST_LAG)), (true, false));
        assert!(!is_long("c", start + LIST_LAG));
    }
}
