//! The custom resources that `mtk-seal` writes and `mtk-controller` serves: one file per kind.
//!
//! The types are lenient readers: people's clusters hold objects that older and other schemas let
//! through, and one of them must never keep a controller from seeing the rest. The schemas are
//! strict writers: they refuse what could not work.
//!
//! `manifests/` holds the generated CustomResourceDefinitions (`cargo xtask manifests`).

#[expect(clippy::duplicated_attributes, reason = "each printcolumn has the same fields")]
pub mod external_secret;
mod lenient;
pub mod manifest;
#[expect(clippy::duplicated_attributes, reason = "each printcolumn has the same fields")]
pub mod sealed_secret;
#[expect(clippy::duplicated_attributes, reason = "each printcolumn has the same fields")]
pub mod secret_store;

pub use external_secret::{ExternalSecret, ExternalSecretSpec, ExternalSecretStatus};
pub use sealed_secret::{SealedSecret, SealedSecretSpec, SealedSecretStatus, SecretTemplate};
pub use secret_store::{ClusterSecretStore, SecretStore, SecretStoreSpec, StoreStatus};
