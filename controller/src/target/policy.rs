//! The types and names of Secrets that the controller never writes, for any user.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::secret::{FINGERPRINT_KEY_SECRET, KEY_LABEL},
};

/// Annotation on a Secret that an ExternalSecret may take over, where the operator requires consent.
pub(crate) const CONSENT: &str = "mtk.mytomorrows.com/adopt";

/// Types of Secrets that the API server or a node accepts as credentials. A template must not ask
/// for them, since nothing authenticates it (CVE-2026-42876).
pub(crate) const DENIED_TYPES: [&str; 2] =
    ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The controller's namespace, where its own Secrets are.
    pub(crate) namespace: String,
    /// The prefix of the names of key Secrets.
    pub(crate) key_prefix: String,
    /// Types that are allowed although they are on the deny-list.
    pub(crate) allowed_types: BTreeSet<String>,
}

impl Policy {
    /// Refuses privileged types, and the names and labels of the controller's own Secrets.
    pub(crate) fn check(
        &self,
        key: &ObjectKey,
        type_: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let denied = |message| Err(Failure::new(Reason::TypeDenied, message));
        if DENIED_TYPES.contains(&type_) && !self.allowed_types.contains(type_) {
            return denied(format!(
                "the template asks for a Secret of the privileged type {type_}: use another type, or \
                 allow it with the controller's --allow-secret-type"
            ));
        }
        if key.namespace != self.namespace {
            return Ok(());
        }
        if labels.contains_key(KEY_LABEL) {
            return denied(format!(
                "the template's label {KEY_LABEL} would make the Secret a sealing key: remove it"
            ));
        }
        if key.name == FINGERPRINT_KEY_SECRET || key.name.starts_with(&self.key_prefix) {
            let name = &key.name;
            return denied(format!(
                "the controller reserves the name {name} in its namespace: use another"
            ));
        }
        Ok(())
    }
}

/// Refuses keys that the API server would refuse, without naming them: its answer does, and templates
/// may have made them of secrets.
pub(crate) fn check_keys<'k>(mut keys: impl Iterator<Item = &'k String>) -> Result<(), Failure> {
    if keys.all(|key| (1..=253).contains(&key.len()) && key.bytes().all(is_name_character)) {
        return Ok(());
    }
    let message =
        "a key of the Secret is invalid: keys have 1 to 253 letters, digits, `-`, `_` and `.`";
    Err(Failure::new(Reason::InvalidSecret, message))
}

/// Refuses labels that the API server would refuse, without name and value: its answer, and so its
/// audit log, would quote them, and templates may have made them of secrets.
pub(crate) fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Failure> {
    let is_end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    for value in labels.values() {
        let bytes = value.as_bytes();
        let ends_well = is_end(bytes.first()) && is_end(bytes.last());
        if bytes.len() > 63 || !ends_well || !value.bytes().all(is_name_character) {
            let message = "the value of a label is invalid: values have at most 63 letters, digits, \
                           `-`, `_` and `.`, and begin and end with a letter or digit";
            return Err(Failure::new(Reason::TemplateInvalid, message));
        }
    }
    Ok(())
}

fn is_name_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_key_is_refused_without_naming_it() {
        let check = |key: &str| check_keys([key.to_owned()].iter());
        assert!(check("a-B_1.c").is_ok());
        for bad in ["", "a b", "ключ", &"k".repeat(254)] {
            let failure = check(bad).unwrap_err();
            assert!(bad.is_empty() || !failure.message.contains(bad), "{failure}");
        }
    }

    #[test]
    fn invalid_label_is_refused_without_its_value() {
        let check = |value: &str| check_labels(&[("l".to_owned(), value.to_owned())].into());
        for valid in ["", "a", "a-b_c.d", &"x".repeat(63)] {
            assert!(check(valid).is_ok(), "{valid}");
        }
        for bad in ["a b", "-a", "a.", "ü", &"x".repeat(64)] {
            let failure = check(bad).unwrap_err();
            assert_eq!(failure.reason, Reason::TemplateInvalid);
            assert!(!failure.message.contains(bad), "{failure}");
        }
    }
}
