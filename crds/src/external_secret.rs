//! `external-secrets.io/v1 ExternalSecret`: a Secret with values from a provider.
//!
//! The format is that of External Secrets Operator 2.9, plus our fields `status.fingerprint` and
//! `status.versions`.

mod data;
mod refresh;
mod status;
mod store_ref;
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
    refresh::{DEFAULT_REFRESH_INTERVAL, RefreshPolicy, SyncWindows, Window, WindowKind},
    status::{Binding, Condition, ExternalSecretStatus, condition},
    store_ref::{StoreKind, StoreRef},
    target::{
        CreationPolicy, DeletionPolicy, Manifest, MergePolicy, Target, Template, TemplateFrom,
        TemplateItem, TemplateMetadata, TemplateRef, TemplateScope,
    },
};
use crate::lenient;

/// The values to read, and the Secret to write.
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
    printcolumn(name = "Proved", type_ = "date", json_path = ".status.provedTime", priority = 1),
    printcolumn(
        name = "Explained",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Explained")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretSpec {
    /// The store of all entries that name no other store.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub secret_store_ref: StoreRef,

    /// The Secret to write.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub target: Target,

    /// When to read the values again.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub refresh_policy: RefreshPolicy,

    /// The refresh interval, as a Go duration: `1h`, `1h30m`. `0` reads the values only once. Default: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<String>,

    /// When periodic refreshes may happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_windows: Option<SyncWindows>,

    /// Single values.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub data: Vec<Data>,

    /// Groups of values. `data` overrides them.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub data_from: Vec<DataFrom>,
}

impl ExternalSecret {
    /// The finalizer that External Secrets puts on each object. Our controller needs none.
    pub const UPSTREAM_FINALIZER: &str =
        "externalsecrets.external-secrets.io/externalsecret-cleanup";

    /// The name of the Secret.
    pub fn target_name(&self) -> &str {
        match self.spec.target.name.as_str() {
            "" => self.metadata.name.as_deref().unwrap_or_default(),
            name => name,
        }
    }

    /// All stores that the object references.
    pub fn stores(&self) -> impl Iterator<Item = &StoreRef> {
        let own = Some(&self.spec.secret_store_ref).filter(|store| !store.name.is_empty());
        let data = self.spec.data.iter().map(|data| &data.source_ref);
        let from = self.spec.data_from.iter().map(|from| &from.source_ref);
        own.into_iter()
            .chain(data.chain(from).filter_map(|source| source.as_ref()?.store_ref.as_ref()))
    }
}
