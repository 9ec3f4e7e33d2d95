//! The values of the Secret, from the opened items and `template.data`: on threads of its own, under
//! limits.
//!
//! What can go wrong: a template is text of whoever may create a SealedSecret, and may be made to
//! take long. Its steps, bytes and time are bounded, and templates wait for each other only: they
//! keep no item from being opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use sealing::Plaintext;
use templates::{
    Environment, Limits,
    sealed_secret::{self, Error},
};
use tokio::{sync::Semaphore, time::Instant};

use crate::reason::{Failure, Reason};

/// Raised when the same SealedSecret may give another Secret: what is recorded about it no longer
/// counts then.
pub const VERSION: &str = "1";
/// How many letters of a key a message quotes.
const KEY_LETTERS: usize = 63;

/// What the templates of one object may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Steps and bytes.
    pub limits: Limits,
    /// Time.
    pub time: Duration,
}

/// Renders, a few objects at a time. Cheap to clone.
#[derive(Clone)]
pub struct Renderer {
    settings: Settings,
    permits: Arc<Semaphore>,
}

/// The values by key.
#[derive(Debug)]
pub struct Rendered {
    /// All of them.
    pub data: BTreeMap<String, Plaintext>,
    /// The keys of those that would be something else the next time.
    pub random: BTreeSet<String>,
}

impl Default for Settings {
    /// Far above what manifests need: to find a key of RSA takes seconds.
    fn default() -> Self {
        Self { limits: Limits::default(), time: Duration::from_secs(30) }
    }
}

impl Renderer {
    /// One that uses at most this many threads.
    pub fn new(settings: Settings, threads: usize) -> Self {
        Self { settings, permits: Arc::new(Semaphore::new(threads)) }
    }

    /// The values of the Secret.
    ///
    /// # Errors
    /// `TemplateInvalid`, with the key, the place and the kind of the mistake; never a value.
    pub async fn render(
        &self,
        template: &BTreeMap<String, Option<String>>,
        items: BTreeMap<String, Plaintext>,
    ) -> Result<Rendered, Failure> {
        let items = items.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
        let settings = self.settings;
        if !sealed_secret::has_actions(template, &items) {
            return rendered(settings, template, items);
        }
        let template = template.clone();
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let work = tokio::task::spawn_blocking(move || rendered(settings, &template, items));
        work.await.expect("rendering does not panic")
    }
}

fn rendered(
    settings: Settings,
    template: &BTreeMap<String, Option<String>>,
    items: sealed_secret::Values,
) -> Result<Rendered, Failure> {
    let end = Instant::now() + settings.time;
    let environment = Environment {
        now: Timestamp::now(),
        random: &mut rand::rng(),
        limits: settings.limits,
        deadline_exceeded: &|| Instant::now() >= end,
    };
    let rendered = sealed_secret::render(template, items, environment).map_err(|e| failure(&e))?;
    let data = rendered.data.into_iter().map(|(key, value)| (key, value.into()));
    Ok(Rendered { data: data.collect(), random: rendered.random })
}

fn failure(error: &Error) -> Failure {
    let key: String = error.key.chars().take(KEY_LETTERS).collect();
    let remedy =
        if error.is_limit() { "; the controller's flags --template-… set limits" } else { "" };
    Failure::new(Reason::TemplateInvalid, format!("template.data `{key}`: {error}{remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renderer(limits: Limits, time: Duration) -> Renderer {
        Renderer::new(Settings { limits, time }, 1)
    }

    async fn render(renderer: &Renderer, text: &str) -> Result<String, Failure> {
        let items = [("A".to_owned(), Plaintext::new(b"canary".to_vec()))].into();
        let template = [("c".to_owned(), Some(text.to_owned()))].into();
        let values = renderer.render(&template, items).await?;
        Ok(String::from_utf8(values.data["c"].expose().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_failure_names_the_template_and_quotes_nothing() {
        let renderer = renderer(Limits::default(), Duration::from_secs(60));
        assert_eq!(render(&renderer, "{{ upper .A }}").await.unwrap(), "CANARY");
        assert_eq!(render(&renderer, "plain").await.unwrap(), "plain");
        let failure = render(&renderer, "{{ fail .A }}").await.unwrap_err();
        assert_eq!(failure.reason, Reason::TemplateInvalid);
        assert!(failure.message.starts_with("template.data `c`: line 1, column "), "{failure}");
        assert!(!failure.message.contains("canary"));
    }

    #[tokio::test]
    async fn a_template_without_end_is_ended_by_steps_or_by_time() {
        let endless = "{{ range until 1000 }}{{ range until 1000 }}{{ range until 1000 }}\
                       {{ end }}{{ end }}{{ end }}";
        let steps = renderer(Limits::default(), Duration::from_secs(600));
        let failure = render(&steps, endless).await.unwrap_err();
        assert!(failure.message.contains("too many steps"), "{failure}");
        assert!(failure.message.contains("--template-"), "{failure}");
        let limits = Limits { steps: u64::MAX, bytes: usize::MAX, ..Limits::default() };
        let time = renderer(limits, Duration::from_millis(50));
        let failure = render(&time, endless).await.unwrap_err();
        assert!(failure.message.contains("too much time"), "{failure}");
    }
}
