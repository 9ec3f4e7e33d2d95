//! The namespace of the Secret, from the flag, the manifest, or the context of the kubeconfig.

use sealing::Scope;

use super::{error::KubesealError, options::Options};
use crate::cluster;

/// The namespace to seal for. A flag that contradicts the manifest is an error. Cluster-wide Secrets
/// keep that of the manifest, and need none.
pub(super) fn resolve(
    manifest: Option<&str>,
    scope: Scope,
    options: &Options,
) -> Result<Option<String>, KubesealError> {
    if scope == Scope::ClusterWide {
        return Ok(manifest.map(str::to_owned));
    }
    match (manifest, &options.namespace) {
        (Some(manifest), Some(flag)) if manifest != flag => Err(KubesealError::NamespaceMismatch {
            manifest: manifest.to_owned(),
            flag: flag.clone(),
        }),
        (None, None) => {
            cluster::default_namespace(&options.access).map(Some).ok_or(KubesealError::NoNamespace)
        }
        (manifest, flag) => Ok(manifest.map(str::to_owned).or_else(|| flag.clone())),
    }
}
