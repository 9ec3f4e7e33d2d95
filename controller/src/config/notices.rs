//! Arguments and variables that the log mentions.

use tracing::{info, warn};

/// Arguments and variables that change nothing, with the reason, and those with an old name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    /// Accepted, and without a meaning here.
    pub(super) unused: Vec<String>,
    /// Old names of flags, which have the effect of the new ones.
    pub(super) renamed: Vec<String>,
    /// Probably mistakes.
    pub(super) ignored: Vec<String>,
}

impl Notices {
    pub(crate) fn log(&self) {
        self.unused.iter().for_each(|text| info!("{text}"));
        self.renamed.iter().chain(&self.ignored).for_each(|text| warn!("{text}"));
    }
}
