//! Texts with items replaced and added.

use super::*;
use crate::{input::Input, kubeseal::Others, report::Report};

fn file(text: &str) -> SealedFile {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sealed.yaml");
    std::fs::write(&path, text).unwrap();
    SealedFile::read(&Input::file(&path).ok().unwrap(), Others::Refuse, &Report::new(true))
        .ok()
        .unwrap()
}

/// A text that is long enough to be a ciphertext.
fn ciphertext(name: &str) -> String {
    format!("{name}{}", "x".repeat(80))
}

/// `$A` is a ciphertext.
fn with_ciphertexts(text: &str) -> String {
    ["A", "B", "C", "D"]
        .into_iter()
        .fold(text.to_owned(), |text, name| text.replace(&format!("${name}"), &ciphertext(name)))
}

fn change<'a>(file: &'a SealedFile, at: usize, items: &[(&str, &str)]) -> Change<'a> {
    let items = items.iter().map(|(key, name)| ((*key).to_owned(), ciphertext(name))).collect();
    Change {
        sealed: &file.sealed[at],
        items,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

fn applied(text: &str, file: &SealedFile, change: Change<'_>) -> Result<String, EditError> {
    apply(&Manifest::parse(text).unwrap(), file, &[change])
}

fn changed(text: &str, items: &[(&str, &str)]) -> String {
    let text = with_ciphertexts(text);
    let file = file(&text);
    applied(&text, &file, change(&file, 0, items)).unwrap()
}

const YAML: &str = "\
# who needs it
kind: SealedSecret
metadata: {name: a, namespace: n} # flow
spec:
  encryptedData:
    one: $A # first
    two: \"$B\"   # second

  template: &t
    type: Opaque
";

#[test]
fn comments_order_and_quotes_of_yaml_stay() {
    let result = changed(YAML, &[("one", "C"), ("y", "D"), ("three", "C")]);
    let expected = YAML
        .replace("$A # first\n", "$C # first\n    three: $C\n")
        .replace("# second\n", "# second\n    \"y\": \"$D\"\n");
    assert_eq!(result, with_ciphertexts(&expected));
}

#[test]
fn carriage_returns_stay() {
    let text = YAML.replace('\n', "\r\n");
    let result = changed(&text, &[("two", "C"), ("three", "D")]);
    let expected = text.replace("$B", "$C").replace("# first\r\n", "# first\r\n    three: $D\r\n");
    assert_eq!(result, with_ciphertexts(&expected));
}

#[test]
fn json_keeps_its_layout() {
    let text = "{\"kind\": \"SealedSecret\",\n   \"metadata\": {\"name\": \"a\"},\n \"spec\": {\"encryptedData\": {\n        \"one\": \"$A\",\n        \"two\": \"$B\"\n      }}}";
    let result = changed(text, &[("one", "C"), ("three", "D")]);
    let expected =
        text.replace("$A", "$C").replace("\"two\"", "\"three\": \"$D\",\n        \"two\"");
    assert_eq!(result, with_ciphertexts(&expected));
    let line = "{\"kind\":\"SealedSecret\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"encryptedData\":{\"one\":\"$A\"}}}";
    let result = changed(line, &[("two", "B")]);
    assert_eq!(result, with_ciphertexts(&line.replace("\"$A\"", "\"$A\", \"two\":\"$B\"")));
}

#[test]
fn only_the_named_document_changes() {
    let text = with_ciphertexts(&format!(
        "{YAML}---\n{}",
        YAML.replace("$A", "$C").replace("$B", "$D").replace("name: a", "name: b")
    ));
    let file = file(&text);
    let result = applied(&text, &file, change(&file, 1, &[("three", "E")])).unwrap();
    let second = text.rfind("# first\n").unwrap() + "# first\n".len();
    let expected =
        format!("{}    three: {}\n{}", &text[..second], ciphertext("E"), &text[second..]);
    assert_eq!(result, expected);
}

#[test]
fn folded_ciphertexts_and_flow_style_keep_their_comments() {
    let head = "kind: SealedSecret # k\nmetadata: {name: a}\n";
    for spec in [
        "spec:\n  encryptedData:\n    one: >-\n      aaaa\n      bbbb\n  big: 12345678901234567890123 # b\n",
        "spec: {encryptedData: {one: $A}}\n",
        "spec: {encryptedData: {}} # e\n",
        "spec:\n  encryptedData:\n    one: $A\n    other: $A\n",
    ] {
        let items = [("one", "C"), ("two", "B")];
        let text = format!("{head}{spec}");
        let result = changed(&text, &items);
        assert_eq!(result.matches('#').count(), text.matches('#').count(), "{result}");
        assert_eq!(result.contains("12345678901234567890123"), text.contains("big"), "{result}");
        let again = file(&result);
        for (key, name) in items {
            assert_eq!(again.sealed[0].items[key], ciphertext(name), "{result}");
        }
    }
}

#[test]
fn file_without_a_mapping_for_the_change_is_refused() {
    let text = "kind: SealedSecret\nmetadata: {name: a}\nspec: {}\n";
    let sealed = file(text);
    let problem = applied(text, &sealed, change(&sealed, 0, &[("one", "C")])).unwrap_err().problem;
    assert_eq!(problem, Problem::NoMapping { place: "spec.encryptedData".to_owned() });
    let text = with_ciphertexts(YAML);
    let sealed = file(&text);
    let mut change = change(&sealed, 0, &[("one", "C")]);
    change.labels.insert("app".to_owned(), "web".to_owned());
    let problem = applied(&text, &sealed, change).unwrap_err().problem;
    let place = "$.spec.template.metadata.labels".to_owned();
    assert_eq!(problem, Problem::NoMapping { place });
}

#[test]
fn labels_of_the_template_are_added_to_those_that_it_has() {
    let template = "  template: &t\n    metadata:\n      labels: # l\n        a: b\n";
    let text = with_ciphertexts(&YAML.replace("  template: &t\n", template));
    let file = file(&text);
    let mut change = change(&file, 0, &[("one", "C")]);
    change.labels.insert("app".to_owned(), "web".to_owned());
    let expected = text.replace(&ciphertext("A"), &ciphertext("C"));
    let expected = expected.replace("        a: b\n", "        a: b\n        app: web\n");
    assert_eq!(applied(&text, &file, change).unwrap(), expected);
}
