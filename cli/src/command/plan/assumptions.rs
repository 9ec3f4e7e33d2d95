//! The assumptions of a plan.

/// Assumptions that manifests do not contain.
#[derive(Clone, Debug)]
pub(super) struct Assumptions {
    /// Of each value.
    pub(super) changes_per_month: u64,
    pub(super) values_per_find: u64,
    pub(super) has_kms_key: bool,
    /// How many secrets a list of the account and region has.
    pub(super) listed: u64,
    /// Values with more refreshes a month are read, because lists lag.
    pub(super) max_lists_per_month: u64,
    /// How often all values are read in a month, although nothing shows that they have changed.
    pub(super) proofs_per_month: u64,
}
