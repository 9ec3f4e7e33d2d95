//! The identity that reads from AWS: everything that decides what AWS answers, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use clap::ValueEnum;
use crds::secret_store::{Aws, AwsService, RetrySettings, SecretKeyRef, SessionTagsPolicy};

use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::go_duration,
};

/// The longest pause that a store may configure, because a waiting read occupies a worker.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Which stores without `auth` read with the identity of the controller's Pod.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum PodIdentity {
    /// All stores, as in External Secrets
    All,
    /// ClusterSecretStores
    ClusterStores,
    /// No store
    None,
}

impl PodIdentity {
    /// Fails with `StoreInvalid` if the identity is that of the Pod, and the store may not use it.
    pub(crate) fn check(self, store: &StoreSpec<'_>, identity: &Identity) -> Result<(), Failure> {
        let is_allowed = match self {
            Self::All => true,
            Self::ClusterStores => store.namespace.is_none(),
            Self::None => false,
        };
        if is_allowed || identity.base != BaseCredentials::Pod {
            return Ok(());
        }
        Err(store.invalid(
            "it has no auth, and the controller's flag --pod-identity does not let it use the identity of the \
             controller's Pod: set auth",
        ))
    }
}

/// The parts of a SecretStore or ClusterSecretStore that decide about identities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreSpec<'s> {
    /// The store for messages and metrics: `SecretStore n/s`.
    pub(crate) label: &'s str,
    /// None: it is a ClusterSecretStore.
    pub(crate) namespace: Option<&'s str>,
    pub(crate) name: &'s str,
    pub(crate) uid: &'s str,
    pub(crate) generation: i64,
    pub(crate) aws: &'s Aws,
    pub(crate) retry_settings: Option<&'s RetrySettings>,
}

/// Equal identities get the same answers, so they share credentials, batches and responses.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Identity {
    pub(crate) store_uid: String,
    pub(crate) generation: i64,
    /// The label of the store.
    pub(crate) store: String,
    pub(crate) service: AwsService,
    pub(crate) region: String,
    pub(crate) base: BaseCredentials,
    /// The roles to assume, in order.
    pub(crate) roles: Vec<Role>,
    pub(crate) retries: Retries,
}

/// Where the first credentials come from.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum BaseCredentials {
    /// The controller's Pod or environment.
    Pod,
    /// Access keys in Secrets.
    Keys {
        id: SecretItemRef,
        secret: SecretItemRef,
        token: Option<SecretItemRef>,
    },
    ServiceAccount(ServiceAccountRef),
}

/// A ServiceAccount, as it is now.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ServiceAccountRef {
    pub(crate) key: ObjectKey,
    /// Further audiences for its token.
    pub(crate) audiences: Vec<String>,
    /// None until the pool has read it. Another one of the same name is another identity.
    pub(crate) account: Option<ServiceAccountRole>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ServiceAccountRole {
    pub(crate) uid: String,
    pub(crate) role: String,
    pub(crate) audience: String,
}

/// An item of a Secret, as it is now.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct SecretItemRef {
    pub(crate) secret: ObjectKey,
    pub(crate) item: String,
    /// The fingerprint of the Secret. A Secret with other contents is another identity.
    pub(crate) fingerprint: Option<[u8; 32]>,
}

/// A role, and how to assume it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_tags: BTreeMap<String, String>,
    /// The keys of the tags that further roles inherit.
    pub(crate) transitive_tag_keys: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Retries {
    /// The maximum, including the first attempt.
    pub(crate) attempts: u32,
    /// The pause between attempts. None: exponential back-off.
    pub(crate) pause: Option<Duration>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 3, pause: None }
    }
}

impl Identity {
    /// The identity with which objects of this namespace read from the store. `fingerprint` returns
    /// that of a Secret.
    pub(crate) fn of(
        store: &StoreSpec<'_>,
        namespace: &str,
        fingerprint: impl Fn(&ObjectKey) -> Option<[u8; 32]>,
    ) -> Result<Self, Failure> {
        let aws = store.aws;
        if aws.service == AwsService::CertificateManager {
            return Err(store.invalid("its service CertificateManager is not supported"));
        }
        let is_foreign = |named: &str| store.namespace.is_some_and(|own| own != named);
        if referenced_namespaces(aws).flatten().any(is_foreign) {
            return Err(store.invalid(
                "it refers to another namespace: remove the namespace, or use a ClusterSecretStore",
            ));
        }
        let key_of = |named: &Option<String>, name: &str| {
            let namespace = store.namespace.or(named.as_deref()).unwrap_or(namespace).to_owned();
            ObjectKey { namespace, name: name.to_owned() }
        };
        let item = |reference: &SecretKeyRef| {
            let secret = key_of(&reference.namespace, &reference.name);
            let fingerprint = fingerprint(&secret);
            SecretItemRef { secret, item: reference.key.clone(), fingerprint }
        };
        let base = match (&aws.auth.jwt, &aws.auth.secret_ref) {
            (Some(jwt), _) => {
                let account = &jwt.service_account_ref;
                if account.name.is_empty() {
                    return Err(store.invalid("auth.jwt.serviceAccountRef.name is missing"));
                }
                let key = key_of(&account.namespace, &account.name);
                let audiences = account.audiences.clone();
                BaseCredentials::ServiceAccount(ServiceAccountRef { key, audiences, account: None })
            }
            (None, Some(keys)) => BaseCredentials::Keys {
                id: item(&keys.access_key_id),
                secret: item(&keys.secret_access_key),
                token: keys.session_token.as_ref().map(item),
            },
            (None, None) => BaseCredentials::Pod,
        };
        let additional = aws.additional_roles.iter().cloned();
        let additional = additional.map(|arn| Role { arn, ..Role::default() });
        let role = (!aws.role.is_empty()).then(|| Role {
            arn: aws.role.clone(),
            external_id: Some(aws.external_id.clone()).filter(|id| !id.is_empty()),
            session_tags: store.session_tags(namespace),
            transitive_tag_keys: aws.transitive_tag_keys.clone(),
        });
        Ok(Self {
            store_uid: store.uid.to_owned(),
            generation: store.generation,
            store: store.label.to_owned(),
            service: aws.service,
            region: aws.region.clone(),
            base,
            roles: additional.chain(role).collect(),
            retries: store.retries()?,
        })
    }

    /// Whether the other one is of a later spec of the store, or of a later content of the same Secrets and
    /// ServiceAccount.
    pub(crate) fn is_replaced_by(&self, other: &Self) -> bool {
        let without_content = |identity: &Self| {
            let mut identity = identity.clone();
            match &mut identity.base {
                BaseCredentials::Pod => {}
                BaseCredentials::Keys { id, secret, token } => {
                    let items = [Some(id), Some(secret), token.as_mut()];
                    items.into_iter().flatten().for_each(|item| item.fingerprint = None);
                }
                BaseCredentials::ServiceAccount(reference) => reference.account = None,
            }
            identity
        };
        self.store_uid == other.store_uid
            && (self.generation < other.generation
                || self != other && without_content(self) == without_content(other))
    }
}

impl StoreSpec<'_> {
    fn session_tags(&self, namespace: &str) -> BTreeMap<String, String> {
        let aws = self.aws;
        let mut tags: BTreeMap<_, _> =
            aws.session_tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        if aws.session_tags_policy == SessionTagsPolicy::Custom {
            tags.extend(aws.custom_session_tags.clone());
        }
        if aws.session_tags_policy != SessionTagsPolicy::None {
            tags.insert("esoNamespace".to_owned(), namespace.to_owned());
            tags.insert("esoStoreName".to_owned(), self.name.to_owned());
            let kind = if self.namespace.is_some() { "SecretStore" } else { "ClusterSecretStore" };
            tags.insert("esoStoreKind".to_owned(), kind.to_owned());
        }
        tags
    }

    fn retries(&self) -> Result<Retries, Failure> {
        let Some(settings) = self.retry_settings else { return Ok(Retries::default()) };
        let attempts = settings.max_retries.unwrap_or(3).clamp(1, 20).unsigned_abs();
        let invalid = || self.invalid("retrySettings.retryInterval is not a duration");
        let pause = settings.retry_interval.as_deref().map(|interval| {
            let pause = go_duration::parse(interval).ok_or_else(invalid)?;
            Ok(pause.min(MAX_RETRY_PAUSE))
        });
        Ok(Retries { attempts, pause: pause.transpose()? })
    }

    fn invalid(&self, problem: &str) -> Failure {
        Failure::new(Reason::StoreInvalid, format!("{} cannot be used: {problem}", self.label))
    }
}

/// Whether `auth` has references without a namespace. In a ClusterSecretStore, these refer to the
/// namespace of each ExternalSecret.
pub(crate) fn has_references_without_namespace(aws: &Aws) -> bool {
    referenced_namespaces(aws).any(|namespace| namespace.is_none())
}

/// The names of objects and namespaces in `auth`. A missing name is empty, and left out.
pub(crate) fn referenced_names(aws: &Aws) -> impl Iterator<Item = &str> {
    let account = aws.auth.jwt.as_ref().map(|jwt| &jwt.service_account_ref.name);
    let keys = secret_references(aws).map(|key| &key.name);
    let names = account.into_iter().chain(keys).map(String::as_str);
    names.chain(referenced_namespaces(aws).flatten()).filter(|name| !name.is_empty())
}

fn secret_references(aws: &Aws) -> impl Iterator<Item = &SecretKeyRef> {
    let keys = aws.auth.secret_ref.iter().flat_map(|keys| {
        [Some(&keys.access_key_id), Some(&keys.secret_access_key), keys.session_token.as_ref()]
    });
    keys.flatten()
}

fn referenced_namespaces(aws: &Aws) -> impl Iterator<Item = Option<&str>> {
    let jwt = aws.auth.jwt.as_ref().map(|jwt| &jwt.service_account_ref.namespace);
    let keys = secret_references(aws).map(|key| &key.namespace);
    jwt.into_iter().chain(keys).map(Option::as_deref)
}

#[cfg(test)]
mod tests;
