//! Terraform variables: one map of literals in a `.tfvars` file.
//!
//! Only what stands in the file counts: strings, heredocs, numbers and booleans. Terraform would
//! compute the rest with state that we do not have, so anything computed is refused by name.

use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::parser;
use hcl_edit::structure::Attribute;
use hcl_edit::template::{Element, Template};
use hcl_edit::{Ident, Span};
use sealing::Plaintext;
use zeroize::Zeroizing;

use super::{At, Entry, Problem};
use crate::names;

/// The variable that is read if none is named.
pub(crate) const DEFAULT_VARIABLE: &str = "app_secrets";

/// The values of one map variable, in the order of the file.
pub(crate) fn parse(text: &str, variable: &str) -> Result<Vec<Entry>, At<TfvarsProblem>> {
    let lines = Lines(text);
    let body = parser::parse_body(text).map_err(|error| syntax(text, &error))?;
    let attributes: Vec<&Attribute> = body.attributes().collect();
    let Some(attribute) = attributes.iter().find(|attribute| attribute.key.as_str() == variable)
    else {
        let is_map = |attribute: &&&Attribute| matches!(attribute.value, Expression::Object(_));
        let maps =
            attributes.iter().filter(is_map).map(|attribute| attribute.key.to_string()).collect();
        return Err(At::nowhere(TfvarsProblem::NoVariable { wanted: variable.to_owned(), maps }));
    };
    let Expression::Object(object) = &attribute.value else {
        let found = describe(&attribute.value);
        let problem = TfvarsProblem::NotAMap { variable: variable.to_owned(), found };
        return Err(At::line(lines.of(attribute), problem));
    };
    entries(object, &lines, lines.of(attribute))
}

/// Why the values of a variable cannot be taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TfvarsProblem {
    /// Not HCL. The text is the parser's and names no part of the source.
    #[error("not valid Terraform syntax: {0}")]
    Syntax(String),
    /// No such variable in the file.
    #[error("there is no variable `{wanted}`")]
    NoVariable {
        /// The one that was looked for.
        wanted: String,
        /// Those that would do.
        maps: Vec<String>,
    },
    /// The variable is something else.
    #[error("the variable `{variable}` is {found}, not a map")]
    NotAMap {
        /// Its name.
        variable: String,
        /// What it is.
        found: String,
    },
    /// A value that Terraform would compute.
    #[error("`{key}` is {found}, and only literals and heredocs are read")]
    Computed {
        /// The key.
        key: String,
        /// What it is.
        found: String,
    },
    /// A value that no Secret can hold.
    #[error("`{key}` is {found}, and a Secret holds strings")]
    NotAString {
        /// The key.
        key: String,
        /// What it is.
        found: String,
    },
    /// A key that Terraform would compute.
    #[error("a key that is {0}, and only names and strings are read")]
    ComputedKey(String),
    /// No key of a Secret.
    #[error("`{0}` is not a valid key")]
    BadKey(String),
    /// The same key twice.
    #[error("the key `{0}` is there twice")]
    Duplicate(String),
}

impl Problem for TfvarsProblem {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Syntax(_) => return Vec::new(),
            Self::NoVariable { maps, .. } if maps.is_empty() => {
                "the file has no map variable".to_owned()
            }
            Self::NoVariable { maps, .. } => {
                format!("the maps in it are: {} (`--tfvar NAME` chooses one)", maps.join(", "))
            }
            Self::NotAMap { .. } => "`--tfvar NAME` chooses another variable".to_owned(),
            Self::Computed { .. } => "write the value itself; `$${` is a literal `${`".to_owned(),
            Self::NotAString { .. } => {
                "remove the key, or write a string; `\"\"` is the empty string".to_owned()
            }
            Self::ComputedKey(_) => "write the key's name".to_owned(),
            Self::BadKey(_) => "a key has up to 253 letters, digits, `-`, `_` and `.`".to_owned(),
            Self::Duplicate(_) => "remove one of the two".to_owned(),
        };
        vec![hint]
    }
}

fn entries(
    object: &Object,
    lines: &Lines<'_>,
    default_line: usize,
) -> Result<Vec<Entry>, At<TfvarsProblem>> {
    let mut entries: Vec<Entry> = Vec::new();
    for (key, value) in object {
        let line = value.expr().span().map_or(default_line, |span| lines.at(span.start));
        let at = |problem| At::line(line, problem);
        let key = match key {
            ObjectKey::Ident(ident) => ident.as_str(),
            ObjectKey::Expression(Expression::String(text)) => text.as_str(),
            ObjectKey::Expression(other) => {
                return Err(at(TfvarsProblem::ComputedKey(describe(other))));
            }
        };
        if !names::is_secret_key(key) {
            return Err(at(TfvarsProblem::BadKey(key.to_owned())));
        }
        // `A` and `"A"` are the same key to Terraform, not to the parser.
        if entries.iter().any(|entry| entry.key == key) {
            return Err(at(TfvarsProblem::Duplicate(key.to_owned())));
        }
        let value = literal(value.expr()).map_err(|found| {
            at(match value.expr() {
                Expression::Null(_) | Expression::Array(_) | Expression::Object(_) => {
                    TfvarsProblem::NotAString { key: key.to_owned(), found }
                }
                _ => TfvarsProblem::Computed { key: key.to_owned(), found },
            })
        })?;
        entries.push(Entry {
            key: key.to_owned(),
            value: Plaintext::new(value.as_bytes().to_vec()),
            line,
        });
    }
    Ok(entries)
}

/// The text of a literal, or what the expression is instead.
fn literal(expression: &Expression) -> Result<Zeroizing<String>, String> {
    let text = match expression {
        Expression::String(text) => text.as_str().to_owned(),
        Expression::Bool(value) => value.value().to_string(),
        Expression::Number(number) => match number.as_repr() {
            // `- 1` is a literal too.
            Some(source) => source.replace([' ', '\t'], ""),
            None => return Err(describe(expression)),
        },
        Expression::StringTemplate(template) => {
            return plain_template(template).ok_or_else(|| describe(expression));
        }
        Expression::HeredocTemplate(heredoc) => {
            return plain_template(&heredoc.template).ok_or_else(|| describe(expression));
        }
        other => return Err(describe(other)),
    };
    Ok(Zeroizing::new(text))
}

/// The text of a template without interpolations and directives.
fn plain_template(template: &Template) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    for element in template {
        match element {
            Element::Literal(literal) => text.push_str(literal),
            Element::Interpolation(_) | Element::Directive(_) => return None,
        }
    }
    Some(text)
}

/// What an expression is, in words. Names of functions and variables are code, not secrets.
fn describe(expression: &Expression) -> String {
    match expression {
        Expression::Null(_) => "null".to_owned(),
        Expression::Bool(_) => "a boolean".to_owned(),
        Expression::Number(_) => "a number".to_owned(),
        Expression::String(_) => "a string".to_owned(),
        Expression::Array(_) => "a list".to_owned(),
        Expression::Object(_) => "a map".to_owned(),
        Expression::StringTemplate(_) => "a string with `${…}` or `%{…}`".to_owned(),
        Expression::HeredocTemplate(_) => "a heredoc with `${…}` or `%{…}`".to_owned(),
        Expression::Parenthesis(_) => "an expression in parentheses".to_owned(),
        Expression::Variable(_) | Expression::Traversal(_) => "a reference".to_owned(),
        Expression::Conditional(_) => "a condition".to_owned(),
        Expression::FuncCall(call) => format!("a call of `{}`", call.name.name.as_str()),
        Expression::UnaryOp(_) | Expression::BinaryOp(_) => "an operation".to_owned(),
        Expression::ForExpr(_) => "a `for` expression".to_owned(),
    }
}

fn syntax(text: &str, error: &parser::Error) -> At<TfvarsProblem> {
    let location = error.location();
    let message = error.message();
    if message.contains("redefined") {
        let rest = text.get(location.offset()..).unwrap_or_default().trim_start_matches('"');
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
            .unwrap_or(rest.len());
        return At::line(location.line(), TfvarsProblem::Duplicate(rest[..end].to_owned()));
    }
    At::line(location.line(), TfvarsProblem::Syntax(message.to_owned()))
}

struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn at(&self, offset: usize) -> usize {
        1 + self.0.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count()
    }

    fn of(&self, attribute: &Attribute) -> usize {
        let key: &dyn Span = &attribute.key;
        key.span().map_or(1, |span| self.at(span.start))
    }
}

/// Is this a name that HCL takes for an attribute?
pub(crate) fn is_variable(text: &str) -> bool {
    Ident::try_new(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let value = |entry: &Entry| String::from_utf8(entry.value.expose().to_vec()).unwrap();
        parse(text, DEFAULT_VARIABLE)
            .ok()
            .unwrap()
            .iter()
            .map(|e| (e.key.clone(), value(e)))
            .collect()
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
    fn strings_know_hcl_escapes_and_nothing_is_interpolated() {
        assert_eq!(value(r#""a\n\t\"\\\u00e9""#), "a\n\t\"\\é");
        assert_eq!(value(r#""$${x} %%{y} $x 100%""#), "${x} %{y} $x 100%");
        assert_eq!(value(r#""""#), "");
        assert_eq!(value("\"a\" # comment"), "a");
    }

    #[test]
    fn heredocs_are_literals_and_the_indented_form_loses_its_indent() {
        assert_eq!(value("<<EOT\n  a \\n\n b\nEOT"), "  a \\n\n b\n");
        assert_eq!(value("<<-EOT\n    a\n      b\n    EOT"), "a\n  b\n");
        assert_eq!(value("<<EOT\n$${x}\nEOT"), "${x}\n");
    }

    #[test]
    fn keys_may_be_quoted_and_entries_may_share_a_line() {
        let entries = values("other = 1\napp_secrets = { A = \"1\", \"B.c\" : \"2\" }");
        assert_eq!(entries, [("A".to_owned(), "1".to_owned()), ("B.c".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn whatever_is_computed_is_refused_by_name() {
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
    fn null_lists_and_maps_are_refused() {
        for (expression, found) in [("null", "null"), ("[1]", "a list"), ("{ B = 1 }", "a map")] {
            let text = format!("app_secrets = {{ A = {expression} }}");
            let expected =
                TfvarsProblem::NotAString { key: "A".to_owned(), found: found.to_owned() };
            assert_eq!(problem(&text).1, expected);
        }
    }

    #[test]
    fn a_missing_variable_lists_the_maps_there_are() {
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
    fn a_duplicate_key_is_refused_however_it_is_written() {
        let duplicate = |line| (Some(line), TfvarsProblem::Duplicate("A".to_owned()));
        assert_eq!(problem("app_secrets = {\n  A = 1\n  A = 2\n}\n"), duplicate(3));
        assert_eq!(problem("app_secrets = {\n  A = 1\n  \"A\" = 2\n}\n"), duplicate(3));
        assert_eq!(
            problem("app_secrets = {}\napp_secrets = {}\n").1,
            TfvarsProblem::Duplicate("app_secrets".to_owned())
        );
    }

    #[test]
    fn keys_are_checked_and_never_computed() {
        assert_eq!(
            problem("app_secrets = { \"a b\" = 1 }").1,
            TfvarsProblem::BadKey("a b".to_owned())
        );
        assert!(matches!(problem("app_secrets = { (a) = 1 }").1, TfvarsProblem::ComputedKey(_)));
    }

    #[test]
    fn a_syntax_error_names_the_line_and_no_value() {
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
}
