//! Settings of ExternalSecrets and stores.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The class of this controller. It ignores stores of other classes.
    pub(crate) class: String,
    /// Whether Secrets have an annotation with the hash of their data.
    pub(crate) writes_data_hash: bool,
    /// Whether a Secret without a template gets the object's labels and annotations.
    pub(crate) copies_metadata: bool,
    /// Whether an existing Secret is only adopted if its annotation allows that.
    pub(crate) requires_consent: bool,
    /// False if the controller is limited to some namespaces.
    pub(crate) watches_cluster_stores: bool,
    /// The time between two checks of a store without `refreshInterval`.
    pub(crate) store_check_interval: Duration,
}
