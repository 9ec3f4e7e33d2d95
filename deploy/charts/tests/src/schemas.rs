//! The schemas of objects: those in `schemas/`, and our own CustomResourceDefinitions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

use crate::chart::{self, entries};
use crate::objects;

/// The directory of the schemas.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// The minor versions of Kubernetes 1 with a schema, oldest first.
pub fn kubernetes_minors() -> anyhow::Result<Vec<u32>> {
    let minor = |path: &PathBuf| {
        let name = chart::name(path);
        let minor = name.strip_prefix("1.").and_then(|rest| rest.strip_suffix(".json"));
        minor
            .and_then(|minor| minor.parse().ok())
            .with_context(|| format!("{name} is not a version"))
    };
    let minors =
        entries(&directory().join("kubernetes"))?.iter().map(minor).collect::<Result<Vec<_>, _>>();
    let mut minors: Vec<u32> = minors?;
    ensure!(!minors.is_empty(), "no schemas of Kubernetes");
    minors.sort_unstable();
    Ok(minors)
}

/// All CustomResourceDefinitions of the kinds in the charts.
pub fn crds() -> anyhow::Result<Vec<Value>> {
    let mut crds = Vec::new();
    let ours = chart::root().join("crds/manifests");
    for directory in [ours, directory().join("by-hand"), directory().join("crds")] {
        for path in entries(&directory)? {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            if path.extension().is_some_and(|extension| extension == "json") {
                crds.push(serde_json::from_str(&text).with_context(|| path.display().to_string())?);
            } else {
                crds.extend(objects::parse(&text).with_context(|| path.display().to_string())?);
            }
        }
    }
    Ok(crds)
}

/// The values of `helm template --api-versions` for all these kinds: `GROUP/VERSION` and
/// `GROUP/VERSION/KIND`.
pub fn api_versions() -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for crd in crds()? {
        for version in versions(&crd) {
            let api_version = api_version(&crd, version);
            all.push(format!("{api_version}/{}", text(&crd["spec"]["names"]["kind"])));
            all.push(api_version);
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The JSON schemas of a custom resource by `VERSION`. An unknown field is an error, although an API
/// server would only drop it.
pub(crate) fn custom_resource_schemas(crd: &Value) -> Vec<(String, Value)> {
    let of_version = |version: &Value| {
        let mut schema = strict(&version["schema"]["openAPIV3Schema"]);
        schema["required"] = json!(["apiVersion", "kind", "metadata"]);
        let properties = &mut schema["properties"];
        properties["apiVersion"] = json!({ "const": api_version(crd, version) });
        properties["kind"] = json!({ "const": crd["spec"]["names"]["kind"] });
        properties["metadata"] = metadata();
        (text(&version["name"]).to_owned(), schema)
    };
    versions(crd).iter().map(of_version).collect()
}

fn versions(crd: &Value) -> &[Value] {
    crd["spec"]["versions"].as_array().map_or(&[], Vec::as_slice)
}

fn api_version(crd: &Value, version: &Value) -> String {
    format!("{}/{}", text(&crd["spec"]["group"]), text(&version["name"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The metadata of a manifest, which a CustomResourceDefinition does not describe.
fn metadata() -> Value {
    let texts = json!({ "type": ["object", "null"], "additionalProperties": { "type": "string" } });
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "namespace": { "type": "string" },
            "labels": texts,
            "annotations": texts,
            "finalizers": { "type": "array", "items": { "type": "string" } },
            "ownerReferences": { "type": "array", "items": { "type": "object" } },
        },
        "required": ["name"],
        "additionalProperties": false,
    })
}

/// Converts a structural schema to a JSON schema.
fn strict(schema: &Value) -> Value {
    let mut result = values(schema);
    if schema["x-kubernetes-int-or-string"] == true {
        result.insert("type".to_owned(), json!(["integer", "string"]));
    } else if schema["nullable"] == true
        && let Some(kind) = schema.get("type")
    {
        result.insert("type".to_owned(), json!([kind, "null"]));
    }
    if let Some(items) = schema.get("items") {
        result.insert("items".to_owned(), strict(items));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required = |name: &str| {
            let names = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
            names.iter().any(|required| required == name)
        };
        let properties: Map<_, _> = properties
            .iter()
            .map(|(name, field)| (name.clone(), or_null(strict(field), required(name))))
            .collect();
        result.insert("properties".to_owned(), Value::Object(properties));
        result.insert("additionalProperties".to_owned(), json!(false));
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(any)) => result.insert("additionalProperties".to_owned(), json!(any)),
        Some(more) => result.insert("additionalProperties".to_owned(), strict(more)),
        None => None,
    };
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        result.remove("additionalProperties");
    }
    Value::Object(result)
}

/// The keywords about the value itself, without `allOf` and the like, which only restrict known fields.
fn values(schema: &Value) -> Map<String, Value> {
    let structure =
        ["items", "properties", "additionalProperties", "nullable", "default", "format"];
    let schema = schema.as_object().into_iter().flatten();
    schema
        .filter(|(key, _)| !key.starts_with("x-") && !structure.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Allows null for an optional field, because an API server drops it.
fn or_null(mut schema: Value, required: bool) -> Value {
    if !required && schema["type"].is_string() {
        let kind = schema["type"].take();
        schema["type"] = json!([kind, "null"]);
        // Otherwise the enum would have to contain null.
        if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_cover_all_supported_versions() {
        assert_eq!(kubernetes_minors().unwrap(), (28..=37).collect::<Vec<_>>());
    }

    #[test]
    fn crds_are_listed_as_api_versions() {
        let all = api_versions().unwrap();
        for kind in [
            "application-networking.k8s.aws/v1alpha1/TargetGroupPolicy",
            "argoproj.io/v1alpha1/Rollout",
            "bitnami.com/v1alpha1/SealedSecret",
            "external-secrets.io/v1/ExternalSecret",
            "flagger.app/v1beta1/Canary",
            "gateway.networking.k8s.io/v1/HTTPRoute",
            "monitoring.coreos.com/v1",
        ] {
            assert!(all.iter().any(|version| version == kind), "{kind} is not among {all:?}");
        }
    }

    #[test]
    fn converted_schema_is_strict() {
        let schema = json!({
            "type": "object", "required": ["a"], "x-kubernetes-validations": [],
            "properties": {
                "a": { "type": "string" },
                "b": { "type": "integer", "format": "int32", "enum": [1] },
                "c": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }] },
                "d": { "type": "object", "additionalProperties": { "type": "string" } },
                "e": { "type": "object", "properties": {},
                       "x-kubernetes-preserve-unknown-fields": true },
            },
        });
        let expected = json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {
                "a": { "type": "string" },
                "b": { "type": ["integer", "null"], "enum": [1, null] },
                "c": { "type": ["integer", "string"], "anyOf": [{ "type": "integer" }] },
                "d": { "type": ["object", "null"], "additionalProperties": { "type": "string" } },
                "e": { "type": ["object", "null"], "properties": {} },
            },
        });
        assert_eq!(strict(&schema), expected);
    }
}
