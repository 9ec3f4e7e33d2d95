use super::*;
use crate::yaml;

fn found(text: &str, skip_others: bool) -> ManifestResult<ManifestSecrets> {
    secrets(&yaml::parse(text).ok().unwrap(), skip_others)
}

fn secret(text: &str) -> Secret {
    let mut found = found(text, false).ok().unwrap();
    assert_eq!(found.secrets.len(), 1);
    found.secrets.remove(0).1
}

fn problem(text: &str) -> (Option<usize>, ManifestProblem) {
    let at = found(text, false).err().unwrap();
    (at.line, at.problem)
}

fn with(rest: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\n{rest}")
}

fn value<'a>(secret: &'a Secret, key: &str) -> &'a [u8] {
    secret.data[key].expose()
}

#[test]
fn string_data_overrides_data_in_any_order() {
    let secret = secret(&with("stringData: {a: new}\ndata: {a: b2xk, b: \"aGk=\"}\n"));
    assert_eq!(value(&secret, "a"), b"new");
    assert_eq!(value(&secret, "b"), b"hi");
}

#[test]
fn folded_and_binary_base64_is_decoded() {
    let secret = secret(&with("data:\n  a: |\n    /w\n    ==\n  b: ''\n"));
    assert_eq!(value(&secret, "a"), b"\xff");
    assert_eq!(value(&secret, "b"), b"");
}

#[test]
fn invalid_base64_in_data_is_rejected() {
    for text in ["aGk", "a b=", "_-==", "hello!"] {
        assert_eq!(
            problem(&with(&format!("data: {{k: '{text}'}}"))).1,
            ManifestProblem::NotBase64("k".to_owned())
        );
    }
}

#[test]
fn non_string_in_string_data_is_rejected_with_its_line() {
    for text in ["5432", "yes", "[a]", "{a: b}", "1.5"] {
        let expected = wrong_type("stringData.k", FieldType::String);
        assert_eq!(
            problem(&with(&format!("stringData:\n  k: {text}\n"))),
            (Some(4), expected),
            "{text}"
        );
    }
    assert_eq!(value(&secret(&with("stringData: {k: 2001-01-01}")), "k"), b"2001-01-01");
}

#[test]
fn server_metadata_and_object_copies_are_dropped() {
    let secret = secret(&with(
        "metadata:\n  name: s\n  uid: u\n  resourceVersion: '1'\n  creationTimestamp: null\n  ownerReferences: []\n  managedFields: []\n  finalizers: [x]\n  annotations:\n    keep: me\n    kubectl.kubernetes.io/last-applied-configuration: secret\n    kubecfg.ksonnet.io/last-applied-configuration: secret\n",
    ));
    assert_eq!(secret.annotations, BTreeMap::from([("keep".to_owned(), "me".to_owned())]));
}

#[test]
fn lists_are_expanded() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n- kind: SecretList\n  apiVersion: v1\n  items:\n  - metadata: {name: a}\n";
    assert_eq!(found(text, false).ok().unwrap().secrets.len(), 2);
}

#[test]
fn other_kinds_are_rejected_by_name_unless_skipped() {
    let text = "apiVersion: v1\nkind: Secret\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    assert_eq!(problem(text), (Some(4), ManifestProblem::OtherKind("Deployment `web`".to_owned())));
    let found = found(text, true).ok().unwrap();
    assert_eq!((found.secrets.len(), found.skipped), (1, vec!["Deployment `web`".to_owned()]));
}

#[test]
fn sealed_secret_misspelt_field_and_missing_version_are_rejected() {
    let sealed = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: s}\n";
    assert_eq!(problem(sealed).1, ManifestProblem::Sealed("SealedSecret `s`".to_owned()));
    assert_eq!(
        problem(&with("stringdata: {a: b}")),
        (Some(3), ManifestProblem::UnknownField("stringdata".to_owned()))
    );
    assert_eq!(
        problem(&with("metadata: {label: {}}")).1,
        ManifestProblem::UnknownField("metadata.label".to_owned())
    );
    assert_eq!(problem("kind: Secret\n").1, ManifestProblem::ApiVersion);
    assert_eq!(problem("a: b\n").1, ManifestProblem::NoKind);
}

#[test]
fn label_types_and_keys_are_checked() {
    assert_eq!(
        problem(&with("metadata: {labels: {v: 1}}")).1,
        wrong_type("metadata.labels.v", FieldType::String)
    );
    assert_eq!(problem(&with("data: {'a b': ''}")).1, ManifestProblem::BadKey("a b".to_owned()));
    assert_eq!(
        problem(&with("stringData: {'..': ''}")).1,
        ManifestProblem::BadKey("..".to_owned())
    );
    assert_eq!(problem(&with("immutable: 'true'")).1, wrong_type("immutable", FieldType::Boolean));
}

#[test]
fn missing_value_is_not_reported_as_a_wrong_type() {
    for text in ["", "~", "null"] {
        for field in ["data", "stringData"] {
            let expected = ManifestProblem::NoValue(format!("{field}.k"));
            let text = format!("{field}:\n  a: ''\n  k: {text}\n");
            assert_eq!(problem(&with(&text)), (Some(5), expected.clone()), "{text}");
            assert!(expected.remedy().unwrap().contains("`\"\"`"));
        }
    }
}

#[test]
fn keys_that_kubernetes_reads_otherwise_are_rejected() {
    for key in ["y", "0123", "1e3", "~", "on"] {
        let expected = (Some(5), ManifestProblem::KeyType(key.to_owned()));
        for map in ["stringData", "data"] {
            assert_eq!(problem(&with(&format!("{map}:\n  x: ''\n  {key}: ''\n"))), expected);
        }
        let labels = format!("metadata:\n  labels:\n    {key}: a\n");
        assert_eq!(problem(&with(&labels)), expected);
        let text = format!("{}---\nkind: Other\napiVersion: v1\n{key}: a\n", with(""));
        assert_eq!(found(&text, true).ok().unwrap().skipped, ["Other"]);
    }
    let secret = secret(&with("stringData: {'y': '2', true: '3', 8080: '4'}"));
    assert_eq!(value(&secret, "y"), b"2");
    assert_eq!(value(&secret, "8080"), b"4");
}
