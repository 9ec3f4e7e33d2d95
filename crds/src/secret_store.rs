//! `external-secrets.io/v1 SecretStore` and `ClusterSecretStore`: a provider and its credentials.
//!
//! The format is that of External Secrets Operator 2.9. Providers other than AWS stay as they are, for
//! other controllers.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{external_secret::Condition, lenient};

/// A provider and its credentials.
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
    /// The controller that manages the store. Default: any.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub controller: String,
    /// The provider, by name.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "provider_schema")]
    pub provider: Map<String, Value>,
    /// How to retry requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_settings: Option<RetrySettings>,
    /// How often to check the store: seconds, or a Go duration. Default: `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "interval_schema")]
    pub refresh_interval: Option<Value>,
    /// The namespaces that may use a ClusterSecretStore. Default: all.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conditions: Vec<NamespaceCondition>,
}

/// A store for the whole cluster.
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
    /// The same fields as in a SecretStore.
    #[serde(flatten)]
    pub store: SecretStoreSpec,
}

/// How to retry requests.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetrySettings {
    /// The number of retries. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i32>,
    /// The delay between retries, as a Go duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<String>,
}

/// Selects namespaces that may use a store. One matching field is enough.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceCondition {
    /// Selects namespaces by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Selects namespaces by name.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub namespaces: Vec<String>,
    /// Selects namespaces by regular expressions for their names.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub namespace_regexes: Vec<String>,
}

/// The state of a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// The generation of the spec that the conditions describe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, and `BatchReads` once the controller has probed for it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conditions: Vec<Condition>,
    /// The capabilities, such as `ReadWrite`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
}

/// The provider AWS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Aws {
    /// The AWS service.
    pub service: AwsService,
    /// The region, such as `eu-west-1`.
    #[schemars(length(min = 1))]
    pub region: String,
    /// How to authenticate. Default: the credentials of the controller's Pod.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub auth: AwsAuth,
    /// The ARN of a role to assume.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub role: String,
    /// The ARNs of roles to assume before `role`, in order.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub additional_roles: Vec<String>,
    /// The external ID that the trust policy of the role requires.
    #[serde(rename = "externalID", default, deserialize_with = "lenient::null_is_default")]
    pub external_id: String,
    /// The tags of the session.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub session_tags: Vec<Tag>,
    /// The keys of tags that later sessions in the role chain inherit.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub transitive_tag_keys: Vec<String>,
    /// Which tags identify the ExternalSecret that requests a value.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub session_tags_policy: SessionTagsPolicy,
    /// Additional tags for the policy `Custom`.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub custom_session_tags: BTreeMap<String, String>,
    /// A prefix for all keys.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub prefix: String,
    /// How to delete secrets. For PushSecrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object_schema")]
    pub secrets_manager: Option<Value>,
}

/// An AWS service.
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

/// How to authenticate to AWS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsAuth {
    /// An access key in Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<AwsSecretRef>,
    /// A ServiceAccount with a role (IRSA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<AwsJwt>,
}

/// An access key in Secrets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct AwsSecretRef {
    /// The access key ID.
    #[serde(rename = "accessKeyIDSecretRef")]
    pub access_key_id: SecretKeyRef,
    /// The secret access key.
    #[serde(rename = "secretAccessKeySecretRef")]
    pub secret_access_key: SecretKeyRef,
    /// The session token.
    #[serde(rename = "sessionTokenSecretRef", default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretKeyRef>,
}

/// A reference to a key of a Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct SecretKeyRef {
    /// The name of the Secret.
    #[serde(default)]
    pub name: String,
    /// The key in the Secret.
    #[serde(default)]
    pub key: String,
    /// The namespace, for a ClusterSecretStore. Default: the namespace of the ExternalSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Authenticates as a ServiceAccount.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsJwt {
    /// The ServiceAccount.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub service_account_ref: ServiceAccountRef,
}

/// A reference to a ServiceAccount.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct ServiceAccountRef {
    /// The name of the ServiceAccount.
    #[serde(default)]
    pub name: String,
    /// The namespace, for a ClusterSecretStore. Default: the namespace of the ExternalSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Additional audiences of the token.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub audiences: Vec<String>,
}

/// A tag of a session.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Which tags identify the ExternalSecret that requests a value.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum SessionTagsPolicy {
    /// No tags.
    #[default]
    None,
    /// `esoNamespace`, `esoStoreName` and `esoStoreKind`.
    Simple,
    /// The tags of `Simple`, and those in `customSessionTags`.
    Custom,
}

fn provider_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut aws = Aws::json_schema(generator);
    aws.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
    json_schema!({
        "type": "object",
        "description": "The provider, by name. The controller keeps providers that it does not know.",
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
