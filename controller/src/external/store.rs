//! A SecretStore or ClusterSecretStore: its provider, and which namespaces may use it.

use std::{collections::BTreeMap, fmt};

use crds::{
    SecretStoreSpec, StoreStatus,
    external_secret::{StoreKind, StoreRef},
    secret_store::{Aws, NamespaceCondition, SecretKeyRef, SessionTagsPolicy},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{
    api::ObjectMeta,
    core::{Selector, SelectorExt as _},
};
use templates::rewrite::Matcher;

use crate::{
    aws::{Identity, StoreSpec, identity::has_references_without_namespace},
    key::{ObjectKey, QueueKey},
    reason::{Failure, Reason},
    runtime::api::version_of,
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
    credentials: Vec<CredentialsRef>,
}

/// A Secret with AWS credentials of a store.
#[derive(Clone, Debug)]
pub(super) struct CredentialsRef {
    /// None: the namespace of the ExternalSecret that uses the store.
    namespace: Option<String>,
    pub(super) name: String,
}

impl StoreKey {
    /// The store that an object of this namespace refers to.
    pub(crate) fn of(reference: &StoreRef, namespace: &str) -> Self {
        Self {
            namespace: (reference.kind == StoreKind::SecretStore).then(|| namespace.to_owned()),
            name: reference.name.clone(),
        }
    }

    pub(super) fn of_metadata(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    /// As watches name it: without a namespace for a ClusterSecretStore.
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

impl CredentialsRef {
    pub(super) fn is_in(&self, secret: &ObjectKey) -> bool {
        self.name == secret.name
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == secret.namespace)
    }
}

impl Store {
    pub(crate) fn new(metadata: &ObjectMeta, spec: SecretStoreSpec, status: StoreStatus) -> Self {
        let mut store = Self {
            key: StoreKey::of_metadata(metadata),
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            resource_version: version_of(metadata),
            spec,
            status,
            credentials: Vec::new(),
        };
        if let Some(keys) = store.aws().ok().and_then(|aws| aws.auth.secret_ref) {
            let all = [Some(keys.access_key_id), Some(keys.secret_access_key), keys.session_token];
            let reference = |key: SecretKeyRef| CredentialsRef {
                namespace: store.key.namespace.clone().or(key.namespace),
                name: key.name,
            };
            store.credentials = all.into_iter().flatten().map(reference).collect();
        }
        store
    }

    pub(super) fn credentials(&self) -> &[CredentialsRef] {
        &self.credentials
    }

    /// `provider.aws`.
    ///
    /// # Errors
    /// `StoreInvalid` if the store has another provider, or if the field is malformed.
    pub(crate) fn aws(&self) -> Result<Aws, Failure> {
        let mut providers = self.spec.provider.iter();
        let (Some((name, provider)), None) = (providers.next(), providers.next()) else {
            return Err(self.invalid("it must have exactly one provider"));
        };
        if name != "aws" {
            let name: String = name.chars().take(63).collect();
            return Err(self.invalid(&format!(
                "its provider `{}` is not supported, only `aws` is",
                name.escape_debug()
            )));
        }
        let aws: Aws = serde_json::from_value(provider.clone())
            .map_err(|_| self.invalid("`provider.aws` is malformed: see the CRD"))?;
        let is_region = |region: &str| {
            !region.is_empty()
                && region.len() <= 63
                && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_region(&aws.region) {
            return Err(self.invalid("`provider.aws.region` must be a region, such as eu-west-1"));
        }
        Ok(aws)
    }

    /// The identity with which objects of this namespace read from the store. `fingerprint` returns that
    /// of a Secret.
    ///
    /// # Errors
    /// `StoreInvalid`, with the field.
    pub(super) fn identity(
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

    /// Whether each namespace reads with an identity of its own: by references without a namespace, or
    /// by session tags with the namespace.
    pub(crate) fn has_identity_per_namespace(&self) -> bool {
        let is_tagged = |aws: &Aws| aws.session_tags_policy != SessionTagsPolicy::None;
        let is_per_namespace = |aws: Aws| has_references_without_namespace(&aws) || is_tagged(&aws);
        self.key.is_cluster_store() && self.aws().is_ok_and(is_per_namespace)
    }

    /// Whether the store has one provider, which is not AWS.
    pub(crate) fn has_other_provider(&self) -> bool {
        let mut providers = self.spec.provider.keys();
        let only = providers.next().filter(|_| providers.next().is_none());
        only.is_some_and(|name| name != "aws")
    }

    /// Whether the store names the class of another controller.
    pub(crate) fn is_foreign(&self, class: &str) -> bool {
        !self.spec.controller.is_empty() && self.spec.controller != class
    }

    /// Checks the conditions without a namespace at hand.
    ///
    /// # Errors
    /// `StoreInvalid` if a regular expression is malformed.
    pub(crate) fn check_conditions(&self) -> Result<(), Failure> {
        for regex in self.spec.conditions.iter().flat_map(|condition| &condition.namespace_regexes)
        {
            self.namespace_regex(regex)?;
        }
        Ok(())
    }

    /// Whether objects of a namespace with these labels may use the store. The labels are only looked
    /// up if a condition depends on them.
    ///
    /// # Errors
    /// `StoreInvalid` if a condition cannot be evaluated.
    pub(crate) fn allows(
        &self,
        namespace: &str,
        labels: impl Fn() -> Option<BTreeMap<String, String>>,
    ) -> Result<bool, Failure> {
        if !self.key.is_cluster_store() || self.spec.conditions.is_empty() {
            return Ok(true);
        }
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
                    self.invalid(&format!(
                        "its conditions select namespaces by labels, and the controller may not read \
                         the labels of namespace {namespace}"
                    ))
                })?;
                if matches(selector, &labels) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn namespace_regex(&self, regex: &str) -> Result<Matcher, Failure> {
        let what = "a namespaceRegex of its conditions is malformed";
        Matcher::new(regex).map_err(|_| self.invalid(what))
    }

    fn invalid(&self, what: &str) -> Failure {
        Failure::new(Reason::StoreInvalid, format!("{} cannot be used: {what}", self.key))
    }
}

/// A malformed selector matches nothing.
fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
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
}
