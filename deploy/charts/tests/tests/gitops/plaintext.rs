//! Plaintext Secrets are stopped by the hook and by CI. `argocd.rs` has the test of the `AppProject`.

use crate::repository::Repository;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\n  namespace: demo\n\
                      stringData:\n  DB_PASSWORD: hunter2\n";
const PLACE: &str = "apps/web/envs/pi/manifests/plain.yaml";

#[test]
fn template_passes_its_own_check() {
    let repository = Repository::new();
    repository.succeed("bin/check", &[]);
    repository.succeed("bin/check", &["--commits", "main"]);
    repository.write("README.md", "changed\n");
    repository.succeed("git", &["add", "--all"]);
    repository.succeed("git", &["commit", "--quiet", "--message", "Pass the hook"]);
}

#[test]
fn hook_refuses_a_commit_with_a_plain_secret() {
    let repository = Repository::new();
    repository.write(PLACE, SECRET);
    repository.succeed("git", &["add", "--all"]);
    // The hook reads what is staged, not the file.
    repository.write(PLACE, "a: b\n");
    let error = repository.fail("git", &["commit", "--message", "Add a password"]);
    assert!(error.contains(&format!("{PLACE}: is a Secret with plaintext")), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!(repository.succeed("git", &["rev-list", "--count", "HEAD"]).trim(), "1");
}

/// Skipping the hook gains nothing, and neither does a later commit that removes the Secret.
#[test]
fn ci_refuses_every_commit_that_has_a_plain_secret() {
    let repository = Repository::new();
    repository.succeed("git", &["tag", "before"]);
    repository.write(PLACE, SECRET);
    repository.commit("Add a password");
    assert!(repository.fail("bin/check", &[]).contains(PLACE));
    repository.succeed("git", &["rm", "--quiet", PLACE]);
    repository.commit("Remove it");
    repository.succeed("bin/check", &[]);
    let error = repository.fail("bin/check", &["--commits", "before..HEAD"]);
    assert!(error.contains(PLACE) && !error.contains("hunter2"), "{error}");
}

#[test]
fn workflow_and_hooks_run_the_check() {
    let template = crate::template();
    let read = |path: &str| std::fs::read_to_string(template.join(path)).unwrap();
    let workflow = read(".github/workflows/check.yaml");
    for line in ["- run: bin/check\n", "- run: bin/check --commits \"$RANGE\"\n"] {
        assert!(workflow.contains(line), "{line}");
    }
    assert!(read("hooks/pre-commit").contains("/bin/check\" --staged"));
    assert!(read(".pre-commit-config.yaml").contains("entry: bin/check --staged"));
}

#[test]
fn check_finds_secrets_in_every_notation() {
    let repository = Repository::new();
    for secret in [
        "{\"kind\":\"Secret\",\"data\":{\"a\":\"YQ==\"}}",
        "{kind: Secret, stringData: {a: b}}",
        "kind: \"Secret\"\ndata: {a: YQ==}",
        "kind : 'Secret'\ndata: {a: YQ==}",
        "kind: !!str Secret\ndata: {a: YQ==}",
        "kind: &k Secret\ndata: {a: YQ==}",
        "x: &k Secret\nkind: *k\ndata: {a: YQ==}",
        "? kind\n: Secret\ndata: {a: YQ==}",
        "kind: >-\n  Secret\ndata: {a: YQ==}",
        "\"\\x6bind\": Secret\ndata: {a: YQ==}",
        "kind: List\nitems:\n- kind: Secret\n  data: {a: YQ==}",
        "kind: ConfigMap\n---\nkind: Secret\ndata: {a: YQ==}",
        "secretGenerator:\n- name: a\n  literals: [a=b]",
        "envSecrets:\n  A: b",
        "kind: HelmRelease\nspec:\n  valuesFrom:\n  - kind: Secret\n    name: a",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA",
    ] {
        repository.write(PLACE, secret);
        repository.succeed("git", &["add", "--all"]);
        let error = repository.fail("bin/check", &["--staged"]);
        assert!(error.contains(PLACE), "{secret}: {error}");
    }
}

#[test]
fn check_accepts_what_only_resembles_a_secret() {
    let repository = Repository::new();
    for harmless in [
        "kind: SecretStore\nmetadata: {name: a}\ndata: {}",
        "kind: Gateway\nspec:\n  tls: {certificateRefs: [{kind: Secret, name: a}]}",
        "envSecrets: {}",
        "# kind: Secret\nkind: ConfigMap\ndata: {a: b}",
    ] {
        repository.write("infrastructure/x.yaml", harmless);
        repository.succeed("git", &["add", "--all"]);
        repository.succeed("bin/check", &["--staged"]);
    }
}

#[test]
fn check_refuses_files_that_hold_plaintext() {
    let repository = Repository::new();
    for path in ["secrets.auto.tfvars", ".env", "apps/web/prod.env", "terraform.tfstate", "a.key"] {
        repository.write(path, "A=b\n");
        repository.succeed("git", &["add", "--force", path]);
        let error = repository.fail("bin/check", &["--staged"]);
        assert!(error.contains(&format!("{path}: files of this kind hold plaintext")), "{error}");
        repository.succeed("git", &["rm", "--quiet", "--force", path]);
    }
}

/// Sealed values are bound to their namespace.
#[test]
fn check_refuses_secrets_in_the_wrong_place() {
    let repository = Repository::new();
    let sealed = "apps/web/envs/pi/manifests/sealed.yaml";
    repository.replace(sealed, "  name: web\n  namespace: demo\n", "  name: web\n  namespace: x\n");
    let error = repository.fail("bin/check", &[]);
    assert!(error.contains("its namespace must be that of env.yaml, demo"), "{error}");
}

#[test]
fn check_refuses_a_certificate_under_another_fingerprint() {
    let repository = Repository::new();
    let list = repository.succeed("git", &["ls-files", "certs"]);
    let path = list.lines().next().unwrap();
    repository.succeed("git", &["mv", path, "certs/pi-0123456789abcdef.pem"]);
    let error = repository.fail("bin/check", &[]);
    assert!(error.contains("the name must end with the certificate's fingerprint"), "{error}");
}
