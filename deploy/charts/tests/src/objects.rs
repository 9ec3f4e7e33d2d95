//! Finds things in rendered objects. Most functions panic if they find nothing, like a failed assertion.

use anyhow::Context;
use serde_json::Value;

/// The path of the Pod template in each kind.
const TEMPLATES: [(&str, &str); 8] = [
    ("Pod", ""),
    ("Deployment", "/spec/template"),
    ("StatefulSet", "/spec/template"),
    ("DaemonSet", "/spec/template"),
    ("ReplicaSet", "/spec/template"),
    ("Job", "/spec/template"),
    ("Rollout", "/spec/template"),
    ("CronJob", "/spec/jobTemplate/spec/template"),
];

/// Parses a YAML stream like Kubernetes' tools: `0400` is octal, and a duplicate key is an error.
pub fn parse(yaml: &str) -> anyhow::Result<Vec<Value>> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let objects: Vec<Value> =
        serde_saphyr::from_multiple_with_options(yaml, options).context("rendered YAML")?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// The object, if it exists.
pub fn find<'o>(objects: &'o [Value], kind: &str, name: &str) -> Option<&'o Value> {
    of_kind(objects, kind).into_iter().find(|object| object["metadata"]["name"] == name)
}

/// The object, which must exist.
pub fn object<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let message = || format!("no {kind} {name} in {}", names(objects).join(", "));
    find(objects, kind, name).unwrap_or_else(|| panic!("{}", message()))
}

/// All objects of a kind.
pub fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// `KIND/NAME` of each object, sorted.
pub fn names(objects: &[Value]) -> Vec<String> {
    let mut names: Vec<_> = objects.iter().map(name).collect();
    names.sort();
    names
}

/// `KIND/NAME` of an object.
pub fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// Every Pod and every Pod template (with its own `metadata` and `spec`), with its object.
pub fn pod_templates(objects: &[Value]) -> Vec<(&Value, &Value)> {
    let template = |object: &'_ Value| {
        let (_, path) = TEMPLATES.iter().find(|(kind, _)| object["kind"] == *kind)?;
        Some(*path)
    };
    objects
        .iter()
        // A Rollout that refers to a Deployment has no template.
        .filter_map(|object| Some((object, object.pointer(template(object)?)?)))
        .collect()
}

/// All containers of a Pod or its template, including init containers.
pub fn containers(template: &Value) -> Vec<&Value> {
    let lists = ["initContainers", "containers"].map(|list| template["spec"][list].as_array());
    lists.into_iter().flatten().flatten().collect()
}

/// The container of this name.
pub fn container<'o>(template: &'o Value, name: &str) -> &'o Value {
    let found = containers(template).into_iter().find(|container| container["name"] == name);
    found.unwrap_or_else(|| panic!("no container {name}"))
}

/// The entry of an environment variable, if the container has it.
pub fn variable<'o>(container: &'o Value, name: &str) -> Option<&'o Value> {
    container["env"].as_array()?.iter().find(|variable| variable["name"] == name)
}

/// The rules of a Role or `ClusterRole` as sorted lines, one for each resource:
/// `GROUP/RESOURCE: VERBS`, `GROUP/RESOURCE [NAMES]: VERBS` or `URL PATH: VERBS`.
pub fn rules(objects: &[Value], kind: &str, name: &str) -> Vec<String> {
    let role = object(objects, kind, name);
    assert!(role.get("aggregationRule").is_none(), "{kind} {name} aggregates other roles");
    let mut lines = Vec::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        for url in words(&rule["nonResourceURLs"]) {
            lines.push(format!("URL {url}: {}", words(&rule["verbs"]).join(", ")));
        }
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                let names = words(&rule["resourceNames"]).join(", ");
                let names = if names.is_empty() { names } else { format!(" [{names}]") };
                let verbs = words(&rule["verbs"]).join(", ");
                lines.push(format!("{group}/{resource}{names}: {verbs}"));
            }
        }
    }
    lines.sort();
    lines
}

/// The subjects of a `RoleBinding` or `ClusterRoleBinding`, and its role as `KIND/NAME`.
pub fn binding<'o>(objects: &'o [Value], kind: &str, name: &str) -> (&'o Value, String) {
    let binding = object(objects, kind, name);
    let role = &binding["roleRef"];
    let text = |field: &str| role[field].as_str().unwrap_or_default();
    (&binding["subjects"], format!("{}/{}", text("kind"), text("name")))
}

/// The sorted words of a list, or none without a list.
fn words(list: &Value) -> Vec<&str> {
    let mut words: Vec<_> =
        list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_parsed_like_kubernetes_tools_do() {
        let objects = parse("---\n---\nmode: 0400\non: yes\n---\nname: b\n").unwrap();
        assert_eq!(objects, [json!({ "mode": 256, "on": true }), json!({ "name": "b" })]);
        assert!(parse("a: 1\na: 2\n").is_err());
    }

    #[test]
    fn containers_are_found_in_every_kind() {
        let pod = json!({ "spec": {
            "initContainers": [{ "name": "first" }], "containers": [{ "name": "second" }] } });
        let objects = [
            json!({ "kind": "Rollout", "spec": { "template": pod } }),
            json!({ "kind": "Rollout", "spec": { "workloadRef": {} } }),
            json!({ "kind": "CronJob", "spec": { "jobTemplate": { "spec": { "template": pod } } } }),
            json!({ "kind": "Service", "spec": {} }),
        ];
        let templates = pod_templates(&objects);
        assert_eq!(templates.len(), 2);
        for (_, template) in templates {
            assert_eq!(containers(template).len(), 2);
            assert_eq!(container(template, "second")["name"], "second");
        }
    }

    #[test]
    fn rules_have_one_line_for_each_resource() {
        let role = json!({ "kind": "Role", "metadata": { "name": "a" }, "rules": [
            { "apiGroups": [""], "resources": ["secrets", "events"], "verbs": ["list", "get"] },
            { "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["b"],
              "verbs": ["patch"] } ] });
        let lines = ["/events: get, list", "/secrets: get, list", "apps/deployments [b]: patch"];
        assert_eq!(rules(&[role], "Role", "a"), lines);
    }
}
