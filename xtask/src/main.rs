//! `cargo xtask`: the project's task runner.

fn main() -> anyhow::Result<()> {
    for (file, text) in crds::manifest::all()? {
        std::fs::write(std::path::Path::new("crds/manifests").join(file), text)?;
    }
    Ok(())
}
