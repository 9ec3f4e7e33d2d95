use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    arn::EventQueue,
    command::plan::{
        assumptions::Assumptions,
        json,
        manifests::{Manifests, Object, StoreKey},
        reads,
    },
    report::Report,
};

const DOCUMENTED: &str = include_str!("../../../../../deploy/aws/iam-policy.json");

/// A store of the namespace `n`, and an object that reads these entries from it.
fn manifests(stores: &[(&str, Value, Value)]) -> Manifests {
    let mut manifests = Manifests::default();
    for (name, aws, external) in stores {
        let key = StoreKey { namespace: Some("n".into()), name: (*name).into() };
        let store = json!({ "provider": { "aws": aws } });
        let spec = serde_json::from_value(store).unwrap();
        manifests.stores.insert(key, Object { origin: String::new(), spec });
        let mut external = external.clone();
        external["secretStoreRef"] = json!({ "name": name });
        let spec = serde_json::from_value(external).unwrap();
        let key = ("n".to_owned(), (*name).to_owned());
        manifests.externals.insert(key, Object { origin: String::new(), spec });
    }
    manifests
}

fn data(keys: &[&str]) -> Value {
    let entry = |key: &&str| json!({ "secretKey": "A", "remoteRef": { "key": key } });
    json!({ "data": keys.iter().map(entry).collect::<Vec<_>>() })
}

fn policies_in(mode: Mode, manifests: &Manifests) -> Policies {
    let assumptions = Assumptions {
        changes_per_month: 1,
        values_per_find: 10,
        has_kms_key: true,
        listed: 20,
        max_lists_per_month: u64::MAX,
        proofs_per_month: 30,
    };
    let options = Options {
        mode,
        assumptions: &[("eu-west-1".to_owned(), assumptions)].into(),
        account: "123456789012".to_owned(),
        kms_keys: vec![Arn::parse("arn:aws:kms:eu-west-1:123456789012:key/k").unwrap()],
        event_queues: vec![EventQueue::parse("arn:aws:sqs:eu-west-1:123456789012:q").unwrap()],
    };
    Policies::of(&reads::stores(manifests, &Report::new(true)), &options)
}

/// The actions of an identity.
fn actions(policies: &Policies, identity: &Identity) -> BTreeSet<&'static str> {
    let statements = policies.grants[identity].statements.keys();
    statements.flat_map(|purpose| purpose.actions()).copied().collect()
}

fn aws(service: &str) -> Value {
    json!({ "service": service, "region": "eu-west-1" })
}

/// The documented policy has exactly the actions that the controller uses: a test of the controller compares it.
#[test]
fn policies_have_the_actions_that_the_controller_uses() {
    let find = |find: Value| json!({ "dataFrom": [{ "find": find }] });
    let mut with_role = aws("SecretsManager");
    with_role["role"] = json!("arn:aws:iam::123456789012:role/reader");
    with_role["sessionTagsPolicy"] = json!("Simple");
    let mut tags = data(&["/a"]);
    tags["data"][0]["remoteRef"]["metadataPolicy"] = json!("Fetch");
    let manifests = manifests(&[
        ("secrets", aws("SecretsManager"), data(&["a", "b"])),
        ("secret-tags", aws("SecretsManager"), tags.clone()),
        ("role", with_role, data(&["a"])),
        ("parameters", aws("ParameterStore"), data(&["/a", "/b"])),
        ("parameter-tags", aws("ParameterStore"), tags),
        ("below", aws("ParameterStore"), find(json!({ "path": "/a", "name": { "regexp": "x" } }))),
        ("tagged", aws("ParameterStore"), find(json!({ "tags": { "a": "b" } }))),
    ]);
    let policies = policies_in(Mode::Events, &manifests);
    let all: BTreeSet<String> = policies
        .grants
        .keys()
        .flat_map(|identity| actions(&policies, identity))
        .map(ToOwned::to_owned)
        .collect();
    let documented: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let strings = |value: &Value| match value {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    };
    let statements = documented["Statement"].as_array().unwrap();
    let documented: BTreeSet<String> =
        statements.iter().flat_map(|statement| strings(&statement["Action"])).collect();
    assert_eq!(all, documented);
}

#[test]
fn role_of_a_store_has_a_policy_of_its_own() {
    let mut chain = aws("SecretsManager");
    chain["additionalRoles"] = json!(["arn:aws:iam::123456789012:role/jump"]);
    chain["role"] = json!("arn:aws:iam::210987654321:role/reader");
    let policies = policies_in(Mode::Batches, &manifests(&[("s", chain, data(&["a"]))]));
    let role = |account, name| Identity::Role(format!("arn:aws:iam::{account}:role/{name}"));
    let (jump, reader) = (role("123456789012", "jump"), role("210987654321", "reader"));
    assert_eq!(actions(&policies, &Identity::Pod), ["sts:AssumeRole"].into());
    assert_eq!(actions(&policies, &jump), ["sts:AssumeRole"].into());
    let assumed = &policies.grants[&jump].statements[&Purpose::AssumeRoles];
    assert_eq!(*assumed, ["arn:aws:iam::210987654321:role/reader".to_owned()].into());
    let read = actions(&policies, &reader);
    assert_eq!(read, ["kms:Decrypt", "secretsmanager:GetSecretValue"].into());
}

#[test]
fn lists_and_batches_are_allowed_only_where_they_are_used() {
    let list = "secretsmanager:ListSecrets";
    let batch = "secretsmanager:BatchGetSecretValue";
    let of = |mode, keys: &[&str]| {
        let manifests = manifests(&[("s", aws("SecretsManager"), data(keys))]);
        let policies = policies_in(mode, &manifests);
        let actions = actions(&policies, &Identity::Pod);
        (actions.contains(list), actions.contains(batch))
    };
    assert_eq!(of(Mode::Lists, &["a", "b"]), (true, true));
    assert_eq!(of(Mode::Batches, &["a", "b"]), (false, true));
    assert_eq!(of(Mode::Lists, &["a"]), (false, false));
}

#[test]
fn descriptions_are_allowed_only_where_they_are_used() {
    let of = |mode, service, keys: &[&str]| {
        let manifests = manifests(&[("s", aws(service), data(keys))]);
        let policies = policies_in(mode, &manifests);
        let actions = actions(&policies, &Identity::Pod).into_iter();
        actions.filter(|action| action.contains(":Describe")).collect::<Vec<_>>()
    };
    let secret = ["secretsmanager:DescribeSecret"];
    assert_eq!(of(Mode::Lists, "SecretsManager", &["a"]), secret);
    assert_eq!(of(Mode::Events, "SecretsManager", &["a"]), secret, "the queue may be silent");
    assert!(of(Mode::Batches, "SecretsManager", &["a"]).is_empty());
    assert!(of(Mode::Lists, "SecretsManager", &["a", "b"]).is_empty(), "one list shows both");
    let parameters = ["ssm:DescribeParameters"];
    assert_eq!(of(Mode::Lists, "ParameterStore", &["/a", "/b"]), parameters);
    assert!(of(Mode::Batches, "ParameterStore", &["/a", "/b"]).is_empty());
    let by_arn = ["arn:aws:ssm:eu-west-1:123456789012:parameter/a"];
    assert!(of(Mode::Lists, "ParameterStore", &by_arn).is_empty(), "AWS does not describe it");
}

#[test]
fn hostile_name_is_left_out_and_reported() {
    let hostile = data(&["*", "good", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"]);
    let mut role = aws("SecretsManager");
    role["role"] = json!("*");
    let manifests = manifests(&[("s", aws("SecretsManager"), hostile), ("r", role, data(&["a"]))]);
    let policies = policies_in(Mode::Batches, &manifests);
    let read = &policies.grants[&Identity::Pod].statements[&Purpose::ReadSecrets];
    let good = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:good-??????";
    assert_eq!(*read, [good.to_owned()].into());
    assert!(!policies.grants[&Identity::Pod].statements.contains_key(&Purpose::AssumeRoles));
    assert_eq!(policies.problems.len(), 3, "{:?}", policies.problems);
}

#[test]
fn long_policy_is_split_below_the_limit_without_loss() {
    let keys: Vec<String> = (0..300).map(|number| format!("team/app-{number:03}/db")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let manifests = manifests(&[("s", aws("SecretsManager"), data(&keys))]);
    let policies = policies_in(Mode::Lists, &manifests);
    let documents = json::policies(&policies).remove(0).policies;
    assert!(documents.len() > 1);
    let mut resources = BTreeSet::new();
    for document in &documents {
        assert!(document.chars() <= MAX_POLICY_CHARS);
        let document = serde_json::to_value(document).unwrap();
        for statement in document["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow");
            if statement["Sid"] == "ReadSecrets" {
                let all = statement["Resource"].as_array().unwrap();
                resources.extend(all.iter().map(|one| one.as_str().unwrap().to_owned()));
            }
        }
    }
    assert_eq!(resources, policies.grants[&Identity::Pod].statements[&Purpose::ReadSecrets]);
    assert_eq!(resources.len(), 300);
}
