//! The repository and the cache.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The directory of the control plane that `up` starts and `down` stops.
pub(crate) fn up() -> anyhow::Result<PathBuf> {
    Ok(e2e::cache::directory()?.join("up"))
}
