//! The template of the configuration repository, `deploy/gitops/config-repo`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod argocd;
mod flux;
mod health;
mod manifests;
mod plaintext;
mod promotion;
mod repository;
mod terraform;

use std::path::PathBuf;

use chart_tests::chart;
use serde_json::Value;

const ENVIRONMENTS: [&str; 3] = ["pi", "aws-dev", "aws-prod"];

/// The template.
fn template() -> PathBuf {
    chart::root().join("deploy/gitops/config-repo")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
