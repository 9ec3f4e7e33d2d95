//! Arguments and variables that change nothing.

use tracing::{info, warn};

/// Arguments and variables that change nothing, with the reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    /// Accepted, and without a meaning here.
    pub(super) unused: Vec<String>,
    /// Probably mistakes.
    pub(super) ignored: Vec<String>,
}

impl Notices {
    pub(crate) fn log(&self) {
        self.unused.iter().for_each(|text| info!("{text}"));
        self.ignored.iter().for_each(|text| warn!("{text}"));
    }
}
