//! The manifest of a SealedSecret, in the order of fields that kubeseal has.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::output::{self, Format, OutputError};

/// A SealedSecret, with the fields in the order of kubeseal's JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SealedSecret {
    kind: &'static str,
    api_version: &'static str,
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

#[derive(Default, Serialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) finalizers: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) template: Template,
    pub(super) encrypted_data: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(super) struct Template {
    pub(super) metadata: Metadata,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) type_: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) immutable: Option<bool>,
}

impl SealedSecret {
    /// With this metadata and specification.
    pub(super) fn new(metadata: Metadata, spec: Spec) -> Self {
        Self { kind: "SealedSecret", api_version: "bitnami.com/v1alpha1", metadata, spec }
    }
}

/// The documents as kubeseal prints them: JSON in the order of the fields, or YAML in the order of the
/// alphabet.
pub(super) fn render<T: Serialize>(documents: &[T], format: Format) -> Result<String, OutputError> {
    if format == Format::Json {
        return output::render(documents, format).map(|json| escape(&json));
    }
    let failed = |error: serde_json::Error| OutputError::Render(error.to_string());
    let values = documents.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    let values = values.map_err(failed)?;
    output::render(&values.iter().map(Sorted).collect::<Vec<_>>(), format)
}

/// Escapes the characters that Go's encoder escapes. In JSON they occur only in strings.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A value whose objects are serialised in the order of their keys.
struct Sorted<'a>(&'a Json);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Json::Object(map) => {
                let sorted: BTreeMap<_, _> =
                    map.iter().map(|(key, value)| (key, Sorted(value))).collect();
                serializer.collect_map(sorted)
            }
            Json::Array(items) => serializer.collect_seq(items.iter().map(Sorted)),
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_keeps_the_order_of_fields_and_yaml_sorts_them() {
        let sealed = SealedSecret::new(
            Metadata { name: "a".to_owned(), ..Metadata::default() },
            Spec {
                template: Template {
                    metadata: Metadata::default(),
                    type_: Some("<Opaque>".to_owned()),
                    immutable: None,
                },
                encrypted_data: BTreeMap::new(),
            },
        );
        let json = render(&[&sealed], Format::Json).unwrap();
        assert!(json.starts_with("{\n  \"kind\": \"SealedSecret\",\n  \"apiVersion\""), "{json}");
        assert!(json.contains(r#""\u003cOpaque\u003e""#) && json.ends_with("}\n"), "{json}");
        let yaml = render(&[sealed], Format::Yaml).unwrap();
        assert!(yaml.starts_with("---\napiVersion: bitnami.com/v1alpha1\nkind:"), "{yaml}");
        assert!(yaml.find("encryptedData").unwrap() < yaml.find("template").unwrap());
        let nested = [json!([{"b": 1, "a": [2]}])];
        assert_eq!(render(&nested, Format::Yaml).unwrap(), "---\n- a:\n  - 2\n  b: 1\n");
    }
}
