//! `cargo xtask crds`: the generated CustomResourceDefinitions.

use std::fs;

use anyhow::{Context, bail};

use crate::places;
use crate::steps::Output;

/// Writes them, or with `check` only says whether they are as they would be written.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    for (name, generated) in crds::manifest::all()? {
        let path = places::root().join("crds/manifests").join(name);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        if committed == generated {
            Output::Stdout.line(format_args!("{name} is up to date"));
        } else if check {
            bail!("{} is stale\nhint: run `cargo xtask crds`", path.display());
        } else {
            fs::write(&path, generated).with_context(|| format!("writing {}", path.display()))?;
            Output::Stdout.line(format_args!("{name} is written"));
        }
    }
    Ok(())
}
