//! Sealing keys: the labelled key Secrets of the controller's namespace.
//!
//! `store` watches them and holds the ring that all other modules read: an immutable snapshot that is
//! replaced as a whole. After a new key, the controller retries objects that failed because no key
//! opened them. `renewal` creates keys as `plan` decides. It is the only place that creates them, and
//! runs in the leader only. `publish` writes the certificate into a ConfigMap.

mod by_secret;
mod key_secret;
pub(crate) mod mac_key;
mod metrics;
mod plan;
mod publish;
mod renewal;
mod ring;
mod store;

pub(crate) use key_secret::KeySettings;
pub(crate) use metrics::{KeyLabels, MAX_KEYS};
pub(crate) use plan::RenewalSettings;
pub(crate) use publish::CertificatePublisher;
pub(crate) use renewal::KeyRenewal;
pub(crate) use ring::{KeyId, KeyOrder, KeyRing};
pub(crate) use store::KeyStore;
