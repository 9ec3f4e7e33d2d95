//! Which functions a template may call, and what the rest of its surroundings are.

use crate::{functions::Function, syntax::Delimiters};

/// The language of a template: its functions, its delimiters, and what a missing key is.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// Sorted by name.
    functions: &'static [&'static Function],
    delimiters: Delimiters,
    missing_key_fails: bool,
}

impl Dialect {
    /// Go's text/template with its built-in functions alone.
    pub fn go() -> Self {
        Self {
            functions: &crate::functions::GO,
            delimiters: Delimiters::default(),
            missing_key_fails: false,
        }
    }

    /// The templates of SealedSecrets: with Sprig, less what reaches outside.
    pub fn sealed_secret() -> Self {
        Self { functions: &crate::functions::SPRIG, ..Self::go() }
    }

    /// The templates of ExternalSecrets: those of SealedSecrets, and what External Secrets adds. A key
    /// that a map has not is an error.
    pub fn external_secret() -> Self {
        Self { functions: &crate::functions::EXTERNAL, missing_key_fails: true, ..Self::go() }
    }

    /// With other delimiters than `{{` and `}}`. An empty one leaves the default, as in Go.
    #[must_use]
    pub fn with_delimiters(mut self, left: &str, right: &str) -> Self {
        let Delimiters { left: default_left, right: default_right } = Delimiters::default();
        let or = |text: &str, default| if text.is_empty() { default } else { text.to_owned() };
        self.delimiters =
            Delimiters { left: or(left, default_left), right: or(right, default_right) };
        self
    }

    /// Whether a key that a map has not is an error (Go's `missingkey=error`).
    pub fn missing_key_fails(&self) -> bool {
        self.missing_key_fails
    }

    /// The names of all functions, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.functions.iter().map(|function| function.name)
    }

    pub(crate) fn delimiters(&self) -> &Delimiters {
        &self.delimiters
    }

    pub(crate) fn function(&self, name: &str) -> Option<&'static Function> {
        let index = self.functions.binary_search_by_key(&name, |function| function.name).ok()?;
        Some(self.functions[index])
    }
}
