use serde_json::{Value as Json, json};

use super::*;

impl Policy {
    pub(crate) fn without_allowed_types() -> Self {
        Self {
            namespace: "kube-system".into(),
            key_prefix: "sealed-secrets-key".into(),
            allowed_types: BTreeSet::new(),
        }
    }
}

fn secret(json: Json) -> SecretObject {
    serde_json::from_value(json).unwrap()
}

#[test]
fn flag_allows_a_privileged_type_with_its_annotations() {
    for type_ in DENIED_TYPES {
        let annotations = match type_ {
            TOKEN_TYPE => json!({ "kubernetes.io/service-account.name": "a" }),
            _ => json!({}),
        };
        let metadata = json!({ "namespace": "n", "name": "s", "annotations": annotations });
        let secret = secret(json!({ "type": type_, "metadata": metadata }));
        let policy = Policy::without_allowed_types();
        assert!(policy.check(None, &secret).is_err());
        let policy = Policy { allowed_types: [type_.to_owned()].into(), ..policy };
        assert_eq!(policy.check(Some(&secret), &secret), Ok(()));
    }
}

#[test]
fn label_and_names_of_own_secrets_are_free_in_other_namespaces() {
    let labels = json!({ KEY_LABEL: "active" });
    for name in ["s", "sealed-secrets-key", "sealed-secrets-keyabcde", FINGERPRINT_KEY_SECRET] {
        let at = |namespace: &str| {
            let metadata = json!({ "namespace": namespace, "name": name, "labels": labels });
            secret(json!({ "type": "Opaque", "metadata": metadata }))
        };
        let policy = Policy::without_allowed_types();
        assert_eq!(policy.check(None, &at("n")), Ok(()));
        assert!(policy.check(None, &at("kube-system")).is_err());
        assert!(policy.is_own(&at("kube-system").metadata) && !policy.is_own(&at("n").metadata));
    }
}

/// Templates may put secrets into the name.
#[test]
fn denied_annotation_is_not_quoted() {
    let annotations = json!({ "kubernetes.io/service-account.canary": "canary" });
    let secret = secret(json!({ "metadata": { "name": "s", "annotations": annotations } }));
    for existing in [None, Some(&secret)] {
        let failure = Policy::without_allowed_types().check(existing, &secret).unwrap_err();
        assert!(!failure.message.contains("canary"), "{failure}");
    }
}

#[test]
fn invalid_key_is_refused_without_naming_it() {
    let check = |key: &str| check_keys([key.to_owned()].iter());
    assert!(check("a-B_1.c").is_ok());
    for bad in ["", "a b", "ключ", &"k".repeat(254)] {
        let failure = check(bad).unwrap_err();
        assert!(bad.is_empty() || !failure.message.contains(bad), "{failure}");
    }
}

#[test]
fn invalid_label_is_refused_without_its_value() {
    let check = |value: &str| check_labels(&[("l".to_owned(), value.to_owned())].into());
    for valid in ["", "a", "a-b_c.d", &"x".repeat(63)] {
        assert!(check(valid).is_ok(), "{valid}");
    }
    for bad in ["a b", "-a", "a.", "ü", &"x".repeat(64)] {
        let failure = check(bad).unwrap_err();
        assert_eq!(failure.reason, Reason::TemplateInvalid);
        assert!(!failure.message.contains(bad), "{failure}");
    }
}
