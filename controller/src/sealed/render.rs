//! The values of the Secret: decrypted items and `template.data`.
//!
//! A user who may create a SealedSecret can make its template slow. So steps, bytes and time are
//! limited, and templates have their own threads and do not delay decryption.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sealing::Plaintext;
use templates::{
    Environment,
    sealed_secret::{self, Error, Rendered, Values},
};
use tokio::time::Instant;

use crate::{
    context::{TemplateSettings, overdue_failure, template_failure},
    key::ObjectKey,
    reason::Failure,
    runtime::{BlockingPool, memory::NamespaceMemory},
};

/// Increment it if the same SealedSecret would give a different Secret. That invalidates earlier
/// records.
pub(crate) const VERSION: &str = "1";
const MAX_KEY_CHARS: usize = 63;

/// `template.data`. A null hides the item of its key.
type Template = BTreeMap<String, Option<String>>;

/// Renders a few objects at a time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Renderer {
    settings: TemplateSettings,
    pool: BlockingPool,
}

impl Renderer {
    pub(crate) fn new(settings: TemplateSettings, threads: usize) -> Self {
        Self { settings, pool: BlockingPool::new(threads) }
    }

    /// The values of the Secret. A failure names the key, the position and the kind of the error,
    /// never a value.
    pub(crate) async fn render(
        &self,
        object: &ObjectKey,
        template: &Template,
        items: BTreeMap<String, Plaintext>,
    ) -> Result<Rendered, Failure> {
        let items = items.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
        if !sealed_secret::has_actions(template, &items) {
            return self.render_now(&object.namespace, template, items);
        }
        let (this, template, namespace) =
            (self.clone(), template.clone(), object.namespace.clone());
        let work = move || this.render_now(&namespace, &template, items);
        let rendered = self.pool.run_within(object, self.settings.overdue(), work).await;
        rendered.unwrap_or_else(|overdue| Err(overdue_failure(overdue)))
    }

    fn render_now(
        &self,
        namespace: &str,
        template: &Template,
        items: Values,
    ) -> Result<Rendered, Failure> {
        let end = Instant::now() + self.settings.time;
        let memory = NamespaceMemory { memory: &self.settings.memory, namespace };
        let environment = Environment {
            now: Timestamp::now(),
            random: &mut rand::rng(),
            limits: self.settings.limits,
            deadline_exceeded: &|| Instant::now() >= end,
            memory: Some(&memory),
        };
        sealed_secret::render(template, items, environment).map_err(|error| failure(&error))
    }
}

fn failure(error: &Error) -> Failure {
    let key: String = error.key.chars().take(MAX_KEY_CHARS).collect();
    template_failure(&format!("template.data `{key}`: {error}"), error.limit())
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use templates::{Limits, SharedMemory as _};

    use super::*;
    use crate::{reason::Reason, runtime::memory::TemplateMemory};

    fn renderer(limits: Limits, time: Duration) -> Renderer {
        Renderer::new(TemplateSettings { limits, time, memory: Arc::default() }, 1)
    }

    fn object() -> ObjectKey {
        ObjectKey { namespace: "n".to_owned(), name: "s".to_owned() }
    }

    async fn render(renderer: &Renderer, text: &str) -> Result<String, Failure> {
        let items = [("A".to_owned(), Plaintext::new(b"canary".to_vec()))].into();
        let template = [("c".to_owned(), Some(text.to_owned()))].into();
        let values = renderer.render(&object(), &template, items).await?;
        Ok(String::from_utf8(values.data["c"].to_vec()).unwrap())
    }

    #[tokio::test]
    async fn failure_names_the_template_and_quotes_no_value() {
        let renderer = renderer(Limits::default(), Duration::from_secs(60));
        assert_eq!(render(&renderer, "{{ upper .A }}").await.unwrap(), "CANARY");
        assert_eq!(render(&renderer, "plain").await.unwrap(), "plain");
        let failure = render(&renderer, "{{ fail .A }}").await.unwrap_err();
        assert_eq!(failure.reason, Reason::TemplateInvalid);
        assert!(failure.message.starts_with("template.data `c`: line 1, column "), "{failure}");
        assert!(!failure.message.contains("canary"));
    }

    #[tokio::test]
    async fn endless_template_is_stopped_by_steps_or_by_time() {
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

    #[tokio::test]
    async fn rendering_waits_for_a_retry_while_others_use_the_memory() {
        let memory = Arc::new(TemplateMemory::new(2 << 20));
        let (limits, time) = (Limits::default(), Duration::from_secs(60));
        let renderer = Renderer::new(TemplateSettings { limits, time, memory: memory.clone() }, 1);
        let other = NamespaceMemory { memory: &memory, namespace: "n" };
        assert!(other.take(1 << 20));
        let failure = render(&renderer, "{{ upper .A }}").await.unwrap_err();
        assert_eq!(failure.reason, Reason::Throttled);
        other.give_back(1 << 20);
        assert_eq!(render(&renderer, "{{ upper .A }}").await.unwrap(), "CANARY");
    }
}
