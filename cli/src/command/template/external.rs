//! The fields of an ExternalSecret that templates need.

use std::collections::BTreeMap;

use serde::Deserialize;
use templates::external_secret::{Field, Place, SourceTemplate, Target};

/// Regular expressions that match a whole key, so that only the replacement is left.
const WHOLE_KEYS: [&str; 8] = [".*", "(.*)", "^.*$", "^(.*)$", ".+", "(.+)", "^.+$", "^(.+)$"];

/// An ExternalSecret.
#[derive(Deserialize)]
pub(crate) struct External {
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    #[serde(default)]
    pub(crate) target: SecretTarget,
    #[serde(default)]
    data: Vec<Data>,
    #[serde(default)]
    data_from: Vec<DataFrom>,
}

#[derive(Default, Deserialize)]
pub(crate) struct SecretTarget {
    pub(crate) name: Option<String>,
    pub(crate) immutable: Option<bool>,
    pub(crate) template: Option<SecretTemplate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    secret_key: String,
}

#[derive(Deserialize)]
struct DataFrom {
    #[serde(default)]
    rewrite: Vec<Rewrite>,
}

#[derive(Deserialize)]
struct Rewrite {
    regexp: Option<Regexp>,
    transform: Option<Transform>,
}

#[derive(Deserialize)]
struct Regexp {
    source: String,
    target: String,
}

#[derive(Deserialize)]
struct Transform {
    template: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretTemplate {
    #[serde(rename = "type")]
    type_: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) merge_policy: String,
    #[serde(default)]
    pub(crate) data: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) template_from: Vec<TemplateFrom>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateFrom {
    pub(crate) config_map: Option<Reference>,
    pub(crate) secret: Option<Reference>,
    pub(crate) literal: Option<String>,
    #[serde(default)]
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) values_decoding_strategy: String,
}

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) template_as: String,
}

impl External {
    /// The keys in `spec.data`.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.spec.data.iter().map(|data| data.secret_key.as_str())
    }

    /// Whether it has keys that only the provider knows.
    pub(crate) fn has_provider_keys(&self) -> bool {
        !self.spec.data_from.is_empty()
    }

    /// Whether one of those keys may be this one: the last rewrite may fix how they begin.
    pub(crate) fn may_have_provider_key(&self, key: &str) -> bool {
        let mut rewrites = self.spec.data_from.iter().map(|from| from.rewrite.last());
        rewrites.any(|last| last.is_none_or(|rewrite| rewrite.may_give(key)))
    }

    pub(crate) fn type_(&self) -> Option<String> {
        self.spec.target.template.as_ref()?.type_.clone().filter(|type_| !type_.is_empty())
    }
}

impl Rewrite {
    fn may_give(&self, key: &str) -> bool {
        let (result, mark) = match self {
            Self { regexp: Some(Regexp { source, target }), .. }
                if WHOLE_KEYS.contains(&source.as_str()) =>
            {
                (target, "$")
            }
            Self { regexp: None, transform: Some(Transform { template }) } => (template, "{{"),
            _ => return true,
        };
        match result.split_once(mark) {
            // A `-` after the mark removes white space before it.
            Some((head, _)) => key.starts_with(head.trim_end()),
            None => key == result,
        }
    }
}

/// All templates of a target.
pub(crate) fn texts(target: &Target) -> Vec<(Place, &str)> {
    let mut texts = Vec::new();
    for (index, source) in target.from.iter().enumerate() {
        for SourceTemplate { key, text, .. } in &source.templates {
            texts.push((Place::From(index, key.clone()), text.as_str()));
        }
    }
    for (field, templates) in [
        (Field::Data, &target.data),
        (Field::Labels, &target.labels),
        (Field::Annotations, &target.annotations),
    ] {
        let place = |key: &String| Place::Key(field, key.clone());
        texts.extend(templates.iter().map(|(key, text)| (place(key), text.as_str())));
    }
    texts
}
