//! Metrics of the election.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::runtime::metrics::register;

/// The label of Kubernetes' own client.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct LeaseLabel {
    name: String,
}

/// Registered only in a process with leader election.
pub(crate) struct LeaderMetrics {
    is_leader: Gauge,
    transitions: Gauge,
}

impl LeaderMetrics {
    /// `lease` is the name of the lease.
    pub(crate) fn register(registry: &mut Registry, lease: &str) -> Self {
        let mut gauge = |name: &str, help: &str| {
            let family: Family<LeaseLabel, Gauge> = register(registry, name, help);
            family.get_or_create(&LeaseLabel { name: lease.to_owned() }).clone()
        };
        let help = "1 if this replica leads, otherwise 0";
        let is_leader = gauge("leader_election_master_status", help);
        let help = "How often the lease has changed its holder, by the lease";
        let transitions = gauge("mtk_controller_leader_transitions", help);
        Self { is_leader, transitions }
    }

    pub(super) fn set_leader(&self, is_leader: bool) {
        self.is_leader.set(i64::from(is_leader));
    }

    pub(super) fn set_transitions(&self, transitions: i32) {
        self.transitions.set(i64::from(transitions));
    }
}
