//! As whom AWS is asked: everything that decides what it answers, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use crds::secret_store::{Aws, AwsService, SecretKeyRef, SessionTagsPolicy};

use crate::runtime::go_duration;
use crate::{
    external::store::Store,
    key::ObjectKey,
    reason::{Failure, Reason},
};

/// The longest pause that a store may ask for: whoever waits holds up a worker.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// An identity. Equal ones get the same answers, and share credentials, batches and answers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Identity {
    /// The uid of the store.
    pub store_uid: String,
    /// Its generation.
    pub generation: i64,
    /// The store for people and metrics: `SecretStore n/s`.
    pub store: String,
    /// The service.
    pub service: AwsService,
    /// The region.
    pub region: String,
    /// Where the first credentials are from.
    pub base: Base,
    /// The roles that are assumed, in order, before the last one.
    pub additional_roles: Vec<String>,
    /// The last role.
    pub role: Option<Role>,
    /// How requests are tried again.
    pub retries: Retries,
}

/// Where the first credentials are from.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Base {
    /// The controller's Pod, or its environment.
    Pod,
    /// Secrets.
    Keys {
        /// The access key id.
        id: ItemRef,
        /// The secret access key.
        secret: ItemRef,
        /// The session token.
        token: Option<ItemRef>,
    },
    /// A ServiceAccount.
    ServiceAccount(AccountRef),
}

/// A ServiceAccount, as it is now.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AccountRef {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Further audiences for its token.
    pub audiences: Vec<String>,
    /// What it says; none as long as nobody has looked. Another one of the same name is another identity.
    pub account: Option<Account>,
}

/// What a ServiceAccount says.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Account {
    /// Its uid.
    pub uid: String,
    /// The role to assume.
    pub role: String,
    /// The audience of its tokens.
    pub audience: String,
}

/// An item of a Secret, as it is now.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ItemRef {
    /// The Secret.
    pub secret: ObjectKey,
    /// The item.
    pub item: String,
    /// The keyed MAC of the Secret: with other contents it is another identity.
    pub content: Option<[u8; 32]>,
}

/// A role, and how it is assumed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy asks for.
    pub external_id: Option<String>,
    /// Tags of the session.
    pub tags: BTreeMap<String, String>,
    /// The keys of those that go on to further roles.
    pub transitive: Vec<String>,
}

/// How requests are tried again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Retries {
    /// How often at most, the first attempt included.
    pub attempts: u32,
    /// The pause between; by default a growing one.
    pub pause: Option<Duration>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 3, pause: None }
    }
}

impl Identity {
    /// As whom an ExternalSecret of this namespace reads from the store. `content` tells the MAC of a
    /// Secret.
    ///
    /// # Errors
    /// `StoreInvalid`, with the field.
    pub fn of(
        store: &Store,
        namespace: &str,
        content: impl Fn(&ObjectKey) -> Option<[u8; 32]>,
    ) -> Result<Self, Failure> {
        let aws = store.aws()?;
        if aws.service == AwsService::CertificateManager {
            return Err(invalid(store, "its service CertificateManager is not supported"));
        }
        if let Some(own) = &store.key.namespace
            && places(&aws).any(|place| place.as_ref().is_some_and(|named| named != own))
        {
            let what = "it refers to another namespace: remove the namespace, or use a \
                        ClusterSecretStore";
            return Err(invalid(store, what));
        }
        let place = |named: &Option<String>| match (&store.key.namespace, named) {
            (Some(own), _) => own.clone(),
            (None, Some(named)) => named.clone(),
            (None, None) => namespace.to_owned(),
        };
        let item = |reference: &SecretKeyRef| {
            let secret =
                ObjectKey { namespace: place(&reference.namespace), name: reference.name.clone() };
            ItemRef { content: content(&secret), secret, item: reference.key.clone() }
        };
        let base = match (&aws.auth.jwt, &aws.auth.secret_ref) {
            (Some(jwt), _) => {
                let account = &jwt.service_account_ref;
                if account.name.is_empty() {
                    return Err(invalid(store, "auth.jwt.serviceAccountRef.name is missing"));
                }
                let key =
                    ObjectKey { namespace: place(&account.namespace), name: account.name.clone() };
                let audiences = account.audiences.clone();
                Base::ServiceAccount(AccountRef { key, audiences, account: None })
            }
            (None, Some(keys)) => Base::Keys {
                id: item(&keys.access_key_id),
                secret: item(&keys.secret_access_key),
                token: keys.session_token.as_ref().map(item),
            },
            (None, None) => Base::Pod,
        };
        let role = (!aws.role.is_empty()).then(|| Role {
            arn: aws.role.clone(),
            external_id: Some(aws.external_id.clone()).filter(|id| !id.is_empty()),
            tags: tags(&aws, store, namespace),
            transitive: aws.transitive_tag_keys.clone(),
        });
        Ok(Self {
            store_uid: store.uid.clone(),
            generation: store.generation,
            store: store.key.to_string(),
            service: aws.service,
            region: aws.region.clone(),
            base,
            additional_roles: aws.additional_roles,
            role,
            retries: retries(store)?,
        })
    }
}

/// Whether what a ClusterSecretStore refers to is in the namespace of each ExternalSecret.
pub fn is_referent(store: &Store, aws: &Aws) -> bool {
    store.key.namespace.is_none() && places(aws).any(Option::is_none)
}

/// The namespaces that its references name.
fn places(aws: &Aws) -> impl Iterator<Item = &Option<String>> {
    let jwt = aws.auth.jwt.as_ref().map(|jwt| &jwt.service_account_ref.namespace);
    let keys = aws.auth.secret_ref.iter().flat_map(|keys| {
        [Some(&keys.access_key_id), Some(&keys.secret_access_key), keys.session_token.as_ref()]
    });
    jwt.into_iter().chain(keys.flatten().map(|key| &key.namespace))
}

fn tags(aws: &Aws, store: &Store, namespace: &str) -> BTreeMap<String, String> {
    let own = aws.session_tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
    let mut tags: BTreeMap<_, _> = own.collect();
    if aws.session_tags_policy == SessionTagsPolicy::Custom {
        tags.extend(aws.custom_session_tags.clone());
    }
    if aws.session_tags_policy != SessionTagsPolicy::None {
        for (key, value) in [
            ("esoNamespace", namespace),
            ("esoStoreName", &store.key.name),
            ("esoStoreKind", store.key.kind()),
        ] {
            tags.insert(key.to_owned(), value.to_owned());
        }
    }
    tags
}

fn retries(store: &Store) -> Result<Retries, Failure> {
    let Some(settings) = &store.spec.retry_settings else { return Ok(Retries::default()) };
    let attempts = settings.max_retries.unwrap_or(3).clamp(1, 20).unsigned_abs();
    let pause = settings.retry_interval.as_deref().map(go_duration::parse);
    let pause = match pause {
        Some(Some(pause)) => Some(pause.min(LONGEST_PAUSE)),
        Some(None) => return Err(invalid(store, "retrySettings.retryInterval is no duration")),
        None => None,
    };
    Ok(Retries { attempts, pause })
}

fn invalid(store: &Store, what: &str) -> Failure {
    Failure::new(Reason::StoreInvalid, format!("{} cannot be used: {what}", store.key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::external::store::tests::{cluster_store, store};

    fn of(store: &Store, namespace: &str) -> Identity {
        Identity::of(store, namespace, |_| None).unwrap()
    }

    /// §6.2.2: what one identity may read is never given to another.
    #[test]
    fn everything_that_decides_what_aws_answers_is_in_the_identity() {
        let aws = |more: serde_json::Value| {
            let mut aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
            aws.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            of(&store("n", "s", aws), "n")
        };
        let base = aws(json!({}));
        for other in [
            json!({ "region": "eu-west-2" }),
            json!({ "service": "ParameterStore" }),
            json!({ "role": "arn:aws:iam::1:role/a" }),
            json!({ "additionalRoles": ["arn:aws:iam::1:role/a"] }),
            json!({ "role": "r", "externalID": "x" }),
            json!({ "role": "r", "sessionTags": [{ "key": "k", "value": "v" }] }),
            json!({ "role": "r", "transitiveTagKeys": ["k"] }),
            json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "a" } } } }),
            json!({ "auth": { "secretRef": {
                "accessKeyIDSecretRef": { "name": "a", "key": "i" },
                "secretAccessKeySecretRef": { "name": "a", "key": "s" } } } }),
        ] {
            assert_ne!(aws(other.clone()), base, "{other}");
        }
        let mut renewed =
            store("n", "s", json!({ "service": "SecretsManager", "region": "eu-west-1" }));
        renewed.generation += 1;
        assert_ne!(of(&renewed, "n"), base);
        renewed.generation -= 1;
        renewed.uid = "another".into();
        assert_ne!(of(&renewed, "n"), base);
    }

    #[test]
    fn the_namespace_counts_where_aws_or_a_reference_tells_it_apart() {
        let plain = cluster_store("c", json!({ "service": "SecretsManager", "region": "r" }));
        assert_eq!(of(&plain, "a"), of(&plain, "b"));
        let tagged = json!({ "service": "SecretsManager", "region": "r", "role": "x",
                             "sessionTagsPolicy": "Simple" });
        let tagged = cluster_store("c", tagged);
        assert_ne!(of(&tagged, "a"), of(&tagged, "b"));
        let role = of(&tagged, "a").role.unwrap();
        assert_eq!(role.tags["esoNamespace"], "a");
        assert_eq!(role.tags["esoStoreKind"], "ClusterSecretStore");
        let referent = json!({ "service": "SecretsManager", "region": "r",
                               "auth": { "jwt": { "serviceAccountRef": { "name": "x" } } } });
        let referent = cluster_store("c", referent);
        assert_ne!(of(&referent, "a"), of(&referent, "b"));
        assert!(is_referent(&referent, &referent.aws().unwrap()));
    }

    /// A namespace that was made again, with a ServiceAccount of the same name, read by the old one's role
    /// as long as its session lasted.
    #[test]
    fn another_service_account_of_the_same_name_is_another_identity() {
        let jwt = json!({ "jwt": { "serviceAccountRef": { "name": "x" } } });
        let aws = json!({ "service": "SecretsManager", "region": "r", "auth": jwt });
        let with = |uid: &str, role: &str, audience: &str| {
            let mut identity = of(&store("n", "s", aws.clone()), "n");
            let Base::ServiceAccount(reference) = &mut identity.base else { panic!() };
            let [uid, role, audience] = [uid, role, audience].map(str::to_owned);
            reference.account = Some(Account { uid, role, audience });
            identity
        };
        let own = with("1", "a", "sts");
        assert_eq!(own, with("1", "a", "sts"));
        for other in [with("2", "a", "sts"), with("1", "b", "sts"), with("1", "a", "other")] {
            assert_ne!(own, other);
        }
    }

    /// 256 objects with days between their attempts held up all others.
    #[test]
    fn nobody_waits_for_long_between_attempts() {
        let mut patient = store("n", "s", json!({ "service": "SecretsManager", "region": "r" }));
        patient.spec.retry_settings =
            serde_json::from_value(json!({ "maxRetries": 99, "retryInterval": "24h" })).unwrap();
        let retries = of(&patient, "n").retries;
        assert_eq!(retries, Retries { attempts: 20, pause: Some(LONGEST_PAUSE) });
    }

    /// external-secrets#3520: its own namespace may be named.
    #[test]
    fn a_secret_store_refers_to_its_own_namespace_alone() {
        let with = |auth: serde_json::Value| {
            let aws = json!({ "service": "SecretsManager", "region": "r", "auth": auth });
            Identity::of(&store("n", "s", aws), "n", |_| None)
        };
        let keys = |id: &str, token: &str| {
            let item = |ns: &str| json!({ "name": "a", "key": "i", "namespace": ns });
            with(json!({ "secretRef": { "accessKeyIDSecretRef": item(id),
                "secretAccessKeySecretRef": { "name": "a", "key": "s" },
                "sessionTokenSecretRef": item(token) } }))
        };
        let account = |ns: &str| {
            with(json!({ "jwt": { "serviceAccountRef": { "name": "a", "namespace": ns } } }))
        };
        let Base::Keys { id, .. } = keys("n", "n").unwrap().base else { panic!() };
        assert_eq!(id.secret.namespace, "n");
        assert!(account("n").is_ok());
        for refused in [keys("victim", "n"), keys("n", "victim"), account("victim")] {
            let failure = refused.unwrap_err();
            assert_eq!(failure.reason, Reason::StoreInvalid);
            assert!(failure.message.contains("another namespace"), "{failure}");
        }
    }
}
