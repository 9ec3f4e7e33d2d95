//! Reading and converting values: rows 3 to 14, and 40.

use serde_json::json;

use super::super::support::{change, external, rig, secret, stores, wait_value};
use super::{Row, entry, explained};
use crate::support::Kind;

#[tokio::test]
async fn row_03_key_reads_a_value_or_a_property() {
    let row = Row::new("external-row-03").await;
    let text = r#"{"user":"u","port":5432,"on":true,"none":null}"#;
    let from = row.secret("a", text).await;
    let property = |key: &str, name: &str| entry(key, &from, json!({ "property": name }));
    let data = json!([
        entry("whole", &from, json!({})),
        property("user", "user"),
        property("port", "port"),
        property("on", "on"),
    ]);
    let expected = [("on", "true"), ("port", "5432"), ("user", "u"), ("whole", text)];
    row.gives("s", json!({ "data": data }), &expected).await;
    // RDS creates secrets with such names.
    let [db, cluster] = ["rds!db-1f2e", "rds!cluster-3a4b"];
    for name in [db, cluster] {
        secret(&rig().aws, name, r#"{"username":"u"}"#, &[]).await;
    }
    let username = json!({ "property": "username" });
    let db = entry("DB", db, username.clone());
    let cluster = entry("CLUSTER", cluster, username);
    row.gives("one", json!({ "data": [db] }), &[("DB", "u")]).await;
    let both = json!({ "data": [db, cluster] });
    row.gives("both", both, &[("CLUSTER", "u"), ("DB", "u")]).await;
    let missing = json!({ "data": [property("A", "nope")] });
    row.fails("missing", missing, "PropertyMissing").await;
}

#[tokio::test]
async fn row_04_property_is_a_gjson_path() {
    let row = Row::new("external-row-04").await;
    let text = r#"{"list":[{"name":"a","port":1},{"name":"b","port":2}],"d.t":{"x":"y"}}"#;
    let from = row.secret("a", text).await;
    let paths = [
        ("count", "list.#", "2"),
        ("each", "list.#.port", "[1,2]"),
        ("escaped", r"d\.t.x", "y"),
        ("index", "list.1.name", "b"),
        ("query", r#"list.#(name=="b").port"#, "2"),
        ("wildcard", "li*.0.name", "a"),
    ];
    let data = paths.map(|(key, path, _)| entry(key, &from, json!({ "property": path })));
    let expected = paths.map(|(key, _, value)| (key, value));
    row.gives("s", json!({ "data": data }), &expected).await;
}

#[tokio::test]
async fn row_05_name_with_a_dot_precedes_the_path() {
    let row = Row::new("external-row-05").await;
    let both = row.secret("both", r#"{"a":{"b":"path"},"a.b":"name"}"#).await;
    let one = row.secret("one", r#"{"a":{"b":"path"}}"#).await;
    let property = json!({ "property": "a.b" });
    let data = json!([entry("both", &both, property.clone()), entry("one", &one, property)]);
    row.gives("s", json!({ "data": data }), &[("both", "name"), ("one", "path")]).await;
}

#[tokio::test]
async fn row_06_version_is_a_stage_or_an_id() {
    let row = Row::new("external-row-06").await;
    let from = row.secret("a", "1").await;
    let second = change(&rig().aws, &from, "2").await;
    change(&rig().aws, &from, "3").await;
    let version = |key: &str, version: &str| entry(key, &from, json!({ "version": version }));
    let data = json!([
        version("current", "AWSCURRENT"),
        version("id", &format!("uuid/{second}")),
        version("previous", "AWSPREVIOUS"),
    ]);
    let expected = [("current", "3"), ("id", "2"), ("previous", "2")];
    row.gives("s", json!({ "data": data }), &expected).await;
}

#[tokio::test]
async fn row_07_metadata_policy_reads_tags() {
    let row = Row::new("external-row-07").await;
    let from = row.tagged("a", "treasure", &[("env", "prod"), ("team", "x")]).await;
    let data = json!([
        entry("all", &from, json!({ "metadataPolicy": "Fetch" })),
        entry("one", &from, json!({ "metadataPolicy": "Fetch", "property": "env" })),
    ]);
    let expected = [("all", r#"{"env":"prod","team":"x"}"#), ("one", "prod")];
    row.gives("s", json!({ "data": data }), &expected).await;
}

#[tokio::test]
async fn row_08_values_are_decoded_by_strategy() {
    let row = Row::new("external-row-08").await;
    let standard = row.secret("standard", "Pz8/").await;
    let url = row.secret("url", "Pz8_").await;
    let plain = row.secret("plain", "not base64!").await;
    let decoded = |key: &str, from: &str, strategy: &str| {
        entry(key, from, json!({ "decodingStrategy": strategy }))
    };
    let data = json!([
        decoded("auto", &standard, "Auto"),
        decoded("auto-plain", &plain, "Auto"),
        decoded("auto-url", &url, "Auto"),
        decoded("base64", &standard, "Base64"),
        decoded("none", &standard, "None"),
        decoded("url", &url, "Base64URL"),
    ]);
    let expected = [
        ("auto", "???"),
        ("auto-plain", "not base64!"),
        ("auto-url", "???"),
        ("base64", "???"),
        ("none", "Pz8/"),
        ("url", "???"),
    ];
    row.gives("s", json!({ "data": data }), &expected).await;
    for (name, from) in [("wrong", &plain), ("of-url", &url)] {
        row.fails(name, json!({ "data": [decoded("A", from, "Base64")] }), "Malformed").await;
    }
}

#[tokio::test]
async fn row_09_names_become_distinct_keys() {
    let row = Row::new("external-row-09").await;
    let from = row.secret("a", r#"{"a/b":"1","c":"2"}"#).await;
    let twins = row.secret("twins", r#"{"a/b":"1","a:b":"2"}"#).await;
    let extract = |from: &str, strategy: &str| json!({ "dataFrom": [{ "extract": { "key": from, "conversionStrategy": strategy } }] });
    row.gives("default", extract(&from, "Default"), &[("a_b", "1"), ("c", "2")]).await;
    row.gives("unicode", extract(&from, "Unicode"), &[("a_U002f_b", "1"), ("c", "2")]).await;
    row.external("twins", &extract(&twins, "Default")).await;
    explained(&row.api, row.ns, "twins").await;
    let both = [("a_U002f_b", "1"), ("a_U003a_b", "2")];
    row.gives("both", extract(&twins, "Unicode"), &both).await;
}

#[tokio::test]
async fn row_10_null_bytes_are_kept_or_rejected() {
    let (api, ns) = (rig().api().await, "external-row-10");
    stores(&api, ns).await;
    secret(&rig().aws, "row10/a", [b'a', 0, b'b'], &[]).await;
    let mut object = external(ns, "kept", &[("A", "row10/a")]);
    api.create(Kind::ExternalSecret, object.clone()).await;
    wait_value(&api, ns, "kept", "A", "a\0b").await;
    object["metadata"]["name"] = json!("refused");
    object["spec"]["data"][0]["remoteRef"]["nullBytePolicy"] = json!("Fail");
    api.create(Kind::ExternalSecret, object).await;
    let (reason, message) = explained(&api, ns, "refused").await;
    assert_eq!(reason, "Malformed");
    assert!(message.contains("null bytes"), "{message}");
}

#[tokio::test]
async fn row_11_all_properties_become_keys() {
    let row = Row::new("external-row-11").await;
    let from = row.secret("a", r#"{"A":"1","N":2,"O":{"x":[1, 2]},"E":""}"#).await;
    let spec = json!({ "dataFrom": [{ "extract": { "key": from } }] });
    let expected = [("A", "1"), ("E", ""), ("N", "2"), ("O", r#"{"x":[1, 2]}"#)];
    row.gives("s", spec, &expected).await;
    let text = row.secret("text", "no object").await;
    let spec = json!({ "dataFrom": [{ "extract": { "key": text } }] });
    row.external("text", &spec).await;
    explained(&row.api, row.ns, "text").await;
}

#[tokio::test]
async fn row_12_find_selects_by_name_path_and_tags() {
    let row = Row::new("external-row-12").await;
    row.tagged("one", "1", &[("row12", "x"), ("env", "prod")]).await;
    row.tagged("two", "2", &[("row12", "x"), ("env", "test")]).await;
    row.secret("deep/two", "3").await;
    let find = |find: serde_json::Value| json!({ "dataFrom": [{ "find": find }] });
    let name = find(json!({ "name": { "regexp": "^external-row-12/(one|two)$" } }));
    let both = [("external-row-12_one", "1"), ("external-row-12_two", "2")];
    row.gives("name", name, &both).await;
    row.gives("tag", find(json!({ "tags": { "row12": "x" } })), &both).await;
    let tags = find(json!({ "tags": { "row12": "x", "env": "prod" } }));
    row.gives("tags", tags, &both[..1]).await;
    let path = json!({ "path": "external-row-12/deep", "name": { "regexp": "two" } });
    row.gives("path", find(path), &[("external-row-12_deep_two", "3")]).await;
}

#[tokio::test]
async fn row_13_keys_are_rewritten_by_pattern_template_and_merge() {
    let row = Row::new("external-row-13").await;
    row.secret("json/a", r#"{"host":"h","port":1}"#).await;
    row.secret("json/b", r#"{"user":"u"}"#).await;
    let from = row.secret("x", r#"{"db-host":"h","db-user":"u"}"#).await;
    let rewritten = |rewrite: serde_json::Value| json!({ "dataFrom": [{ "extract": { "key": from }, "rewrite": rewrite }] });
    let pattern = json!([
        { "regexp": { "source": "^db-(?P<rest>.*)$", "target": "DB_${rest}" } },
        { "regexp": { "source": "user", "target": "USER" } },
    ]);
    row.gives("pattern", rewritten(pattern), &[("DB_USER", "u"), ("DB_host", "h")]).await;
    let template = json!([{ "transform": { "template": "{{ .value | upper }}_X" } }]);
    row.gives("template", rewritten(template), &[("DB-HOST_X", "h"), ("DB-USER_X", "u")]).await;
    // Values with an empty key are left out, even if there are several.
    let filter =
        json!([{ "transform": { "template": r#"{{ if eq .value "b" }}{{ .value }}{{ end }}"# } }]);
    let many = row.secret("many", r#"{"a":"1","b":"2","c":"3"}"#).await;
    let filtered = json!({ "dataFrom": [{ "extract": { "key": many }, "rewrite": filter }] });
    row.gives("filtered", filtered, &[("b", "2")]).await;
    let filter = json!([{ "regexp": { "source": "^[ac]$", "target": "" } }]);
    let filtered = json!({ "dataFrom": [{ "extract": { "key": many }, "rewrite": filter }] });
    row.gives("filtered-by-pattern", filtered, &[("b", "2")]).await;
    let none = rewritten(json!([{ "regexp": { "source": ".*", "target": "" } }]));
    let message = row.fails("emptied", none, "TemplateInvalid").await;
    assert!(message.contains("leaves no key"), "{message}");
    let find = json!({ "name": { "regexp": "^external-row-13/json/" } });
    let merged = json!({ "dataFrom": [{ "find": find, "rewrite": [{ "merge": {} }] }] });
    row.gives("merged", merged, &[("host", "h"), ("port", "1"), ("user", "u")]).await;
}

#[tokio::test]
async fn row_14_one_object_reads_from_several_stores() {
    let row = Row::new("external-row-14").await;
    let from = row.secret("a", "of secrets manager").await;
    parameter("/external-row-14/a", "String", "of parameter store").await;
    let mut other = entry("B", "/external-row-14/a", json!({}));
    other["sourceRef"] = json!({ "storeRef": { "name": "ps", "kind": "SecretStore" } });
    let data = json!([entry("A", &from, json!({})), other]);
    let expected = [("A", "of secrets manager"), ("B", "of parameter store")];
    row.gives("s", json!({ "data": data }), &expected).await;
}

#[tokio::test]
async fn row_40_parameters_are_read_individually_as_json_and_by_path() {
    let row = Row::new("external-row-40").await;
    for (name, kind, value) in [
        ("/external-row-40/text", "String", "1"),
        ("/external-row-40/secure", "SecureString", "2"),
        ("/external-row-40/list", "StringList", "a,b"),
        ("/external-row-40/json", "String", r#"{"k":"v","n":1}"#),
    ] {
        parameter(name, kind, value).await;
    }
    let of_store = |mut spec: serde_json::Value| {
        spec["secretStoreRef"] = json!({ "name": "ps", "kind": "SecretStore" });
        spec
    };
    let name = |last: &str| format!("/external-row-40/{last}");
    let data = json!([
        entry("A", &name("text"), json!({})),
        entry("B", &name("secure"), json!({})),
        entry("C", &name("list"), json!({})),
        entry("D", &name("json"), json!({ "property": "k" })),
    ]);
    let expected = [("A", "1"), ("B", "2"), ("C", "a,b"), ("D", "v")];
    row.gives("data", of_store(json!({ "data": data })), &expected).await;
    let extract = json!({ "dataFrom": [{ "extract": { "key": name("json") } }] });
    row.gives("extract", of_store(extract), &[("k", "v"), ("n", "1")]).await;
    let find = json!({ "path": "/external-row-40", "name": { "regexp": "text|list" } });
    let last = json!([{ "regexp": { "source": ".*/", "target": "" } }]);
    let find = json!({ "dataFrom": [{ "find": find, "rewrite": last }] });
    row.gives("find", of_store(find), &[("list", "a,b"), ("text", "1")]).await;
    let missing = json!({ "data": [entry("A", &name("nope"), json!({}))] });
    row.fails("missing", of_store(missing), "NotFound").await;
    // The parameter exists, so it does not count as deleted.
    let version = json!({ "data": [entry("A", &name("text"), json!({ "version": "9" }))],
                          "target": { "deletionPolicy": "Merge" } });
    let message = row.fails("version", of_store(version), "NotFound").await;
    assert!(message.contains("not in this version"), "{message}");
}

/// Makes a parameter.
async fn parameter(name: &str, kind: &str, value: &str) {
    let put = rig().aws.parameters().put_parameter().name(name).r#type(kind.into());
    put.value(value).send().await.unwrap();
}
