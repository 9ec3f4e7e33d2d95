//! The command's behaviour as data: `cases/*.toml`, run in a sandbox with a copy of `cases/files`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_command_behaves_as_the_cases_say() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let address = support::start(&kubeconfig);
    let cases = trycmd::TestCases::new();
    // Whatever proxy this machine has, the cases' is ours.
    for variable in
        ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
    {
        cases.env(variable, format!("http://{address}"));
    }
    for variable in ["NO_PROXY", "no_proxy"] {
        cases.env(variable, "127.0.0.1,example.invalid");
    }
    cases
        .env("HOME", "/nonexistent")
        .env("KUBECONFIG", kubeconfig.display().to_string())
        .env("COLUMNS", "100")
        .case("tests/cases/*.toml");
}

#[test]
fn without_a_cluster_it_behaves_as_the_cases_say() {
    trycmd::TestCases::new()
        .env("HOME", "/nonexistent")
        .env("KUBECONFIG", "")
        .case("tests/cases/no-cluster/*.toml");
}

/// The inputs of the cases call the values that must stay secret `hunter2`.
#[test]
fn no_case_shows_a_value() {
    for path in files(Path::new("tests/cases"), "toml") {
        let text = fs::read_to_string(&path).unwrap();
        let (_, stderr) = text.split_once("\nstderr = ").unwrap();
        assert!(!stderr.contains("hunter2"), "{}", path.display());
    }
}

/// Messages that no case can bring about on every machine, and where they are proven instead.
const PROVEN_ELSEWHERE: [&str; 10] = [
    // `flow.rs`: a case of that size would be unreadable.
    "the values have {size} bytes in all",
    // Only a defect of a library could show these.
    "cannot render the result:",
    "unknown scope",
    // `output.rs`: /dev/full is not everywhere.
    "cannot write to the standard output:",
    // `project.rs`, as root.
    "belongs to another user",
    // Timeouts of half a minute; TLS needs a name in the system's trust store.
    "no answer in {} seconds",
    "does not answer",
    "leads to plain http",
    "cannot trust the API server",
    // `sealing`: the operating system's randomness fails.
    "cannot seal `{key}`",
];

#[test]
fn every_error_message_is_in_a_case() {
    let cases: String = files(Path::new("tests/cases"), "toml")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut missing = BTreeSet::new();
    for path in files(Path::new("src"), "rs") {
        let source = fs::read_to_string(path).unwrap();
        let source = source.split("mod tests {").next().unwrap();
        for message in source.split("#[error(").skip(1).filter_map(literal) {
            let known = PROVEN_ELSEWHERE.iter().any(|known| message.contains(known));
            // trycmd writes every backslash as a slash, as in paths.
            let message = message.replace('\\', "/");
            if !known && !cases.lines().any(|line| matches(line, &message)) {
                missing.insert(message);
            }
        }
    }
    assert!(missing.is_empty(), "no case shows: {missing:#?}");
}

/// The string that the source goes on with, if it is one.
fn literal(rest: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = rest.trim_start().strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
}

/// Does a line hold the words around a message's placeholders, in their order?
fn matches(line: &str, message: &str) -> bool {
    let message = message.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let words = message
        .split(['{', '}'])
        .step_by(2)
        .map(|word| word.replace('\u{1}', "{").replace('\u{2}', "}"));
    let mut rest = line;
    let mut some = false;
    for word in words.filter(|word| !word.trim().is_empty()) {
        some = true;
        match rest.split_once(word.as_str()) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    // A message of nothing but placeholders shows its source's words.
    some || message.split(['{', '}']).count() > 1
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found
}
