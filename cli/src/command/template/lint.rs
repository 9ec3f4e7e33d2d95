//! `--lint`: what is wrong with templates, or may be, as far as their texts tell.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use templates::{Dialect, Template};

use super::manifests::{Manifests, Object, Subject};
use super::values::Values;
use super::{external, external_document, sealed_document};
use crate::error::{Explain, Failure, hint};
use crate::exit::Exit;
use crate::output::{self, Audience, Destination};

/// Prints a line for each mistake, and fails if there is one that keeps a Secret from being made.
pub(crate) fn run(
    manifests: &Manifests,
    values: Option<&Values>,
    to: &Destination,
) -> Result<(), Failure> {
    let mut findings = Findings { text: String::new(), errors: 0 };
    for object in &manifests.objects {
        let before = findings.errors;
        let rendered = match &object.subject {
            Subject::Sealed(sealed) => {
                let keys: BTreeSet<&str> = match values {
                    Some(values) => values.keys().collect(),
                    None => sealed.spec.encrypted_data.keys().map(String::as_str).collect(),
                };
                let texts = &sealed.spec.template.data;
                for (key, text) in texts {
                    if let Some(text) = text.as_ref().filter(|_| !keys.contains(key.as_str())) {
                        let known = |name: &str| {
                            keys.contains(name) || texts.get(name).is_some_and(Option::is_some)
                        };
                        let place = format!("template.data[{key}]");
                        let dialect = Dialect::sealed_secret();
                        findings.check(object, &place, text, &dialect, &known);
                    }
                }
                sealed_document(object, sealed, values).err()
            }
            Subject::External(external) => {
                let keys: BTreeSet<&str> =
                    values.map_or_else(|| external.keys().collect(), |v| v.keys().collect());
                // Without values nobody knows what the provider holds.
                let is_open = values.is_none() && external.is_open();
                let known = |name: &str| is_open || keys.contains(name);
                let target = manifests.target(object, external)?;
                for (place, text) in external::texts(&target) {
                    let place = format!("target.template.{place}");
                    findings.check(object, &place, text, &Dialect::external_secret(), &known);
                }
                external_document(object, external, manifests, values).err()
            }
        };
        // With placeholders a failure says nothing: they are not what a template may expect.
        if let Some(failure) = rendered.filter(|_| values.is_some() && findings.errors == before) {
            findings.add("error", &failure.cause);
        }
    }
    output::write(to, findings.text.as_bytes(), Audience::Everyone)?;
    if findings.errors > 0 { Err(Mistakes(findings.errors).into()) } else { Ok(()) }
}

struct Findings {
    text: String,
    errors: usize,
}

impl Findings {
    fn check(
        &mut self,
        object: &Object,
        place: &str,
        text: &str,
        dialect: &Dialect,
        is_known: &dyn Fn(&str) -> bool,
    ) {
        let at = |line, column| format!("{object}: {place}: line {line}, column {column}");
        let template = match Template::parse("", text, dialect) {
            Ok(template) => template,
            Err(error) => return self.add("error", &format!("{object}: {place}: {error}")),
        };
        let inspection = template.inspect();
        for key in inspection.keys.iter().filter(|key| !is_known(&key.name)) {
            let at = at(key.line, key.column);
            if dialect.missing_key_fails() {
                self.add("error", &format!("{at}: there is no key {:?}", key.name));
            } else {
                let text = format!("{at}: there is no key {:?}: it is `<no value>`", key.name);
                self.add("warning", &text);
            }
        }
        for function in &inspection.random {
            let at = at(function.line, function.column);
            self.add("warning", &format!("{at}: {} gives something else each time", function.name));
        }
    }

    fn add(&mut self, severity: &str, text: &str) {
        self.errors += usize::from(severity == "error");
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{severity}: {text}");
    }
}

/// How many.
#[derive(Debug, thiserror::Error)]
#[error("{0} of the templates' mistakes must be mended")]
struct Mistakes(usize);

impl Explain for Mistakes {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn hints(&self) -> Vec<String> {
        hint("docs/templates.md lists all functions")
    }
}
