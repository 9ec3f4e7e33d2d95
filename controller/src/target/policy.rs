//! The Secrets that the controller never writes for a user: checked for the existing Secret and for the
//! Secret that it would become.
//!
//! The attack that this prevents: a custom resource turns the token of a ServiceAccount into the token
//! of another one, or replaces a sealing key, by writing to a Secret that exists.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kube::{ResourceExt as _, api::ObjectMeta};

use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::secret::{FINGERPRINT_KEY_SECRET, KEY_LABEL, SecretObject},
};

/// Annotation on a Secret that an ExternalSecret may write to, if a flag requires the annotation.
pub(crate) const ADOPT: &str = "mtk.mytomorrows.com/adopt";

/// The token of a ServiceAccount, which Kubernetes fills in.
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
/// The prefix of the annotations that name the ServiceAccount of such a token.
const TOKEN_ANNOTATIONS: &str = "kubernetes.io/service-account.";

/// Types of Secrets that the API server or a node accepts as credentials. A template must not set
/// them, because nothing authenticates it (CVE-2026-42876).
pub(crate) const DENIED_TYPES: [&str; 2] = [TOKEN_TYPE, "bootstrap.kubernetes.io/token"];

/// A release of Helm. No flag allows it: the index has no Secrets of this type.
pub(crate) const HELM_RELEASE_TYPE: &str = "helm.sh/release.v1";

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The controller's namespace, where its own Secrets are.
    pub(crate) namespace: String,
    /// The prefix of the names of key Secrets.
    pub(crate) key_prefix: String,
    /// Types on the deny-list that a flag allows.
    pub(crate) allowed_types: BTreeSet<String>,
}

/// Why the controller does not write a Secret. The names of annotations are left out, because
/// templates may put secrets into them.
enum Denial<'s> {
    HelmRelease,
    ReservedName,
    SealingKey,
    TokenAnnotation,
    Type(&'s str),
}

impl Policy {
    /// Whether the existing Secret may become the desired one. Fails with `TypeDenied`.
    pub(crate) fn check(
        &self,
        existing: Option<&SecretObject>,
        wanted: &SecretObject,
    ) -> Result<(), Failure> {
        let message = if let Some(denial) = existing.and_then(|secret| self.denial(secret)) {
            denial.of_existing(&ObjectKey::of(&wanted.metadata))
        } else if let Some(denial) = self.denial(wanted) {
            denial.of_wanted(&wanted.name_any())
        } else {
            return Ok(());
        };
        Err(Failure::new(Reason::TypeDenied, message))
    }

    /// Whether this is a Secret of the controller itself, such as a sealing key.
    pub(crate) fn is_own(&self, metadata: &ObjectMeta) -> bool {
        let ObjectKey { namespace, name } = ObjectKey::of(metadata);
        let is_key = metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(KEY_LABEL));
        namespace == self.namespace
            && (is_key || name == FINGERPRINT_KEY_SECRET || name.starts_with(&self.key_prefix))
    }

    fn denial<'s>(&self, secret: &'s SecretObject) -> Option<Denial<'s>> {
        let is_denied =
            |type_| DENIED_TYPES.contains(&type_) && !self.allowed_types.contains(type_);
        let mut annotations = secret.annotations().keys();
        match secret.type_.as_str() {
            HELM_RELEASE_TYPE => Some(Denial::HelmRelease),
            type_ if is_denied(type_) => Some(Denial::Type(type_)),
            _ if is_denied(TOKEN_TYPE)
                && annotations.any(|name| name.starts_with(TOKEN_ANNOTATIONS)) =>
            {
                Some(Denial::TokenAnnotation)
            }
            _ if !self.is_own(&secret.metadata) => None,
            _ if secret.labels().contains_key(KEY_LABEL) => Some(Denial::SealingKey),
            _ => Some(Denial::ReservedName),
        }
    }
}

impl Denial<'_> {
    fn of_wanted(&self, name: &str) -> String {
        match self {
            Self::HelmRelease => format!(
                "the template asks for a Secret of type {HELM_RELEASE_TYPE}, which only Helm writes: \
                 use another type"
            ),
            Self::ReservedName => {
                format!("the controller reserves the name {name} in its namespace: use another")
            }
            Self::SealingKey => {
                format!("the label {KEY_LABEL} would make the Secret a sealing key: remove it")
            }
            Self::TokenAnnotation => format!(
                "an annotation `{TOKEN_ANNOTATIONS}…` would make the Secret the token of a \
                 ServiceAccount: remove it, or allow the type {TOKEN_TYPE} with the controller's \
                 --allow-secret-type"
            ),
            Self::Type(type_) => format!(
                "the template asks for a Secret of the privileged type {type_}: use another type, or \
                 allow it with the controller's --allow-secret-type"
            ),
        }
    }

    fn of_existing(&self, secret: &ObjectKey) -> String {
        match self {
            Self::HelmRelease => {
                format!("Secret {secret} already exists and is a release of Helm: use another name")
            }
            Self::ReservedName | Self::SealingKey => format!(
                "Secret {secret} already exists and belongs to the controller: use another name"
            ),
            Self::TokenAnnotation => format!(
                "Secret {secret} already exists and has an annotation `{TOKEN_ANNOTATIONS}…`, as \
                 tokens of ServiceAccounts have: remove it there, or use another name"
            ),
            Self::Type(type_) => format!(
                "Secret {secret} already exists and has the privileged type {type_}: use another \
                 name, or allow the type with the controller's --allow-secret-type"
            ),
        }
    }
}

/// Refuses keys that the API server would refuse, without naming them: the API server's error would
/// quote them, and templates may put secrets into them.
pub(crate) fn check_keys<'k>(mut keys: impl Iterator<Item = &'k String>) -> Result<(), Failure> {
    if keys.all(|key| (1..=253).contains(&key.len()) && key.bytes().all(is_name_character)) {
        return Ok(());
    }
    let message =
        "a key of the Secret is invalid: keys have 1 to 253 letters, digits, `-`, `_` and `.`";
    Err(Failure::new(Reason::InvalidSecret, message))
}

/// Refuses labels that the API server would refuse, without name and value: the API server's error
/// and its audit log would quote them, and templates may put secrets into them.
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
