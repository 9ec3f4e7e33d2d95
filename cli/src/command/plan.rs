//! `mtk-seal plan`: the requests to AWS that manifests cause, their price, and the permissions they need.
//!
//! `files` finds the inputs, `manifests` reads the objects, and `reads` collects their requests for values, with the
//! help of `windows`. `cost`
//! counts requests, `estimate` adds them up, and `policy` collects permissions. `table` and `json` write
//! the results. No value of a secret is involved.

mod assumptions;
mod checks;
mod cost;
mod estimate;
mod files;
mod identity;
mod json;
mod manifests;
mod place;
mod policy;
mod prices;
mod reads;
mod table;
mod windows;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

pub(crate) use self::cost::Mode;
use self::{
    assumptions::Assumptions,
    estimate::Estimate,
    files::Source,
    json::{Document, IdentityPolicies},
    manifests::Manifests,
    policy::Policies,
};
use crate::{
    arn::{Arn, EventQueue},
    error::Failure,
    output::{self, Format, OutputError},
    report::Report,
};

/// AWS attaches at most so many managed policies to a role, unless the quota is raised.
const MAX_POLICIES: usize = 10;
/// How many kinds of skipped objects a note names.
const MAX_KINDS: usize = 5;

/// The results to print.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    Table,
    Json,
    Policies,
}

/// The validated arguments.
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) content: Content,
    /// The mode that the policies allow.
    pub(crate) mode: Mode,
    pub(crate) account: Option<String>,
    pub(crate) kms_keys: Vec<Arn>,
    pub(crate) event_queues: Vec<EventQueue>,
    pub(crate) secrets_in_account: Option<u64>,
    pub(crate) min_list_interval: Duration,
    pub(crate) changes_per_month: u64,
    pub(crate) values_per_find: u64,
}

/// Reads the manifests and prints the plan.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let manifests = Manifests::read(&Source::all(&options.files)?, report)?;
    if !manifests.skipped.is_empty() {
        report.note(&skipped(&manifests));
    }
    let stores = reads::stores(&manifests, report);
    let assumptions = estimate::Options {
        secrets_in_account: options.secrets_in_account,
        min_list_interval: options.min_list_interval,
        changes_per_month: options.changes_per_month,
        values_per_find: options.values_per_find,
        has_kms_key: !options.kms_keys.is_empty(),
        queues: Some(options.event_queues.len() as u64).filter(|queues| *queues > 0),
    };
    let estimate = Estimate::of(&stores, &assumptions);
    for near in &estimate.near_limit {
        report.warning(&near.to_string());
    }
    let text = match options.content {
        Content::Table => table::render(&estimate, &assumptions),
        Content::Json => {
            let policies = policies(&stores, &estimate.assumptions, options, report);
            rendered(&Document::new(&estimate, &assumptions, policies))?
        }
        Content::Policies => rendered(&policies(&stores, &estimate.assumptions, options, report))?,
    };
    Ok(output::write_stdout(text.as_bytes())?)
}

fn rendered<T: serde::Serialize>(document: &T) -> Result<String, OutputError> {
    output::render(std::slice::from_ref(document), Format::Json)
}

fn policies(
    stores: &[reads::Store],
    assumptions: &BTreeMap<String, Assumptions>,
    options: &Options,
    report: &Report,
) -> Vec<IdentityPolicies> {
    let policies = Policies::of(
        stores,
        &policy::Options {
            mode: options.mode,
            assumptions,
            account: options.account.clone().unwrap_or_else(|| "*".to_owned()),
            kms_keys: options.kms_keys.clone(),
            event_queues: options.event_queues.clone(),
        },
    );
    for problem in &policies.problems {
        report.warning(&format!("{problem}: it is not in the policies"));
    }
    let policies = json::policies(&policies);
    for IdentityPolicies { identity, policies, .. } in &policies {
        let count = policies.len();
        if count > 1 {
            let limit = policy::MAX_POLICY_CHARS;
            report.warning(&format!(
                "{identity} needs {count} policies, because one has at most {limit} characters"
            ));
            let also = if count > MAX_POLICIES { ", and a role has at most 10" } else { "" };
            report.hint(&format!(
                "secrets whose names begin alike need one line, such as `app/*`{also}"
            ));
        }
    }
    policies
}

fn skipped(manifests: &Manifests) -> String {
    let count: usize = manifests.skipped.values().sum();
    let mut kinds: Vec<_> = manifests
        .skipped
        .iter()
        .take(MAX_KINDS)
        .map(|(kind, count)| match kind.as_str() {
            "" => format!("{count} without a kind"),
            kind => format!("{count} {}", kind.escape_debug()),
        })
        .collect();
    if manifests.skipped.len() > MAX_KINDS {
        kinds.push("…".to_owned());
    }
    format!("skipped {count} other objects: {}", kinds.join(", "))
}
