//! A corpus: JSON lines, the first of them the context of those that have none of their own.

use std::{cell::Cell, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::SeedableRng as _;
use serde::Deserialize;
use templates::{Dialect, Environment, Limits, Template, Text, Value};

/// The cases of a file.
pub struct Corpus {
    pub cases: Vec<Case>,
}

/// A template, its context, and what Go made of it.
pub struct Case {
    pub line: Line,
    pub data: Value,
}

#[derive(Deserialize)]
pub struct Line {
    #[serde(default)]
    pub dialect: String,
    #[serde(default)]
    pub template: String,
    data: Option<serde_json::Value>,
    strings: Option<BTreeMap<String, String>>,
    output: Option<String>,
    bytes: Option<String>,
    error: Option<String>,
}

/// What a template came to: its output, or the phase in which it failed.
#[derive(Eq, PartialEq)]
pub enum Outcome {
    Output(Vec<u8>),
    ParseError,
    RenderError,
}

impl Corpus {
    pub fn read(text: &str) -> Self {
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
            cases.push(Case { line, data });
        }
        Self { cases }
    }

    /// Compares each case with what `answer` says, and fails with all that differ.
    pub fn check(&self, answer: impl Fn(&Case) -> Outcome) {
        let differences = Cell::new(0);
        for case in &self.cases {
            let (expected, found) = (case.line.expected(), answer(case));
            if found != expected {
                differences.set(differences.get() + 1);
                eprintln!(
                    "{{{{}}}}{}\n  Go:   {expected:?}\n  ours: {found:?}",
                    case.line.template
                );
            }
        }
        assert_eq!(differences.get(), 0, "of {} cases", self.cases.len());
    }
}

impl Case {
    /// Whether `text` stands in the output that is expected.
    pub fn expects(&self, text: &str) -> bool {
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

impl Outcome {
    pub fn of(case: &Case, dialect: &Dialect) -> Self {
        let Ok(template) = Template::parse("t", &case.line.template, dialect) else {
            return Self::ParseError;
        };
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let environment = Environment {
            now: "2026-11-23T22:00:00Z".parse().expect("a time"),
            random: &mut random,
            limits: Limits::default(),
            interrupted: &|| false,
        };
        match template.render(&case.data, environment) {
            Ok(rendered) => Self::Output(rendered.output.to_vec()),
            Err(_) => Self::RenderError,
        }
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Output(bytes) => write!(f, "{}", bytes.escape_ascii()),
            Self::ParseError => f.write_str("a parse error"),
            Self::RenderError => f.write_str("a render error"),
        }
    }
}

/// A value as Go's JSON decoder makes it.
fn json(value: &serde_json::Value) -> Value {
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
