//! Which Secrets a Pod template uses, and which of their items.

use std::collections::BTreeMap;

use serde_json::Value;

/// The part of one Secret that a Pod template uses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SecretUse {
    pub(crate) items: UsedItems,
    /// Whether the Pods start only if the Secret exists.
    pub(crate) required: bool,
    /// The Pods start only with these items.
    pub(crate) required_items: Vec<String>,
}

/// The items of a Secret whose changes count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum UsedItems {
    /// All of them, also those added later.
    All,
    /// Sorted.
    Named(Vec<String>),
}

/// By the name of the Secret. `imagePullSecrets` do not count, because running Pods do not use them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct SecretUses(BTreeMap<String, SecretUse>);

impl SecretUses {
    /// Reads the `spec` of a Pod template: environment of containers and init containers, volumes
    /// of Secrets, and projected ones.
    pub(crate) fn of(spec: &Value) -> Self {
        let mut uses = Self::default();
        for container in list(&spec["initContainers"]).chain(list(&spec["containers"])) {
            for source in list(&container["envFrom"]) {
                let reference = &source["secretRef"];
                uses.add_all(&reference["name"], reference);
            }
            for variable in list(&container["env"]) {
                let reference = &variable["valueFrom"]["secretKeyRef"];
                uses.add_item(&reference["name"], &reference["key"], reference);
            }
        }
        for volume in list(&spec["volumes"]) {
            let secret = &volume["secret"];
            uses.add_volume(&secret["secretName"], secret);
            for source in list(&volume["projected"]["sources"]) {
                uses.add_volume(&source["secret"]["name"], &source["secret"]);
            }
        }
        uses
    }

    /// The part of this Secret that the template uses. A Secret that only an annotation names counts whole:
    /// its reader, such as the app itself or a driver, is unknown here.
    pub(crate) fn get(&self, secret: &str) -> SecretUse {
        let unknown =
            || SecretUse { items: UsedItems::All, required: false, required_items: Vec::new() };
        self.0.get(secret).cloned().unwrap_or_else(unknown)
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn add_volume(&mut self, name: &Value, source: &Value) {
        if list(&source["items"]).next().is_none() {
            return self.add_all(name, source);
        }
        for item in list(&source["items"]) {
            self.add_item(name, &item["key"], source);
        }
    }

    fn add_all(&mut self, name: &Value, reference: &Value) {
        if let Some(found) = self.entry(name, reference) {
            found.items = UsedItems::All;
        }
    }

    fn add_item(&mut self, name: &Value, item: &Value, reference: &Value) {
        let Some(item) = item.as_str() else { return };
        let Some(found) = self.entry(name, reference) else { return };
        if let UsedItems::Named(items) = &mut found.items {
            insert(items, item);
        }
        if is_required(reference) {
            insert(&mut found.required_items, item);
        }
    }

    fn entry(&mut self, name: &Value, reference: &Value) -> Option<&mut SecretUse> {
        let name = name.as_str().filter(|name| !name.is_empty())?;
        let none = || SecretUse {
            items: UsedItems::Named(Vec::new()),
            required: false,
            required_items: Vec::new(),
        };
        let found = self.0.entry(name.to_owned()).or_insert_with(none);
        found.required |= is_required(reference);
        Some(found)
    }
}

fn is_required(reference: &Value) -> bool {
    !reference["optional"].as_bool().unwrap_or(false)
}

fn insert(sorted: &mut Vec<String>, item: &str) {
    if let Err(place) = sorted.binary_search_by(|present| present.as_str().cmp(item)) {
        sorted.insert(place, item.to_owned());
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
        assert_eq!(a.required_items, ["Y"]);
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
            assert_eq!(a.required_items, ["X"]);
        }
    }

    #[test]
    fn image_pull_secrets_do_not_count() {
        let uses = SecretUses::of(&json!({ "imagePullSecrets": [{ "name": "registry" }] }));
        assert_eq!(uses, SecretUses::default());
    }
}
