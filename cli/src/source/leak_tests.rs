//! No error shows a value: every source is broken in every place, and the words are searched.

use std::path::Path;

use super::*;

/// The value that must not be seen.
const CANARY: &str = "hunter2";

const SOURCES: [(From, &str); 9] = [
    (From::Dotenv, "export A = hunter2 # c\nB='hunter2'\n"),
    (From::Dotenv, "A=\"a\\nhunter2\nb\"\nB=1\n"),
    (From::Tfvars, "app_secrets = {\n  A = \"hunter2\"\n  B = 1\n}\n"),
    (From::Tfvars, "app_secrets = {\n  A = <<EOT\nhunter2\nEOT\n}\n"),
    (From::Json, "{\"A\": \"hunter2\",\n \"B\": [1]}"),
    (From::Yaml, "A: hunter2\nB: 'hunter2'\n"),
    (From::Yaml, "A: |\n  hunter2\nB: &x \"hunter2\"\nC: *x\n"),
    (From::Manifest, "apiVersion: v1\nkind: Secret\nstringData: {A: hunter2}\ndata:\n  B: aGk=\n"),
    (
        From::Manifest,
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"data\": {\"A\": \"hunter2\"}}",
    ),
];

/// Without `?` and `:`, which make keys of values: keys are shown.
const INSERTED: [char; 23] = [
    '"', '\'', '\\', '\n', '\t', ' ', '#', '{', '}', '[', ']', '&', '*', '!', '|', '>', '%', '@',
    ',', '`', '$', '-', '\0',
];

fn assert_no_leak(from: From, text: &str) {
    let reading = Reading { from: Some(from), ..Reading::default() };
    for reading in [reading, Reading::default()] {
        if let Err(error) = parse("input", text, None::<&Path>, &reading) {
            let shown = format!("{error} {error:?} {:?}", error.hints());
            assert!(!shown.contains(CANARY), "{text:?}: {shown}");
        }
    }
}

#[test]
fn no_error_of_a_source_cut_off_anywhere_shows_a_value() {
    for (from, text) in SOURCES {
        for end in 0..text.len() {
            assert_no_leak(from, &text[..end]);
            assert_no_leak(from, &text[end..]);
        }
    }
}

#[test]
fn no_error_of_a_source_with_a_character_more_or_less_shows_a_value() {
    for (from, text) in SOURCES {
        for at in 0..text.len() {
            assert_no_leak(from, &format!("{}{}", &text[..at], &text[at + 1..]));
            for c in INSERTED {
                assert_no_leak(from, &format!("{}{c}{}", &text[..at], &text[at..]));
            }
        }
    }
}

#[test]
fn no_error_of_a_source_read_as_another_shows_a_value() {
    for (_, text) in SOURCES {
        for from in [From::Dotenv, From::Tfvars, From::Json, From::Yaml, From::Manifest] {
            assert_no_leak(from, text);
        }
    }
}
