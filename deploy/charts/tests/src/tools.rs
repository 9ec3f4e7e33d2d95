//! The programs that the tests run. `cargo xtask test` builds them and sets their variables.

use std::env;
use std::path::PathBuf;

use anyhow::Context;

/// The variable with the path of Helm 3.
pub const HELM3: &str = "MTK_HELM3";
/// The variable with the path of Helm 4.
pub const HELM4: &str = "MTK_HELM4";
/// The variable with the path of kubeconform.
pub const KUBECONFORM: &str = "MTK_KUBECONFORM";
/// The variable with the path of checkov.
pub const CHECKOV: &str = "MTK_CHECKOV";
/// The variable with the path of the program `health`, which contains code of Flux and Argo CD.
pub const HEALTH: &str = "MTK_HEALTH";

/// The path of a program, from an environment variable.
pub fn program(variable: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os(variable).filter(|value| !value.is_empty());
    path.map(PathBuf::from).with_context(|| {
        format!(
            "{variable} is not set\n\
             hint: run the tests with `cargo xtask test`, or set {variable} to the program's path"
        )
    })
}
