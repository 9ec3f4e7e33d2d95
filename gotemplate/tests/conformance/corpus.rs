//! A corpus: JSON lines, the first of them the context of those that have none of their own.

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gotemplate::{Dialect, Environment, Limits, RenderErrorKind, Template, Text, Value};
use rand::SeedableRng as _;
use serde::Deserialize;

/// The cases of a file.
pub(crate) struct Corpus {
    pub(crate) cases: Vec<Case>,
}

/// A template, its context, and what Go made of it.
pub(crate) struct Case {
    pub(crate) line: Line,
    pub(crate) data: Value,
    dialect: Dialect,
}

#[derive(Deserialize)]
pub(crate) struct Line {
    #[serde(default)]
    dialect: String,
    #[serde(default)]
    pub(crate) template: String,
    pub(crate) data: Option<serde_json::Value>,
    strings: Option<BTreeMap<String, String>>,
    output: Option<String>,
    bytes: Option<String>,
    error: Option<String>,
}

/// The result of a template: its output, or the phase in which it failed.
#[derive(Eq, PartialEq)]
pub(crate) enum Outcome {
    Output(Vec<u8>),
    ParseError,
    RenderError,
    /// An output that may differ each time, or that words an error differently.
    Changing(Vec<u8>),
    /// A limit ended it. Go has none.
    Limited,
}

impl Corpus {
    /// Reads a corpus. `dialect` finds dialects by the names that lines have.
    pub(crate) fn read(text: &str, dialect: fn(&str) -> Dialect) -> Self {
        let mut shared = serde_json::Value::Null;
        let mut cases = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_str(line).expect("a line of the corpus");
            if line.template.is_empty() && line.output.is_none() {
                shared = line.data.expect("the context of the lines that follow");
                continue;
            }
            let data = match (&line.strings, &line.data) {
                (Some(strings), _) => Value::strings(
                    strings.iter().map(|(k, v)| (Text::from(k.as_str()), Text::from(v.as_str()))),
                ),
                (None, Some(data)) => json(data),
                (None, None) => json(&shared),
            };
            let dialect = dialect(&line.dialect);
            cases.push(Case { line, data, dialect });
        }
        Self { cases }
    }

    /// Renders each case, and fails with all that differ from Go's.
    pub(crate) fn check(&self) {
        let mut differences = String::new();
        for case in &self.cases {
            let (expected, found) = (case.expected(), case.outcome());
            if !found.is(&expected) {
                let _ = writeln!(
                    differences,
                    "{{{{}}}}{}\n  Go:   {expected:?}\n  ours: {found:?}",
                    case.line.template
                );
            }
        }
        assert!(differences.is_empty(), "of {} cases:\n{differences}", self.cases.len());
    }
}

impl Case {
    /// Go's outcome.
    pub(crate) fn expected(&self) -> Outcome {
        self.line.expected()
    }

    /// Whether `text` stands in the output that is expected.
    pub(crate) fn expects(&self, text: &str) -> bool {
        self.line.output.as_ref().is_some_and(|output| output.contains(text))
    }
}

impl Line {
    fn expected(&self) -> Outcome {
        match (&self.output, &self.bytes, &self.error) {
            (Some(output), ..) => Outcome::Output(output.clone().into_bytes()),
            (_, Some(bytes), _) => Outcome::Output(STANDARD.decode(bytes).expect("base64")),
            (.., Some(error)) if error.starts_with("parse") => Outcome::ParseError,
            (.., Some(_)) => Outcome::RenderError,
            _ => panic!("a case without an answer: {}", self.template),
        }
    }
}

impl Case {
    /// The outcome of this engine.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of(&self.line.template, &self.data, &self.dialect)
    }
}

impl Outcome {
    /// Whether this matches Go's outcome. A recorded answer is the same each time, even where the
    /// template calls random functions.
    pub(crate) fn is(&self, expected: &Self) -> bool {
        match (self, expected) {
            (Self::Changing(bytes), Self::Output(expected)) => bytes == expected,
            // Go fails where its own limits end it.
            (Self::Limited, Self::RenderError) => true,
            _ => self == expected,
        }
    }

    pub(crate) fn of(template: &str, data: &Value, dialect: &Dialect) -> Self {
        let Ok(template) = Template::parse("t", template, dialect) else {
            return Self::ParseError;
        };
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let environment = Environment {
            now: "2026-11-23T22:00:00Z".parse().expect("a time"),
            random: &mut random,
            limits: Limits::default(),
            deadline_exceeded: &|| false,
            memory: None,
        };
        match template.render(data, environment) {
            Ok(rendered) if contains(&rendered.output, NOT_YAML) => {
                Self::Changing(rendered.output.to_vec())
            }
            Ok(rendered) if rendered.non_deterministic => Self::Changing(rendered.output.to_vec()),
            Ok(rendered) => Self::Output(rendered.output.to_vec()),
            Err(error) if matches!(error.kind, RenderErrorKind::Limit(_)) => Self::Limited,
            Err(_) => Self::RenderError,
        }
    }
}

/// How Go's error for malformed YAML begins. The rest is worded differently.
const NOT_YAML: &str = "error converting YAML to JSON";

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Output(bytes) => write!(f, "{}", bytes.escape_ascii()),
            Self::ParseError => f.write_str("a parse error"),
            Self::RenderError => f.write_str("a render error"),
            Self::Changing(bytes) => write!(f, "{} this time", bytes.escape_ascii()),
            Self::Limited => f.write_str("ended by a limit"),
        }
    }
}

/// A value as Go's JSON decoder makes it.
pub(crate) fn json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().expect("a double")),
        serde_json::Value::String(text) => Value::text(text.as_str()),
        serde_json::Value::Array(items) => Value::json_list(items.iter().map(json).collect()),
        serde_json::Value::Object(entries) => {
            Value::map(entries.iter().map(|(key, value)| (Text::from(key.as_str()), json(value))))
        }
    }
}
