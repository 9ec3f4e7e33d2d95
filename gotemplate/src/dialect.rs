//! The functions that a template may call, its delimiters, and the result of a missing key.

use crate::{builtin::BUILTIN_FUNCTIONS, function::Function};

/// The language of a template: its functions, its delimiters, and the result of a missing key.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// Sorted by name.
    functions: &'static [&'static Function],
    delimiters: Delimiters,
    missing_key_fails: bool,
}

impl Dialect {
    /// Go's text/template with only its built-in functions.
    pub fn go() -> Self {
        Self::new(&BUILTIN_FUNCTIONS)
    }

    /// A dialect with these functions, which are sorted by name. Include
    /// [`BUILTIN_FUNCTIONS`](crate::BUILTIN_FUNCTIONS) if templates may call those too.
    pub fn new(functions: &'static [&'static Function]) -> Self {
        debug_assert!(functions.is_sorted_by_key(|function| function.name));
        Self { functions, delimiters: Delimiters::default(), missing_key_fails: false }
    }

    /// The dialect in which a missing key is an error (Go's `missingkey=error`).
    #[must_use]
    pub fn with_missing_key_error(self) -> Self {
        Self { missing_key_fails: true, ..self }
    }

    /// The dialect with these delimiters. An empty one means `{{` or `}}`, as in Go.
    #[must_use]
    pub fn with_delimiters(mut self, left: &str, right: &str) -> Self {
        let Delimiters { left: default_left, right: default_right } = Delimiters::default();
        let or = |text: &str, default| if text.is_empty() { default } else { text.to_owned() };
        self.delimiters =
            Delimiters { left: or(left, default_left), right: or(right, default_right) };
        self
    }

    /// Whether a missing key is an error.
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

    /// The function called `name`.
    pub fn function(&self, name: &str) -> Option<&'static Function> {
        let index = self.functions.binary_search_by_key(&name, |function| function.name).ok()?;
        Some(self.functions[index])
    }
}

/// The marks around actions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Delimiters {
    pub(crate) left: String,
    pub(crate) right: String,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { left: "{{".to_owned(), right: "}}".to_owned() }
    }
}
