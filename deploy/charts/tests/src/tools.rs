//! The programs that the tests run. `cargo xtask test` makes them and says where they are.

use std::env;
use std::path::PathBuf;

use anyhow::Context;

/// Helm 3.
pub const HELM3: &str = "MTK_HELM3";
/// Helm 4.
pub const HELM4: &str = "MTK_HELM4";
/// kubeconform.
pub const KUBECONFORM: &str = "MTK_KUBECONFORM";
/// checkov.
pub const CHECKOV: &str = "MTK_CHECKOV";

/// The program that an environment variable names.
pub fn program(variable: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os(variable).filter(|value| !value.is_empty());
    path.map(PathBuf::from).with_context(|| {
        format!(
            "{variable} is not set\n\
             hint: run the tests by `cargo xtask test`, or set {variable} to the program's path"
        )
    })
}
