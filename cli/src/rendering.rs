//! Renders templates as the controller does: with its limits, and at most 30 seconds.

use std::time::{Duration, Instant};

use crds::SecretTemplate;
use jiff::Timestamp;
use templates::{Environment, Limits, sealed_secret};

use crate::secret_manifest::SecretContent;

const RENDER_TIMEOUT: Duration = Duration::from_secs(30);

/// The Secret that the template of a SealedSecret renders from decrypted items.
pub(crate) fn secret_from_template(
    template: &SecretTemplate,
    items: sealed_secret::Values,
) -> Result<SecretContent, sealed_secret::Error> {
    let rendered =
        with_environment(|environment| sealed_secret::render(&template.data, items, environment))?;
    Ok(SecretContent {
        type_: Some(template.type_.clone()).filter(|type_| !type_.is_empty()),
        immutable: template.immutable,
        labels: template.metadata.labels.clone(),
        annotations: template.metadata.annotations.clone(),
        data: rendered.data,
    })
}

/// Calls `render` with the time, randomness and limits that templates may use.
pub(crate) fn with_environment<T>(render: impl FnOnce(Environment<'_>) -> T) -> T {
    let deadline = Instant::now() + RENDER_TIMEOUT;
    render(Environment {
        now: Timestamp::now(),
        random: &mut rand::rng(),
        limits: Limits::default(),
        deadline_exceeded: &|| Instant::now() >= deadline,
        memory: None,
    })
}
