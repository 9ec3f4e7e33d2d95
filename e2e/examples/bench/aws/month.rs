//! A month at one-minute freshness, as `mtk-seal plan` computes it. The tests of the controller in `external::check` hold its
//! scheduler to these numbers, in virtual time.

use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};
use e2e::programs;
use serde_json::Value;

use super::super::report::Report;

const SECRETS: usize = 10_000;

/// The requests by each way of noticing changes, and those of External Secrets by its documentation.
pub(super) fn plan(report: &mut Report) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let store = "apiVersion: external-secrets.io/v1\nkind: SecretStore\n\
                 metadata: {name: aws, namespace: bench}\n\
                 spec: {provider: {aws: {service: SecretsManager, region: eu-west-1}}}\n";
    let object = |number: usize| {
        format!(
            "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\n\
             metadata: {{name: s{number}, namespace: bench}}\n\
             spec: {{secretStoreRef: {{name: aws}}, refreshInterval: 1m, \
             data: [{{secretKey: A, remoteRef: {{key: bench/{number}}}}}]}}\n"
        )
    };
    let path = directory.path().join("objects.yaml");
    fs::write(&path, (0..SECRETS).fold(store.to_owned(), |all, number| all + &object(number)))?;
    let mut command = Command::new(programs::seal()?);
    let planned =
        command.args(["plan", "--min-list-interval=1m", "-o", "json"]).arg(&path).output()?;
    ensure!(planned.status.success(), "{}", String::from_utf8_lossy(&planned.stderr));
    let plan: Value = serde_json::from_slice(&planned.stdout).context("the plan")?;
    let month = &plan["stores"][0]["month"];
    let of = |mode: &str| {
        let (count, dollars) = (&month[mode]["requests"], &month[mode]["dollars"]);
        let count = count.as_u64().context("a number")?;
        anyhow::Ok(format!("{count} requests, ${:.2}", dollars.as_f64().unwrap_or_default()))
    };
    let polls = &plan["queues"]["events"]["requests"];
    let what = "a month, 10,000 secrets, 1 minute, each changes once";
    let events = format!("{}; and {polls} requests to SQS", of("events")?);
    report.add(format!("{what}: events"), "≤ 100,000 calls", events);
    report.add(format!("{what}: lists"), "≤ 4.4 million", of("lists")?);
    report.add(format!("{what}: External Secrets"), "432 million", of("externalSecrets")?);
    Ok(())
}
