//! `bitnami.com/v1alpha1 SealedSecret`: an encrypted Secret that is safe to commit.
//!
//! Format: Bitnami Sealed Secrets up to v0.40. What is ours alone is `status.fingerprint`.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sealing::Scope;
use serde::{Deserialize, Serialize};

use crate::lenient;

/// What is sealed, and the Secret to make of it.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "bitnami.com",
    version = "v1alpha1",
    kind = "SealedSecret",
    namespaced,
    status = "SealedSecretStatus",
    derive = "PartialEq",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Synced")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretSpec {
    /// The sealed items: the key in the Secret, and the base64 of the wire format.
    #[serde(default, deserialize_with = "lenient::strings")]
    #[schemars(schema_with = "encrypted_data_schema")]
    pub encrypted_data: BTreeMap<String, String>,

    /// Deprecated: the whole Secret sealed as one item, base64. Written by kubeseal before 0.7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "legacy_data_schema")]
    pub data: Option<String>,

    /// The Secret's metadata, type and plain values. Not encrypted, and not authenticated.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(extend("nullable" = true))]
    pub template: SecretTemplate,
}

/// The part of the Secret that is in clear text.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretTemplate {
    /// Labels and annotations of the Secret. Its name and namespace are the SealedSecret's.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "template_metadata_schema")]
    pub metadata: TemplateMetadata,

    /// The Secret's type; `Opaque` by default.
    #[schemars(extend("nullable" = true))]
    #[serde(
        rename = "type",
        default,
        deserialize_with = "lenient::null_is_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub type_: String,

    /// An immutable Secret cannot be changed, nor made mutable again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,

    /// Values in clear text or as Go templates over the items. A sealed item of the same name wins;
    /// null keeps the sealed item of that name out of the Secret.
    #[serde(default, deserialize_with = "lenient::nullable_strings")]
    #[schemars(schema_with = "template_data_schema")]
    pub data: BTreeMap<String, Option<String>>,
}

/// The metadata of the Secret that the template may set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Annotations of the Secret.
    #[serde(
        default,
        deserialize_with = "lenient::strings",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Labels of the Secret.
    #[serde(
        default,
        deserialize_with = "lenient::strings",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// Ignored, with an Event: nothing authenticates the template.
    #[serde(
        default,
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub finalizers: Vec<String>,
    /// Ignored, with an Event: nothing authenticates the template.
    #[serde(
        default,
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub owner_references: Vec<serde_json::Value>,
}

/// What became of the SealedSecret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretStatus {
    /// The generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// `Synced` (first, where Bitnami's columns look for it), `Ready`, `Stalled`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conditions: Vec<Condition>,

    /// A keyed MAC over the inputs and the Secret they gave: an unchanged pair costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// One aspect of the state.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Synced`, `Ready` or `Stalled`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// When the condition was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub last_update_time: Option<String>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub last_transition_time: Option<String>,
    /// One word for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A sentence for people. Never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl SealedSecret {
    /// Keeps the owner reference off the Secret. Read from the template's annotations.
    pub const SKIP_OWNER_REFERENCES: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";
    /// On an existing Secret: it may be taken over.
    pub const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
    /// On an existing Secret: items are merged into it.
    pub const PATCH: &str = "sealedsecrets.bitnami.com/patch";

    /// The scope that the items must be sealed for: by the object's own annotations, never by the
    /// template's (CVE-2026-22728).
    pub fn scope(&self) -> Scope {
        Scope::from_annotations(self.metadata.annotations.as_ref())
    }
}

impl SealedSecretStatus {
    /// The condition of this type.
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_)
    }
}

fn encrypted_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "The sealed items: the key in the Secret, and the base64 of the wire format.",
        "additionalProperties": { "type": "string" },
        "x-kubernetes-preserve-unknown-fields": true
    })
}

fn legacy_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "byte",
        "nullable": true,
        "description": "Deprecated: the whole Secret sealed as one item, base64. Use encryptedData."
    })
}

fn template_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "description": "Values in clear text or as Go templates over the items. A sealed item of the same name wins; null keeps the sealed item of that name out of the Secret.",
        "additionalProperties": { "type": "string", "nullable": true }
    })
}

fn template_metadata_schema(_: &mut SchemaGenerator) -> Schema {
    let strings = json_schema!({
        "type": "object",
        "nullable": true,
        "additionalProperties": { "type": "string" }
    });
    json_schema!({
        "type": "object",
        "nullable": true,
        "description": "Labels and annotations of the Secret. Its name and namespace are the SealedSecret's.",
        "properties": {
            "annotations": strings,
            "labels": strings,
            "finalizers": { "type": "array", "nullable": true, "items": { "type": "string" } },
            "name": { "type": "string", "nullable": true },
            "namespace": { "type": "string", "nullable": true }
        },
        "x-kubernetes-preserve-unknown-fields": true
    })
}

fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(spec: serde_json::Value) -> SealedSecret {
        serde_json::from_value(json!({
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": { "name": "s", "namespace": "n" },
            "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn an_item_that_is_no_string_reads_as_an_empty_one() {
        let sealed = parse(json!({ "encryptedData": { "A": 1, "B": "x", "C": null } }));
        assert_eq!(sealed.spec.encrypted_data["A"], "");
        assert_eq!(sealed.spec.encrypted_data["B"], "x");
        assert_eq!(sealed.spec.encrypted_data["C"], "");
    }

    #[test]
    fn nulls_wherever_old_versions_wrote_them_are_absent_values() {
        let sealed = parse(json!({
            "encryptedData": null,
            "template": {
                "metadata": { "creationTimestamp": null, "labels": null, "finalizers": null },
                "data": null,
                "type": null,
            },
        }));
        assert_eq!(sealed.spec, SealedSecretSpec::default());
        assert_eq!(
            parse(json!({ "encryptedData": {}, "template": { "metadata": null } })).spec,
            sealed.spec
        );
        assert_eq!(parse(json!({ "encryptedData": {}, "template": null })).spec, sealed.spec);
    }

    #[test]
    fn a_template_value_may_be_null() {
        let sealed =
            parse(json!({ "encryptedData": {}, "template": { "data": { "P": null, "Q": "x" } } }));
        assert_eq!(sealed.spec.template.data["P"], None);
        assert_eq!(sealed.spec.template.data["Q"].as_deref(), Some("x"));
    }

    #[test]
    fn a_status_of_another_shape_does_not_hide_the_object() {
        let sealed: SealedSecret = serde_json::from_value(json!({
            "metadata": { "name": "s" },
            "spec": { "encryptedData": {} },
            "status": { "conditions": "none" },
        }))
        .unwrap();
        assert_eq!(sealed.status.unwrap().conditions, []);
    }

    #[test]
    fn scope_annotations_of_the_template_do_not_count() {
        let sealed = parse(json!({
            "encryptedData": {},
            "template": { "metadata": { "annotations": { Scope::CLUSTER_WIDE_ANNOTATION: "true" } } },
        }));
        assert_eq!(sealed.scope(), Scope::Strict);
    }
}
