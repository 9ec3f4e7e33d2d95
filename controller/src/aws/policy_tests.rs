//! The documented policy (`deploy/aws/iam-policy.json`) allows the requests in this module, and no
//! more. AWS emulators do not evaluate resources, so these tests do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::read::ReadRequest;

const POLICY: &str = include_str!("../../../deploy/aws/iam-policy.json");

/// The files with the names of actions.
const SOURCES: [&str; 4] = [
    include_str!("service/secrets_manager.rs"),
    include_str!("service/parameter_store.rs"),
    include_str!("credential_source.rs"),
    include_str!("events/queue.rs"),
];

/// Actions without resource-level permissions (service authorization reference).
const UNRESTRICTABLE: [&str; 3] =
    ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets", "ssm:DescribeParameters"];

/// Required in addition: the services decrypt on behalf of the caller, and sessions may have tags.
const IMPLIED: [&str; 2] = ["kms:Decrypt", "sts:TagSession"];

/// Authorized by a token instead of a permission.
const BY_TOKEN: &str = "sts:AssumeRoleWithWebIdentity";

/// The resources on which the policy allows each action.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let mut allowed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in strings(&statement["Action"]) {
            allowed.entry(action).or_default().extend(strings(&statement["Resource"]));
        }
    }
    allowed
}

/// A string or a list of strings.
fn strings(value: &Value) -> Vec<String> {
    let one = std::slice::from_ref(value);
    let all = value.as_array().map_or(one, Vec::as_slice).iter();
    all.map(|string| string.as_str().unwrap().to_owned()).collect()
}

/// The actions in the code.
fn used() -> BTreeSet<String> {
    let is_action = |word: &&str| {
        let name =
            ["secretsmanager:", "ssm:", "sts:", "sqs:"].iter().find_map(|of| word.strip_prefix(of));
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()))
    };
    let quoted = SOURCES.iter().flat_map(|source| source.split('"'));
    quoted.filter(is_action).map(ToOwned::to_owned).collect()
}

/// Matches like IAM: `*` is any text, `?` one character.
fn covers(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|end| covers(rest, &name[end..])),
        ([b'?', rest @ ..], [_, name @ ..]) => covers(rest, name),
        ([one, rest @ ..], [other, name @ ..]) => one == other && covers(rest, name),
        (pattern, name) => pattern.is_empty() && name.is_empty(),
    }
}

#[test]
fn policy_allows_exactly_the_used_actions() {
    let mut needed = used();
    assert!(needed.len() > 8, "{needed:?}");
    assert!(needed.remove(BY_TOKEN));
    needed.extend(IMPLIED.map(ToOwned::to_owned));
    assert_eq!(allowed().into_keys().collect::<BTreeSet<_>>(), needed);
}

#[test]
fn policy_restricts_resources_wherever_aws_can() {
    for (action, resources) in allowed() {
        let is_unrestricted = resources.contains("*");
        assert_eq!(is_unrestricted, UNRESTRICTABLE.contains(&&*action), "{action}");
        assert!(!action.contains('*'), "{action}");
        if !is_unrestricted {
            let names = resources.iter().all(|arn| arn.split(':').nth(5).is_some_and(|r| r != "*"));
            assert!(names, "{action} is on {resources:?}");
        }
    }
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let decrypts = statements.iter().find(|one| one["Action"] == "kms:Decrypt").unwrap();
    let by = strings(&decrypts["Condition"]["StringEquals"]["kms:ViaService"]);
    assert_eq!(by.len(), 2, "keys are only used through the two services");
}

/// A policy has to cover the ARN in a message.
#[test]
fn denials_name_resources_as_the_policy_does() {
    let allowed = allowed();
    let may = |action: &str, request: &ReadRequest| {
        let arn =
            request.resource("REGION").replace(":*:", ":ACCOUNT:").replace("??????", "AbCdEf");
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
