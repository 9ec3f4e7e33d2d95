use super::*;

fn secret() -> Secret {
    Secret {
        origin: "s.yaml:1".to_owned(),
        data: BTreeMap::from([("k".to_owned(), SecretBytes::new(b"v".to_vec()))]),
        ..Secret::default()
    }
}

fn options(name: &str, namespace: &str) -> TargetOptions {
    TargetOptions {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..TargetOptions::default()
    }
}

fn project() -> Project {
    Project {
        name: Some("from-project".to_owned()),
        namespace: Some("project-ns".to_owned()),
        scope: Some(Scope::NamespaceWide),
        ..Project::default()
    }
}

fn scope_annotation(scope: Scope) -> BTreeMap<String, String> {
    let annotation = scope.annotation().unwrap();
    BTreeMap::from([(annotation.to_owned(), "true".to_owned())])
}

fn error(secret: Secret, options: &TargetOptions) -> TargetError {
    resolve(secret, options, None).err().unwrap()
}

#[test]
fn flags_override_manifests_and_manifests_override_project_file() {
    let project = project();
    let target = resolve(secret(), &options("flag", "flag-ns"), Some(&project)).ok().unwrap();
    assert_eq!((target.name.as_str(), target.namespace.as_deref()), ("flag", Some("flag-ns")));
    let manifest = Secret {
        name: Some("manifest".to_owned()),
        annotations: scope_annotation(Scope::ClusterWide),
        ..secret()
    };
    let target = resolve(manifest, &TargetOptions::default(), Some(&project)).ok().unwrap();
    assert_eq!(
        (target.name.as_str(), target.namespace.as_deref()),
        ("manifest", Some("project-ns"))
    );
    assert_eq!(target.scope, Scope::ClusterWide);
    let target = resolve(secret(), &TargetOptions::default(), Some(&project)).ok().unwrap();
    assert_eq!((target.name.as_str(), target.scope), ("from-project", Scope::NamespaceWide));
}

#[test]
fn flag_that_contradicts_a_manifest_is_an_error() {
    let manifest = || Secret {
        name: Some("a".to_owned()),
        namespace: Some("n".to_owned()),
        annotations: scope_annotation(Scope::NamespaceWide),
        type_: Some("Opaque".to_owned()),
        labels: BTreeMap::from([("l".to_owned(), "1".to_owned())]),
        ..secret()
    };
    assert!(resolve(manifest(), &options("a", "n"), None).is_ok());
    let with = |field: &str| match field {
        "name" => TargetOptions { name: Some("b".to_owned()), ..TargetOptions::default() },
        "namespace" => {
            TargetOptions { namespace: Some("m".to_owned()), ..TargetOptions::default() }
        }
        "scope" => TargetOptions { scope: Some(Scope::Strict), ..TargetOptions::default() },
        "type" => TargetOptions { type_: Some("x".to_owned()), ..TargetOptions::default() },
        _ => TargetOptions {
            labels: BTreeMap::from([("l".to_owned(), "2".to_owned())]),
            ..TargetOptions::default()
        },
    };
    for wrong in ["name", "namespace", "scope", "type", "label"] {
        let TargetError::Contradiction { field, .. } = error(manifest(), &with(wrong)) else {
            panic!("{wrong}");
        };
        assert_eq!(field, wrong);
    }
}

#[test]
fn missing_namespace_is_an_error_unless_the_scope_is_cluster_wide() {
    let named = TargetOptions { name: Some("a".to_owned()), ..TargetOptions::default() };
    assert!(matches!(
        error(secret(), &named),
        TargetError::NoNamespace { scope: Scope::Strict, .. }
    ));
    let namespace_wide = TargetOptions { scope: Some(Scope::NamespaceWide), ..named.clone() };
    assert!(matches!(error(secret(), &namespace_wide), TargetError::NoNamespace { .. }));
    let cluster_wide = TargetOptions { scope: Some(Scope::ClusterWide), ..named };
    assert_eq!(resolve(secret(), &cluster_wide, None).ok().unwrap().namespace, None);
    assert!(matches!(error(secret(), &TargetOptions::default()), TargetError::NoName { .. }));
}

#[test]
fn invalid_name_and_size_are_rejected_before_sealing() {
    let bad =
        Secret { name: Some("Bad_Name".to_owned()), namespace: Some("n".to_owned()), ..secret() };
    assert!(matches!(error(bad, &TargetOptions::default()), TargetError::Invalid { .. }));
    let mut large = secret();
    large.data.insert("l".to_owned(), SecretBytes::new(vec![0; MAX_SECRET_BYTES]));
    assert!(
        matches!(error(large, &options("a", "n")), TargetError::TooLarge { size, .. } if size == MAX_SECRET_BYTES + 1)
    );
    let empty = || Secret { data: BTreeMap::new(), ..secret() };
    assert!(matches!(error(empty(), &options("a", "n")), TargetError::Empty { .. }));
    assert!(
        resolve(empty(), &TargetOptions { allow_empty: true, ..options("a", "n") }, None).is_ok()
    );
}

#[test]
fn two_secrets_of_one_name_are_an_error() {
    let twice = resolve_all(vec![secret(), secret()], &options("a", "n"), None);
    assert!(matches!(twice, Err(TargetError::Duplicate { .. })));
}
