//! Edits files shaped like those in repositories. Only the lines of the edited item change.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{fs, path::Path as FilePath};

use manifests::{Change, EditError, Manifest, Place, Problem};

const KEY: &str = "DB_PASSWORD";

struct File {
    name: String,
    text: String,
}

impl File {
    fn place(&self, manifest: &Manifest<'_>) -> Place {
        if self.name.contains(".path.") {
            return manifest.at(&"$.app.secrets.encryptedData".parse().unwrap()).unwrap();
        }
        let is_app = |place: &Place| {
            place.identity.as_ref().is_some_and(|own| own.name.as_deref() == Some("app"))
        };
        manifest.sealed_secrets().into_iter().find(is_app).expect(&self.name)
    }

    fn edit(&self, changes: &[Change]) -> Result<String, EditError> {
        let manifest = self.manifest();
        manifest.edit(&self.place(&manifest), changes)
    }

    /// The text without some keys, with others.
    fn edited(&self, changes: &[Change]) -> Self {
        let text = self.edit(changes).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        Self { name: self.name.clone(), text }
    }

    fn items(&self) -> Vec<(String, String)> {
        let manifest = self.manifest();
        let items = manifest.items(&self.place(&manifest)).unwrap();
        let unfolded = |value: String| value.replace(['\r', '\n'], "");
        let mut items: Vec<_> = items.into_iter().map(|i| (i.key, unfolded(i.value))).collect();
        items.sort();
        items
    }

    fn manifest(&self) -> Manifest<'_> {
        Manifest::parse(&self.text)
            .unwrap_or_else(|error| panic!("{}:{:?}: {error}", self.name, error.line))
    }

    fn is_flow(&self) -> bool {
        let is_json = FilePath::new(&self.name).extension().is_some_and(|e| e == "json");
        is_json || self.name.contains("flow") || self.name.contains("json")
    }
}

/// The value of a key in the files.
fn old_value(key: &str) -> String {
    format!("Ag{}old", key.replace(['_', ':', '.'], "")).repeat(20)
}

fn new_value() -> String {
    "AgNEWVALUE".repeat(20)
}

fn set(key: &str) -> Change {
    Change::Set { key: key.to_owned(), value: new_value() }
}

fn remove(key: &str) -> Change {
    Change::Remove { key: key.to_owned() }
}

/// Files with `@KEY@` for the value of a key, and `@@KEY@@` for one that is folded at 64 characters.
fn files() -> Vec<File> {
    let mut paths: Vec<_> =
        fs::read_dir("tests/files").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 42);
    paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            File { name, text: filled(&fs::read_to_string(path).unwrap()) }
        })
        .collect()
}

fn filled(text: &str) -> String {
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut filled = String::new();
    for line in text.split_inclusive('\n') {
        let parts: Vec<_> = line.split('@').collect();
        let indent = " ".repeat(line.len() - line.trim_start().len());
        let mut index = 0;
        while index < parts.len() {
            match parts[index..] {
                ["", key, "", ..] if index % 2 == 1 => {
                    let value = old_value(key);
                    let chunks: Vec<_> = (0..value.len())
                        .step_by(64)
                        .map(|at| &value[at..(at + 64).min(value.len())])
                        .collect();
                    filled.push_str(&chunks.join(&format!("{line_break}{indent}")));
                    index += 3;
                }
                [key, ..] if index % 2 == 1 => {
                    filled.push_str(&old_value(key));
                    index += 1;
                }
                _ => {
                    filled.push_str(parts[index]);
                    index += 1;
                }
            }
        }
    }
    filled
}

/// The lines that differ: those of the old text and those of the new one.
fn difference<'a>(before: &'a str, after: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let before: Vec<_> = before.split_inclusive('\n').collect();
    let after: Vec<_> = after.split_inclusive('\n').collect();
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[same..], &after[same..]);
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    (before[..before.len() - tail].to_vec(), after[..after.len() - tail].to_vec())
}

#[test]
fn new_value_changes_only_the_lines_of_its_item() {
    for file in files() {
        let after = file.edited(&[set(KEY)]);
        let (old, new) = difference(&file.text, &after.text);
        for line in &old {
            let is_own =
                line.contains("DBPASSWORDold") || line.contains(KEY) || line.trim() == "\"";
            assert!(is_own, "{}: {line}", file.name);
        }
        assert!(new.iter().all(|line| line.contains("NEWVALUE")), "{}: {new:?}", file.name);
        let expected: Vec<_> = file
            .items()
            .into_iter()
            .map(|(key, value)| if key == KEY { (key, new_value()) } else { (key, value) })
            .collect();
        assert_eq!(after.items(), expected, "{}", file.name);
    }
}

#[test]
fn new_item_adds_one_line() {
    for file in files() {
        for key in ["DB_ZZZ", "AAA", "zzz"] {
            let after = file.edited(&[set(key)]);
            let (old, new) = difference(&file.text, &after.text);
            let is_last_line = !file.text.ends_with('\n');
            if file.is_flow() || is_last_line {
                assert!(old.len() <= 1 && new.len() <= 2, "{}: {old:?} {new:?}", file.name);
            } else {
                assert!(old.is_empty() && new.len() == 1, "{}: {old:?} {new:?}", file.name);
            }
            let mut expected = file.items();
            expected.push((key.to_owned(), new_value()));
            expected.sort();
            assert_eq!(after.items(), expected, "{}", file.name);
            // Removing it again restores the text.
            assert_eq!(after.edited(&[remove(key)]).text, file.text, "{} {key}", file.name);
        }
    }
}

#[test]
fn removal_removes_only_the_lines_of_its_item() {
    for file in files() {
        let after = file.edited(&[remove(KEY)]);
        let (old, new) = difference(&file.text, &after.text);
        if file.is_flow() {
            assert!(new.len() <= 1, "{}: {new:?}", file.name);
        } else if file.text.ends_with('\n') {
            assert_eq!(new, Vec::<&str>::new(), "{}", file.name);
        }
        for line in old {
            let is_own = line.contains("DBPASSWORDold")
                || line.contains(KEY)
                || line.trim().starts_with('#')
                || line.trim() == "\"";
            assert!(
                is_own || file.is_flow() || !file.text.ends_with('\n'),
                "{}: {line}",
                file.name
            );
        }
        let expected: Vec<_> = file.items().into_iter().filter(|(key, _)| key != KEY).collect();
        assert_eq!(after.items(), expected, "{}", file.name);
    }
}

#[test]
fn renamed_item_keeps_its_value_and_place() {
    for file in files() {
        let rename = Change::Rename { from: KEY.to_owned(), to: "RENAMED".to_owned() };
        let after = file.edited(&[rename]);
        let lines = |text: &str| text.lines().count();
        assert_eq!(lines(&after.text), lines(&file.text), "{}", file.name);
        let (old, _) = difference(&file.text, &after.text);
        assert_eq!(old.len(), 1, "{}", file.name);
        let mut expected = file.items();
        for (key, _) in &mut expected {
            if key == KEY {
                "RENAMED".clone_into(key);
            }
        }
        expected.sort();
        assert_eq!(after.items(), expected, "{}", file.name);
    }
}

#[test]
fn many_changes_at_once_equal_the_same_changes_one_by_one() {
    for file in files() {
        let changes = [set(KEY), set("NEW_1"), set("NEW_2"), set("AAA_1"), set("AAA_2")];
        let at_once = file.edited(&changes);
        let mut stepwise = File { name: file.name.clone(), text: file.text.clone() };
        for change in changes {
            stepwise = stepwise.edited(&[change]);
        }
        assert_eq!(at_once.items(), stepwise.items(), "{}", file.name);
    }
}

#[test]
fn all_items_can_be_removed_and_added_again() {
    for file in files() {
        let keys: Vec<_> = file.items().into_iter().map(|(key, _)| key).collect();
        let removals: Vec<_> = keys.iter().map(|key| remove(key)).collect();
        match file.edit(&removals) {
            Ok(text) => {
                let empty = File { name: file.name.clone(), text };
                assert_eq!(empty.items(), [], "{}", file.name);
                let again = empty.edited(&[set("B"), set("A")]);
                let expected = [("A".to_owned(), new_value()), ("B".to_owned(), new_value())];
                assert_eq!(again.items(), expected, "{}", file.name);
            }
            Err(error) => {
                let known = ["26-anchors.yaml", "27-unused-anchors.yaml", "41-tagged.yaml"];
                assert!(known.contains(&file.name.as_str()), "{}: {error}", file.name);
            }
        }
    }
}

fn problem(text: &str, change: Change) -> Option<Problem> {
    let text = filled(text);
    let manifest = Manifest::parse(&text).unwrap();
    let place = manifest.sealed_secrets().remove(0);
    manifest.edit(&place, &[change]).err().map(|error| error.problem)
}

#[test]
fn edit_that_would_change_another_place_is_refused() {
    let head = "kind: SealedSecret\nmetadata: {name: app, namespace: web}\n";
    let shared = |key: &str| Some(Problem::Shared { key: key.to_owned() });
    let text = format!("{head}spec:\n  encryptedData:\n    A: &a @A@\n    B: *a\n");
    assert_eq!(problem(&text, set("A")), shared("A"));
    assert_eq!(problem(&text, remove("A")), shared("A"));
    assert_eq!(problem(&text, set("B")), None);
    assert_eq!(problem(&text, remove("B")), None);
    let text = format!("{head}x: &items\n  A: @A@\nspec:\n  encryptedData: *items\n");
    let alias = Problem::Alias { key: "encryptedData".to_owned() };
    assert_eq!(problem(&text, set("A")), Some(alias));
    let text = format!("{head}spec:\n  encryptedData: &items\n    A: @A@\nx: *items\n");
    assert_eq!(problem(&text, set("A")), shared("encryptedData"));
    let text = format!("{head}spec: &spec\n  encryptedData:\n    A: @A@\nx: *spec\n");
    assert_eq!(problem(&text, set("A")), shared("encryptedData"));
}

#[test]
fn malformed_places_and_changes_are_errors() {
    let head = "kind: SealedSecret\nmetadata: {name: app, namespace: web}\n";
    let no_mapping = Some(Problem::NoMapping { place: "spec.encryptedData".to_owned() });
    assert_eq!(problem(&format!("{head}spec: {{}}\n"), set("A")), no_mapping);
    assert_eq!(problem(head, set("A")), no_mapping);
    let list = problem(&format!("{head}spec: {{encryptedData: [A]}}\n"), set("A"));
    assert!(matches!(list, Some(Problem::NoMapping { .. })), "{list:?}");
    let text = format!("{head}spec:\n  encryptedData:\n    A: @A@\n    A: @A@\n");
    assert_eq!(problem(&text, set("B")), Some(Problem::Duplicate { key: "A".to_owned() }));
    let spec = "spec:\n  encryptedData:\n    A: @A@\n";
    for (duplicate, text) in [
        ("spec", format!("{head}{spec}{spec}")),
        ("encryptedData", format!("{head}{spec}  encryptedData: {{}}\n")),
        ("metadata", format!("{head}metadata: {{name: other}}\n{spec}")),
        ("name", format!("{}{spec}", head.replace("namespace", "name"))),
        ("a", format!("{}{spec}", head.replace("web", "web, annotations: {a: b, a: c}"))),
    ] {
        let key = duplicate.to_owned();
        assert_eq!(problem(&text, set("A")), Some(Problem::Duplicate { key }), "{text}");
    }
    let text = format!("{head}spec:\n  encryptedData:\n    PASS_WORD: @A@\n    B: {{}}\n");
    let missing =
        Problem::NoItem { key: "PASSWORD".to_owned(), similar: Some("PASS_WORD".to_owned()) };
    assert_eq!(problem(&text, remove("PASSWORD")), Some(missing));
    assert_eq!(problem(&text, set("B")), Some(Problem::NotAString { key: "B".to_owned() }));
    let rename = Change::Rename { from: "B".to_owned(), to: "PASS_WORD".to_owned() };
    assert_eq!(problem(&text, rename), Some(Problem::Exists { key: "PASS_WORD".to_owned() }));
    let hostile = Change::Set { key: "C".to_owned(), value: "x: {y: z".to_owned() };
    assert_eq!(problem(&text, hostile), Some(Problem::Layout { key: "C".to_owned() }));
}

#[test]
fn null_and_empty_mappings_are_filled_in_the_style_around_them() {
    for (before, after) in [
        (
            "spec:\n  encryptedData: {} # none\n  template: {}\n",
            "spec:\n  encryptedData: # none\n    A: @\n  template: {}\n",
        ),
        ("spec:\n  encryptedData:\n", "spec:\n  encryptedData:\n    A: @\n"),
        ("spec:\n    encryptedData: ~", "spec:\n    encryptedData:\n        A: @"),
        ("spec: {encryptedData: {}}\n", "spec: {encryptedData: {A: @}}\n"),
        ("spec: {encryptedData: null}\n", "spec: {encryptedData: {A: @}}\n"),
    ] {
        let head = "kind: SealedSecret\n";
        let text = format!("{head}{before}");
        let manifest = Manifest::parse(&text).unwrap();
        let place = manifest.sealed_secrets().remove(0);
        let edited = manifest.edit(&place, &[set("A")]).unwrap();
        assert_eq!(edited, format!("{head}{}", after.replace('@', &new_value())));
    }
    let text =
        "{\n  \"kind\": \"SealedSecret\",\n  \"spec\": {\n    \"encryptedData\": {}\n  }\n}\n";
    let manifest = Manifest::parse(text).unwrap();
    let edited = manifest.edit(&manifest.sealed_secrets()[0], &[set("A"), set("B")]).unwrap();
    let items = format!("{{\n      \"A\": \"{0}\",\n      \"B\": \"{0}\"\n    }}", new_value());
    assert_eq!(edited, text.replace("{}", &items));
}

#[test]
fn new_item_stays_outside_of_the_blocks_of_a_template() {
    let head = "kind: SealedSecret\nspec:\n  encryptedData:\n";
    for (before, after) in [
        (
            "    A: @\n    {{- if .Values.x }}\n    B: @\n    {{- end }}\n    X: @\n",
            "    A: @\n    {{- if .Values.x }}\n    B: @\n    {{- end }}\n    X: @\n    C: #\n",
        ),
        (
            "    A: @\n    {{- if .Values.x }}\n    B: @\n    {{- end }}\n",
            "    A: @\n    C: #\n    {{- if .Values.x }}\n    B: @\n    {{- end }}\n",
        ),
        (
            "    {{- if .Values.x }}\n    B: @\n    {{- end }}\n",
            "    C: #\n    {{- if .Values.x }}\n    B: @\n    {{- end }}\n",
        ),
    ] {
        let text =
            |part: &str| format!("{head}{}", part.replace('@', "AgA").replace('#', &new_value()));
        let before = text(before);
        let manifest = Manifest::parse(&before).unwrap();
        let edited = manifest.edit(&manifest.sealed_secrets()[0], &[set("C")]).unwrap();
        assert_eq!(edited, text(after));
    }
}

#[test]
fn annotations_of_a_template_make_the_scope_unknown() {
    for (annotations, is_computed) in [
        ("  annotations: {a: b}\n", false),
        ("  {{- if .x }}\n  annotations: {a: b}\n  {{- end }}\n", false),
        ("  annotations:\n    a: {{ .Values.a }}\n", true),
        ("  annotations:\n    {{- toYaml .Values.a | nindent 4 }}\n", true),
        ("  annotations:\n    a: b\n    {{- with .Values.a }}\n    c: d\n    {{- end }}\n", true),
    ] {
        let text = format!("kind: SealedSecret\nmetadata:\n{annotations}  name: app\n");
        let manifest = Manifest::parse(&text).unwrap();
        let identity = manifest.sealed_secrets().remove(0).identity.unwrap();
        assert_eq!(identity.has_computed_scope, is_computed, "{text}");
    }
}

#[test]
fn old_format_and_broken_json_and_ambiguous_path_have_their_own_errors() {
    let text = "kind: SealedSecret\nmetadata: {name: app}\nspec: {data: AgA}\n";
    assert_eq!(problem(text, set("A")), Some(Problem::OldFormat));
    let error = Manifest::parse("{\n  \"kind\": \"SealedSecret\",\n  \"spec\": {\n").err().unwrap();
    assert!(matches!(error.problem, Problem::Syntax { language: "JSON", .. }), "{error:?}");
    let manifest = Manifest::parse("a: {b: {}}\n---\na: {b: {}}\n").unwrap();
    let error = manifest.at(&"$.a.b".parse().unwrap()).err().unwrap();
    assert_eq!(error.problem, Problem::SeveralDocuments { place: "$.a.b".to_owned() });
}
