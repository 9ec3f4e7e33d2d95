//! The plan and its policies as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    cost::{Calls, Mode},
    estimate::{ByMode, Estimate, Options, StoreEstimate},
    policy::{Policies, Policy},
};

/// The document of `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    assumptions: Assumptions,
    stores: Vec<Store<'a>>,
    queues: BTreeMap<&'static str, Cost>,
    total: BTreeMap<&'static str, Cost>,
    policies: Vec<IdentityPolicies>,
}

/// The policies of an identity: an element of `--policy`.
#[derive(Serialize)]
pub(super) struct IdentityPolicies {
    pub(super) identity: String,
    stores: BTreeSet<String>,
    pub(super) policies: Vec<Policy>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Assumptions {
    changes_per_month: u64,
    values_per_find: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets_in_account: Option<u64>,
    kms_key: bool,
}

#[derive(Serialize)]
struct Store<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    name: &'a str,
    region: &'a str,
    service: crds::secret_store::AwsService,
    objects: usize,
    values: u64,
    month: BTreeMap<&'static str, Cost>,
}

/// The requests and dollars of a month.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    requests: u64,
    dollars: f64,
    by_action: BTreeMap<&'static str, u64>,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        estimate: &Estimate<'a>,
        options: &Options,
        policies: Vec<IdentityPolicies>,
    ) -> Self {
        Self {
            assumptions: Assumptions {
                changes_per_month: options.changes_per_month,
                values_per_find: options.values_per_find,
                secrets_in_account: options.secrets_in_account,
                kms_key: options.has_kms_key,
            },
            stores: estimate.stores.iter().map(store).collect(),
            queues: costs(&estimate.queues),
            total: costs(&estimate.total),
            policies,
        }
    }
}

fn store<'a>(estimate: &StoreEstimate<'a>) -> Store<'a> {
    let store = estimate.store;
    Store {
        kind: store.key.kind(),
        namespace: store.key.namespace.as_deref(),
        name: &store.key.name,
        region: &store.aws.region,
        service: store.aws.service,
        objects: store.objects(),
        values: estimate.values,
        month: costs(&estimate.calls),
    }
}

fn costs(calls: &ByMode) -> BTreeMap<&'static str, Cost> {
    calls.iter().map(|(mode, calls)| (name(*mode), cost(calls))).collect()
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Events => "events",
        Mode::Lists => "lists",
        Mode::Batches => "batches",
        Mode::ExternalSecrets => "externalSecrets",
    }
}

fn cost(calls: &Calls) -> Cost {
    const BILLION: u64 = 1_000_000_000;
    let price = calls.price();
    let text = format!("{}.{:09}", price / BILLION, price % BILLION);
    Cost {
        requests: calls.count(),
        dollars: text.parse().expect("digits and a point are a number"),
        by_action: calls.0.iter().map(|(call, count)| (call.action(), *count)).collect(),
    }
}

/// The policies of all identities that need one, sorted.
pub(super) fn policies(policies: &Policies) -> Vec<IdentityPolicies> {
    let grants = policies.grants.iter().filter(|(_, grants)| !grants.statements.is_empty());
    grants
        .map(|(identity, grants)| IdentityPolicies {
            identity: identity.to_string(),
            stores: grants.stores.clone(),
            policies: Policy::split(grants),
        })
        .collect()
}
