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

/// Refuses keys that the API server would refuse: its answer names them, and templates may have made
/// them of secrets.
///
/// # Errors
/// `InvalidSecret`, without the key.
pub fn check_keys<'k>(mut keys: impl Iterator<Item = &'k String>) -> Result<(), Failure> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_key = |key: &String| (1..=253).contains(&key.len()) && key.bytes().all(is_fine);
    if keys.all(is_key) {
        return Ok(());
    }
    let message = "a key of the Secret is not one that Secrets can have: 1 to 253 letters, digits, `-`, `_` \
                   and `.`";
    Err(Failure::new(Reason::InvalidSecret, message))
}

/// Refuses labels that the API server would refuse: its answer, and so its audit log, would quote their
/// values, which templates may have made of secrets.
///
/// # Errors
/// `TemplateInvalid`, without name and value: templates make names too.
pub fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Failure> {
    let is_end = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    for value in labels.values() {
        let bytes = value.as_bytes();
        let ends_well = is_end(bytes.first().copied()) && is_end(bytes.last().copied());
        if bytes.len() > 63 || !ends_well || !bytes.iter().copied().all(is_fine) {
            let message = "a label has a value that labels cannot have: at most 63 letters, digits, \
                           `-`, `_` and `.`, with a letter or digit at both ends";
            return Err(Failure::new(Reason::TemplateInvalid, message));
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_be_named_is_refused_without_it() {
        let check = |key: &str| check_keys([key.to_owned()].iter());
        assert!(check("a-B_1.c").is_ok());
        for bad in ["", "a b", "ключ", &"k".repeat(254)] {
            let failure = check(bad).unwrap_err();
            assert!(bad.is_empty() || !failure.message.contains(bad), "{failure}");
        }
    }

    #[test]
    fn a_label_that_would_be_quoted_is_refused_without_its_value() {
        let check = |value: &str| check_labels(&[("l".to_owned(), value.to_owned())].into());
        for fine in ["", "a", "a-b_c.d", &"x".repeat(63)] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        for bad in ["a b", "-a", "a.", "ü", &"x".repeat(64)] {
            let failure = check(bad).unwrap_err();
            assert_eq!(failure.reason, Reason::TemplateInvalid);
            assert!(!failure.message.contains(bad), "{failure}");
        }
    }
}
