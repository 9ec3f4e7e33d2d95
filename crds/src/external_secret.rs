//! `external-secrets.io/v1 ExternalSecret`: a Secret whose values are in a provider's store.
//!
//! Format: External Secrets Operator 2.9. What is ours alone is `status.fingerprint` and
//! `status.versions`.

mod data;
mod status;
mod target;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    data::{
        ConflictPolicy, ConversionStrategy, Data, DataFrom, DecodingStrategy, Find, FindName,
        GeneratorRef, MergeStrategy, MetadataPolicy, NullBytePolicy, PriorityPolicy, RemoteRef,
        Rewrite, RewriteMerge, RewriteRegexp, RewriteTransform, SourceRef,
    },
    status::{Binding, Condition, ExternalSecretStatus, condition},
    target::{
        CreationPolicy, DeletionPolicy, Manifest, MergePolicy, Target, Template, TemplateFrom,
        TemplateItem, TemplateMetadata, TemplateRef, TemplateScope,
    },
};
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
    #[schemars(length(max = 100))]
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
