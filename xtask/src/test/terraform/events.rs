//! Which events the rules of the module `events` match, as EventBridge decides.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::project::Project;
use super::workspace::Workspace;
use crate::tools::Terraform;

/// Matches the pattern of the module with events of AWS.
pub(super) async fn check(workspace: &Workspace, terraform: &Terraform) -> anyhow::Result<()> {
    let project = Project::new(terraform, &workspace.home().join("modules/events"));
    project.init().await?;
    let variables = ["name=changes", "secret_name_prefixes=[\"demo/dev/\"]"].map(str::to_owned);
    project.plan("events.tfplan", &variables).await?;
    let plan: Value = serde_json::from_str(&project.show(Some("events.tfplan")).await?)?;
    let changes = plan["resource_changes"].as_array().context("the plan has no changes")?;
    let rule = changes
        .iter()
        .find(|change| change["address"] == "aws_cloudwatch_event_rule.this[\"secrets\"]")
        .context("the plan has no rule")?;
    let pattern = rule["change"]["after"]["event_pattern"].as_str().context("no pattern")?;
    let pattern: Value = serde_json::from_str(pattern)?;
    for (name, event, expected) in cases() {
        ensure!(
            matches(&pattern, &event) == expected,
            "the rule {} {name}",
            if expected { "misses" } else { "matches" }
        );
    }
    Ok(())
}

/// Events, and whether the rule for `demo/dev/` in account 123456789012 must match them.
fn cases() -> [(&'static str, Value, bool); 6] {
    const OURS: &str = "123456789012";
    [
        ("a new current version", event(OURS, "demo/dev/app-AbCdEf", "AWSCURRENT"), true),
        ("a label of the user", event(OURS, "demo/dev/app-AbCdEf", "BLUE"), true),
        ("a pending version", event(OURS, "demo/dev/app-AbCdEf", "AWSPENDING"), false),
        ("another environment", event(OURS, "demo/prod/app-AbCdEf", "AWSCURRENT"), false),
        ("a longer prefix", event(OURS, "demo/development/app-AbCdEf", "AWSCURRENT"), false),
        ("another account", event("210987654321", "demo/dev/app-AbCdEf", "AWSCURRENT"), false),
    ]
}

/// The native event of Secrets Manager, as its documentation shows it.
fn event(account: &str, secret: &str, label: &str) -> Value {
    let arn = format!("arn:aws:secretsmanager:eu-central-1:{account}:secret:{secret}");
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Secret Label Updated", "source": "aws.secretsmanager",
        "account": account, "time": "2026-10-01T00:00:00Z", "region": "eu-central-1",
        "resources": [arn],
        "detail": { "name": secret, "labelUpdated": label, "versionId": "0b1a…" },
    })
}

/// Whether EventBridge's rules match: every field of the pattern has one of its values in the event.
fn matches(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().is_some_and(|fields| {
        fields.iter().all(|(name, wanted)| match wanted {
            Value::Array(wanted) => {
                let values = match &event[name] {
                    Value::Array(values) => values.as_slice(),
                    Value::Null => &[],
                    value => std::slice::from_ref(value),
                };
                values.iter().any(|value| wanted.iter().any(|one| is_value(one, value)))
            }
            nested => matches(nested, &event[name]),
        })
    })
}

fn is_value(wanted: &Value, value: &Value) -> bool {
    let Value::Object(comparison) = wanted else { return wanted == value };
    let prefix = comparison.get("prefix").and_then(Value::as_str);
    let excluded = comparison.get("anything-but").and_then(Value::as_array);
    match (prefix, excluded) {
        (Some(prefix), _) => value.as_str().is_some_and(|value| value.starts_with(prefix)),
        (_, Some(excluded)) => !excluded.contains(value),
        // An unknown comparison matches nothing, so that the test notices it.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_without_accounts_matches_every_account() {
        let pattern = json!({ "source": ["aws.secretsmanager"] });
        assert!(matches(&pattern, &event("210987654321", "a", "AWSCURRENT")));
    }

    #[test]
    fn missing_field_does_not_match() {
        assert!(!matches(&json!({ "region": ["eu-central-1"] }), &json!({ "source": "x" })));
        let excluded = json!({ "detail": { "label": [{ "anything-but": ["A"] }] } });
        assert!(!matches(&excluded, &json!({ "detail": {} })));
    }

    #[test]
    fn unknown_comparison_matches_nothing() {
        assert!(!matches(&json!({ "source": [{ "exists": true }] }), &json!({ "source": "x" })));
    }
}
