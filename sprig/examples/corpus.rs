//! Renders the templates of corpora many times: `corpus ROUNDS FILE…`, for `cargo xtask bench
//! templates`. Prints two numbers: the nanoseconds of parsing and rendering in all rounds, and of
//! rendering only.

#![expect(clippy::print_stdout, reason = "the result")]

use std::{env, fs, time::Instant};

use gotemplate::{Dialect, Environment, Limits, Template, Text, Value};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    dialect: String,
    #[serde(default)]
    template: String,
    data: Option<serde_json::Value>,
    strings: Option<std::collections::BTreeMap<String, String>>,
    output: Option<String>,
}

/// Functions that are slow on purpose. Templates that call them are left out.
const SLOW: [&str; 3] = ["bcrypt", "derivePassword", "htpasswd"];

struct Case {
    dialect: Dialect,
    text: String,
    data: Value,
}

fn main() {
    let mut arguments = env::args().skip(1);
    let rounds: u32 = arguments.next().and_then(|text| text.parse().ok()).expect("rounds");
    let cases: Vec<Case> = arguments.flat_map(|file| read(&file)).collect();
    let started = Instant::now();
    for _ in 0..rounds {
        for case in &cases {
            if let Ok(template) = Template::parse("t", &case.text, &case.dialect) {
                render(&template, &case.data);
            }
        }
    }
    let both = started.elapsed();
    let parsed: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            Some((Template::parse("t", &case.text, &case.dialect).ok()?, &case.data))
        })
        .collect();
    let started = Instant::now();
    for _ in 0..rounds {
        for (template, data) in &parsed {
            render(template, data);
        }
    }
    println!("{} {}", both.as_nanos(), started.elapsed().as_nanos());
}

fn render(template: &Template, data: &Value) {
    let environment = Environment {
        now: jiff::Timestamp::UNIX_EPOCH,
        random: &mut StdRng::seed_from_u64(1),
        limits: Limits::default(),
        deadline_exceeded: &|| false,
        memory: None,
    };
    let _ = std::hint::black_box(template.render(data, environment));
}

fn read(file: &str) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("a corpus");
    let mut shared = Value::Missing;
    let mut cases = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let line: Line = serde_json::from_str(line).expect("a line of a corpus");
        if line.template.is_empty() && line.output.is_none() {
            shared = line.data.as_ref().map(json).unwrap_or_default();
            continue;
        }
        let data = match (&line.strings, &line.data) {
            (Some(strings), _) => Value::strings(
                strings.iter().map(|(key, text)| (Text::from(&**key), Text::from(&**text))),
            ),
            (None, Some(data)) => json(data),
            (None, None) => shared.clone(),
        };
        let dialect = match line.dialect.as_str() {
            "sealed-secret" => sprig::dialect(),
            "external-secret" => sprig::external_secrets_dialect(),
            _ => Dialect::go(),
        };
        if !SLOW.iter().any(|function| line.template.contains(function)) {
            cases.push(Case { dialect, text: line.template, data });
        }
    }
    cases
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
