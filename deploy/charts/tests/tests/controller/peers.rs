//! The values of the charts that this one replaces: each has an effect, or is rejected with its replacement, or is
//! named in the notes. The two lists have every value of those charts.

mod defaults;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chart_tests::kubeconform::Kubeconform;
use chart_tests::{Helm, chart, objects, parallel};
use serde_json::{Map, Value, json};

use crate::{read, render, rendered};

const PEERS: &str = "deploy/charts/tests/tests/controller/peers";
const VALUES_FILES: [&str; 4] =
    ["sealed-secrets", "sealed-secrets-args", "external-secrets", "external-secrets-scoped"];

const MAX_BATCH: usize = 30;
/// The first parts of values that are rendered separately.
const SEPARATE: [&str; 12] = [
    "customStartupProbe",
    "additionalNamespaces",
    "args",
    "extraArgs",
    "fullnameOverride",
    "image",
    "nameOverride",
    "namespace",
    "namespaceOverride",
    "rbac",
    "scopedNamespace",
    "serviceAccount",
];

/// A value, and its effect.
struct Example {
    chart: &'static str,
    value: String,
    sample: Value,
    values: Value,
    /// The same values without this one.
    base: Value,
    sees: Option<String>,
    gone: Option<String>,
    refused: Option<String>,
    notes: Option<String>,
}

#[test]
fn every_value_of_both_charts_works_or_names_its_replacement() {
    let default = texts(&json!({}));
    let notes = notes_of_all();
    let problems = parallel::map(batches(), |batch| batch.check(&default, &notes));
    let problems: Vec<_> = problems.into_iter().flatten().collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// Examples that are rendered at once: Helm takes most of the time.
struct Batch {
    values: Value,
    base: Value,
    examples: Vec<Example>,
}

/// Examples share a batch if they set different values and expect different texts.
fn batches() -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for example in examples() {
        let fits = |batch: &&mut Batch| {
            batch.examples.len() < MAX_BATCH
                && batch.examples.iter().all(|other| example.goes_with(other))
        };
        if let Some(batch) = batches.iter_mut().find(fits) {
            merge(&mut batch.values, &example.values);
            merge(&mut batch.base, &example.base);
            batch.examples.push(example);
        } else {
            let (values, base) = (example.values.clone(), example.base.clone());
            batches.push(Batch { values, base, examples: vec![example] });
        }
    }
    batches
}

/// The notes with all values that have no effect.
fn notes_of_all() -> String {
    let mut values = json!({});
    for example in examples().iter().filter(|example| example.notes.is_some()) {
        set(&mut values, &example.value, example.sample.clone());
    }
    Helm::four().unwrap().notes(&render().values(values)).unwrap()
}

/// Otherwise an entry could name a value that the other chart does not have.
#[test]
fn every_rule_about_a_value_has_an_example() {
    let rules = objects::parse(&read("deploy/charts/mtk-controller/files/peer-values.yaml"));
    let rules = rules.unwrap().remove(0);
    let examples = examples();
    for chart in ["sealed-secrets", "external-secrets"] {
        let tested: BTreeSet<_> = examples
            .iter()
            .filter(|example| example.chart == chart)
            .map(|example| example.value.as_str())
            .collect();
        for rule in rules[chart].as_array().unwrap() {
            let value = rule["value"].as_str().unwrap();
            assert!(tested.contains(value), "{chart}: {value} has no example");
            let outcomes = ["sets", "refused", "ignored"].map(|name| rule[name].is_string());
            assert_eq!(outcomes.iter().filter(|is_set| **is_set).count(), 1, "{value}");
        }
    }
}

/// Values files as people keep them in git, also with every default of the other chart.
#[test]
fn values_files_of_other_charts_render_in_both_helms() {
    let directory = tempfile::tempdir().unwrap();
    let (mut files, mut expected) = (Vec::new(), 0);
    for file in VALUES_FILES {
        let path = chart::root().join(format!("{PEERS}/values/{file}.yaml"));
        let values = render().values_file(path).api_versions(["monitoring.coreos.com/v1"]);
        let [three, four] = Helm::both().unwrap().map(|helm| {
            let mut objects = helm.template(&values).unwrap();
            objects.sort_by_key(|object| (objects::name(object), object.to_string()));
            objects
        });
        assert_eq!(three, four, "{file}");
        let path = directory.path().join(format!("{file}.yaml"));
        let objects: Vec<_> = four.iter().map(ToString::to_string).collect();
        fs::write(&path, objects.join("\n---\n")).unwrap();
        expected += objects.len() as u64;
        files.push(path);
    }
    let (count, problems) = Kubeconform::new().unwrap().check(37, &files).unwrap();
    assert_eq!((count, problems), (expected, Vec::new()));
}

/// A user then mends the values once.
#[test]
fn all_rejected_values_are_listed_at_once() {
    let values =
        json!({ "createController": false, "hostNetwork": true, "processSecretStore": false });
    for helm in Helm::both().unwrap() {
        let error = helm.template(&render().values(values.clone())).unwrap_err().to_string();
        for name in ["createController: use", "hostNetwork: the Pod", "processSecretStore: the"] {
            assert!(error.contains(&format!("- {name}")), "{error}");
        }
    }
}

/// The tables of docs/compatibility.md name each value, and the flags of `extraArgs`.
#[test]
fn values_of_other_charts_are_documented() {
    let page = read("docs/compatibility.md");
    let (_, sealed) = page.split_once("# Replace Bitnami's controller").unwrap();
    let (external, sealed) = (&page[..page.len() - sealed.len()], sealed);
    for example in examples() {
        let table = if example.chart == "sealed-secrets" { sealed } else { external };
        let value = example.value.trim_start_matches("extraArgs.").to_owned();
        assert!(is_named(table, &value), "{}: {value} is not documented", example.chart);
    }
}

/// The tables of docs/compatibility.md name tests.
#[test]
fn tests_in_the_tables_exist() {
    let page = read("docs/compatibility.md");
    let (_, sealed) = page.split_once("## Replace Bitnami's controller").unwrap();
    let mut sources = String::new();
    for directory in ["controller/src", "sealing/tests", "e2e/tests/suite"] {
        sources += &sources_in(&chart::root().join(directory));
    }
    let mut names = 0;
    let tables = sealed.split("| tested by |").skip(1);
    for line in tables.flat_map(|table| table.lines().skip(2).take_while(|l| l.starts_with('|'))) {
        let last = line.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in last.split('`').skip(1).step_by(2) {
            let is_there = sources.contains(&format!("fn {name}("))
                || sources.contains(&format!("mod {name};"));
            assert!(is_there, "no test {name}: {line}");
            names += 1;
        }
    }
    assert!(names > 15, "{names}");
}

/// The text of all sources below a directory.
fn sources_in(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| {
        if path.is_dir() { sources_in(&path) } else { fs::read_to_string(path).unwrap_or_default() }
    });
    texts.collect()
}

/// Whether the text has the path of a value, or that of a parent: `a.b`, `a.*`, `a.x`, `.b`.
fn is_named(text: &str, value: &str) -> bool {
    let (parent, last) = value.rsplit_once('.').unwrap_or(("", value));
    let mut cells = text.lines().filter(|line| line.starts_with('|'));
    let has = |line: &str, word: &str| line.contains(&format!("`{word}`"));
    cells.any(|line| {
        let first = line.split('|').nth(1).unwrap_or_default();
        let is_sibling = !parent.is_empty()
            && first.contains(&format!("`{parent}."))
            && has(first, &format!(".{last}"));
        let is_below = std::iter::successors(Some(value), |path| Some(path.rsplit_once('.')?.0))
            .any(|path| has(first, &format!("{path}.*")));
        let is_flag = has(first, &format!("--{value}"));
        has(first, value) || is_sibling || is_below || is_flag
    })
}

impl Example {
    /// Names and watched namespaces change what others expect.
    fn goes_with(&self, other: &Self) -> bool {
        // The templates list everything that they reject; the schema stops before that.
        let by_template =
            |example: &Self| example.refused.is_some() && !example.value.contains("ecurityContext");
        if by_template(self) || by_template(other) {
            return by_template(self) && by_template(other) && self.value != other.value;
        }
        let is_simple = |example: &Self| {
            let top = example.value.split('.').next().unwrap_or_default();
            example.sees.is_some() && example.gone.is_none() && !SEPARATE.contains(&top)
        };
        let text = |example: &Self| example.sees.clone().unwrap_or_default();
        let is_distinct = |text: &str, other: &str| !text.contains(other) && !other.contains(text);
        let is_below = |path: &str, other: &str| path.starts_with(&format!("{other}."));
        is_simple(self)
            && is_simple(other)
            && self.base == other.base
            && self.value != other.value
            && !is_below(&self.value, &other.value)
            && !is_below(&other.value, &self.value)
            && is_distinct(&text(self), &text(other))
    }

    /// The problem with the objects, or Helm's error.
    fn problem(&self, result: &Result<Changes, String>, notes: &str) -> Option<String> {
        if let Some(text) = &self.notes {
            let line = format!(" {}: ", self.value);
            let is_noted = notes.lines().any(|l| l.contains(&line) && l.contains(text));
            return (!is_noted).then(|| notes.to_owned());
        }
        match (&self.refused, result) {
            (Some(_), Ok(_)) => return Some("was accepted".to_owned()),
            (Some(text), Err(error)) => {
                let is_named = error.contains(text) && error.contains(last(&self.value));
                return (!is_named).then(|| error.clone());
            }
            (None, Err(error)) => return Some(error.clone()),
            (None, Ok(_)) => {}
        }
        let changes = result.as_ref().ok()?;
        let is_in = |text: &String, objects: &[String]| objects.iter().any(|o| o.contains(text));
        if let Some(text) = &self.sees
            && !is_in(text, &changes.new)
        {
            return Some(format!("no {text} in {:#?}", changes.new));
        }
        let text = self.gone.as_ref()?;
        let is_gone = is_in(text, &changes.old) && !is_in(text, &changes.new);
        (!is_gone).then(|| format!("{text} is not gone"))
    }
}

/// The objects that differ between two sets of values.
struct Changes {
    new: Vec<String>,
    old: Vec<String>,
}

impl Batch {
    fn check(&self, default: &BTreeSet<String>, notes: &str) -> Vec<String> {
        let only_notes = self.examples.iter().all(|example| example.notes.is_some());
        let result = if only_notes {
            Err(String::new())
        } else {
            let rendered = Helm::four().unwrap().template(&render().values(self.values.clone()));
            rendered.map(|objects| self.changes(&objects, default)).map_err(|e| e.to_string())
        };
        let problems = self.examples.iter().filter_map(|example| {
            let problem = example.problem(&result, notes)?;
            Some(format!("{}, {}: {problem}", example.chart, example.value))
        });
        problems.collect()
    }

    fn changes(&self, objects: &[Value], default: &BTreeSet<String>) -> Changes {
        let base = if self.base == json!({}) { default.clone() } else { texts(&self.base) };
        let objects: BTreeSet<_> = objects.iter().map(ToString::to_string).collect();
        Changes {
            new: objects.difference(&base).cloned().collect(),
            old: base.difference(&objects).cloned().collect(),
        }
    }
}

fn merge(values: &mut Value, more: &Value) {
    let Some(fields) = more.as_object().filter(|_| values.is_object()) else {
        *values = more.clone();
        return;
    };
    for (name, value) in fields {
        match values.get_mut(name) {
            Some(old) => merge(old, value),
            None => values[name] = value.clone(),
        }
    }
}

fn examples() -> Vec<Example> {
    ["sealed-secrets", "external-secrets"].into_iter().flat_map(examples_of).collect()
}

fn examples_of(chart: &'static str) -> Vec<Example> {
    let file = format!("{PEERS}/{chart}.yaml");
    let list = objects::parse(&read(file)).unwrap().remove(0);
    let list = list.as_array().unwrap().iter().map(|entry| {
        let text = |name: &str| entry[name].as_str().map(ToOwned::to_owned);
        let base = entry.get("with").cloned().unwrap_or_else(|| json!({}));
        let value = text("value").unwrap();
        let mut values = base.clone();
        let sample = entry["is"].clone();
        set(&mut values, &value, sample.clone());
        let example = Example {
            chart,
            value,
            sample,
            values,
            base,
            sees: text("sees"),
            gone: text("gone"),
            refused: text("refused"),
            notes: text("notes"),
        };
        let expects = [&example.sees, &example.gone, &example.refused, &example.notes];
        assert!(expects.iter().any(|text| text.is_some()), "{entry}");
        example
    });
    list.collect()
}

/// Sets the value at this path.
fn set(values: &mut Value, path: &str, value: Value) {
    let field = path.split('.').fold(values, |values, name| {
        if !values.is_object() {
            *values = Value::Object(Map::new());
        }
        &mut values[name]
    });
    *field = value;
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The objects as text.
fn texts(values: &Value) -> BTreeSet<String> {
    rendered(values.clone()).iter().map(ToString::to_string).collect()
}
