//! Which Secrets a Pod template uses, and which of their items.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SecretUse {
    pub(crate) items: UsedItems,
    /// Whether the Pods start only if the Secret exists.
    pub(crate) required: bool,
    /// The Pods start only with these items.
    pub(crate) required_items: BTreeSet<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum UsedItems {
    /// All of them, also those added later.
    All,
    Named(BTreeSet<String>),
}

/// By the name of the Secret. `imagePullSecrets` do not count, because running Pods do not use them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct SecretUses(BTreeMap<String, SecretUse>);

impl SecretUse {
    fn of(items: UsedItems) -> Self {
        Self { items, required: false, required_items: BTreeSet::new() }
    }
}

impl SecretUses {
    /// Reads the `spec` of a Pod template: environment of containers and init containers, volumes
    /// of Secrets, and projected ones.
    pub(crate) fn of(spec: &Value) -> Self {
        let mut uses = Self::default();
        for container in list(&spec["initContainers"]).chain(list(&spec["containers"])) {
            for source in list(&container["envFrom"]) {
                uses.add("name", &source["secretRef"], None);
            }
            for variable in list(&container["env"]) {
                let reference = &variable["valueFrom"]["secretKeyRef"];
                uses.add("name", reference, Some(&reference["key"]));
            }
        }
        for volume in list(&spec["volumes"]) {
            uses.add_volume("secretName", &volume["secret"]);
            for source in list(&volume["projected"]["sources"]) {
                uses.add_volume("name", &source["secret"]);
            }
        }
        uses
    }

    /// The part of this Secret that the template uses. A Secret that only an annotation names counts
    /// with all its items, because the controller does not know what its readers, such as the app or
    /// a driver, use.
    pub(crate) fn get(&self, secret: &str) -> SecretUse {
        self.0.get(secret).cloned().unwrap_or_else(|| SecretUse::of(UsedItems::All))
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn add_volume(&mut self, name: &str, source: &Value) {
        if list(&source["items"]).next().is_none() {
            self.add(name, source, None);
        }
        for item in list(&source["items"]) {
            self.add(name, source, Some(&item["key"]));
        }
    }

    /// Adds one item, or the whole Secret. `name` is the field with the name of the Secret.
    fn add(&mut self, name: &str, reference: &Value, item: Option<&Value>) {
        let Some(name) = reference[name].as_str().filter(|name| !name.is_empty()) else { return };
        if item.is_some_and(|item| !item.is_string()) {
            return;
        }
        let is_required = !reference["optional"].as_bool().unwrap_or(false);
        let none = || SecretUse::of(UsedItems::Named(BTreeSet::new()));
        let found = self.0.entry(name.to_owned()).or_insert_with(none);
        found.required |= is_required;
        let Some(item) = item else {
            found.items = UsedItems::All;
            return;
        };
        let item = item.as_str().unwrap_or_default().to_owned();
        if is_required {
            found.required_items.insert(item.clone());
        }
        if let UsedItems::Named(items) = &mut found.items {
            items.insert(item);
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(items: &[&str]) -> UsedItems {
        UsedItems::Named(items.iter().map(|item| (*item).to_owned()).collect())
    }

    fn key_ref(name: &str, key: &str, optional: bool) -> Value {
        json!({ "name": "X", "valueFrom":
                { "secretKeyRef": { "name": name, "key": key, "optional": optional } } })
    }

    #[test]
    fn environment_of_all_containers_counts() {
        let uses = SecretUses::of(&json!({
            "initContainers": [{ "env": [key_ref("a", "Y", false)] }],
            "containers": [
                { "env": [key_ref("a", "X", true), { "name": "plain", "value": "1" }] },
                { "envFrom": [{ "secretRef": { "name": "b", "optional": true } },
                              { "configMapRef": { "name": "c" } }] },
            ],
        }));
        assert_eq!(uses.secrets().collect::<Vec<_>>(), ["a", "b"]);
        let a = uses.get("a");
        assert_eq!((a.items, a.required), (named(&["X", "Y"]), true));
        assert_eq!(a.required_items, ["Y".to_owned()].into());
        assert_eq!(uses.get("b"), uses.get("not used"), "whole, and not required");
    }

    #[test]
    fn volumes_count_by_item_or_whole() {
        let uses = SecretUses::of(&json!({ "volumes": [
            { "name": "v", "secret": { "secretName": "a", "items": [{ "key": "K", "path": "k" }] } },
            { "name": "w", "secret": { "secretName": "b" } },
            { "name": "p", "projected": { "sources": [
                { "secret": { "name": "c", "items": [{ "key": "L", "path": "l" }], "optional": true } },
                { "secret": { "name": "d" } },
                { "serviceAccountToken": { "path": "token" } },
            ] } },
            { "name": "e", "emptyDir": {} },
        ]}));
        assert_eq!(uses.secrets().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(uses.get("a").items, named(&["K"]));
        assert_eq!(uses.get("b").items, UsedItems::All);
        assert!(uses.get("b").required);
        assert_eq!(uses.get("c").items, named(&["L"]));
        assert!(!uses.get("c").required && uses.get("c").required_items.is_empty());
        assert_eq!(uses.get("d").items, UsedItems::All);
    }

    #[test]
    fn use_of_the_whole_secret_outweighs_single_items() {
        let whole = json!({ "secretRef": { "name": "a" } });
        for containers in [
            json!([{ "env": [key_ref("a", "X", false)], "envFrom": [whole] }]),
            json!([{ "envFrom": [whole] }, { "env": [key_ref("a", "X", false)] }]),
        ] {
            let a = SecretUses::of(&json!({ "containers": containers })).get("a");
            assert_eq!(a.items, UsedItems::All);
            assert_eq!(a.required_items, ["X".to_owned()].into());
        }
    }

    #[test]
    fn image_pull_secrets_do_not_count() {
        let uses = SecretUses::of(&json!({ "imagePullSecrets": [{ "name": "registry" }] }));
        assert_eq!(uses, SecretUses::default());
    }
}
