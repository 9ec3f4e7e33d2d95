//! Edits files shaped like those in repositories, with real ciphertexts: those of the crate `manifests`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::flow::{VECTORS, output, run};

/// Prints a line of JSON for each file, with all of its documents, as a reader of YAML 1.1 (`PyYAML`) or 1.2
/// (`ruamel.yaml`) sees them. Custom tags and dates become strings.
const PYTHON_READER: &str = "
import json, sys
def tagged(loader, tag, node): return [tag, node.value and str(len(node.value))]
def yaml_1_1():
    import yaml
    class Loader(yaml.SafeLoader): pass
    Loader.add_multi_constructor('!', tagged)
    return lambda text: list(yaml.load_all(text, Loader))
def yaml_1_2():
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor
    class Constructor(SafeConstructor): pass
    Constructor.add_multi_constructor('!', tagged)
    def load(text):
        reader = YAML(typ='safe', pure=True)
        reader.Constructor = Constructor
        return list(reader.load_all(text))
    return load
def json_text(text):
    decoder, documents, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        document, at = decoder.raw_decode(text, at)
        documents.append(document)
    return documents
load = {'1.1': yaml_1_1, '1.2': yaml_1_2}[sys.argv[1]]()
for path in sys.argv[2:]:
    text = open(path, encoding='utf-8-sig', newline='').read()
    documents = (json_text if path.endswith('.json') else load)(text)
    print(json.dumps(documents, sort_keys=True, default=str))
";

struct Corpus {
    directory: tempfile::TempDir,
}

/// An item's place in the corpus, from its placeholder: scope or other name, and key.
fn sealed(certificate: &str, placeholder: &str) -> String {
    let (object, key) = placeholder.split_once(':').unwrap_or(("app", placeholder));
    let (name, scope) = match object {
        "cluster" => ("app", "cluster-wide"),
        "namespace" => ("app", "namespace-wide"),
        name => (name, "strict"),
    };
    let values = format!("{{\"{key}\": \"value of {key}\"}}");
    let args = ["-q", "--cert", certificate, "--name", name, "-n", "web", "--scope", scope];
    let args = [&args[..], &["--no-project-file", "--from", "json", "-o", "json"]].concat();
    let sealed: serde_json::Value =
        serde_json::from_str(&output(Path::new("/"), &args, &values)).unwrap();
    sealed["spec"]["encryptedData"][key].as_str().unwrap().to_owned()
}

impl Corpus {
    fn new(certificate: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut ciphertexts = BTreeMap::new();
        for entry in fs::read_dir("../manifests/tests/files").unwrap() {
            let path = entry.unwrap().path();
            let mut text = String::new();
            for line in fs::read_to_string(&path).unwrap().split_inclusive('\n') {
                text.push_str(&filled(line, certificate, &mut ciphertexts));
            }
            fs::write(directory.path().join(path.file_name().unwrap()), text).unwrap();
        }
        Self { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert_eq!(files.len(), 42);
        files
    }

    fn texts(&self) -> Vec<String> {
        self.files().iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

/// The line with ciphertexts. `@@KEY@@` is folded at 64 characters.
fn filled(line: &str, certificate: &str, known: &mut BTreeMap<String, String>) -> String {
    let mut parts = line.split('@');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let indent = " ".repeat(line.len() - line.trim_start().len());
    let line_break = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
    while let Some(part) = parts.next() {
        let is_folded = part.is_empty();
        let placeholder = if is_folded { parts.next().unwrap() } else { part };
        let ciphertext =
            known.entry(placeholder.to_owned()).or_insert_with(|| sealed(certificate, placeholder));
        let width = if is_folded { 64 } else { ciphertext.len() };
        let chunks: Vec<_> =
            ciphertext.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
        text.push_str(&chunks.join(&format!("{line_break}{indent}")));
        text.push_str(parts.nth(usize::from(is_folded)).unwrap_or_default());
    }
    text
}

/// The arguments that select the items of a file.
fn place(path: &Path) -> Vec<String> {
    let mut args = vec!["--name".to_owned(), "app".to_owned(), "-n".to_owned(), "web".to_owned()];
    if path.to_str().unwrap().contains(".path.") {
        args.extend(["--path".to_owned(), "$.app.secrets.encryptedData".to_owned()]);
    }
    args
}

fn edit(path: &Path, args: &[&str], stdin: &str) {
    let place = place(path);
    let file = path.to_str().unwrap();
    let args: Vec<&str> =
        args.iter().copied().chain([file]).chain(place.iter().map(String::as_str)).collect();
    output(path.parent().unwrap(), &args, stdin);
}

fn certificate(name: &str) -> String {
    format!("{VECTORS}/keys/{name}.crt")
}

fn key(name: &str) -> String {
    format!("{VECTORS}/keys/{name}.key")
}

fn changed_lines<'a>(before: &'a str, after: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let is_in = |lines: &[&str], line: &&str| lines.contains(line);
    let old = before.iter().filter(|line| !is_in(&after, line)).copied().collect();
    let new = after.iter().filter(|line| !is_in(&before, line)).copied().collect();
    (old, new)
}

/// The versions of YAML for which there is an independent reader, and the interpreter that has it: `MTK_PYTHON`,
/// which must have both, or `python3`.
fn readers() -> Vec<(String, &'static str)> {
    let required = std::env::var("MTK_PYTHON").ok();
    let python = required.clone().unwrap_or_else(|| "python3".to_owned());
    let has_it = |module: &str| {
        let status = Command::new(&python).args(["-c", &format!("import {module}")]).output();
        let has_it = status.is_ok_and(|output| output.status.success());
        assert!(has_it || required.is_none(), "MTK_PYTHON={python} cannot import {module}");
        has_it
    };
    let readers = [("yaml", "1.1"), ("ruamel.yaml", "1.2")].into_iter();
    readers
        .filter(|(module, _)| has_it(module))
        .map(|(_, version)| (python.clone(), version))
        .collect()
}

type Items = BTreeMap<String, String>;

/// The data of each file, without the items of SealedSecrets, and these items.
fn data(
    (python, version): &(String, &'static str),
    paths: &[PathBuf],
) -> BTreeMap<PathBuf, (serde_json::Value, Items)> {
    let read =
        Command::new(python).args(["-c", PYTHON_READER, version]).args(paths).output().unwrap();
    let stderr = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{version}: {stderr}");
    let lines = String::from_utf8(read.stdout).unwrap();
    let documents: Vec<_> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), paths.len());
    let split = |mut data| {
        let mut items = Items::new();
        take_items(&mut data, &mut items);
        (data, items)
    };
    paths.iter().cloned().zip(documents.into_iter().map(split)).collect()
}

fn take_items(value: &mut serde_json::Value, items: &mut Items) {
    match value {
        serde_json::Value::Array(list) => list.iter_mut().for_each(|v| take_items(v, items)),
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(found)) = map.get_mut("encryptedData") {
                for (key, value) in std::mem::take(found) {
                    items.insert(key, value.as_str().unwrap().replace('\n', ""));
                }
            }
            map.values_mut().for_each(|v| take_items(v, items));
        }
        _ => {}
    }
}

/// `unseal` reads neither Helm templates nor merge keys.
fn can_be_unsealed(text: &str) -> bool {
    !text.contains("{{-") && !text.contains("<<:")
}

/// The values of all items of the app in a file, by opening it.
fn opened(path: &Path, key_file: &str) -> String {
    let text = fs::read_to_string(path).unwrap();
    // `unseal` would read YAML that starts with a brace as JSON.
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml");
    let text = if is_yaml && text.starts_with('{') { format!("---\n{text}") } else { text };
    let args = ["unseal", "-k", key_file, "--skip-others", "-q", "-o", "json", "-n", "web"];
    output(Path::new("/"), &args, &text)
}

#[test]
fn set_and_unset_change_only_their_item_and_the_data_stays_the_same() {
    let corpus = Corpus::new(&certificate("rsa2048"));
    let certificate = certificate("rsa2048");
    let readers = readers();
    // Templates of Helm are not YAML.
    let is_template = |path: &PathBuf| fs::read_to_string(path).unwrap().contains("{{-");
    let readable: Vec<_> = corpus.files().into_iter().filter(|path| !is_template(path)).collect();
    let before: Vec<_> = readers.iter().map(|reader| data(reader, &readable)).collect();
    for path in corpus.files() {
        set_and_unset(&path, &certificate);
    }
    for (reader, before) in readers.iter().zip(before) {
        let after = data(reader, &readable);
        for (path, was) in before {
            check_items(&path, &was, &after[&path]);
        }
    }
}

fn set_and_unset(path: &Path, certificate: &str) {
    let before = fs::read_to_string(path).unwrap();
    edit(path, &["set", "--cert", certificate, "DB_PASSWORD"], "changed");
    let after = fs::read_to_string(path).unwrap();
    let (old, new) = changed_lines(&before, &after);
    assert!(new.len() <= 8 && old.len() <= 8, "{}: {old:?} {new:?}", path.display());
    edit(path, &["set", "--cert", certificate, "ADDED"], "new");
    if path.ends_with("26-anchors.yaml") {
        // An alias to the token.
        edit(path, &["unset", "COPY"], "");
    }
    edit(path, &["unset", "API_TOKEN"], "");
    edit(path, &["rename", "ADDED", "RENAMED"], "");
}

/// Only the edited items have changed.
fn check_items(path: &Path, was: &(serde_json::Value, Items), is: &(serde_json::Value, Items)) {
    assert_eq!(is.0, was.0, "{}", path.display());
    for (key, value) in &was.1 {
        let is_same = is.1.get(key) == Some(value);
        let several = ["07-two.json", "23-several.yaml"].iter().any(|name| path.ends_with(name));
        let is_edited = ["API_TOKEN", "COPY", "DB_PASSWORD"].contains(&key.as_str());
        assert!(is_same != is_edited || several, "{} {key}", path.display());
    }
    assert!(is.1.contains_key("RENAMED"), "{}", path.display());
}

#[test]
fn merge_sets_many_values_and_keeps_the_rest() {
    let corpus = Corpus::new(&certificate("rsa2048"));
    let values = corpus.path().join("values.env");
    for path in corpus.files() {
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&values, "DB_PASSWORD=merged\nMERGED=too\n").unwrap();
        edit(&path, &["merge", "--cert", &certificate("rsa2048"), values.to_str().unwrap()], "");
        fs::remove_file(&values).unwrap();
        let after = fs::read_to_string(&path).unwrap();
        let (old, new) = changed_lines(&before, &after);
        assert!(new.len() <= 9 && old.len() <= 9, "{}: {old:?} {new:?}", path.display());
        assert!(after.contains("MERGED"), "{}", path.display());
        if can_be_unsealed(&before) && !path.to_str().unwrap().contains(".path.") {
            let opened = opened(&path, &key("rsa2048"));
            // `merged` and `too`
            assert!(opened.contains("bWVyZ2Vk") && opened.contains("dG9v"), "{}", path.display());
        }
    }
}

#[test]
fn re_encrypt_changes_ciphertexts_only_and_leaves_failures_alone() {
    let corpus = Corpus::new(&certificate("rsa2048"));
    let broken = corpus.path().join("00-broken.yaml");
    let text = "kind: SealedSecret\nmetadata: {name: app, namespace: web}\nspec: {encryptedData: {A: AgA}}\n";
    fs::write(&broken, text).unwrap();
    let before: BTreeMap<_, _> = fs::read_dir(corpus.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let (old, new) = (key("rsa2048"), key("rsa3072"));
    let newest = certificate("rsa3072");
    let args = ["re-encrypt", "-k", &old, "-k", &new, "--cert", &newest, "."];
    let first = run(corpus.path(), &args, b"");
    let stderr = String::from_utf8(first.stderr).unwrap();
    // Items with anchors that others use cannot be changed here, and those of `.path.` files belong to no object.
    assert_eq!(first.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("00-broken.yaml") && stderr.contains("26-anchors.yaml"), "{stderr}");
    assert!(stderr.contains("cannot re-encrypt 2 files"), "{stderr}");
    for (path, before) in &before {
        let name = path.file_name().unwrap().to_str().unwrap();
        let after = fs::read_to_string(path).unwrap();
        let is_left =
            ["00-", "26-"].iter().any(|left| name.starts_with(left)) || name.contains(".path.");
        assert_eq!(after == *before, is_left, "{name}");
        if !is_left && can_be_unsealed(before) {
            let was = tempfile::tempdir().unwrap();
            let copy = was.path().join(name);
            fs::write(&copy, before).unwrap();
            assert_eq!(opened(path, &new), opened(&copy, &old), "{name}");
        }
    }
    // A second run has nothing to do.
    let again = run(corpus.path(), &args, b"");
    let stderr = String::from_utf8(again.stderr).unwrap();
    assert!(stderr.contains("re-encrypted 0 items in 0 files"), "{stderr}");
}

#[test]
fn texts_of_the_corpus_are_unchanged_by_a_dry_run() {
    let corpus = Corpus::new(&certificate("rsa2048"));
    let before = corpus.texts();
    for path in corpus.files() {
        edit(&path, &["set", "--dry-run", "--cert", &certificate("rsa2048"), "DB_PASSWORD"], "x");
        edit(&path, &["unset", "--dry-run", "DB_PASSWORD"], "");
    }
    assert_eq!(corpus.texts(), before);
}
