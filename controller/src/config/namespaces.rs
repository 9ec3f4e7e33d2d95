//! The controller's own namespace, and those that it watches.

use clap::{ArgAction, Args};

use super::parse::parse_namespace;
use crate::runtime::scope::WatchScope;

/// Where a Pod finds the name of its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The default namespace of Bitnami's controller, and so of its keys.
const DEFAULT_NAMESPACE: &str = "kube-system";

#[derive(Args, Clone, Debug)]
pub(super) struct NamespaceArgs {
    /// Namespace of the controller and its sealing keys; by default the Pod's, or kube-system
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Watch all namespaces. If false, watch only the controller's namespace and --additional-namespaces
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    all_namespaces: bool,

    /// Further namespaces to watch with --all-namespaces=false (comma-separated or repeated)
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', value_parser = parse_namespace)]
    additional_namespaces: Vec<String>,
}

impl NamespaceArgs {
    pub(super) fn own(&self) -> String {
        let from_file = || std::fs::read_to_string(NAMESPACE_FILE).ok();
        let from_environment = || std::env::var("POD_NAMESPACE").ok();
        let found = self.namespace.clone().or_else(from_environment).or_else(from_file);
        let found = found.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        found.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
    }

    pub(super) fn watches_all(&self) -> bool {
        self.all_namespaces
    }

    pub(super) fn watched(&self, own: &str) -> WatchScope {
        if self.all_namespaces {
            return WatchScope::All;
        }
        let additional = self.additional_namespaces.iter().filter(|name| !name.is_empty()).cloned();
        WatchScope::Namespaces(additional.chain([own.to_owned()]).collect())
    }
}
