use super::*;

fn values(text: &str) -> Vec<(String, String)> {
    let value = |entry: &Entry| String::from_utf8(entry.value.expose().to_vec()).unwrap();
    parse(text, DEFAULT_VARIABLE).ok().unwrap().iter().map(|e| (e.key.clone(), value(e))).collect()
}

fn value(expression: &str) -> String {
    values(&format!("app_secrets = {{\n  A = {expression}\n}}\n")).remove(0).1
}

fn problem(text: &str) -> (Option<usize>, TfvarsProblem) {
    let at = parse(text, DEFAULT_VARIABLE).err().unwrap();
    (at.line, at.problem)
}

#[test]
fn numbers_keep_their_source_text() {
    for text in ["1.50", "1e3", "123456789012345678901234567890", "0", "-1.50", "1.0E+10"] {
        assert_eq!(value(text), text);
    }
    assert_eq!(value("true"), "true");
}

#[test]
fn string_escapes_follow_hcl_without_interpolation() {
    assert_eq!(value(r#""a\n\t\"\\\u00e9""#), "a\n\t\"\\é");
    assert_eq!(value(r#""$${x} %%{y} $x 100%""#), "${x} %{y} $x 100%");
    assert_eq!(value(r#""""#), "");
    assert_eq!(value("\"a\" # comment"), "a");
}

#[test]
fn heredocs_are_literals_and_indented_ones_lose_their_indent() {
    assert_eq!(value("<<EOT\n  a \\n\n b\nEOT"), "  a \\n\n b\n");
    assert_eq!(value("<<-EOT\n    a\n      b\n    EOT"), "a\n  b\n");
    assert_eq!(value("<<EOT\n$${x}\nEOT"), "${x}\n");
}

/// Recorded from HCL 2.25.
#[test]
fn heredocs_have_the_text_that_terraform_gives() {
    for (source, text) in [
        ("<<EOT\r\nline1\r\nline2\r\nEOT", "line1\r\nline2\r\n"),
        ("<<-EOT\r\n  line1\r\n    line2\r\n  EOT", "line1\r\n  line2\r\n"),
        ("<<-EOT\r\n  line1\r\n\r\n    line2\r\n  EOT", "line1\r\n\r\n  line2\r\n"),
        ("<<-EOT\r\n  a\r\n \r\n      \r\n    b\r\n  EOT", "a\r\n \r\n      \r\n  b\r\n"),
        ("<<-EOT\n  line1\n\n \n    line2\n  EOT", "line1\n\n \n  line2\n"),
        ("<<-EOT\n   \r\n  x\n  EOT", "   \r\nx\n"),
        ("<<-EOT\n  x\n    \n  EOT", "x\n    \n"),
        ("<<-EOT\n\tline1\n\t\tline2\nEOT", "line1\n\tline2\n"),
        ("<<-EOT\n\u{a0} line1\n  line2\nEOT", "line1\nline2\n"),
        ("<<-EOT\r\n    $${x}\r\n  $${y}\r\n  EOT", "  ${x}\r\n${y}\r\n"),
        ("<<-EOT\r\n  a\\n\r\n   \\t\r\n  EOT", "a\\n\r\n \\t\r\n"),
        ("<<-EOT\n  a $${x\n  b %%{ $$ %% $ %\n EOT", "a ${x\nb %{ $$ %% $ %\n"),
        ("<<-EOT\n  $$$${x}\n  EOT", "$$${x}\n"),
        ("<<EOT\n$${x} %%{y}\n  EOTX\nEOT", "${x} %{y}\n  EOTX\n"),
        ("<<EOT\nEOT", ""),
        ("<<EOT\r\nEOT", ""),
        ("<<-EOT\n  EOT", ""),
        ("<<EOT\nx\n  EOT", "x\n"),
    ] {
        assert_eq!(value(source), text, "{source:?}");
        let file = format!("app_secrets = {{\r\n  A = {source}\r\n  B = 1\r\n}}\r\n");
        assert_eq!(values(&file)[0].1, text, "{source:?}");
    }
}

#[test]
fn line_ends_that_terraform_rejects_are_rejected() {
    for source in ["<<EOT\nx\ry\nEOT", "<<-EOT\nx\r\r\nEOT", "\"x\r\ny\"", "\"x\ny\"", "\"x\ry\""] {
        let (line, _) = problem(&format!("app_secrets = {{\n  A = {source}\n}}\n"));
        assert!(matches!(line, Some(2 | 3)), "{source:?}: {line:?}");
    }
}

#[test]
fn quoted_keys_and_entries_on_one_line_are_read() {
    let entries = values("other = 1\napp_secrets = { A = \"1\", \"B.c\" : \"2\" }");
    assert_eq!(entries, [("A".to_owned(), "1".to_owned()), ("B.c".to_owned(), "2".to_owned())]);
}

#[test]
fn computed_values_are_rejected_by_name() {
    for (expression, found) in [
        ("var.x", "a reference"),
        ("x", "a reference"),
        ("file(\"x\")", "a call of `file`"),
        ("\"a${b}\"", "a string with `${…}` or `%{…}`"),
        ("<<EOT\n${b}\nEOT", "a heredoc with `${…}` or `%{…}`"),
        ("1 + 2", "an operation"),
        ("-x", "an operation"),
        ("(\"a\")", "an expression in parentheses"),
        ("a ? b : c", "a condition"),
        ("[for x in y : x]", "a `for` expression"),
    ] {
        let text = format!("app_secrets = {{\n  B = 1\n  A = {expression}\n}}\n");
        let computed = TfvarsProblem::Computed { key: "A".to_owned(), found: found.to_owned() };
        assert_eq!(problem(&text), (Some(3), computed), "{expression}");
    }
}

#[test]
fn null_lists_and_maps_are_rejected() {
    for (expression, found) in [("null", "null"), ("[1]", "a list"), ("{ B = 1 }", "a map")] {
        let text = format!("app_secrets = {{ A = {expression} }}");
        let expected = TfvarsProblem::NotAString { key: "A".to_owned(), found: found.to_owned() };
        assert_eq!(problem(&text).1, expected);
    }
}

#[test]
fn missing_variable_error_lists_the_maps() {
    let expected = TfvarsProblem::NoVariable {
        wanted: DEFAULT_VARIABLE.to_owned(),
        maps: vec!["one".to_owned(), "two".to_owned()],
    };
    assert_eq!(problem("a = 1\none = {}\ntwo = { A = 1 }\n").1, expected);
    let not_a_map = TfvarsProblem::NotAMap {
        variable: DEFAULT_VARIABLE.to_owned(),
        found: "a list".to_owned(),
    };
    assert_eq!(problem("\napp_secrets = []\n"), (Some(2), not_a_map));
}

#[test]
fn duplicate_keys_are_rejected_in_every_notation() {
    let duplicate = |line| (Some(line), TfvarsProblem::Duplicate("A".to_owned()));
    assert_eq!(problem("app_secrets = {\n  A = 1\n  A = 2\n}\n"), duplicate(3));
    assert_eq!(problem("app_secrets = {\n  A = 1\n  \"A\" = 2\n}\n"), duplicate(3));
    assert_eq!(
        problem("app_secrets = {}\napp_secrets = {}\n").1,
        TfvarsProblem::Duplicate("app_secrets".to_owned())
    );
}

#[test]
fn invalid_and_computed_keys_are_rejected() {
    assert_eq!(problem("app_secrets = { \"a b\" = 1 }").1, TfvarsProblem::BadKey("a b".to_owned()));
    assert!(matches!(problem("app_secrets = { (a) = 1 }").1, TfvarsProblem::ComputedKey(_)));
}

#[test]
fn syntax_error_names_line_without_value() {
    for text in [
        "app_secrets = {\n  A = hunter2 hunter2\n}",
        "app_secrets = {\n  A = \"hunter2\n}",
        "x = {\n  A = \"hunter2\\q\"\n}",
        "x = {\n A = \"\\uhunt\"\n}",
    ] {
        let (line, problem) = problem(text);
        assert!(line.is_some(), "{text:?}");
        assert!(!problem.to_string().contains("hunt"), "{problem}");
    }
}
