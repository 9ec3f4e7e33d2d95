//! `ClusterExternalSecret`: the same `ExternalSecret` in many namespaces. `mtk-seal plan` reads it; the controller does not
//! serve it.

use std::{collections::BTreeMap, iter};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt as _};
use serde::Deserialize;

use crate::{ExternalSecretSpec, lenient};

/// The label that every namespace has, with its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The `ExternalSecret` to create, and its namespaces.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterExternalSecretSpec {
    /// The spec of each `ExternalSecret`.
    pub external_secret_spec: ExternalSecretSpec,

    /// Their name. By default that of this object.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub external_secret_name: String,

    /// Selects namespaces. One match is enough.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub namespace_selectors: Vec<LabelSelector>,

    /// One more of them. Deprecated.
    #[serde(default)]
    pub namespace_selector: Option<LabelSelector>,

    /// Names of more namespaces. Deprecated.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub namespaces: Vec<String>,
}

impl ClusterExternalSecretSpec {
    /// Whether the namespace with this name and these labels gets an `ExternalSecret`.
    pub fn selects(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let own = (NAME_LABEL.to_owned(), name.to_owned());
        let labels: BTreeMap<_, _> = labels.clone().into_iter().chain(iter::once(own)).collect();
        let mut selectors = self.namespace_selectors.iter().chain(&self.namespace_selector);
        // A malformed selector matches nothing.
        let matches = |selector: &LabelSelector| {
            Selector::try_from(selector.clone()).is_ok_and(|all| all.matches(&labels))
        };
        self.namespaces.iter().any(|named| named == name) || selectors.any(matches)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn namespace_is_selected_by_its_labels_or_by_its_name() {
        let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        for (places, selected) in [
            (json!({}), false),
            (json!({ "namespaces": ["n"] }), true),
            (json!({ "namespaces": ["m"] }), false),
            (json!({ "namespaceSelectors": [{}] }), true),
            (json!({ "namespaceSelectors": [{ "matchLabels": { "team": "b" } }] }), false),
            (
                json!({ "namespaceSelectors": [{ "matchLabels": { "team": "b" } },
                                               { "matchLabels": { "team": "a" } }] }),
                true,
            ),
            (json!({ "namespaceSelector": { "matchLabels": { NAME_LABEL: "n" } } }), true),
            (
                json!({ "namespaceSelector": { "matchExpressions": [
                    { "key": "team", "operator": "Never" }] } }),
                false,
            ),
        ] {
            let mut spec = places.clone();
            spec["externalSecretSpec"] = json!({});
            let spec: ClusterExternalSecretSpec = serde_json::from_value(spec).unwrap();
            assert_eq!(spec.selects("n", &labels), selected, "{places}");
        }
    }
}
