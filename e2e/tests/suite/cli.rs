//! From `mtk-seal` to the Secret.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use e2e::programs;
use serde_json::{Value, json};

use crate::support::{Kind, data, key_pair, shared, skip};

const DOTENV: &str =
    "SECRET_KEY='a $b \\n'\nexport DB_PASSWORD=\"two\\nlines\" # comment\nEMPTY=\nUTF=ключ\n";

#[tokio::test]
async fn controller_opens_output_of_mtk_seal() {
    let api = shared().api().await;
    let ns = api.namespace("cli-opens").await;
    let flags = |name| ["--namespace", "cli-opens", "--name", name];
    let dotenv = seal("rsa2048", &flags("dotenv"), DOTENV);
    let object = seal("rsa2048", &flags("object"), r#"{"PORT":1.50,"ON":true}"#);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "example.com/t",
        "metadata": { "name": "manifest", "namespace": ns, "labels": { "l": "1" } },
        "stringData": { "A": "1" }, "data": { "A": "Mg==", "B": "Mw==" },
    });
    let scope = ["--scope", "namespace-wide"];
    let manifest = seal("rsa2048", &scope, &secret.to_string());
    for sealed in [&dotenv, &object, &manifest] {
        api.apply(Kind::SealedSecret, sealed).await;
    }
    for (name, values) in [
        ("dotenv", &["DB_PASSWORD=two\nlines", "EMPTY=", "SECRET_KEY=a $b \\n", "UTF=ключ"][..]),
        ("object", &["ON=true", "PORT=1.50"]),
        ("manifest", &["A=1", "B=3"]),
    ] {
        api.wait_ready(&ns, name).await;
        assert_eq!(data(&api.secret(&ns, name).await.unwrap()), values);
    }
    let made = api.secret(&ns, "manifest").await.unwrap();
    assert_eq!(made["type"], "example.com/t");
    assert_eq!(made["metadata"]["labels"], json!({ "l": "1" }));
}

#[test]
fn independent_implementation_opens_output_of_mtk_seal() {
    let Some(python) = python() else { return };
    let mut questions = String::new();
    let mut answers = Vec::new();
    for key in ["rsa2048", "rsa3072", "rsa4096"] {
        for (scope, label) in
            [("strict", "team/db"), ("namespace-wide", "team"), ("cluster-wide", "")]
        {
            let flags = ["--namespace", "team", "--name", "db", "--scope", scope];
            let sealed = seal(key, &flags, "A=hunter2\n");
            let [pem, _] = key_pair(key);
            questions += &json!({
                "key": pem,
                "label": BASE64_STANDARD.encode(label),
                "ciphertext": sealed["spec"]["encryptedData"]["A"],
            })
            .to_string();
            questions.push('\n');
            answers.push(BASE64_STANDARD.encode("hunter2"));
        }
    }
    let script = programs::repository("sealing/tests/independent.py");
    let opened = run(Command::new(python).arg(script), &questions);
    assert_eq!(opened.lines().collect::<Vec<_>>(), answers);
}

/// Runs `mtk-seal` for a test key, without the user's own configuration.
fn seal(key: &str, flags: &[&str], input: &str) -> Value {
    let certificate = programs::repository(&format!("sealing/tests/vectors/keys/{key}.crt"));
    let mut command = Command::new(programs::seal().unwrap());
    command.args(["--no-project-file", "-o", "json", "--cert"]).arg(certificate).args(flags);
    serde_json::from_str(&run(&mut command, input)).unwrap()
}

fn run(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// An interpreter with the package `cryptography`: `MTK_PYTHON`, which must have it, or `python3` if it
/// has it.
fn python() -> Option<String> {
    let has_it = |python: &str| {
        let mut command = Command::new(python);
        command.args(["-c", "import cryptography"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if let Ok(python) = std::env::var("MTK_PYTHON") {
        assert!(has_it(&python), "MTK_PYTHON={python} cannot import cryptography");
        return Some(python);
    }
    if has_it("python3") {
        return Some("python3".to_owned());
    }
    skip("python3 cannot import cryptography, and MTK_PYTHON is not set");
    None
}
