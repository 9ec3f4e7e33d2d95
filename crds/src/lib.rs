//! The custom resources that `mtk-seal` writes and `mtk-controller` serves: one file per kind.
//!
//! The types deserialise leniently. Clusters contain objects that older or other schemas accepted, and
//! one such object must never hide the others from a controller. The schemas are strict: they reject
//! objects that cannot work.
//!
//! `manifests/` contains the generated CustomResourceDefinitions (`cargo xtask manifests`).

pub mod cluster_external_secret;
pub mod cron;
#[expect(clippy::duplicated_attributes, reason = "each printcolumn has the same fields")]
pub mod external_secret;
pub mod go_duration;
mod lenient;
pub mod manifest;
pub mod provider;
#[expect(clippy::duplicated_attributes, reason = "each printcolumn has the same fields")]
pub mod sealed_secret;
#[expect(clippy::duplicated_attributes, reason = "each printcolumn has the same fields")]
pub mod secret_store;

pub use external_secret::{ExternalSecret, ExternalSecretSpec, ExternalSecretStatus};
pub use sealed_secret::{SealedSecret, SealedSecretSpec, SealedSecretStatus, SecretTemplate};
pub use secret_store::{ClusterSecretStore, SecretStore, SecretStoreSpec, StoreStatus};
