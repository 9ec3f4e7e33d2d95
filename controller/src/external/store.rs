//! Stores: which one an object refers to, whether it may use it, and what it is.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use crds::{
    SecretStoreSpec, StoreStatus,
    external_secret::{StoreKind, StoreRef},
    secret_store::{Aws, NamespaceCondition, SecretKeyRef, SessionTagsPolicy},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ObjectMeta;
use templates::rewrite::Matcher;

use crate::{
    aws::{Identity, StoreSpec, identity::has_references_without_namespace},
    key::{ObjectKey, QueueKey},
    reason::{Failure, Reason},
    runtime::api::version_of,
};

/// A store by name; one of the cluster has no namespace.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StoreKey {
    /// The namespace.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl QueueKey for StoreKey {
    fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

/// A store as it was last seen.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its name.
    pub key: StoreKey,
    /// Its uid.
    pub uid: String,
    /// The generation of its spec.
    pub generation: i64,
    /// Its spec.
    pub spec: SecretStoreSpec,
    /// Its status.
    pub status: StoreStatus,
    /// By [`version_of`].
    pub version: u64,
    /// The Secrets with its AWS credentials; those of the namespace that asks have no namespace here.
    keys: Vec<(Option<String>, String)>,
}

/// All stores.
#[derive(Default)]
pub struct StoreIndex(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    stores: HashMap<StoreKey, Arc<Store>>,
    /// Those with AWS credentials in a Secret, by its name: each Secret that changes is looked up.
    with_keys: HashMap<String, BTreeSet<StoreKey>>,
}

impl StoreKey {
    /// The store that an object of this namespace refers to.
    pub fn of(reference: &StoreRef, namespace: &str) -> Self {
        Self {
            namespace: (reference.kind == StoreKind::SecretStore).then(|| namespace.to_owned()),
            name: reference.name.clone(),
        }
    }

    /// `SecretStore` or `ClusterSecretStore`
    pub fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "SecretStore" } else { "ClusterSecretStore" }
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

impl Store {
    /// The store in this object.
    pub fn new(metadata: &ObjectMeta, spec: SecretStoreSpec, status: StoreStatus) -> Self {
        let mut store = Self {
            key: StoreKey {
                namespace: metadata.namespace.clone(),
                name: metadata.name.clone().unwrap_or_default(),
            },
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            version: version_of(metadata),
            spec,
            status,
            keys: Vec::new(),
        };
        if let Some(keys) = store.aws().ok().and_then(|aws| aws.auth.secret_ref) {
            let all = [Some(keys.access_key_id), Some(keys.secret_access_key), keys.session_token];
            let place = |named: Option<String>| store.key.namespace.clone().or(named);
            let item = |key: SecretKeyRef| (place(key.namespace), key.name);
            store.keys = all.into_iter().flatten().map(item).collect();
        }
        store
    }

    /// What it says of AWS.
    ///
    /// # Errors
    /// `StoreInvalid` when it is of another provider, or not as it should be.
    pub fn aws(&self) -> Result<Aws, Failure> {
        let invalid = |what: &str| {
            Failure::new(Reason::StoreInvalid, format!("{} cannot be used: {what}", self.key))
        };
        let mut providers = self.spec.provider.iter();
        let (Some((name, provider)), None) = (providers.next(), providers.next()) else {
            return Err(invalid("it must have exactly one provider"));
        };
        if name != "aws" {
            let name: String = name.chars().take(63).collect();
            return Err(invalid(&format!(
                "its provider `{}` is not supported, only `aws` is",
                name.escape_debug()
            )));
        }
        let aws: Aws = serde_json::from_value(provider.clone())
            .map_err(|_| invalid("`provider.aws` is not as it should be: see the CRD"))?;
        let is_region = |region: &str| {
            !region.is_empty()
                && region.len() <= 63
                && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_region(&aws.region) {
            return Err(invalid("`provider.aws.region` is no region, such as eu-west-1"));
        }
        Ok(aws)
    }

    /// The identity with which objects of this namespace read from it. `fingerprint` returns that of a
    /// Secret.
    ///
    /// # Errors
    /// `StoreInvalid`, with the field.
    pub fn identity(
        &self,
        namespace: &str,
        fingerprint: impl Fn(&ObjectKey) -> Option<[u8; 32]>,
    ) -> Result<Identity, Failure> {
        let aws = self.aws()?;
        let store = StoreSpec {
            namespace: self.key.namespace.as_deref(),
            name: &self.key.name,
            uid: &self.uid,
            generation: self.generation,
            aws: &aws,
            retry_settings: self.spec.retry_settings.as_ref(),
        };
        Identity::of(&store, namespace, fingerprint)
    }

    /// Whether it reads as somebody else for each namespace: by references without a namespace, or with
    /// tags that tell it.
    pub fn is_by_namespace(&self) -> bool {
        let is_tagged = |aws: &Aws| aws.session_tags_policy != SessionTagsPolicy::None;
        let is_it = |aws: Aws| has_references_without_namespace(&aws) || is_tagged(&aws);
        self.key.namespace.is_none() && self.aws().is_ok_and(is_it)
    }

    /// The provider that it is of, if that is one of which this controller knows nothing.
    pub fn other_provider(&self) -> Option<&str> {
        let mut providers = self.spec.provider.keys();
        let only = providers.next().filter(|_| providers.next().is_none());
        only.map(String::as_str).filter(|name| *name != "aws")
    }

    /// Whether another controller looks after it.
    pub fn is_foreign(&self, class: &str) -> bool {
        !self.spec.controller.is_empty() && self.spec.controller != class
    }

    /// Whether all its conditions can be told, for whoever asks.
    ///
    /// # Errors
    /// `StoreInvalid` with the one that cannot.
    pub fn check_conditions(&self) -> Result<(), Failure> {
        for regex in self.spec.conditions.iter().flat_map(|condition| &condition.namespace_regexes)
        {
            self.namespace_regex(regex)?;
        }
        Ok(())
    }

    fn namespace_regex(&self, regex: &str) -> Result<Matcher, Failure> {
        let malformed = |_| {
            let what = "a namespaceRegex of its conditions is malformed";
            Failure::new(Reason::StoreInvalid, format!("{} cannot be used: {what}", self.key))
        };
        Matcher::new(regex).map_err(malformed)
    }

    /// Whether objects of a namespace with these labels may use it. The labels are asked for only
    /// where they matter.
    ///
    /// # Errors
    /// `StoreInvalid` when that cannot be told.
    pub fn allows(
        &self,
        namespace: &str,
        labels: impl Fn() -> Option<BTreeMap<String, String>>,
    ) -> Result<bool, Failure> {
        if self.key.namespace.is_some() || self.spec.conditions.is_empty() {
            return Ok(true);
        }
        let invalid = |what: String| {
            Failure::new(Reason::StoreInvalid, format!("{} cannot be used: {what}", self.key))
        };
        for condition in &self.spec.conditions {
            let NamespaceCondition { namespace_selector, namespaces, namespace_regexes } =
                condition;
            if namespaces.iter().any(|allowed| allowed == namespace) {
                return Ok(true);
            }
            for regex in namespace_regexes {
                if self.namespace_regex(regex)?.is_match(namespace) {
                    return Ok(true);
                }
            }
            if let Some(selector) = namespace_selector {
                let labels = labels().ok_or_else(|| {
                    invalid(format!(
                        "its conditions ask for labels, and the controller does not see those of \
                         namespace {namespace}"
                    ))
                })?;
                if matches(selector, &labels) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Whether labels match a selector.
fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal =
        selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector.match_expressions.iter().flatten().all(|expression| {
            let value = labels.get(&expression.key);
            let values = expression.values.as_deref().unwrap_or_default();
            match expression.operator.as_str() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

impl StoreIndex {
    /// A store.
    pub fn get(&self, key: &StoreKey) -> Option<Arc<Store>> {
        self.lock().stores.get(key).cloned()
    }

    /// Notes a store. True when its spec is new.
    pub fn note(&self, store: Store) -> bool {
        let mut inner = self.lock();
        let known = inner.stores.get(&store.key);
        if known.is_some_and(|known| known.version > store.version) {
            return false;
        }
        let is_new = known
            .is_none_or(|known| known.uid != store.uid || known.generation != store.generation);
        inner.forget(&store.key);
        for (_, secret) in &store.keys {
            inner.with_keys.entry(secret.clone()).or_default().insert(store.key.clone());
        }
        inner.stores.insert(store.key.clone(), Arc::new(store));
        is_new
    }

    /// Forgets a store.
    pub fn forget(&self, key: &StoreKey) -> Option<Arc<Store>> {
        self.lock().forget(key)
    }

    /// The stores whose AWS credentials are in this Secret.
    pub fn with_keys_in(&self, secret: &ObjectKey) -> Vec<StoreKey> {
        let inner = self.lock();
        let is_it = |(namespace, name): &(Option<String>, String)| {
            *name == secret.name && namespace.as_ref().is_none_or(|own| *own == secret.namespace)
        };
        let named = inner.with_keys.get(&secret.name).into_iter().flatten();
        named.filter(|key| inner.stores[*key].keys.iter().any(is_it)).cloned().collect()
    }

    /// All stores.
    pub fn all(&self) -> Vec<Arc<Store>> {
        self.lock().stores.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Inner {
    fn forget(&mut self, key: &StoreKey) -> Option<Arc<Store>> {
        let store = self.stores.remove(key)?;
        for (_, secret) in &store.keys {
            if let Some(stores) = self.with_keys.get_mut(secret) {
                stores.remove(key);
                if stores.is_empty() {
                    self.with_keys.remove(secret);
                }
            }
        }
        Some(store)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(crate) fn store(namespace: &str, name: &str, aws: Value) -> Store {
        of(Some(namespace), name, json!({ "provider": { "aws": aws } }))
    }

    pub(crate) fn cluster_store(name: &str, aws: Value) -> Store {
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

    #[test]
    fn other_providers_are_left_alone_with_a_word() {
        let vault = of(Some("n"), "s", json!({ "provider": { "vault": { "server": "x" } } }));
        let failure = vault.aws().unwrap_err();
        assert_eq!(failure.reason, Reason::StoreInvalid);
        assert!(failure.message.contains("`vault` is not supported"), "{failure}");
        assert_eq!(vault.other_provider(), Some("vault"));
        assert_eq!(store("n", "s", json!({})).other_provider(), None);
        for spec in [
            json!({}),
            json!({ "provider": { "aws": {}, "vault": {} } }),
            json!({ "provider": { "aws": { "service": "Nope", "region": "r" } } }),
            json!({ "provider": { "aws": { "service": "SecretsManager", "region": "a/../b" } } }),
        ] {
            assert!(of(Some("n"), "s", spec.clone()).aws().is_err(), "{spec}");
        }
    }

    #[test]
    fn conditions_are_alternatives() {
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
    fn a_store_is_known_by_the_secret_with_its_keys() {
        let item = |key: &str| json!({ "name": "keys", "key": key });
        let aws = json!({ "service": "SecretsManager", "region": "r", "auth": { "secretRef": {
            "accessKeyIDSecretRef": item("i"), "secretAccessKeySecretRef": item("s") } } });
        let index = StoreIndex::default();
        for store in [store("a", "own", aws.clone()), cluster_store("all", aws)] {
            index.note(store);
        }
        let with = |namespace: &str, name: &str| {
            let mut names: Vec<_> = index
                .with_keys_in(&ObjectKey { namespace: namespace.into(), name: name.into() })
                .into_iter()
                .map(|key| key.name)
                .collect();
            names.sort();
            names
        };
        assert_eq!(with("a", "keys"), ["all", "own"]);
        assert_eq!(with("b", "keys"), ["all"], "it asks for those of each namespace");
        assert!(with("a", "other").is_empty());
        index.forget(&StoreKey { namespace: Some("a".into()), name: "own".into() });
        assert_eq!(with("a", "keys"), ["all"]);
    }
}
