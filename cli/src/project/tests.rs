use super::*;

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn name_found(root: &tempfile::TempDir, start: &str, home: Option<&str>) -> Option<String> {
    let start = root.path().join(start);
    fs::create_dir_all(&start).unwrap();
    let home = home.map(|home| root.path().join(home));
    search(&start, home.as_deref()).unwrap().and_then(|project| project.name)
}

#[test]
fn nearest_file_inside_the_repository_is_found() {
    let root = tree(&[
        (".mtk-seal.yaml", "name: outside"),
        ("repo/.git/HEAD", ""),
        ("repo/.mtk-seal.yaml", "name: repo"),
        ("repo/app/.mtk-seal.yaml", "name: app"),
    ]);
    assert_eq!(name_found(&root, "repo/app/x", None).as_deref(), Some("app"));
    assert_eq!(name_found(&root, "repo/other", None).as_deref(), Some("repo"));
}

#[test]
fn search_stops_at_the_repository_inside_home() {
    let root = tree(&[(".mtk-seal.yaml", "name: home"), ("repo/.git", "gitdir: elsewhere")]);
    assert_eq!(name_found(&root, "repo/app", Some("")), None);
}

#[test]
fn search_without_a_repository_stops_at_home() {
    let root = tree(&[
        (".mtk-seal.yaml", "name: above"),
        ("home/.mtk-seal.yaml", "name: home"),
        ("house/.mtk-seal.yaml", "name: house"),
    ]);
    assert_eq!(name_found(&root, "home/a/b", Some("home")).as_deref(), Some("home"));
    assert_eq!(name_found(&root, "house/a", Some("house")).as_deref(), Some("house"));
    assert_eq!(name_found(&root, "else/a/b", Some("home")).as_deref(), Some("above"));
}

#[test]
fn paths_are_relative_to_the_file() {
    let root = tree(&[(
        ".mtk-seal.yaml",
        "certificate: certs/a.pem\nnamespace: n\nscope: namespace-wide\n",
    )]);
    let project = search(root.path(), None).unwrap().unwrap();
    assert_eq!(
        project.certificate.source,
        Some(Source::CheckedFile(root.path().join("certs/a.pem")))
    );
    assert_eq!(
        (project.namespace.as_deref(), project.scope),
        (Some("n"), Some(Scope::NamespaceWide))
    );
}

#[test]
fn unknown_and_invalid_fields_are_rejected_with_their_line() {
    for (text, cause) in [
        ("name: a\nnamspace: b\n", ":2: the project file has no field `namspace`"),
        ("name: A\n", ":1: a name has"),
        ("namespace: a.b\n", ":1: a namespace has"),
        ("scope: wide\n", ":1: unknown scope"),
        ("certificate: [a]\n", ":1: `certificate` must be a string"),
        ("- a\n", ":1: not a mapping"),
        ("name: a\nname: b\n", ":2: the key `name` is already on line 1"),
        ("name: a\n---\nname: b\n", ": more than one document"),
    ] {
        let root = tree(&[(".mtk-seal.yaml", text)]);
        let error = search(root.path(), None).unwrap_err().to_string();
        assert!(error.contains(cause), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn file_or_link_of_another_user_is_rejected() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give files away; the rule itself is tested in `trust`.
    }
    let other = Some(rustix::fs::Uid::from_raw(12345));
    let root = tree(&[(".mtk-seal.yaml", "name: a")]);
    let path = root.path().join(FILE_NAME);
    rustix::fs::chown(&path, other, None).unwrap();
    assert!(matches!(
        search(root.path(), None),
        Err(ProjectError::Untrusted { problem: Untrusted::OtherOwner(12345), .. })
    ));
    assert_eq!(find_file(&FileChoice::File(path)).unwrap().unwrap().name.as_deref(), Some("a"));

    let linked = tree(&[("mine.yaml", "name: a")]);
    let link = linked.path().join(FILE_NAME);
    std::os::unix::fs::symlink("mine.yaml", &link).unwrap();
    assert!(search(linked.path(), None).unwrap().is_some());
    rustix::fs::chownat(rustix::fs::CWD, &link, other, None, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .unwrap();
    assert!(matches!(
        search(linked.path(), None),
        Err(ProjectError::Untrusted { problem: Untrusted::OtherOwner(12345), .. })
    ));
}

#[cfg(unix)]
#[test]
fn file_that_others_can_write_is_used_only_if_it_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tree(&[(".mtk-seal.yaml", "name: a\ncertificate: a.pem\n")]);
    let path = root.path().join(FILE_NAME);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
    let error = search(root.path(), None).unwrap_err();
    assert!(error.hints().iter().any(|hint| hint.contains("chmod go-w")), "{error}");
    assert!(matches!(
        error,
        ProjectError::Untrusted { problem: Untrusted::WritableByOthers(0o646), .. }
    ));
    let named = find_file(&FileChoice::File(path)).unwrap().unwrap();
    assert_eq!(named.certificate.source, Some(Source::File(root.path().join("a.pem"))));
}

#[test]
fn fingerprint_has_the_form_of_openssh() {
    let pinned = format!("SHA256:{}", "x".repeat(43));
    assert!(is_fingerprint(&pinned));
    for wrong in
        ["", "SHA256:", &pinned[..49], &format!("{pinned}="), &pinned.replace("SHA256", "MD5")]
    {
        assert!(!is_fingerprint(wrong), "{wrong}");
    }
}

#[test]
fn environment_has_the_fields_of_the_file_and_its_own() {
    let pinned = format!("SHA256:{}", "x".repeat(43));
    let text = format!(
        "environments:\n  staging: {{namespace: s, output: out/s.yaml}}\n  production:\n    certificate: p.pem\n    source: p.env\n    scope: cluster-wide\n  plain:\nname: app\nnamespace: n\ncertificate: a.pem\nfingerprint: {pinned}\n"
    );
    let root = tree(&[(".mtk-seal.yaml", &text)]);
    let path = |name: &str| root.path().join(name);
    let project = search(root.path(), None).unwrap().unwrap();
    let staging = project.environment("staging").unwrap();
    assert_eq!((staging.name.as_deref(), staging.namespace.as_deref()), (Some("app"), Some("s")));
    assert_eq!(staging.output, Some(path("out/s.yaml")));
    assert_eq!(staging.certificate.fingerprint, Some(pinned));
    let production = project.environment("production").unwrap();
    assert_eq!(production.certificate.source, Some(Source::CheckedFile(path("p.pem"))));
    assert_eq!(
        (production.certificate.fingerprint, production.source),
        (None, Some(path("p.env")))
    );
    assert_eq!(production.namespace.as_deref(), Some("n"));
    assert_eq!(project.environment("plain").unwrap().certificate, project.certificate);
    let names = |chosen| -> Vec<String> {
        project.clone().environments(&chosen).unwrap().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(Environments::All), ["staging", "production", "plain"]);
    let twice = ["plain", "staging", "plain"].map(str::to_owned).to_vec();
    assert_eq!(names(Environments::Named(twice)), ["plain", "staging"]);
}

#[test]
fn malformed_environment_is_rejected() {
    for (text, cause) in [
        ("environments: a\n", ":1: `environments` must be a mapping"),
        ("environments:\n  a: b\n", ":2: not a mapping of fields"),
        ("environments:\n  A: {}\n", ":2: environment: a name has"),
        (
            "environments:\n  a: {output: ../b}\n",
            ":2: `output` must be a path below the project file",
        ),
        ("environments:\n  a: {source: /etc/shadow}\n", ":2: `source` must be a path below"),
        ("environments:\n  a: {output: ''}\n", ":2: `output` must be a path below"),
        (
            "environments:\n  a: {environments: {}}\n",
            ":2: the project file has no field `environments`",
        ),
        ("output: a\n", ":1: the project file has no field `output`"),
    ] {
        let root = tree(&[(".mtk-seal.yaml", text)]);
        let error = search(root.path(), None).unwrap_err().to_string();
        assert!(error.contains(cause), "{error}");
    }
}
