//! The identity that reads from AWS: everything that decides what AWS answers, and nothing else.

use std::{collections::BTreeMap, fmt, time::Duration};

use crds::secret_store::{Aws, AwsService, RetrySettings, SecretKeyRef, SessionTagsPolicy};

use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::go_duration,
};

/// The longest pause between attempts that a store may configure, because a waiting read occupies a
/// worker.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The parts of a SecretStore or ClusterSecretStore that decide about identities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreSpec<'s> {
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
    /// The store for messages and metrics: `SecretStore n/s`.
    pub(crate) store: String,
    pub(crate) service: AwsService,
    pub(crate) region: String,
    pub(crate) base: BaseCredentials,
    /// The roles to assume, in order, before the last one.
    pub(crate) additional_roles: Vec<String>,
    /// The last role to assume.
    pub(crate) role: Option<Role>,
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
    /// None until the pool has read it. Another ServiceAccount of the same name is another
    /// identity.
    pub(crate) account: Option<ServiceAccountRole>,
}

/// The settings of a ServiceAccount.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ServiceAccountRole {
    pub(crate) uid: String,
    pub(crate) role: String,
    /// The audience of its tokens.
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
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Role {
    pub(crate) arn: String,
    /// The external id that the trust policy requires.
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
    ///
    /// # Errors
    /// `StoreInvalid`, with the field.
    pub(crate) fn of(
        store: &StoreSpec<'_>,
        namespace: &str,
        fingerprint: impl Fn(&ObjectKey) -> Option<[u8; 32]>,
    ) -> Result<Self, Failure> {
        let aws = store.aws;
        if aws.service == AwsService::CertificateManager {
            return Err(store.invalid("its service CertificateManager is not supported"));
        }
        if let Some(own) = store.namespace
            && referenced_namespaces(aws).flatten().any(|named| named != own)
        {
            return Err(store.invalid(
                "it refers to another namespace: remove the namespace, or use a ClusterSecretStore",
            ));
        }
        let namespace_of = |named: &Option<String>| match (store.namespace, named) {
            (Some(own), _) => own.to_owned(),
            (None, Some(named)) => named.clone(),
            (None, None) => namespace.to_owned(),
        };
        let item = |reference: &SecretKeyRef| {
            let namespace = namespace_of(&reference.namespace);
            let secret = ObjectKey { namespace, name: reference.name.clone() };
            let fingerprint = fingerprint(&secret);
            SecretItemRef { secret, item: reference.key.clone(), fingerprint }
        };
        let base = match (&aws.auth.jwt, &aws.auth.secret_ref) {
            (Some(jwt), _) => {
                let account = &jwt.service_account_ref;
                if account.name.is_empty() {
                    return Err(store.invalid("auth.jwt.serviceAccountRef.name is missing"));
                }
                let namespace = namespace_of(&account.namespace);
                let key = ObjectKey { namespace, name: account.name.clone() };
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
        let role = (!aws.role.is_empty()).then(|| Role {
            arn: aws.role.clone(),
            external_id: Some(aws.external_id.clone()).filter(|id| !id.is_empty()),
            session_tags: store.session_tags(namespace),
            transitive_tag_keys: aws.transitive_tag_keys.clone(),
        });
        Ok(Self {
            store_uid: store.uid.to_owned(),
            generation: store.generation,
            store: store.to_string(),
            service: aws.service,
            region: aws.region.clone(),
            base,
            additional_roles: aws.additional_roles.clone(),
            role,
            retries: store.retries()?,
        })
    }
}

impl StoreSpec<'_> {
    fn kind(&self) -> &'static str {
        if self.namespace.is_some() { "SecretStore" } else { "ClusterSecretStore" }
    }

    fn session_tags(&self, namespace: &str) -> BTreeMap<String, String> {
        let aws = self.aws;
        let mut tags: BTreeMap<_, _> =
            aws.session_tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        if aws.session_tags_policy == SessionTagsPolicy::Custom {
            tags.extend(aws.custom_session_tags.clone());
        }
        if aws.session_tags_policy != SessionTagsPolicy::None {
            for (key, value) in [
                ("esoNamespace", namespace),
                ("esoStoreName", self.name),
                ("esoStoreKind", self.kind()),
            ] {
                tags.insert(key.to_owned(), value.to_owned());
            }
        }
        tags
    }

    fn retries(&self) -> Result<Retries, Failure> {
        let Some(settings) = self.retry_settings else { return Ok(Retries::default()) };
        let attempts = settings.max_retries.unwrap_or(3).clamp(1, 20).unsigned_abs();
        let pause = match settings.retry_interval.as_deref().map(go_duration::parse) {
            Some(Some(pause)) => Some(pause.min(MAX_RETRY_PAUSE)),
            Some(None) => {
                return Err(self.invalid("retrySettings.retryInterval is not a duration"));
            }
            None => None,
        };
        Ok(Retries { attempts, pause })
    }

    fn invalid(&self, problem: &str) -> Failure {
        Failure::new(Reason::StoreInvalid, format!("{self} cannot be used: {problem}"))
    }
}

impl fmt::Display for StoreSpec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self.namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{}", self.name),
            None => write!(f, "{kind} {}", self.name),
        }
    }
}

/// Whether `auth` has references without a namespace. In a ClusterSecretStore, these refer to the
/// namespace of each ExternalSecret.
pub(crate) fn has_references_without_namespace(aws: &Aws) -> bool {
    referenced_namespaces(aws).any(|namespace| namespace.is_none())
}

/// The namespace of each reference in `auth`.
fn referenced_namespaces(aws: &Aws) -> impl Iterator<Item = Option<&str>> {
    let jwt = aws.auth.jwt.as_ref().map(|jwt| &jwt.service_account_ref.namespace);
    let keys = aws.auth.secret_ref.iter().flat_map(|keys| {
        [Some(&keys.access_key_id), Some(&keys.secret_access_key), keys.session_token.as_ref()]
    });
    let keys = keys.flatten().map(|key| &key.namespace);
    jwt.into_iter().chain(keys).map(Option::as_deref)
}

#[cfg(test)]
mod tests;
