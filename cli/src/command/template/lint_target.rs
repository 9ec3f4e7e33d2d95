//! The objects that `--lint` checks: their templates, and the keys that the templates may use.

use std::collections::BTreeSet;

use crds::SealedSecret;
use templates::{Dialect, dialect, external_secret};

use super::{
    external::{self, External},
    manifests::{Manifests, Object, Subject},
    values::Values,
};
use crate::manifests_error::ManifestsError;

/// An object whose templates `--lint` checks.
pub(super) trait LintTarget {
    /// The templates, each with its place in the object.
    fn texts(&self) -> Vec<(String, &str)>;

    /// The dialect of the templates.
    fn dialect(&self) -> Dialect;

    /// Whether templates may use this key.
    fn has_key(&self, key: &str) -> bool;
}

/// The target of an object.
pub(super) fn lint_target<'a>(
    object: &'a Object,
    manifests: &Manifests,
    values: Option<&'a Values>,
) -> Result<Box<dyn LintTarget + 'a>, ManifestsError> {
    Ok(match &object.subject {
        Subject::Sealed(sealed) => Box::new(SealedTarget::new(sealed, values)),
        Subject::External(external) => {
            let target = manifests.target(object, external)?;
            Box::new(ExternalTarget::new(external, target, values))
        }
    })
}

struct SealedTarget<'a> {
    sealed: &'a SealedSecret,
    items: BTreeSet<&'a str>,
}

impl<'a> SealedTarget<'a> {
    fn new(sealed: &'a SealedSecret, values: Option<&'a Values>) -> Self {
        let items = match values {
            Some(values) => values.keys().collect(),
            None => sealed.spec.encrypted_data.keys().map(String::as_str).collect(),
        };
        Self { sealed, items }
    }
}

impl LintTarget for SealedTarget<'_> {
    /// A sealed item overrides the template of the same key.
    fn texts(&self) -> Vec<(String, &str)> {
        let templates = self.sealed.spec.template.data.iter();
        templates
            .filter(|(key, _)| !self.items.contains(key.as_str()))
            .filter_map(|(key, text)| Some((format!("template.data[{key}]"), text.as_deref()?)))
            .collect()
    }

    fn dialect(&self) -> Dialect {
        dialect::sealed_secret()
    }

    fn has_key(&self, key: &str) -> bool {
        let templates = &self.sealed.spec.template.data;
        self.items.contains(key) || templates.get(key).is_some_and(Option::is_some)
    }
}

struct ExternalTarget<'a> {
    external: &'a External,
    target: external_secret::Target,
    keys: BTreeSet<&'a str>,
    /// Without values, only the provider knows the keys of `dataFrom`.
    has_unknown_keys: bool,
}

impl<'a> ExternalTarget<'a> {
    fn new(
        external: &'a External,
        target: external_secret::Target,
        values: Option<&'a Values>,
    ) -> Self {
        let keys = values.map_or_else(|| external.keys().collect(), |v| v.keys().collect());
        let has_unknown_keys = values.is_none();
        Self { external, target, keys, has_unknown_keys }
    }
}

impl LintTarget for ExternalTarget<'_> {
    fn texts(&self) -> Vec<(String, &str)> {
        let texts = external::texts(&self.target).into_iter();
        texts.map(|(place, text)| (format!("target.template.{place}"), text)).collect()
    }

    fn dialect(&self) -> Dialect {
        dialect::external_secret()
    }

    fn has_key(&self, key: &str) -> bool {
        self.keys.contains(key) || self.has_unknown_keys && self.external.may_have_provider_key(key)
    }
}
