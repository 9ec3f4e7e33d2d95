//! IAM policies as JSON.

use std::collections::BTreeSet;

use serde::Serialize;

use super::grants::{Grants, Purpose};

/// AWS's limit for a managed policy. White space does not count.
pub(in crate::command::plan) const MAX_POLICY_CHARS: usize = 6144;

/// An IAM policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::command::plan) struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: &'static str,
    action: &'static [&'static str],
    resource: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    string_equals: StringEquals,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct StringEquals {
    #[serde(rename = "kms:ViaService")]
    via_service: BTreeSet<String>,
}

impl Policy {
    /// The statements, in as many policies as the limit requires.
    pub(in crate::command::plan) fn split(grants: &Grants) -> Vec<Self> {
        let mut policies = Vec::new();
        let mut parts: Vec<(Purpose, BTreeSet<&str>)> = Vec::new();
        for (&purpose, resources) in &grants.statements {
            for resource in resources {
                match parts.last_mut().filter(|(last, _)| *last == purpose) {
                    Some((_, resources)) => drop(resources.insert(resource)),
                    None => parts.push((purpose, [resource.as_str()].into())),
                }
                let is_first = parts.len() == 1 && parts[0].1.len() == 1;
                if Self::of(&parts, grants).chars() > MAX_POLICY_CHARS && !is_first {
                    let (_, last) = parts.last_mut().expect("it was just added to");
                    last.remove(resource.as_str());
                    if last.is_empty() {
                        parts.pop();
                    }
                    policies.push(Self::of(&parts, grants));
                    parts = vec![(purpose, [resource.as_str()].into())];
                }
            }
        }
        if !parts.is_empty() {
            policies.push(Self::of(&parts, grants));
        }
        policies
    }

    fn of(parts: &[(Purpose, BTreeSet<&str>)], grants: &Grants) -> Self {
        let statement = |(purpose, resources): &(Purpose, BTreeSet<&str>)| Statement {
            sid: purpose.sid(),
            effect: "Allow",
            action: purpose.actions(),
            resource: resources.iter().map(|&resource| resource.to_owned()).collect(),
            condition: (*purpose == Purpose::DecryptValues).then(|| {
                let via_service = grants.endpoints.clone();
                Condition { string_equals: StringEquals { via_service } }
            }),
        };
        Self { version: "2012-10-17", statement: parts.iter().map(statement).collect() }
    }

    pub(super) fn chars(&self) -> usize {
        serde_json::to_string(self).expect("a policy is JSON").chars().count()
    }
}
