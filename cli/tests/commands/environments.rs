//! Environments of a project file.

use std::{fs, os::unix::fs::symlink, path::Path, process::Output};

use crate::flow::{VECTORS, output, run};

/// The first example of YAML in a section of the documentation.
fn documented() -> String {
    let docs = fs::read_to_string("../docs/project-file.md").unwrap();
    let example = docs.split("\n## Environments\n").nth(1).unwrap();
    example.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// The commands below the example that need no file in the repository but those of the example.
fn documented_commands() -> Vec<String> {
    let docs = fs::read_to_string("../docs/project-file.md").unwrap();
    let section = docs.split("\n## Environments\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let commands = section.lines().filter_map(|line| line.strip_prefix("    mtk-seal "));
    commands.map(str::to_owned).collect()
}

/// A repository with the project file of the documentation.
fn repository() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for path in [".git", "certificates", "secrets", "deploy/staging", "deploy/production"] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    fs::write(root.join(".mtk-seal.yaml"), documented()).unwrap();
    for (name, key) in [("staging", "rsa2048"), ("production", "rsa3072")] {
        let certificate = format!("{VECTORS}/keys/{key}.crt");
        fs::copy(certificate, root.join(format!("certificates/{name}.crt"))).unwrap();
        fs::write(root.join(format!("secrets/{name}.env")), format!("NAME=hunter2-{name}\n"))
            .unwrap();
    }
    fs::write(root.join("common.env"), "NAME=common\n").unwrap();
    directory
}

fn sealed_path(environment: &str) -> String {
    format!("deploy/{environment}/sealed.yaml")
}

/// The Secret in the file of an environment.
fn opened(root: &Path, environment: &str) -> serde_json::Value {
    let key = if environment == "staging" { "rsa2048" } else { "rsa3072" };
    let key = format!("{VECTORS}/keys/{key}.key");
    let path = sealed_path(environment);
    let args = ["unseal", "--key", &key, "-o", "json", &path];
    serde_json::from_str(&output(root, &args, "")).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn example_of_the_documentation_seals_for_each_environment() {
    let repository = repository();
    let root = repository.path();
    let all = run(root, &["--all-envs"], b"");
    assert_eq!(all.status.code(), Some(0), "{}", stderr(&all));
    assert!(stderr(&all).contains("note: sealed for staging, production\n"), "{}", stderr(&all));
    for (name, namespace, value) in [
        ("staging", "web-staging", "aHVudGVyMi1zdGFnaW5n"),
        ("production", "web", "aHVudGVyMi1wcm9kdWN0aW9u"),
    ] {
        let secret = opened(root, name);
        assert_eq!(secret["metadata"]["namespace"], namespace);
        assert_eq!(secret["data"]["NAME"], value);
    }
    let text = fs::read_to_string(root.join(sealed_path("production"))).unwrap();
    assert!(text.contains("sealedsecrets.bitnami.com/namespace-wide: \"true\""), "{text}");
    // From a directory below, the paths are those of the project file.
    assert_eq!(run(&root.join("deploy"), &["--all-envs"], b"").status.code(), Some(0));
}

#[test]
fn commands_of_the_documentation_work() {
    let repository = repository();
    let commands = documented_commands();
    assert_eq!(commands.len(), 4, "{commands:?}");
    for command in commands {
        let args: Vec<&str> = command.split_whitespace().collect();
        let output = run(repository.path(), &args, b"value");
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
    }
    // `set` has used the certificate of its environment.
    let secret = opened(repository.path(), "production");
    assert_eq!(secret["data"]["DB_PASSWORD"], "dmFsdWU=");
    assert_eq!(secret["data"]["NAME"], "Y29tbW9u");
}

#[test]
fn failed_environment_leaves_its_file_and_the_others_are_done() {
    let repository = repository();
    let root = repository.path();
    fs::write(root.join(sealed_path("staging")), "old").unwrap();
    fs::write(root.join("secrets/staging.env"), "hunter2\n").unwrap();
    let failed = run(root, &["--all-envs"], b"");
    assert_eq!(failed.status.code(), Some(3), "{}", stderr(&failed));
    assert!(stderr(&failed).contains("note: sealed for production\n"), "{}", stderr(&failed));
    assert!(stderr(&failed).contains("error: 1 of 2 environments failed\n  staging: "));
    assert!(!stderr(&failed).contains("hunter2"), "{}", stderr(&failed));
    assert_eq!(fs::read_to_string(root.join(sealed_path("staging"))).unwrap(), "old");
    assert_eq!(opened(root, "production")["metadata"]["namespace"], "web");

    let certificate = root.join("certificates/production.crt");
    fs::remove_file(certificate).unwrap();
    let both = run(root, &["--all-envs"], b"");
    assert_eq!(both.status.code(), Some(1), "{}", stderr(&both));
    assert!(stderr(&both).contains("2 of 2 environments failed"), "{}", stderr(&both));
    let one = run(root, &["--env", "staging"], b"");
    assert!(stderr(&one).contains("error: environment staging: "), "{}", stderr(&one));
}

#[test]
fn link_out_of_the_repository_is_not_followed() {
    let repository = repository();
    let outside = tempfile::tempdir().unwrap();
    let root = repository.path();
    let target = outside.path().join("target");
    fs::write(&target, "NAME=hunter2\n").unwrap();
    symlink(&target, root.join(sealed_path("staging"))).unwrap();
    fs::remove_file(root.join("secrets/production.env")).unwrap();
    symlink(&target, root.join("secrets/production.env")).unwrap();
    let refused = run(root, &["--all-envs"], b"");
    assert_eq!(refused.status.code(), Some(7), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("deploy/staging/sealed.yaml` is outside of the repository"));
    assert!(stderr(&refused).contains("secrets/production.env` is outside of the repository"));
    assert_eq!(fs::read_to_string(target).unwrap(), "NAME=hunter2\n");
    assert!(!root.join(sealed_path("production")).exists());
}

#[test]
fn values_of_the_standard_input_are_read_once() {
    let repository = repository();
    let root = repository.path();
    let values = run(root, &["--all-envs", "-"], b"NAME=hunter2\n");
    assert_eq!(values.status.code(), Some(0), "{}", stderr(&values));
    for name in ["staging", "production"] {
        assert_eq!(opened(root, name)["data"]["NAME"], "aHVudGVyMg==");
    }
}
