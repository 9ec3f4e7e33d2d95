//! A SecretStore or ClusterSecretStore: its provider, and which namespaces may use it.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::Entry},
    fmt,
    sync::Arc,
};

use crds::{
    SecretStoreSpec, StoreStatus,
    external_secret::{StoreKind, StoreRef},
    secret_store::{Aws, SecretKeyRef, SessionTagsPolicy},
};
use kube::{
    api::ObjectMeta,
    core::{Selector, SelectorExt as _},
};
use templates::rewrite::Matcher;

use super::place::Place;
use crate::{
    aws::identity::{has_references_without_namespace, referenced_names},
    key::{ObjectKey, QueueKey, is_object_name, quoted},
    reason::{Failure, Reason},
    runtime::{ObjectIndex, version_of},
};

/// The name of a store. A ClusterSecretStore has no namespace.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct StoreKey {
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

/// A store as a watch last delivered it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) key: StoreKey,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    pub(crate) spec: SecretStoreSpec,
    pub(crate) status: StoreStatus,
    pub(crate) resource_version: u64,
    /// The Secrets with its AWS credentials. Without a namespace: that of the ExternalSecret.
    pub(super) credentials: Vec<SecretKeyRef>,
    /// None if the store cannot be used.
    pub(super) place: Option<Place>,
}

impl StoreKey {
    /// The store that an object of this namespace refers to.
    pub(crate) fn of(reference: &StoreRef, namespace: &str) -> Self {
        let is_namespaced = reference.kind == StoreKind::SecretStore;
        let namespace = is_namespaced.then(|| namespace.to_owned());
        Self { namespace, name: reference.name.clone() }
    }

    /// From the name that watches give it: without a namespace for a ClusterSecretStore.
    pub(super) fn of_object(key: ObjectKey) -> Self {
        Self { namespace: Some(key.namespace).filter(|name| !name.is_empty()), name: key.name }
    }

    pub(super) fn object_key(&self) -> ObjectKey {
        let namespace = self.namespace.clone().unwrap_or_default();
        ObjectKey { namespace, name: self.name.clone() }
    }

    pub(crate) fn is_cluster_store(&self) -> bool {
        self.namespace.is_none()
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "SecretStore {namespace}/{}", self.name),
            None => write!(f, "ClusterSecretStore {}", self.name),
        }
    }
}

impl QueueKey for StoreKey {
    fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

impl Store {
    pub(crate) fn new(metadata: &ObjectMeta, spec: SecretStoreSpec, status: StoreStatus) -> Self {
        let mut store = Self {
            key: StoreKey::of_object(ObjectKey::of(metadata)),
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            resource_version: version_of(metadata),
            spec,
            status,
            credentials: Vec::new(),
            place: None,
        };
        let Ok(aws) = store.aws() else { return store };
        store.place = Some(Place::of(&aws));
        let Some(keys) = aws.auth.secret_ref else { return store };
        let all = [Some(keys.access_key_id), Some(keys.secret_access_key), keys.session_token];
        store.credentials = all.into_iter().flatten().collect();
        if let Some(namespace) = &store.key.namespace {
            let references = store.credentials.iter_mut();
            references.for_each(|reference| reference.namespace = Some(namespace.clone()));
        }
        store
    }

    pub(super) fn has_credentials_in(&self, secret: &ObjectKey) -> bool {
        self.credentials.iter().any(|reference| {
            let namespace = reference.namespace.as_ref().unwrap_or(&secret.namespace);
            reference.name == secret.name && *namespace == secret.namespace
        })
    }

    /// Whether a reference to the Secret names its namespace. Otherwise each namespace has its own Secret.
    pub(super) fn names_namespace_of(&self, secret: &ObjectKey) -> bool {
        self.credentials.iter().any(|reference| {
            reference.name == secret.name && reference.namespace.as_ref() == Some(&secret.namespace)
        })
    }

    /// Changes with the spec.
    pub(super) fn version(&self) -> (&str, i64) {
        (&self.uid, self.generation)
    }

    /// `provider.aws`. It fails if the store has another provider, or if the field is malformed.
    pub(crate) fn aws(&self) -> Result<Aws, Failure> {
        let aws = self.spec.aws().map_err(|problem| self.invalid(problem))?;
        if let Some(name) = referenced_names(&aws).find(|name| !is_object_name(name)) {
            let what = format_args!("{} in `provider.aws.auth` is not a name", quoted(name));
            return Err(self.invalid(what));
        }
        Ok(aws)
    }

    /// Whether each namespace reads with an identity of its own: by references without a namespace, or
    /// by session tags with the namespace.
    pub(crate) fn has_identity_per_namespace(&self) -> bool {
        let is_tagged = |aws: &Aws| aws.session_tags_policy != SessionTagsPolicy::None;
        let is_per_namespace = |aws: Aws| has_references_without_namespace(&aws) || is_tagged(&aws);
        self.key.is_cluster_store() && self.aws().is_ok_and(is_per_namespace)
    }

    pub(crate) fn has_other_provider(&self) -> bool {
        self.spec.provider().is_some_and(|(name, _)| name != "aws")
    }

    /// Whether the store has the class of another controller.
    pub(crate) fn is_foreign(&self, class: &str) -> bool {
        !self.spec.controller.is_empty() && self.spec.controller != class
    }

    /// Checks the conditions without a namespace at hand.
    pub(crate) fn check_conditions(&self) -> Result<(), Failure> {
        let conditions = self.spec.conditions.iter();
        let mut regexes = conditions.flat_map(|condition| &condition.namespace_regexes);
        regexes.try_for_each(|regex| self.namespace_regex(regex).map(drop))
    }

    /// Whether objects of a namespace with these labels may use the store. The labels are only looked
    /// up if a condition depends on them.
    pub(crate) fn allows(
        &self,
        namespace: &str,
        labels: impl Fn() -> Option<BTreeMap<String, String>>,
    ) -> Result<bool, Failure> {
        if !self.key.is_cluster_store() || self.spec.conditions.is_empty() {
            return Ok(true);
        }
        for condition in &self.spec.conditions {
            if condition.namespaces.iter().any(|allowed| allowed == namespace) {
                return Ok(true);
            }
            for regex in &condition.namespace_regexes {
                if self.namespace_regex(regex)?.is_match(namespace) {
                    return Ok(true);
                }
            }
            if let Some(selector) = &condition.namespace_selector {
                let labels = labels().ok_or_else(|| {
                    self.invalid(format_args!(
                        "its conditions select namespaces by labels, and the controller may not read \
                         the labels of namespace {namespace}"
                    ))
                })?;
                // A malformed selector matches nothing.
                if Selector::try_from(selector.clone()).is_ok_and(|all| all.matches(&labels)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn namespace_regex(&self, regex: &str) -> Result<Matcher, Failure> {
        Matcher::new(regex)
            .map_err(|_| self.invalid("a namespaceRegex of its conditions is malformed"))
    }

    fn invalid(&self, what: impl fmt::Display) -> Failure {
        Failure::new(Reason::StoreInvalid, format!("{} cannot be used: {what}", self.key))
    }
}

/// The stores that one object refers to. None: the store does not exist.
pub(super) type ReferencedStores = BTreeMap<StoreKey, Option<Arc<Store>>>;

/// The stores by name, and by the Secrets with their AWS credentials. `stores` is locked first.
#[derive(Default)]
pub(crate) struct StoreIndex {
    pub(super) stores: ObjectIndex<StoreKey, Arc<Store>>,
    /// By the name of a Secret, since each changed Secret is looked up.
    by_credentials: ObjectIndex<String, BTreeSet<StoreKey>>,
}

impl StoreIndex {
    /// Stores what a watch delivered. True if the spec is new.
    pub(super) fn upsert(&self, store: Store) -> bool {
        self.stores.entry(store.key.clone(), |entry| {
            let mut is_new = true;
            if let Entry::Occupied(old) = &entry {
                let old = old.get();
                if old.resource_version > store.resource_version {
                    return false;
                }
                is_new = old.version() != store.version();
                self.remove_credentials(old);
            }
            for secret in &store.credentials {
                self.by_credentials.insert_into(secret.name.clone(), store.key.clone());
            }
            entry.insert_entry(Arc::new(store));
            is_new
        })
    }

    pub(super) fn remove(&self, key: &StoreKey) -> Option<Arc<Store>> {
        let store = self.stores.remove(key)?;
        self.remove_credentials(&store);
        Some(store)
    }

    /// The stores whose AWS credentials are in this Secret.
    pub(super) fn with_credentials_in(&self, secret: &ObjectKey) -> BTreeSet<StoreKey> {
        let mut named = self.by_credentials.get(&secret.name).unwrap_or_default();
        named.retain(|key| {
            self.stores.get(key).is_some_and(|store| store.has_credentials_in(secret))
        });
        named
    }

    /// The stores with these names.
    pub(super) fn find(&self, keys: impl Iterator<Item = StoreKey>) -> ReferencedStores {
        keys.map(|key| (key.clone(), self.stores.get(&key))).collect()
    }

    /// Whether these stores still exist with the same spec.
    pub(super) fn has_unchanged(&self, stores: &ReferencedStores) -> bool {
        stores.iter().all(|(key, before)| {
            let now = self.stores.get(key);
            now.as_deref().map(Store::version) == before.as_deref().map(Store::version)
        })
    }

    fn remove_credentials(&self, store: &Store) {
        for secret in &store.credentials {
            self.by_credentials.remove_from(secret.name.clone(), &store.key);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::external) fn store(namespace: &str, name: &str, aws: Value) -> Store {
        of(Some(namespace), name, json!({ "provider": { "aws": aws } }))
    }

    pub(in crate::external) fn cluster_store(name: &str, aws: Value) -> Store {
        of(None, name, json!({ "provider": { "aws": aws } }))
    }

    fn of(namespace: Option<&str>, name: &str, spec: Value) -> Store {
        let metadata = ObjectMeta {
            namespace: namespace.map(ToOwned::to_owned),
            name: Some(name.to_owned()),
            uid: Some("u".into()),
            generation: Some(1),
            ..ObjectMeta::default()
        };
        Store::new(&metadata, serde_json::from_value(spec).unwrap(), StoreStatus::default())
    }

    fn with_auth(auth: Value) -> Value {
        json!({ "provider": {
            "aws": { "service": "SecretsManager", "region": "eu-west-1", "auth": auth } } })
    }

    #[test]
    fn unsupported_and_malformed_providers_are_rejected() {
        let vault = of(Some("n"), "s", json!({ "provider": { "vault": { "server": "x" } } }));
        let failure = vault.aws().unwrap_err();
        assert_eq!(failure.reason, Reason::StoreInvalid);
        assert!(failure.message.contains("`vault` is not supported"), "{failure}");
        assert!(vault.has_other_provider());
        assert!(!store("n", "s", json!({})).has_other_provider());
        for spec in [
            json!({}),
            json!({ "provider": { "aws": {}, "vault": {} } }),
            json!({ "provider": { "aws": { "service": "Nope", "region": "r" } } }),
            json!({ "provider": { "aws": { "service": "SecretsManager", "region": "a/../b" } } }),
            with_auth(json!({ "jwt": { "serviceAccountRef": { "name": "../../x" } } })),
            with_auth(
                json!({ "jwt": { "serviceAccountRef": { "name": "a", "namespace": "../n" } } }),
            ),
            with_auth(json!({ "secretRef": { "accessKeyIDSecretRef": { "name": "a", "key": "i" },
                "secretAccessKeySecretRef": { "name": "a?b", "key": "s" } } })),
        ] {
            assert!(of(Some("n"), "s", spec.clone()).aws().is_err(), "{spec}");
        }
    }

    #[test]
    fn one_matching_condition_allows_a_namespace() {
        let with =
            |conditions: Value| of(None, "c", json!({ "provider": {}, "conditions": conditions }));
        let labels = || Some([("team".to_owned(), "a".to_owned())].into());
        let allows = |conditions, namespace| with(conditions).allows(namespace, labels).unwrap();
        assert!(allows(json!([]), "any"));
        assert!(allows(json!([{ "namespaces": ["x"] }]), "x"));
        assert!(!allows(json!([{ "namespaces": ["x"] }]), "y"));
        assert!(allows(json!([{ "namespaces": ["x"] }, { "namespaceRegexes": ["^y.*$"] }]), "yy"));
        assert!(allows(json!([{ "namespaceSelector": { "matchLabels": { "team": "a" } } }]), "y"));
        assert!(!allows(json!([{ "namespaceSelector": { "matchLabels": { "team": "b" } } }]), "y"));
        let expression = json!({ "key": "team", "operator": "NotIn", "values": ["b"] });
        assert!(allows(
            json!([{ "namespaceSelector": { "matchExpressions": [expression] } }]),
            "y"
        ));
        let malformed = with(json!([{ "namespaceRegexes": ["^ok$", "("] }]));
        assert_eq!(malformed.check_conditions().unwrap_err().reason, Reason::StoreInvalid);
        let unseen = with(json!([{ "namespaceSelector": {} }])).allows("y", || None);
        assert_eq!(unseen.unwrap_err().reason, Reason::StoreInvalid);
    }

    #[test]
    fn stores_are_found_by_their_credentials_secret() {
        let item = |key: &str| json!({ "name": "keys", "key": key });
        let aws = json!({ "service": "SecretsManager", "region": "r", "auth": { "secretRef": {
            "accessKeyIDSecretRef": item("i"), "secretAccessKeySecretRef": item("s") } } });
        let index = StoreIndex::default();
        for store in [store("a", "own", aws.clone()), cluster_store("all", aws)] {
            index.upsert(store);
        }
        let with = |namespace: &str, name: &str| {
            let mut names: Vec<_> = index
                .with_credentials_in(&ObjectKey { namespace: namespace.into(), name: name.into() })
                .into_iter()
                .map(|key| key.name)
                .collect();
            names.sort();
            names
        };
        assert_eq!(with("a", "keys"), ["all", "own"]);
        assert_eq!(
            with("b", "keys"),
            ["all"],
            "a ClusterSecretStore without a namespace reads from each namespace"
        );
        assert!(with("a", "other").is_empty());
        index.remove(&StoreKey { namespace: Some("a".into()), name: "own".into() });
        assert_eq!(with("a", "keys"), ["all"]);
    }
}
