use super::*;

/// An item of an RSA key of 2048 bits.
fn item() -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let mut bytes = vec![1, 0];
    bytes.resize(2 + 256 + 16, 7);
    BASE64_STANDARD.encode(bytes)
}

fn findings(text: &str) -> Vec<(usize, &'static str)> {
    let text = text.replace("ITEM", &item());
    let mut checked = Checked::new("f", &text);
    check(&mut checked, &text, Some(2048));
    for finding in &checked.findings {
        assert!(!finding.message.contains("hunter2"), "{}", finding.message);
    }
    checked.findings.iter().map(|finding| (finding.line, finding.rule.id())).collect()
}

const HEAD: &str = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n";

#[test]
fn intact_object_has_no_findings() {
    let text = "metadata: {name: a, namespace: b}\nspec:\n  encryptedData:\n    A: ITEM\n  \
                template: {metadata: {name: a, namespace: b}}\n";
    assert_eq!(findings(&format!("{HEAD}{text}")), []);
}

#[test]
fn damaged_items_and_keys_are_found_at_their_lines() {
    let text = "metadata: {name: a}\nspec:\n  encryptedData:\n    A: hunter2\n    B: AgA\n    \
                C: 12\n    \"d e\": ITEM\n    E: AgAAAA==\n";
    assert_eq!(
        findings(&format!("{HEAD}{text}")),
        [
            (6, "damaged-item"),
            (7, "damaged-item"),
            (8, "damaged-item"),
            (9, "invalid-key"),
            (10, "damaged-item")
        ]
    );
}

#[test]
fn item_of_another_size_is_found() {
    let text = format!("{HEAD}metadata: {{name: a}}\nspec: {{encryptedData: {{A: {}}}}}", item());
    let mut checked = Checked::new("f", &text);
    check(&mut checked, &text, Some(4096));
    assert_eq!(checked.findings[0].rule, Rule::KeySize);
}

#[test]
fn contradictions_of_the_metadata_are_found() {
    let text = "metadata:\n  annotations:\n    sealedsecrets.bitnami.com/cluster-wide: \"true\"\n    \
                sealedsecrets.bitnami.com/namespace-wide: \"true\"\nspec:\n  template:\n    metadata:\n      \
                annotations: {sealedsecrets.bitnami.com/namespace-wide: \"true\"}\n";
    assert_eq!(
        findings(&format!("{HEAD}{text}")),
        [(1, "no-name"), (6, "scope"), (10, "template-scope")]
    );
    let text = "metadata:\n  name: a\n  namespace: b\n  annotations:\n    \
                sealedsecrets.bitnami.com/cluster-wide: true\nspec:\n  template:\n    metadata:\n      \
                name: c\n      namespace: d\n";
    assert_eq!(
        findings(&format!("{HEAD}{text}")),
        [(7, "scope"), (11, "template-name"), (12, "template-namespace")]
    );
}

#[test]
fn plaintext_secrets_are_found_in_lists_too() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  data:\n    \
                A: aHVudGVyMg==\n    B: \"\"\n  stringData:\n    C: hunter2\n    D: '{{ .Values.d }}'\n";
    assert_eq!(findings(text), [(7, "plain-secret"), (10, "plain-secret")]);
    assert_eq!(findings("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"), []);
    assert_eq!(findings("apiVersion: example.com/v1\nkind: Secret\ndata: {A: b}\n"), []);
}

#[test]
fn broken_manifest_is_found_if_it_has_a_secret() {
    assert_eq!(findings("kind: Secret\ndata: [\n").len(), 1);
    assert_eq!(findings("kind: Pod\nimagePullSecrets: [\n"), []);
}

#[test]
fn items_of_helm_templates_are_checked() {
    let text = "{{- if .Values.on }}\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  \
                encryptedData:\n    A: hunter2\n    B: ITEM\n{{- end }}\n";
    assert_eq!(findings(&format!("{HEAD}{text}")), [(8, "damaged-item")]);
}
