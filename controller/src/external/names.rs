//! The objects by the names that they read, so that an event for a name that nobody uses costs one look-up.
//! Names are kept as hashes: 100,000 objects may name 100,000 secrets. An object that is found by a hash is
//! compared with the event before it is woken.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard},
};

use crds::ExternalSecret;

use crate::{aws::events::without_suffix, key::ObjectKey};

#[derive(Default)]
pub(super) struct NameIndex {
    known: Mutex<Known>,
    hasher: RandomState,
}

#[derive(Default)]
struct Known {
    readers: HashMap<u64, Readers>,
    /// The objects with a `find`.
    finders: HashSet<ObjectKey>,
}

/// Most names have one reader.
enum Readers {
    One(ObjectKey),
    Many(HashSet<ObjectKey>),
}

impl NameIndex {
    pub(super) fn insert(&self, key: &ObjectKey, object: &ExternalSecret) {
        let mut known = self.lock();
        for name in names(object) {
            match known.readers.entry(self.hasher.hash_one(name)) {
                Entry::Vacant(entry) => {
                    entry.insert(Readers::One(key.clone()));
                }
                Entry::Occupied(mut entry) => entry.get_mut().insert(key),
            }
        }
        if object.spec.data_from.iter().any(|from| from.find.is_some()) {
            known.finders.insert(key.clone());
        }
    }

    /// Removes an object that was inserted with this spec.
    pub(super) fn remove(&self, key: &ObjectKey, object: &ExternalSecret) {
        let mut known = self.lock();
        for name in names(object) {
            if let Entry::Occupied(mut entry) = known.readers.entry(self.hasher.hash_one(name))
                && entry.get_mut().remove(key)
            {
                entry.remove();
            }
        }
        known.finders.remove(key);
    }

    /// The objects that may read this name, written without the prefix of their store.
    pub(super) fn readers(&self, name: &str) -> Vec<ObjectKey> {
        match self.lock().readers.get(&self.hasher.hash_one(trimmed(name))) {
            None => Vec::new(),
            Some(Readers::One(key)) => vec![key.clone()],
            Some(Readers::Many(keys)) => keys.iter().cloned().collect(),
        }
    }

    pub(super) fn finders(&self) -> Vec<ObjectKey> {
        self.lock().finders.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no holder of the lock panics")
    }
}

impl Readers {
    fn insert(&mut self, key: &ObjectKey) {
        match self {
            Self::One(other) if other == key => {}
            Self::One(other) => {
                let both = [other.clone(), key.clone()];
                *self = Self::Many(both.into());
            }
            Self::Many(keys) => {
                keys.insert(key.clone());
            }
        }
    }

    /// True if nobody is left.
    fn remove(&mut self, key: &ObjectKey) -> bool {
        match self {
            Self::One(other) => other == key,
            Self::Many(keys) => {
                keys.remove(key);
                keys.is_empty()
            }
        }
    }
}

/// The names of what the object reads, in each form in which an event may have them.
fn names(object: &ExternalSecret) -> impl Iterator<Item = &str> {
    let data = object.spec.data.iter().map(|data| &data.remote_ref);
    let extracts = object.spec.data_from.iter().filter_map(|from| from.extract.as_ref());
    data.chain(extracts).flat_map(|reference| {
        let key = reference.key.as_str();
        if !key.starts_with("arn:") {
            return [Some(trimmed(key)), None].into_iter().flatten();
        }
        // An ARN may be written with or without what AWS adds to the name.
        let name = trimmed(name_of_arn(key).unwrap_or(key));
        [Some(name), without_suffix(name)].into_iter().flatten()
    })
}

/// The name in the ARN of a secret or parameter.
pub(super) fn name_of_arn(arn: &str) -> Option<&str> {
    let resource = arn.splitn(6, ':').nth(5)?;
    resource.strip_prefix("secret:").or_else(|| resource.strip_prefix("parameter"))
}

/// A name without a leading slash, which ARNs of parameters lack, and without the version of a parameter.
pub(super) fn trimmed(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or_default();
    name.trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(keys: &[&str]) -> ExternalSecret {
        let entry = |key| json!({ "secretKey": "A", "remoteRef": { "key": key } });
        let data: Vec<_> = keys.iter().map(entry).collect();
        serde_json::from_value(json!({ "metadata": {}, "spec": { "data": data } })).unwrap()
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey { namespace: "n".into(), name: name.into() }
    }

    #[test]
    fn object_is_found_by_each_form_of_a_name() {
        for (written, name) in [
            ("team/db", "team/db"),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/db-AbCdEf", "team/db"),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/db", "team/db"),
            ("/team/db", "/team/db"),
            ("/team/db:3", "/team/db"),
            ("arn:aws:ssm:eu-west-1:123456789012:parameter/team/db", "/team/db"),
            ("arn:aws:ssm:eu-west-1:123456789012:parameter/team/db:3", "/team/db"),
        ] {
            let index = NameIndex::default();
            index.insert(&key("a"), &object(&[written]));
            assert_eq!(index.readers(name), [key("a")], "{written}");
            assert!(index.readers("team/other").is_empty());
        }
    }

    #[test]
    fn removed_objects_leave_nothing_behind() {
        let index = NameIndex::default();
        let objects =
            [("a", object(&["x", "y", "x"])), ("b", object(&["x"])), ("c", object(&["x"]))];
        for (name, object) in &objects {
            index.insert(&key(name), object);
            index.insert(&key(name), object);
        }
        assert_eq!(index.readers("x").len(), 3);
        for (name, object) in &objects {
            index.remove(&key(name), object);
        }
        assert!(index.lock().readers.is_empty());
    }

    #[test]
    fn object_with_a_find_is_a_finder() {
        let index = NameIndex::default();
        let find = json!({ "dataFrom": [{ "find": { "name": { "regexp": "." } } }] });
        let object: ExternalSecret =
            serde_json::from_value(json!({ "metadata": {}, "spec": find })).unwrap();
        index.insert(&key("a"), &object);
        assert_eq!(index.finders(), [key("a")]);
        index.remove(&key("a"), &object);
        assert!(index.finders().is_empty());
    }
}
