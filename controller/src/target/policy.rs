//! What no Secret may be, whoever asks for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    key::ObjectKey,
    keys::{KEY_LABEL, mac_key},
    reason::{Failure, Reason},
};

/// Types of Secrets by which the API server or a node gives rights away: a template must not ask
/// for them, since nothing authenticates it (CVE-2026-42876).
pub(crate) const DENIED_TYPES: [&str; 2] =
    ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The controller's namespace, where its own Secrets are.
    pub namespace: String,
    /// The prefix of the names of key Secrets.
    pub key_prefix: String,
    /// Types that are allowed although they are on the deny-list.
    pub allowed_types: BTreeSet<String>,
}

impl Policy {
    /// Refuses what gives rights away, and what is the controller's own.
    ///
    /// # Errors
    /// `TypeDenied`, with the remedy.
    pub fn check(
        &self,
        key: &ObjectKey,
        type_: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        if DENIED_TYPES.contains(&type_) && !self.allowed_types.contains(type_) {
            return Err(Failure::new(
                Reason::TypeDenied,
                format!(
                    "the template asks for a Secret of type {type_}, by which Kubernetes gives rights \
                 away: use another type, or allow it with the controller's --allow-secret-type"
                ),
            ));
        }
        if key.namespace != self.namespace {
            return Ok(());
        }
        if labels.contains_key(KEY_LABEL) {
            return Err(Failure::new(
                Reason::TypeDenied,
                format!(
                    "the template's label {KEY_LABEL} would make the Secret a sealing key: remove it"
                ),
            ));
        }
        if key.name == mac_key::SECRET_NAME || key.name.starts_with(&self.key_prefix) {
            return Err(Failure::new(
                Reason::TypeDenied,
                format!(
                    "the name {} is the controller's own in its namespace: use another",
                    key.name
                ),
            ));
        }
        Ok(())
    }
}
