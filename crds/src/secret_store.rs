//! `external-secrets.io/v1 SecretStore` and `ClusterSecretStore`: where values are, and as whom they
//! are read.
//!
//! Format: External Secrets Operator 2.9. Providers other than AWS are kept as they are, for another
//! controller.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{external_secret::Condition, lenient};

/// Where values are, and as whom they are read.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "SecretStore",
    namespaced,
    status = "StoreStatus",
    derive = "PartialEq",
    shortname = "ss",
    category = "external-secrets",
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Capabilities", type_ = "string", json_path = ".status.capabilities"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SecretStoreSpec {
    /// Which controller the store is for; by default any.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub controller: String,
    /// One provider, by its name.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "provider_schema")]
    pub provider: Map<String, Value>,
    /// How requests are tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_settings: Option<RetrySettings>,
    /// How often the store is checked: seconds, or as Go writes durations. By default `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "interval_schema")]
    pub refresh_interval: Option<Value>,
    /// The namespaces that may use a ClusterSecretStore; by default all.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conditions: Vec<NamespaceCondition>,
}

/// The same for the whole cluster.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ClusterSecretStore",
    status = "StoreStatus",
    derive = "PartialEq",
    shortname = "css",
    category = "external-secrets",
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Capabilities", type_ = "string", json_path = ".status.capabilities"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    )
)]
pub struct ClusterSecretStoreSpec {
    /// As in a SecretStore.
    #[serde(flatten)]
    pub store: SecretStoreSpec,
}

/// How requests are tried again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetrySettings {
    /// How often; by default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i32>,
    /// The pause between, as Go writes durations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<String>,
}

/// Namespaces that may use a store: those that match one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceCondition {
    /// By their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// By their names.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub namespaces: Vec<String>,
    /// By regular expressions for their names.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub namespace_regexes: Vec<String>,
}

/// What is known of a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// `Ready`, and `BatchReads` where that was found out.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conditions: Vec<Condition>,
    /// `ReadWrite`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
}

/// `provider.aws`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Aws {
    /// The service.
    pub service: AwsService,
    /// `eu-west-1`
    #[schemars(length(min = 1))]
    pub region: String,
    /// As whom the base credentials are got; by default as the controller's Pod.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub auth: AwsAuth,
    /// The ARN of a role to assume.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub role: String,
    /// The ARNs of roles to assume before, in order.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub additional_roles: Vec<String>,
    /// What the role's trust policy asks for.
    #[serde(rename = "externalID", default, deserialize_with = "lenient::null_is_default")]
    pub external_id: String,
    /// Tags of the session.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub session_tags: Vec<Tag>,
    /// Those that sessions inherit which are assumed from it.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub transitive_tag_keys: Vec<String>,
    /// Which further tags tell who asks.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub session_tags_policy: SessionTagsPolicy,
    /// Further tags, with the policy `Custom`.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub custom_session_tags: BTreeMap<String, String>,
    /// What all keys begin with.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub prefix: String,
    /// How secrets are deleted. For PushSecrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object_schema")]
    pub secrets_manager: Option<Value>,
}

/// The services of AWS.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum AwsService {
    /// AWS Secrets Manager.
    #[default]
    SecretsManager,
    /// AWS Systems Manager Parameter Store.
    ParameterStore,
    /// AWS Certificate Manager. Not supported.
    CertificateManager,
}

/// As whom the base credentials are got.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsAuth {
    /// With a key in Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<AwsSecretRef>,
    /// As a ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<AwsJwt>,
}

/// A key in Secrets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct AwsSecretRef {
    /// The access key id.
    #[serde(rename = "accessKeyIDSecretRef")]
    pub access_key_id: SecretKeyRef,
    /// The secret access key.
    #[serde(rename = "secretAccessKeySecretRef")]
    pub secret_access_key: SecretKeyRef,
    /// The session token.
    #[serde(rename = "sessionTokenSecretRef", default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretKeyRef>,
}

/// A key of a Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct SecretKeyRef {
    /// The name of the Secret.
    #[serde(default)]
    pub name: String,
    /// The key.
    #[serde(default)]
    pub key: String,
    /// The namespace, for a ClusterSecretStore; without it that of the ExternalSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// As a ServiceAccount.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsJwt {
    /// The ServiceAccount.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub service_account_ref: ServiceAccountRef,
}

/// A ServiceAccount.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct ServiceAccountRef {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The namespace, for a ClusterSecretStore; without it that of the ExternalSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Further audiences of the token.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub audiences: Vec<String>,
}

/// A tag.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Which further tags tell who asks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum SessionTagsPolicy {
    /// None.
    #[default]
    None,
    /// `esoNamespace`, `esoStoreName` and `esoStoreKind`.
    Simple,
    /// Those, and the ones of the store.
    Custom,
}

fn provider_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut aws = Aws::json_schema(generator);
    aws.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
    json_schema!({
        "type": "object",
        "description": "One provider, by its name. Those that this controller does not know are kept.",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": { "aws": aws },
        "x-kubernetes-preserve-unknown-fields": true
    })
}

fn any_object_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn interval_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-int-or-string": true })
}
