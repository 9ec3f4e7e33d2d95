//! The flags that apply to templates.

use std::time::Duration;

use templates::Limits;

/// The limits of the templates of one object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TemplateSettings {
    pub(crate) limits: Limits,
    pub(crate) time: Duration,
}

impl Default for TemplateSettings {
    /// Far above what manifests need: generating an RSA key takes seconds.
    fn default() -> Self {
        Self { limits: Limits::default(), time: Duration::from_secs(30) }
    }
}
