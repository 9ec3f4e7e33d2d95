//! The policy that the book shows (`deploy/aws/iam-policy.json`) gives what is asked for here, and no more.
//! A local AWS evaluates no resources, so the policy is evaluated here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ReadRequest;
use crate::external::fetch::explain::resource;

const POLICY: &str = include_str!("../../../deploy/aws/iam-policy.json");

/// What asks AWS for something, and says by which action.
const SOURCES: [&str; 3] = [
    include_str!("service/secrets_manager.rs"),
    include_str!("service/parameter_store.rs"),
    include_str!("pool.rs"),
];

/// Actions that AWS allows on everything or not at all (service authorization reference).
const ON_EVERYTHING: [&str; 3] =
    ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets", "ssm:DescribeParameters"];

/// Needed beside an action that is asked for: the service does the one for the caller, and the other is of
/// sessions with tags.
const BESIDE: [&str; 2] = ["kms:Decrypt", "sts:TagSession"];

/// Asked for with a token in place of a right.
const BY_TOKEN: &str = "sts:AssumeRoleWithWebIdentity";

/// The resources that each action is allowed on.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let mut allowed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in words(&statement["Action"]) {
            allowed.entry(action).or_default().extend(words(&statement["Resource"]));
        }
    }
    allowed
}

/// One word, or a list of them.
fn words(value: &Value) -> Vec<String> {
    let one = std::slice::from_ref(value);
    let all = value.as_array().map_or(one, Vec::as_slice).iter();
    all.map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The actions that stand in the code.
fn asked_for() -> BTreeSet<String> {
    let is_action = |word: &&str| {
        let name = ["secretsmanager:", "ssm:", "sts:"].iter().find_map(|of| word.strip_prefix(of));
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()))
    };
    let quoted = SOURCES.iter().flat_map(|source| source.split('"'));
    quoted.filter(is_action).map(ToOwned::to_owned).collect()
}

/// As IAM compares: `*` stands for anything, `?` for one character.
fn covers(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|end| covers(rest, &name[end..])),
        ([b'?', rest @ ..], [_, name @ ..]) => covers(rest, name),
        ([one, rest @ ..], [other, name @ ..]) => one == other && covers(rest, name),
        (pattern, name) => pattern.is_empty() && name.is_empty(),
    }
}

#[test]
fn the_policy_has_just_the_actions_that_are_asked_for() {
    let mut needed = asked_for();
    assert!(needed.len() > 8, "{needed:?}");
    assert!(needed.remove(BY_TOKEN));
    needed.extend(BESIDE.map(ToOwned::to_owned));
    assert_eq!(allowed().into_keys().collect::<BTreeSet<_>>(), needed);
}

#[test]
fn only_what_aws_cannot_restrict_is_on_everything() {
    for (action, resources) in allowed() {
        let is_on_everything = resources.contains("*");
        assert_eq!(is_on_everything, ON_EVERYTHING.contains(&&*action), "{action}");
        assert!(!action.contains('*'), "{action}");
        if !is_on_everything {
            let names = resources.iter().all(|arn| arn.split(':').nth(5).is_some_and(|r| r != "*"));
            assert!(names, "{action} is on {resources:?}");
        }
    }
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let decrypts = statements.iter().find(|one| one["Action"] == "kms:Decrypt").unwrap();
    let by = words(&decrypts["Condition"]["StringEquals"]["kms:ViaService"]);
    assert_eq!(by.len(), 2, "a key is used through the services alone");
}

/// The ARN that a message names is the one that a policy has to cover.
#[test]
fn what_a_denial_names_is_what_the_policy_speaks_of() {
    let allowed = allowed();
    let may = |action: &str, want: &ReadRequest| {
        let arn = resource(want, "REGION").replace(":*:", ":ACCOUNT:").replace("??????", "AbCdEf");
        allowed[action].iter().any(|pattern| covers(pattern.as_bytes(), arn.as_bytes()))
    };
    let parameter = |name: &str| ReadRequest::Parameter { name: name.to_owned() };
    for (action, yes, no) in [
        (
            "secretsmanager:GetSecretValue",
            ReadRequest::current("demo/db"),
            ReadRequest::current("other/db"),
        ),
        ("ssm:GetParameter", parameter("/demo/db"), parameter("/other/db")),
        ("ssm:GetParameters", parameter("/demo/db:3"), parameter("/demo2/db")),
    ] {
        assert!(may(action, &yes), "{action} of {yes:?}");
        assert!(!may(action, &no), "{action} of {no:?}");
    }
}
