//! Texts with items replaced and added.

use super::*;
use crate::{input::Input, report::Report};

fn file(text: &str) -> SealedFile {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sealed.yaml");
    std::fs::write(&path, text).unwrap();
    SealedFile::read(&Input::file(&path).ok().unwrap(), &Report::new(true)).ok().unwrap()
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

fn changed(text: &str, items: &[(&str, &str)]) -> Changed {
    let file = file(&with_ciphertexts(text));
    apply(&file, &[change(&file, 0, items)]).ok().unwrap()
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
    let expected =
        YAML.replace("$A", "$C").replace("# second\n", "# second\n    three: $C\n    \"y\": $D\n");
    assert_eq!(result.text, with_ciphertexts(&expected));
    assert!(result.is_minimal);
}

#[test]
fn carriage_returns_stay() {
    let text = YAML.replace('\n', "\r\n");
    let result = changed(&text, &[("two", "C"), ("three", "D")]);
    let expected =
        text.replace("$B", "$C").replace("# second\r\n", "# second\r\n    three: $D\r\n");
    assert_eq!(result.text, with_ciphertexts(&expected));
}

#[test]
fn json_keeps_its_layout() {
    let text = "{\"kind\": \"SealedSecret\",\n   \"metadata\": {\"name\": \"a\"},\n \"spec\": {\"encryptedData\": {\n        \"one\": \"$A\",\n        \"two\": \"$B\"\n      }}}";
    let result = changed(text, &[("one", "C"), ("three", "D")]);
    let expected = text.replace("$A", "$C").replace("\"$B\"", "\"$B\",\n        \"three\": \"$D\"");
    assert_eq!(result.text, with_ciphertexts(&expected));
    let line = "{\"kind\":\"SealedSecret\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"encryptedData\":{\"one\":\"$A\"}}}";
    let result = changed(line, &[("two", "B")]);
    assert_eq!(result.text, with_ciphertexts(&line.replace("\"$A\"", "\"$A\", \"two\": \"$B\"")));
}

#[test]
fn only_the_named_document_changes() {
    let text = with_ciphertexts(&format!(
        "{YAML}---\n{}",
        YAML.replace("$A", "$C").replace("$B", "$D").replace("name: a", "name: b")
    ));
    let file = file(&text);
    let result = apply(&file, &[change(&file, 1, &[("three", "E")])]).ok().unwrap();
    let second = text.rfind("# second\n").unwrap() + "# second\n".len();
    let expected =
        format!("{}    three: {}\n{}", &text[..second], ciphertext("E"), &text[second..]);
    assert_eq!(result.text, expected);
}

#[test]
fn folded_ciphertext_and_flow_style_are_written_again_as_yaml() {
    for text in [
        "kind: SealedSecret\nmetadata: {name: a}\nspec:\n  encryptedData:\n    one: >-\n      aaaa\n      bbbb\n",
        "kind: SealedSecret\nmetadata: {name: a}\nspec: {encryptedData: {one: $A}}\n",
        "kind: SealedSecret\nmetadata: {name: a}\nspec: {encryptedData: {}}\n",
        "kind: SealedSecret\nmetadata: {name: a}\nspec: {}\n",
        // The same ciphertext twice: which one to replace is unclear.
        "kind: SealedSecret\nmetadata: {name: a}\nspec:\n  encryptedData:\n    one: $A\n    other: $A\n",
    ] {
        let items = [("one", "C"), ("two", "B")];
        let result = changed(text, &items);
        assert!(!result.is_minimal, "{text}");
        let again = file(&result.text);
        for (key, name) in items {
            assert_eq!(again.sealed[0].items[key], ciphertext(name), "{}", result.text);
        }
    }
}

#[test]
fn labels_of_the_template_are_added_where_it_has_none() {
    let file = file(&with_ciphertexts(YAML));
    let mut change = change(&file, 0, &[("one", "C")]);
    change.labels.insert("app".to_owned(), "web".to_owned());
    let result = apply(&file, &[change]).ok().unwrap();
    assert!(!result.is_minimal);
    let again = self::file(&result.text);
    let metadata = again.nodes[0].get("spec").unwrap().get("template").unwrap().get("metadata");
    assert_eq!(metadata.unwrap().get("labels").unwrap().get("app").unwrap().as_str(), Some("web"));
    assert_eq!(again.sealed[0].items["one"], ciphertext("C"));
    assert_eq!(again.sealed[0].items["two"], ciphertext("B"));
}
