//! No error contains a value. Breaks every source in every place and searches the messages.

use sources::{Input, ReadOptions, SourceError, SourceKind, read};

/// The value that must not appear.
const CANARY: &str = "hunter2";

const SOURCES: [(SourceKind, &str); 12] = [
    (SourceKind::Dotenv, "export A = hunter2 # c\nB='hunter2'\n"),
    (SourceKind::Dotenv, "A=\"a\\nhunter2\nb\"\nB=1\n"),
    (SourceKind::Dotenv, "A=hunter2\rB=1\nC=[hunter2] \\\n"),
    // The whole second line is part of a value.
    (SourceKind::Dotenv, "A=6UWXLq1/iznyqf0lniVUsseD5XPtpOFi\nhunter2AyO69QOPvuts3ZQ==\n"),
    (SourceKind::Tfvars, "app_secrets = {\r\n  A = <<-EOT\r\n  hunter2\r\n  EOT\r\n}\r\n"),
    (SourceKind::Tfvars, "app_secrets = {\n  A = \"hunter2\"\n  B = 1\n}\n"),
    (SourceKind::Tfvars, "app_secrets = {\n  A = <<EOT\nhunter2\nEOT\n}\n"),
    (SourceKind::Json, "{\"A\": \"hunter2\",\n \"B\": [1]}"),
    (SourceKind::Yaml, "A: hunter2\nB: 'hunter2'\n"),
    (SourceKind::Yaml, "A: |\n  hunter2\nB: &x \"hunter2\"\nC: *x\n"),
    (
        SourceKind::Manifest,
        "apiVersion: v1\nkind: Secret\nstringData: {A: hunter2}\ndata:\n  B: aGk=\n",
    ),
    (
        SourceKind::Manifest,
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"data\": {\"A\": \"hunter2\"}}",
    ),
];

/// Without `?` and `:`, because these turn a value into a key, and errors may show keys.
const INSERTED: [char; 23] = [
    '"', '\'', '\\', '\n', '\t', ' ', '#', '{', '}', '[', ']', '&', '*', '!', '|', '>', '%', '@',
    ',', '`', '$', '-', '\0',
];

fn assert_no_leak(kind: SourceKind, text: &str) {
    let forced = ReadOptions { kind: Some(kind), ..ReadOptions::default() };
    for options in [forced, ReadOptions::default()] {
        let input = Input { name: "input", file_name: None, text };
        if let Err(error) = read(&[input], &options) {
            let remedy = match &error {
                SourceError::Malformed { problem, .. } => problem.remedy(),
                _ => None,
            };
            let shown = format!("{error} {error:?} {remedy:?}");
            assert!(!shown.contains(CANARY), "{text:?}: {shown}");
        }
    }
}

#[test]
fn errors_in_truncated_sources_show_no_value() {
    for (kind, text) in SOURCES {
        for end in 0..text.len() {
            assert_no_leak(kind, &text[..end]);
            assert_no_leak(kind, &text[end..]);
        }
    }
}

#[test]
fn errors_in_sources_with_one_edit_show_no_value() {
    for (kind, text) in SOURCES {
        for at in 0..text.len() {
            assert_no_leak(kind, &format!("{}{}", &text[..at], &text[at + 1..]));
            for c in INSERTED {
                assert_no_leak(kind, &format!("{}{c}{}", &text[..at], &text[at..]));
            }
        }
    }
}

#[test]
fn errors_in_sources_of_another_kind_show_no_value() {
    for (_, text) in SOURCES {
        for kind in [
            SourceKind::Dotenv,
            SourceKind::Tfvars,
            SourceKind::Json,
            SourceKind::Yaml,
            SourceKind::Manifest,
        ] {
            assert_no_leak(kind, text);
        }
    }
}
