//! The identities that call AWS. Each one needs a policy of its own.

use std::fmt;

use crds::secret_store::{Aws, SessionTagsPolicy};

use super::manifests::{StoreKey, quoted};

/// The owner of an IAM policy.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Identity {
    /// The controller's Pod, by its own role or environment.
    Pod,
    /// The role of a ServiceAccount.
    ServiceAccount { namespace: String, name: String },
    /// The user whose access key is in a Secret.
    AccessKey { namespace: String, secret: String },
    /// A role that a store names, by its ARN.
    Role(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod => f.write_str("the controller's Pod"),
            Self::ServiceAccount { namespace, name } => {
                write!(f, "the role of ServiceAccount {}", quoted(namespace, name))
            }
            Self::AccessKey { namespace, secret } => {
                write!(f, "the user of the access key in Secret {}", quoted(namespace, secret))
            }
            Self::Role(arn) => write!(f, "{}", arn.escape_debug()),
        }
    }
}

/// How a store authenticates for objects of one namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chain {
    /// The first has the credentials. Each one assumes the role of the next. The last one reads.
    pub(super) identities: Vec<Identity>,
    /// Whether the last role is assumed with session tags.
    pub(super) has_session_tags: bool,
}

impl Chain {
    pub(super) fn of(store: &StoreKey, aws: &Aws, namespace: &str) -> Self {
        let place = |named: &Option<String>| {
            store.namespace.as_deref().or(named.as_deref()).unwrap_or(namespace).to_owned()
        };
        let base = match (&aws.auth.jwt, &aws.auth.secret_ref) {
            (Some(jwt), _) => {
                let account = &jwt.service_account_ref;
                let namespace = place(&account.namespace);
                Identity::ServiceAccount { namespace, name: account.name.clone() }
            }
            (None, Some(keys)) => {
                let id = &keys.access_key_id;
                let namespace = place(&id.namespace);
                Identity::AccessKey { namespace, secret: id.name.clone() }
            }
            (None, None) => Identity::Pod,
        };
        let role = Some(&aws.role).filter(|role| !role.is_empty());
        let roles = aws.additional_roles.iter().chain(role).cloned().map(Identity::Role);
        Self {
            identities: std::iter::once(base).chain(roles).collect(),
            has_session_tags: role.is_some()
                && (!aws.session_tags.is_empty()
                    || aws.session_tags_policy != SessionTagsPolicy::None),
        }
    }

    pub(super) fn reader(&self) -> &Identity {
        self.identities.last().expect("a chain has a base")
    }

    /// Whether the first credentials are got with a token of Kubernetes.
    pub(super) fn has_token(&self) -> bool {
        matches!(self.identities.first(), Some(Identity::ServiceAccount { .. }))
    }

    /// How many roles are assumed one after the other.
    pub(super) fn roles(&self) -> u64 {
        self.identities.len() as u64 - 1
    }
}

/// Whether each namespace reads from a ClusterSecretStore with an identity of its own.
pub(super) fn is_per_namespace(store: &StoreKey, aws: &Aws) -> bool {
    let account = aws.auth.jwt.as_ref().map(|jwt| &jwt.service_account_ref.namespace);
    let keys = aws.auth.secret_ref.iter().flat_map(|keys| {
        [Some(&keys.access_key_id), Some(&keys.secret_access_key), keys.session_token.as_ref()]
    });
    let mut namespaces = account.into_iter().chain(keys.flatten().map(|key| &key.namespace));
    store.namespace.is_none()
        && (aws.session_tags_policy != SessionTagsPolicy::None || namespaces.any(Option::is_none))
}
