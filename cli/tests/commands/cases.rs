//! Runs the cases in `cases/*.toml` in a sandbox with a copy of `cases/files`.
//!
//! trycmd replaces every backslash in the output with a slash, and no setting turns that off. Where
//! a case expects `/"` or `/n`, the program prints `\\"` or `\\n`; a comment in the case marks
//! these places.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::fake_server;

#[test]
fn command_output_matches_the_cases() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let address = fake_server::start(&kubeconfig);
    let cases = trycmd::TestCases::new();
    // Override the proxy settings of this machine.
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
fn command_output_without_a_cluster_matches_the_cases() {
    trycmd::TestCases::new()
        .env("HOME", "/nonexistent")
        .env("KUBECONFIG", "")
        .case("tests/cases/no-cluster/*.toml");
}

/// Secret values in the inputs of the cases are `hunter2`.
#[test]
fn error_messages_contain_no_value() {
    for path in files(Path::new("tests/cases"), "toml") {
        let text = fs::read_to_string(&path).unwrap();
        let (_, stderr) = text.split_once("\nstderr = ").unwrap();
        assert!(!stderr.contains("hunter2"), "{}", path.display());
    }
}

/// Messages that a case cannot trigger on every machine, and where they are tested instead.
const TESTED_ELSEWHERE: [&str; 35] = [
    // `flow.rs`: the input is too large for a case.
    "the values have {size} bytes",
    // `hostile.rs`: links, large values, and a terminal that is no terminal.
    "leads out of the repository",
    "the value has {size} bytes",
    "no value from the terminal",
    // `sealed_file.rs`, `newest.rs`
    "changed the file in the meantime",
    "cannot seal for the newest of the keys",
    // Only a bug in a library could cause this.
    "cannot render the result:",
    // Needs /dev/full, which not every system has.
    "cannot write to the standard output:",
    // `trust.rs`, `project.rs`, `file.rs`: cases set neither modes nor owners.
    "belongs to another user",
    "is not a regular file",
    "is writable by other users",
    "` {problem}",
    // `record/tests.rs`, `resealing.rs`: warnings about files outside of the sandbox.
    "cannot use `{}`",
    "is not a key of {} bytes",
    "is a link, or of the wrong type",
    "belongs to someone else",
    "other users can read `{}`",
    // `editing.rs`, `edit/buffer.rs`: an editor is a script, and whether memory has files depends on the system.
    "`base64:` is not followed by base64",
    "the editor failed ({0})",
    "cannot run the editor:",
    "a signal ended the editor",
    "no file system in memory",
    "no key opens any of the items",
    "cannot write the text for the editor:",
    // `environments.rs`
    "is outside of the repository",
    // `output/file.rs`
    "it is a symbolic link",
    "no program reads from this pipe",
    // These wait 30 seconds, or need a name in the trust store of the system.
    "no response within {} seconds",
    "does not respond",
    "redirects to plain HTTP",
    "cannot trust the API server",
    // `lint.rs`: a case has no repository of git.
    "did not write the hook",
    "cannot change the hook",
    // `kubeseal/flags.rs`: a case is UTF-8.
    "an argument is not UTF-8",
    // Only if the randomness of the operating system fails.
    "cannot seal `{key}`",
];

#[test]
fn error_messages_appear_in_a_case() {
    let cases: String = files(Path::new("tests/cases"), "toml")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut missing = BTreeSet::new();
    for path in
        files(Path::new("src"), "rs").into_iter().chain(files(Path::new("../sources/src"), "rs"))
    {
        let source = fs::read_to_string(path).unwrap();
        let source = source.split("mod tests {").next().unwrap();
        for message in source.split("#[error(").skip(1).filter_map(literal) {
            let known = TESTED_ELSEWHERE.iter().any(|known| message.contains(known));
            // trycmd replaces backslashes with slashes.
            let message = message.replace('\\', "/");
            if !known && !cases.lines().any(|line| matches(line, &message)) {
                missing.insert(message);
            }
        }
    }
    assert!(missing.is_empty(), "no case shows: {missing:#?}");
}

/// In the documentation and in `--help`.
#[test]
fn shown_commands_of_plan_are_run_by_a_case() {
    let cases = files(Path::new("tests/cases"), "toml");
    let cases: Vec<String> = cases.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let shown = [
        fs::read_to_string("../docs/cli.md").unwrap(),
        fs::read_to_string("tests/cases/plan_help.toml").unwrap(),
    ];
    let lines = shown.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("  "));
    let commands = lines.filter_map(|line| line.split_once("mtk-seal plan").map(|(_, args)| args));
    let commands: Vec<_> = commands.collect();
    assert!(commands.len() > 6, "{commands:?}");
    for command in commands {
        // An explanation follows after two blanks.
        let end = command.find(['|', '>']).or_else(|| command.find("   ")).unwrap_or(command.len());
        let args = command[..end].split_whitespace().map(|arg| format!(", \"{arg}\""));
        let args = format!("args = [\"plan\"{}]\n", args.collect::<String>());
        assert!(cases.iter().any(|case| case.contains(&args)), "no case has {args}");
    }
}

/// The string literal at the start of the source, if any.
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

/// Whether a line contains the words around the placeholders of a message, in order.
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
    // A message that consists of placeholders shows the message of its source.
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
