//! `external-secrets.io/v1 ExternalSecret`: a Secret whose values are in a provider's store.
//!
//! Format: External Secrets Operator 2.9. What is ours alone is `status.fingerprint` and
//! `status.versions`.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::lenient;

/// Which values to read, and the Secret to make of them.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ExternalSecret",
    namespaced,
    status = "ExternalSecretStatus",
    derive = "PartialEq",
    shortname = "es",
    category = "external-secrets",
    selectable = ".spec.secretStoreRef.name",
    selectable = ".spec.secretStoreRef.kind",
    selectable = ".spec.target.name",
    selectable = ".spec.refreshInterval",
    printcolumn(name = "StoreType", type_ = "string", json_path = ".spec.secretStoreRef.kind"),
    printcolumn(name = "Store", type_ = "string", json_path = ".spec.secretStoreRef.name"),
    printcolumn(name = "Refresh Interval", type_ = "string", json_path = ".spec.refreshInterval"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Last Sync", type_ = "date", json_path = ".status.refreshTime"),
    printcolumn(
        name = "Explained",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Explained")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretSpec {
    /// The store of all entries that name no other.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub secret_store_ref: StoreRef,

    /// The Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub target: Target,

    /// When values are read again.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub refresh_policy: RefreshPolicy,

    /// How often, as Go writes durations: `1h`, `1h30m`. `0` reads once. By default `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<String>,

    /// When values may be read again because time has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_windows: Option<SyncWindows>,

    /// One value each.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub data: Vec<Data>,

    /// Many values each. What stands in `data` wins.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub data_from: Vec<DataFrom>,
}

/// A store by name and kind.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct StoreRef {
    /// The name.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Whether it is of the namespace or of the cluster.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub kind: StoreKind,
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum StoreKind {
    /// A store of the namespace.
    #[default]
    SecretStore,
    /// A store of the cluster.
    ClusterSecretStore,
}

/// When values are read again.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RefreshPolicy {
    /// On changes of the object, and in intervals.
    #[default]
    Periodic,
    /// On changes of the object.
    OnChange,
    /// Never.
    CreatedOnce,
}

/// Windows of time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SyncWindows {
    /// Whether the windows are those in which values may be read, or those in which not.
    #[serde(default)]
    pub kind: WindowKind,
    /// The windows.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub windows: Vec<Window>,
}

/// What windows mean.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Values are read in them only.
    #[default]
    Allow,
    /// Values are not read in them.
    Deny,
}

/// A window: from each of the times, for as long.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Window {
    /// Five fields of cron in UTC, or `@daily`, `@every 1h` and the like.
    pub schedule: String,
    /// How long, as Go writes durations.
    pub duration: String,
}

/// The Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its name; by default that of the ExternalSecret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Whose it is.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub creation_policy: CreationPolicy,
    /// What becomes of it when the provider has no values any more.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub deletion_policy: DeletionPolicy,
    /// Whether it is immutable.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub immutable: bool,
    /// Another kind than Secret. Not supported: the object is left alone, with a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// What is made of the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

/// Whose the Secret is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CreationPolicy {
    /// The ExternalSecret's: it goes with it.
    #[default]
    Owner,
    /// Nobody's: it stays.
    Orphan,
    /// Somebody else's, who makes it: values are added.
    Merge,
    /// Values are added to it; it is made if it is not there.
    CreateOrMerge,
    /// None is written.
    None,
}

/// What becomes of the Secret when the provider has no values any more.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// It stays as it is.
    #[default]
    Retain,
    /// It is deleted.
    Delete,
    /// Its values are removed.
    Merge,
}

/// A kind.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `v1`
    #[serde(default)]
    pub api_version: String,
    /// `ConfigMap`
    #[serde(default)]
    pub kind: String,
}

/// What is made of the values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The type of the Secret; by default `Opaque`.
    #[serde(rename = "type", default, deserialize_with = "lenient::null_is_default")]
    pub type_: String,
    /// The version of the templates' language.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "engine_schema")]
    pub engine_version: String,
    /// Labels and annotations of the Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub metadata: TemplateMetadata,
    /// Whether the values themselves are in the Secret too.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub merge_policy: MergePolicy,
    /// Templates by key.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub data: BTreeMap<String, String>,
    /// Templates from elsewhere.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub template_from: Vec<TemplateFrom>,
}

/// Labels and annotations of the Secret; their values are templates.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TemplateMetadata {
    /// Annotations.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub labels: BTreeMap<String, String>,
    /// Finalizers.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub finalizers: Vec<String>,
}

/// Whether the values themselves are in the Secret beside those of templates.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MergePolicy {
    /// Not if there are templates.
    #[default]
    Replace,
    /// They are.
    Merge,
}

/// Templates of one ConfigMap, one Secret or one literal.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateFrom {
    /// Templates in a ConfigMap of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// Templates in a Secret of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// A template that renders to keys and values in YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// `Data`, `Annotations` or `Labels`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub target: String,
    /// How what is rendered is decoded.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub values_decoding_strategy: DecodingStrategy,
}

/// Some keys of an object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TemplateRef {
    /// The name of the object.
    pub name: String,
    /// The keys.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub items: Vec<TemplateItem>,
}

/// A key, and what its template makes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateItem {
    /// The key.
    pub key: String,
    /// What its template makes.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub template_as: TemplateScope,
}

/// What a template makes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TemplateScope {
    /// The value of the key.
    #[default]
    Values,
    /// A map of keys to values, in YAML.
    KeysAndValues,
}

/// One value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// Its key in the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub secret_key: String,
    /// Where it is in the store.
    pub remote_ref: RemoteRef,
    /// Another store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// A value in a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRef {
    /// Its name, or its ARN.
    pub key: String,
    /// A part of it, if it is JSON: a path of gjson.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub property: String,
    /// Its version. On Secrets Manager a stage, by default `AWSCURRENT`, or `uuid/` and a version id;
    /// on Parameter Store a number or a label.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub version: String,
    /// Whether its tags are read in its place.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub metadata_policy: MetadataPolicy,
    /// What becomes of characters that keys of a Secret cannot have. For `extract`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conversion_strategy: ConversionStrategy,
    /// How the value is decoded.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub decoding_strategy: DecodingStrategy,
    /// What becomes of a value with null bytes.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub null_byte_policy: NullBytePolicy,
}

/// Whether tags are read in place of the value.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MetadataPolicy {
    /// The value.
    #[default]
    None,
    /// The tags, as JSON.
    Fetch,
}

/// What becomes of characters that keys of a Secret cannot have.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConversionStrategy {
    /// `_`
    #[default]
    Default,
    /// `_U0000_` with the number of the character.
    Unicode,
}

/// How a value is decoded.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DecodingStrategy {
    /// Not at all.
    #[default]
    None,
    /// RFC 4648 §4.
    Base64,
    /// RFC 4648 §5.
    Base64URL,
    /// One of both if it can be, else not at all.
    Auto,
}

/// What becomes of a value with null bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum NullBytePolicy {
    /// It is taken as it is.
    #[default]
    Ignore,
    /// It is an error.
    Fail,
}

/// Another store, or a generator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRef {
    /// The store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// The generator. Not supported: the object is left alone, with a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A generator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorRef {
    /// `generators.external-secrets.io/v1alpha1`
    #[serde(default)]
    pub api_version: String,
    /// The kind.
    #[serde(default)]
    pub kind: String,
    /// The name.
    #[serde(default)]
    pub name: String,
}

/// Many values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataFrom {
    /// The members of one value that is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// All values that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// What becomes of the keys, in order.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub rewrite: Vec<Rewrite>,
    /// Another store, or a generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Which values match.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// What their names begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What their names match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// The tags that they have.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub tags: BTreeMap<String, String>,
    /// What becomes of characters that keys of a Secret cannot have.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conversion_strategy: ConversionStrategy,
    /// How each value is decoded.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub decoding_strategy: DecodingStrategy,
    /// What becomes of a value with null bytes.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub null_byte_policy: NullBytePolicy,
}

/// A regular expression for names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FindName {
    /// In the syntax of RE2.
    #[serde(default)]
    pub regexp: String,
}

/// What becomes of keys: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Rewrite {
    /// Replaces what matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RewriteRegexp>,
    /// Renders each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<RewriteTransform>,
    /// Merges the members of all values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<RewriteMerge>,
}

/// Replaces what matches.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RewriteRegexp {
    /// In the syntax of RE2.
    pub source: String,
    /// With `$1` and `${name}`.
    pub target: String,
}

/// Renders each key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RewriteTransform {
    /// A template that sees the key as `.value`.
    pub template: String,
}

/// Merges the members of all values, each a JSON object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RewriteMerge {
    /// The key of the result, with the strategy `JSON`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub into: String,
    /// Keys that win over others, the later over the earlier.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub priority: Vec<String>,
    /// Whether those have to be there.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub priority_policy: PriorityPolicy,
    /// Whether two values may have the same member.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conflict_policy: ConflictPolicy,
    /// What the result is.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub strategy: MergeStrategy,
}

/// Whether keys with priority have to be there.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PriorityPolicy {
    /// They have to.
    #[default]
    Strict,
    /// They need not.
    IgnoreNotFound,
}

/// Whether two values may have the same member.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConflictPolicy {
    /// They may not.
    #[default]
    Error,
    /// They may.
    Ignore,
}

/// What a merge gives.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MergeStrategy {
    /// The members in place of the values.
    #[default]
    Extract,
    /// One value beside them.
    JSON,
}

/// What became of the ExternalSecret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretStatus {
    /// When the values were last read (RFC 3339), as of the last write of the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub refresh_time: Option<String>,

    /// The generation, labels and annotations that the Secret was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,

    /// The Secret, as servicebinding.io wants it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub binding: Binding,

    /// `Ready`, and `Explained` where something is wrong.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conditions: Vec<Condition>,

    /// A keyed MAC over the Secret, where it has no hash of its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,

    /// The versions that were read: none older than these is written.
    #[serde(
        default,
        deserialize_with = "lenient::strings",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub versions: BTreeMap<String, String>,
}

/// A Secret by name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Binding {
    /// The name.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub name: String,
}

/// One aspect of the state.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready` or `Explained`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A sentence for people. Never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub last_transition_time: Option<String>,
}

impl ExternalSecret {
    /// The finalizer that External Secrets puts on each object. Ours needs none.
    pub const PEER_FINALIZER: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";

    /// The name of the Secret.
    pub fn target_name(&self) -> &str {
        match self.spec.target.name.as_str() {
            "" => self.metadata.name.as_deref().unwrap_or_default(),
            name => name,
        }
    }

    /// All stores that it refers to.
    pub fn stores(&self) -> impl Iterator<Item = &StoreRef> {
        let own = Some(&self.spec.secret_store_ref).filter(|store| !store.name.is_empty());
        let data = self.spec.data.iter().map(|data| &data.source_ref);
        let from = self.spec.data_from.iter().map(|from| &from.source_ref);
        own.into_iter()
            .chain(data.chain(from).filter_map(|source| source.as_ref()?.store_ref.as_ref()))
    }
}

/// The condition of this type.
pub fn condition<'c>(conditions: &'c [Condition], type_: &str) -> Option<&'c Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn engine_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["v2"] })
}

pub(crate) fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}
