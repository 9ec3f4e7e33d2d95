//! Counts of the proxy and the controller.

use std::collections::BTreeMap;

use e2e::aws::Aws;

use super::super::process::{Usage, sum};
use super::super::session::Session;

/// The operation that waits for messages. It is no request because of a secret.
const POLL: &str = "ReceiveMessage";

const REFRESHES: &str = "externalsecret_sync_calls_total";

/// Counts since the start of the controller, except for those of AWS.
pub(super) struct Counted {
    aws: BTreeMap<String, usize>,
    /// Values read, or seen to be unchanged.
    pub(super) refreshes: f64,
    /// Writing requests to the API server, including Events.
    pub(super) writes: f64,
    pub(super) usage: Usage,
}

impl Counted {
    pub(super) fn now(session: &Session, aws: &Aws) -> anyhow::Result<Counted> {
        let controller = session.controller()?;
        let metrics = controller.metrics()?;
        let verbs = ["create", "patch", "delete"];
        let writes = verbs.map(|verb| {
            sum(&metrics, &format!("mtk_controller_api_requests_total{{verb=\"{verb}\""))
        });
        Ok(Counted {
            aws: aws.counts(),
            refreshes: sum(&metrics, REFRESHES),
            writes: writes.iter().sum(),
            usage: Usage::of(controller.pid())?,
        })
    }

    /// Requests of this operation.
    pub(super) fn calls(&self, operation: &str) -> usize {
        self.aws.get(operation).copied().unwrap_or_default()
    }
}

/// Requests to AWS, without polls.
pub(super) struct Calls(BTreeMap<String, usize>);

impl Calls {
    pub(super) fn since(
        before: &BTreeMap<String, usize>,
        after: &BTreeMap<String, usize>,
    ) -> Calls {
        let more = after.iter().map(|(operation, count)| {
            (operation.clone(), count - before.get(operation).copied().unwrap_or_default())
        });
        Calls(more.filter(|(operation, count)| *count > 0 && operation != POLL).collect())
    }

    pub(super) fn between(before: &Counted, after: &Counted) -> Calls {
        Calls::since(&before.aws, &after.aws)
    }
}

impl std::fmt::Display for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named: Vec<_> = self.0.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let total = self.0.values().sum::<usize>();
        let named =
            if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
        write!(f, "{total} AWS calls{named}")
    }
}
