use super::*;

fn problem(text: &str) -> (Option<usize>, YamlProblem) {
    let at = parse(text).err().unwrap();
    (at.line, at.problem)
}

fn texts(text: &str) -> Vec<(String, String, bool)> {
    let documents = parse(text).ok().unwrap();
    documents[0]
        .entries()
        .unwrap()
        .iter()
        .map(|(key, node)| match &node.value {
            Value::Text(text) => (key.as_str().to_owned(), text.to_string(), true),
            Value::Plain(text) => (key.as_str().to_owned(), text.to_string(), false),
            _ => panic!("not a scalar"),
        })
        .collect()
}

#[test]
fn scalars_keep_their_source_text() {
    let found =
        texts("a: 1.50\nb: 0123\nc: yes\nd: 1e3\ne: \"x\\ty\"\nf: !!str 5\ng: |\n  l1\n  l2");
    let expected = [
        ("a", "1.50", false),
        ("b", "0123", false),
        ("c", "yes", false),
        ("d", "1e3", false),
        ("e", "x\ty", true),
        ("f", "5", true),
        ("g", "l1\nl2", true),
    ];
    assert_eq!(found, expected.map(|(k, v, quoted)| (k.to_owned(), v.to_owned(), quoted)));
}

#[test]
fn duplicate_key_error_names_both_lines() {
    let duplicate = YamlProblem::Duplicate { key: "a".to_owned(), first: 1 };
    assert_eq!(problem("a: 1\nb: 2\na: 3\n"), (Some(3), duplicate));
}

#[test]
fn aliases_are_expanded_and_merge_keys_are_rejected() {
    assert_eq!(texts("a: &x v\nb: *x\n")[1], ("b".to_owned(), "v".to_owned(), false));
    assert_eq!(problem("a: &x {k: v}\nb:\n  <<: *x\n"), (Some(3), YamlProblem::MergeKey));
}

#[test]
fn key_without_value_is_null_in_block_and_error_in_flow_style() {
    let documents = parse("a:\nb: ~\n").ok().unwrap();
    assert!(documents[0].entries().unwrap().iter().all(|(_, node)| node.is_null()));
    assert!(matches!(problem("a: {hunter2}\n"), (Some(1), YamlProblem::Syntax(_))));
}

#[test]
fn anchors_end_with_their_document() {
    assert!(matches!(problem("a: &x v\n---\nb: *x\n"), (Some(3), YamlProblem::Syntax(_))));
}

#[test]
fn alias_bomb_is_rejected() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..9 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(",");
        text = format!("{text}a{i}: &a{i} [{aliases}]\n");
    }
    assert_eq!(problem(&text).1, YamlProblem::TooManyNodes);
}

#[test]
fn deep_nesting_is_rejected() {
    let text = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(problem(&text).1, YamlProblem::TooDeep);
    assert!(parse(&"[".repeat(100_000)).is_err());
}

#[test]
fn empty_documents_are_left_out() {
    assert_eq!(parse("---\n---\na: 1\n---\n# nothing\n").ok().unwrap().len(), 1);
}

#[test]
fn errors_do_not_quote_an_unquoted_password() {
    for text in [
        "p: @hunter2",
        "p: `hunter2`",
        "p: *hunter2",
        "p: %hunter2: x",
        "p: 'hunter2",
        "p: {hunter2",
        "p: !hunter2! x",
    ] {
        if let Err(at) = parse(text) {
            assert!(!at.problem.to_string().contains("hunter"), "{text}: {}", at.problem);
        }
    }
}

#[test]
fn tagged_keys_are_strings_or_rejected() {
    assert_eq!(texts("!!str y: v\n")[0].0, "y");
    for key in ["!!int 0123", "!x y", "[a]", "&a [b]"] {
        assert_eq!(
            problem(&format!("a: b\n{key}: v\n")),
            (Some(2), YamlProblem::ComplexKey),
            "{key}"
        );
    }
}
