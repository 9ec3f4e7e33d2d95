use proptest::prelude::*;

use super::*;

fn values(text: &str) -> Vec<(String, String)> {
    let value = |entry: &Entry| String::from_utf8(entry.value.expose().to_vec()).unwrap();
    parse(text).ok().unwrap().iter().map(|entry| (entry.key.clone(), value(entry))).collect()
}

fn value(text: &str) -> String {
    values(text).remove(0).1
}

fn problem(text: &str) -> (usize, DotenvProblem) {
    let at = parse(text).err().unwrap();
    (at.line.unwrap(), at.problem)
}

#[test]
fn export_prefix_and_key_named_export_are_allowed() {
    assert_eq!(
        values("export A=1\nexport\tB=2\nexport=3\n export  C = 4"),
        [
            ("A".to_owned(), "1".to_owned()),
            ("B".to_owned(), "2".to_owned()),
            ("export".to_owned(), "3".to_owned()),
            ("C".to_owned(), "4".to_owned()),
        ]
    );
}

#[test]
fn blanks_around_the_equals_sign_are_dropped() {
    assert_eq!(value(" A \t=\t x y  \n"), "x y");
    assert_eq!(value("A="), "");
    assert_eq!(value("A =  \n"), "");
    assert_eq!(value("A=b=c=="), "b=c==");
}

#[test]
fn hash_after_a_blank_starts_a_comment() {
    assert_eq!(value("# first\n\n  # second\nA=x # comment\n"), "x");
    assert_eq!(value("A=x#y"), "x#y");
    assert_eq!(value("A=#x"), "#x");
    assert_eq!(value("A= #x"), "");
    assert_eq!(value("A=a b\t# c # d"), "a b");
    assert_eq!(value("A='x # y' # z"), "x # y");
    assert_eq!(value("A=\"x # y\"\t#z"), "x # y");
}

#[test]
fn values_are_not_interpolated() {
    for raw in ["pa$$word", "$HOME", "${HOME}", "`id`", "$(id)", "a\\nb", "it's", "a\"b", "100%"] {
        assert_eq!(value(&format!("A={raw}")), raw);
    }
    assert_eq!(value("A=\"$HOME ${HOME}\""), "$HOME ${HOME}");
    assert_eq!(value("A='$HOME\\n'"), "$HOME\\n");
}

#[test]
fn double_quotes_allow_six_escapes_and_reject_others() {
    assert_eq!(value(r#"A="\n\r\t\\\"\$""#), "\n\r\t\\\"$");
    for text in ["A=\"\\x\"", "A=\"\n\\a\"", "A=\"\\\n\"", "A=\"\\'\""] {
        assert_eq!(problem(text).1, DotenvProblem::BadEscape, "{text}");
    }
    assert_eq!(problem("A=\"\n\n\\q\"").0, 3);
}

#[test]
fn quoted_values_span_lines_and_crlf_is_accepted() {
    assert_eq!(
        values("A='1\n2'\nB=\"3\r\n4\"\r\nC=5\r\nD=6\r"),
        [
            ("A".to_owned(), "1\n2".to_owned()),
            ("B".to_owned(), "3\n4".to_owned()),
            ("C".to_owned(), "5".to_owned()),
            ("D".to_owned(), "6".to_owned()),
        ]
    );
}

#[test]
fn errors_carry_the_line() {
    assert_eq!(problem("A=1\nB\n"), (2, DotenvProblem::NoEquals));
    assert_eq!(problem("\n=1"), (2, DotenvProblem::BadKey));
    assert_eq!(problem("A B=1"), (1, DotenvProblem::BadKey));
    assert_eq!(problem("export A B=1"), (1, DotenvProblem::BadKey));
    assert_eq!(
        problem("A='1\n2'\n\nA=3"),
        (4, DotenvProblem::Duplicate { key: "A".to_owned(), first: 1 })
    );
    assert_eq!(problem("A=1\nB='x\ny"), (2, DotenvProblem::Unterminated(Quote::Single)));
    assert_eq!(problem("A=\"x\ny\\\""), (1, DotenvProblem::Unterminated(Quote::Double)));
    assert_eq!(problem("A='x\n'y"), (2, DotenvProblem::AfterQuote(Quote::Single)));
    assert_eq!(problem("A=\"x\"#y"), (1, DotenvProblem::AfterQuote(Quote::Double)));
    assert_eq!(problem("A='it'\\''s'"), (1, DotenvProblem::AfterQuote(Quote::Single)));
}

#[test]
fn carriage_return_alone_is_rejected_with_its_line() {
    for (text, line) in [
        ("A=1\rB=2\rC=3\r", 1),
        ("# c\rA=1\r", 1),
        ("A=1\nB=x\ry\n", 2),
        ("A=1\nB=x\r\r\n", 2),
        ("A='1\n2\r3'", 2),
        ("A=\"1\r2\"", 1),
    ] {
        assert_eq!(problem(text), (line, DotenvProblem::CarriageReturn), "{text:?}");
    }
}

#[test]
fn line_of_base64_is_rejected() {
    let rest = "8KxAyO69QOPvuts3ZmFrZQ";
    for text in [
        format!("A=6UWXLq1/iznyqf0lniVUsseD5XPtpOFi\n{rest}==\n"),
        format!("A=\n{rest}A=\n"),
        format!("A=1\n  {rest}== # c\r\n"),
        "A=6UWXLq1/iznyqf0lniVUsseD5XPtpOFi\nZmE=\n".to_owned(),
    ] {
        assert_eq!(problem(&text), (2, DotenvProblem::Base64), "{text:?}");
    }
    for text in ["TOKEN=6UWXLq1/iznyqf0lniVUsseD5XPtpOFi\nAPIUSER=\n", "A==", "A='='\nB='ZQ=='\n"] {
        assert_eq!(parse(text).is_ok(), text != "A==", "{text:?}");
    }
    assert_eq!(value("A=8KxAyO69QOPvuts3ZmFrZQ=="), "8KxAyO69QOPvuts3ZmFrZQ==");
}

#[test]
fn unquoted_value_that_was_meant_to_go_on_is_rejected() {
    for text in ["A=-Xmx1g \\\n  -Dx=y\n", "A=C:\\dir\\", "A=x\\ # c", "A=\\\r\n"] {
        assert_eq!(problem(text), (1, DotenvProblem::TrailingBackslash), "{text:?}");
    }
    assert_eq!(value("A='C:\\dir\\'"), "C:\\dir\\");
    for text in ["A={\"a\": \"b #c\"}", "A = [1, # one\n", "A={ #"] {
        assert_eq!(problem(text), (1, DotenvProblem::CutByComment), "{text:?}");
    }
    assert_eq!(value("A={\"a\": \"b#c\"} "), "{\"a\": \"b#c\"}");
    assert_eq!(value("A='[1] #'"), "[1] #");
}

fn double_quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\r' => quoted += "\\r",
            '\\' | '"' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

proptest! {
    #[test]
    fn double_quoted_strings_round_trip(text in any::<String>(), more in any::<String>()) {
        let file = format!("A={} # c\nexport B = {}\n", double_quote(&text), double_quote(&more));
        let expected = vec![("A".to_owned(), text), ("B".to_owned(), more)];
        prop_assert_eq!(values(&file), expected);
    }

    #[test]
    fn single_quoted_strings_round_trip(text in "[^'\r]*") {
        prop_assert_eq!(value(&format!("A='{text}'")), text);
    }

    #[test]
    fn arbitrary_input_does_not_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn almost_valid_input_does_not_panic(text in "([AB=#'\"\\\\ \t\r\n$]|export){0,40}") {
        if let Err(at) = parse(&text) {
            prop_assert!((1..=text.matches('\n').count() + 1).contains(&at.line.unwrap()));
        }
    }
}
