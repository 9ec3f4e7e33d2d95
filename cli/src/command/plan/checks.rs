//! Which values are checked without reading them, and how often. Pure.

use std::collections::BTreeMap;

use super::{
    assumptions::Assumptions,
    prices::{batches, pages},
    reads::{Read, Reader, Refreshes},
};

/// The number of lists in a month, if they cost at most the requests that they save.
fn lists_per_month(reader: &Reader, with: &Assumptions) -> Option<u64> {
    let mut due = BTreeMap::<u64, u64>::new();
    for (read, times) in told(reader) {
        if may_be_listed(read, times, with) {
            *due.entry(times).or_default() += 1;
        }
    }
    let (&most, _) = due.last_key_value()?;
    let saved = due.iter().map(|(times, values)| batches(*values).saturating_mul(*times));
    let saved = saved.fold(0, u64::saturating_add);
    let lists = pages(with.listed).saturating_mul(most);
    (due.values().sum::<u64>() > 1 && lists <= saved).then_some(most)
}

/// The values whose versions AWS tells without them, and how often in a month. Others are read at each refresh.
fn told(reader: &Reader) -> impl Iterator<Item = (&Read, u64)> {
    reader.reads.iter().filter_map(|(read, refreshes)| {
        let Refreshes { listed, announced, other } = *refreshes;
        (announced.max(other) < listed).then_some((read, listed))
    })
}

fn may_be_listed(read: &Read, times: u64, with: &Assumptions) -> bool {
    matches!(read, Read::Secret { .. }) && times <= with.max_lists_per_month
}

/// The values whose changes are found without reads, and how often a month each one is checked.
pub(super) struct Checks<'r> {
    pub(super) listed: BTreeMap<&'r Read, u64>,
    pub(super) described: BTreeMap<&'r Read, u64>,
}

impl<'r> Checks<'r> {
    pub(super) fn of(reader: &'r Reader, with: &Assumptions) -> Self {
        let has_lists = lists_per_month(reader, with).is_some();
        let all: BTreeMap<_, _> = told(reader).collect();
        let mut due = BTreeMap::<u64, u64>::new();
        for times in all.values() {
            *due.entry(*times).or_default() += 1;
        }
        // Values that are due less often come to some of the refreshes only.
        let values_at = |times: u64| {
            let parts = due.range(..=times);
            let parts = parts.map(|(less, values)| values.saturating_mul(*less) / times.max(1));
            parts.fold(0, u64::saturating_add)
        };
        let (listed, mut described): (BTreeMap<_, _>, BTreeMap<_, _>) = all
            .into_iter()
            .partition(|(read, times)| has_lists && may_be_listed(read, *times, with));
        // A secret is described by a request of its own, and a batch reads several.
        described.retain(|read, times| {
            matches!(read, Read::Parameter { .. })
                || batches(values_at(*times)) == values_at(*times)
        });
        Self { listed, described }
    }
}
