//! `--lint`: finds errors and likely mistakes in templates, and in the providers of stores.

use std::fmt::Write as _;

use crds::provider::ProviderError;
use templates::Template;

use super::{
    lint_target::{LintTarget, lint_target},
    manifests::{Manifests, Object},
    render,
    values::Values,
};
use crate::{
    error::{Explain, Failure, hint},
    exit::Exit,
    output::{self, Audience, Destination},
    report::Report,
};

/// Writes one line for each finding. Fails if an error would prevent a Secret.
pub(super) fn run(
    manifests: &Manifests,
    values: Option<&Values>,
    to: &Destination,
    report: &Report,
) -> Result<(), Failure> {
    let mut findings = Findings { text: String::new(), errors: 0 };
    for object in &manifests.objects {
        let errors_before = findings.errors;
        let target = lint_target(object, manifests, values)?;
        for (place, text) in target.texts() {
            findings.check(object, &place, text, target.as_ref());
        }
        // Rendering placeholders proves nothing, because templates may expect other values.
        if values.is_some()
            && findings.errors == errors_before
            && let Err(failure) = render::secret(object, manifests, values)
        {
            findings.add(Severity::Error, &failure.cause);
        }
    }
    for store in &manifests.stores {
        match &store.problem {
            None => {}
            // Another controller may serve it.
            Some(problem @ ProviderError::Unsupported(_)) => {
                findings.add(Severity::Warning, &format!("{store}: {problem}"));
            }
            Some(problem) => findings.add(Severity::Error, &format!("{store}: {problem}")),
        }
    }
    output::write(to, findings.text.as_bytes(), Audience::Everyone, report)?;
    match findings.errors {
        0 => Ok(()),
        errors => Err(Errors(errors).into()),
    }
}

enum Severity {
    Error,
    Warning,
}

struct Findings {
    text: String,
    errors: usize,
}

impl Findings {
    fn check(&mut self, object: &Object, place: &str, text: &str, target: &dyn LintTarget) {
        let dialect = target.dialect();
        let template = match Template::parse("", text, &dialect) {
            Ok(template) => template,
            Err(error) => {
                return self.add(Severity::Error, &format!("{object}: {place}: {error}"));
            }
        };
        let at = |line, column| format!("{object}: {place}: line {line}, column {column}");
        let inspection = template.inspect();
        for key in inspection.keys.iter().filter(|key| !target.has_key(&key.name)) {
            let text = format!("{}: missing key {:?}", at(key.line, key.column), key.name);
            if dialect.missing_key_fails() {
                self.add(Severity::Error, &text);
            } else {
                self.add(Severity::Warning, &format!("{text} renders as `<no value>`"));
            }
        }
        for function in &inspection.random {
            let at = at(function.line, function.column);
            let text = format!("{at}: {} returns a different value each time", function.name);
            self.add(Severity::Warning, &text);
        }
    }

    fn add(&mut self, severity: Severity, text: &str) {
        let severity = match severity {
            Severity::Error => {
                self.errors += 1;
                "error"
            }
            Severity::Warning => "warning",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{severity}: {text}");
    }
}

/// The number of errors.
#[derive(Debug, thiserror::Error)]
#[error("errors found: {0}")]
struct Errors(usize);

impl Explain for Errors {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn hints(&self) -> Vec<String> {
        hint("docs/templates.md lists all functions")
    }
}
