//! Our items, opened by an implementation that shares no code with ours.

use std::{
    env,
    io::Write as _,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealing::{Label, Scope};
use serde_json::json;

use crate::fixtures::{keys, seal};

#[test]
fn independent_implementation_opens_items_only_under_their_label() {
    let Some(python) = python() else { return };
    let wrong = Scope::Strict.label("team", "other");
    let mut input = Vec::new();
    let mut want = Vec::new();
    let mut ask = |pem: &str, label: &Label, ciphertext: &str, answer: String| {
        let label = BASE64_STANDARD.encode(label.as_bytes());
        let line = json!({ "key": pem, "label": label, "ciphertext": ciphertext });
        writeln!(input, "{line}").expect("a Vec takes everything");
        want.push(answer);
    };
    for key in keys() {
        let pem = key.private_key_pem();
        for scope in [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict] {
            let label = scope.label("team", "db");
            for plaintext in [&b""[..], b"p\0ss\r\n", &[0xa5; 16_000]] {
                let item = seal(&key, &label, plaintext);
                ask(&pem, &label, &item, BASE64_STANDARD.encode(plaintext));
                ask(&pem, &wrong, &item, "!".to_owned());
            }
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), want);
}

/// An interpreter with the package `cryptography`: `MTK_PYTHON`, which must have it, else `python3`
/// if it has.
fn python() -> Option<String> {
    let has_it = |python: &str| {
        let mut command = Command::new(python);
        command.args(["-c", "import cryptography"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if let Ok(python) = env::var("MTK_PYTHON") {
        assert!(has_it(&python), "MTK_PYTHON={python} cannot import cryptography");
        return Some(python);
    }
    let python = "python3".to_owned();
    if has_it(&python) {
        return Some(python);
    }
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    {
        eprintln!("skipped: python3 cannot import cryptography, and MTK_PYTHON is not set");
    }
    None
}
