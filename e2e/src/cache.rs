//! The directory that keeps built tools between runs.

use std::env;
use std::path::PathBuf;

use anyhow::Context;

/// `$MTK_CACHE_DIR`, else `$XDG_CACHE_HOME/mtk-seal`, else `~/.cache/mtk-seal`.
///
/// It is outside `target/`, because the tools take minutes to build and do not depend on our
/// sources. An empty variable counts as unset, as the XDG base directory specification requires.
pub fn directory() -> anyhow::Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(chosen) = set("MTK_CACHE_DIR") {
        return Ok(chosen);
    }
    let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    Ok(caches
        .context("no place for built tools\nhint: set MTK_CACHE_DIR to a directory")?
        .join("mtk-seal"))
}
