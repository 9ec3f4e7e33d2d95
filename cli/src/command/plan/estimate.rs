//! The requests and dollars of all stores, in each mode.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use super::{
    assumptions::Assumptions,
    cost::{self, Calls, Mode},
    prices::{Call, DAYS, MONTH},
    reads::{Read, Store, per_month},
};

/// The requests in each mode, in the order of [`Mode::ALL`].
pub(super) type ByMode = BTreeMap<Mode, Calls>;

/// The plan of a store.
pub(super) struct StoreEstimate<'a> {
    pub(super) store: &'a Store,
    pub(super) values: u64,
    pub(super) calls: ByMode,
}

/// The plan of all stores.
pub(super) struct Estimate<'a> {
    /// By region.
    pub(super) assumptions: BTreeMap<String, Assumptions>,
    pub(super) stores: Vec<StoreEstimate<'a>>,
    /// The queues with events together.
    pub(super) queues: ByMode,
    pub(super) total: ByMode,
    /// Requests that come close to a limit of AWS.
    pub(super) near_limit: Vec<NearLimit>,
}

/// More than half of a quota.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct NearLimit {
    pub(super) mode: Mode,
    pub(super) region: String,
    pub(super) call: Call,
    pub(super) per_second: u64,
    pub(super) quota: u64,
}

/// The part with the highest price.
pub(super) struct Dearest {
    pub(super) name: String,
    /// Its part in the total.
    pub(super) percent: u64,
    /// How often a value of the store is read in a month, at most.
    pub(super) refreshes: u64,
}

/// The name of the queues with events in the output.
pub(super) const QUEUES: &str = "queues with events";

/// The assumptions of the user.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// For each account and region. None: those in the manifests.
    pub(super) secrets_in_account: Option<u64>,
    pub(super) changes_per_month: u64,
    pub(super) values_per_find: u64,
    pub(super) min_list_interval: Duration,
    pub(super) has_kms_key: bool,
    /// None: one for each region.
    pub(super) queues: Option<u64>,
}

impl fmt::Display for NearLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, region, call, per_second, quota } = self;
        let (action, mode) = (call.action(), mode.name());
        write!(f, "{mode}: {per_second} {action} a second in {region}, where AWS allows {quota}")
    }
}

impl<'a> Estimate<'a> {
    pub(super) fn of(stores: &'a [Store], options: &Options) -> Self {
        let mut estimate = Self {
            assumptions: assumptions(stores, options),
            stores: Vec::new(),
            queues: ByMode::new(),
            total: ByMode::new(),
            near_limit: Vec::new(),
        };
        let mut by_region = BTreeMap::<(Mode, &str), Calls>::new();
        let mut changes: u64 = 0;
        for store in stores {
            let region = store.aws.region.as_str();
            let with = &estimate.assumptions[region];
            let mut calls = ByMode::new();
            for mode in Mode::ALL {
                let mut sum = Calls::default();
                for reader in store.readers.values() {
                    sum.add_all(&cost::calls(reader, mode, with));
                }
                by_region.entry((mode, region)).or_default().add_all(&sum);
                estimate.total.entry(mode).or_default().add_all(&sum);
                calls.insert(mode, sum);
            }
            let values = values(store.reads(), options.values_per_find);
            changes = changes.saturating_add(values.saturating_mul(options.changes_per_month));
            estimate.stores.push(StoreEstimate { store, values, calls });
        }
        let regions: BTreeSet<_> = stores.iter().map(|store| &store.aws.region).collect();
        let queues = options.queues.unwrap_or(regions.len() as u64);
        let calls = cost::queues(queues, changes);
        estimate.total.entry(Mode::Events).or_default().add_all(&calls);
        estimate.queues.insert(Mode::Events, calls);
        for ((mode, region), calls) in by_region {
            estimate.near_limit.extend(near_limits(mode, region, &calls));
        }
        estimate
    }

    /// The part with the highest price in a mode, if anything has one.
    pub(super) fn dearest(&self, mode: Mode) -> Option<Dearest> {
        let dearest = self.stores.iter().max_by_key(|store| store.calls[&mode].price())?;
        let (price, total) = (dearest.calls[&mode].price(), self.total[&mode].price());
        let percent = |price: u64| price.saturating_mul(100).checked_div(total);
        let queues = self.queues.get(&mode).map_or(0, Calls::price);
        if queues > price {
            return Some(Dearest {
                name: QUEUES.to_owned(),
                percent: percent(queues)?,
                refreshes: 0,
            });
        }
        let readers = dearest.store.readers.values();
        let refreshes = readers.flat_map(|reader| reader.reads.values()).map(|times| times.most());
        Some(Dearest {
            name: dearest.store.key.to_string(),
            percent: percent(price)?,
            refreshes: refreshes.max().unwrap_or_default(),
        })
    }
}

/// The values that are read, with those that a `find` is assumed to find.
fn values<'r>(reads: impl IntoIterator<Item = &'r Read>, values_per_find: u64) -> u64 {
    let count = |read: &Read| match read {
        Read::SecretsFound(_) | Read::ParametersFound(_) => values_per_find,
        _ => 1,
    };
    reads.into_iter().map(count).fold(0, u64::saturating_add)
}

/// The assumptions for each region.
fn assumptions(stores: &[Store], options: &Options) -> BTreeMap<String, Assumptions> {
    let mut names = BTreeMap::<&str, BTreeSet<&Read>>::new();
    for store in stores {
        names.entry(&store.aws.region).or_default().extend(store.reads());
    }
    let assumptions = names.into_iter().map(|(region, reads)| {
        let in_manifests = values(reads, options.values_per_find);
        let with = Assumptions {
            changes_per_month: options.changes_per_month,
            values_per_find: options.values_per_find,
            has_kms_key: options.has_kms_key,
            listed: options.secrets_in_account.unwrap_or_default().max(in_manifests),
            max_lists_per_month: per_month(options.min_list_interval),
            proofs_per_month: DAYS,
        };
        (region.to_owned(), with)
    });
    assumptions.collect()
}

fn near_limits(mode: Mode, region: &str, calls: &Calls) -> Vec<NearLimit> {
    let near = |(&call, &count): (&Call, &u64)| {
        let (quota, per_second) = (call.quota()?, count / MONTH.as_secs());
        (per_second > quota / 2).then(|| NearLimit {
            mode,
            region: region.to_owned(),
            call,
            per_second,
            quota,
        })
    };
    calls.0.iter().filter_map(near).collect()
}
