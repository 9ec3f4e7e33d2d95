//! Prints generated files as JSON: CustomResourceDefinitions by name, and the page of template
//! functions. `cargo xtask manifests` writes them.

mod functions;

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use serde_json::json;

fn main() -> anyhow::Result<()> {
    let crds: BTreeMap<_, _> = crds::manifest::all()?.into_iter().collect();
    let generated = json!({ "crds": crds, "functions": functions::page() });
    writeln!(io::stdout(), "{generated}")?;
    Ok(())
}
