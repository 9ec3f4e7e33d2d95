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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_template_ends_at_the_time_limit_or_before() {
        for text in [
            r#"{{ printf "a%sa" (repeat 15000000 "-") | camelcase }}"#,
            r#"{{ regexFindAll ".*[^A-Z]|[A-Z]" (repeat 30000000 "A") -1 | len }}"#,
            r#"{{ range $i := until 400 }}{{ regexMatch (printf "\\pL{40}%d" $i) "" }}{{ end }}"#,
        ] {
            let template = [("x".to_owned(), Some(text.to_owned()))].into();
            let template = SecretTemplate { data: template, ..SecretTemplate::default() };
            let started = Instant::now();
            let _ = secret_from_template(&template, sealed_secret::Values::new());
            assert!(started.elapsed() < RENDER_TIMEOUT + Duration::from_secs(5), "{text}");
        }
    }
}
