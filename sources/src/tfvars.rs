//! Terraform variables: one map of literals in a `.tfvars` file.
//!
//! Strings, heredocs, numbers and booleans are read. Terraform computes everything else from state
//! that is not available here, so other expressions are errors.

use hcl_edit::{
    Ident, Span,
    expr::{Expression, Object, ObjectKey},
    parser,
    structure::Attribute,
    template::{Element, Template},
};
use zeroize::Zeroizing;

use crate::{
    entry::Entry,
    key::{KEY_RULE, is_secret_key},
    located::Located,
    secret_bytes::SecretBytes,
};

mod heredoc;

/// The variable that is read by default.
pub(crate) const DEFAULT_VARIABLE: &str = "app_secrets";

/// The values of one map variable, in the order of the file.
pub(crate) fn parse(text: &str, variable: &str) -> Result<Vec<Entry>, Located<TfvarsProblem>> {
    let lines = Lines(text);
    let body = parser::parse_body(text).map_err(|error| syntax(text, &error))?;
    let attributes: Vec<&Attribute> = body.attributes().collect();
    let Some(attribute) = attributes.iter().find(|attribute| attribute.key.as_str() == variable)
    else {
        let is_map = |attribute: &&&Attribute| matches!(attribute.value, Expression::Object(_));
        let maps =
            attributes.iter().filter(is_map).map(|attribute| attribute.key.to_string()).collect();
        return Err(Located::whole_text(TfvarsProblem::NoVariable {
            wanted: variable.to_owned(),
            maps,
        }));
    };
    let Expression::Object(object) = &attribute.value else {
        let found = describe(&attribute.value);
        let problem = TfvarsProblem::NotAMap { variable: variable.to_owned(), found };
        return Err(Located::at_line(lines.of_attribute(attribute), problem));
    };
    entries(object, &lines, lines.of_attribute(attribute))
}

/// Why the values of a variable cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TfvarsProblem {
    /// The text is not HCL. The message comes from the parser and quotes no part of the source.
    #[error("not valid Terraform syntax: {0}")]
    Syntax(String),
    /// The file does not set the variable.
    #[error("variable `{wanted}` not found")]
    NoVariable {
        /// The wanted variable.
        wanted: String,
        /// The variables of the file that are maps.
        maps: Vec<String>,
    },
    /// The variable is not a map.
    #[error("the variable `{variable}` is {found}, not a map")]
    NotAMap {
        /// The name of the variable.
        variable: String,
        /// Its type.
        found: String,
    },
    /// A string or heredoc with a line end that Terraform rejects.
    #[error(
        "not valid Terraform syntax: a line end inside quotes, or a carriage return without a line feed"
    )]
    LineEnd,
    /// A value that Terraform would compute.
    #[error("`{key}` is {found}, but only literals and heredocs are supported")]
    Computed {
        /// The key.
        key: String,
        /// The kind of expression.
        found: String,
    },
    /// A value that is not a string.
    #[error("`{key}` is {found}, but a Secret can only contain strings")]
    NotAString {
        /// The key.
        key: String,
        /// The kind of expression.
        found: String,
    },
    /// A key that Terraform would compute.
    #[error("a key is {0}, but only names and strings are supported")]
    ComputedKey(String),
    /// A key that Kubernetes does not accept in a Secret.
    #[error("`{0}` is not a valid key")]
    BadKey(String),
    /// A key or variable is set twice.
    #[error("`{0}` is set twice")]
    Duplicate(String),
}

impl TfvarsProblem {
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoVariable { maps, .. } if maps.is_empty() => "the file has no map variable",
            Self::NoVariable { .. } | Self::NotAMap { .. } | Self::Syntax(_) => return None,
            Self::LineEnd => "write `\\n` and `\\r` in quotes, or use a heredoc",
            Self::Computed { .. } => "write the value itself; `$${` is a literal `${`",
            Self::NotAString { .. } => {
                "remove the key, or write a string; `\"\"` is the empty string"
            }
            Self::ComputedKey(_) => "write the name of the key",
            Self::BadKey(_) => KEY_RULE,
            Self::Duplicate(_) => "remove one of the two",
        })
    }
}

fn entries(
    object: &Object,
    lines: &Lines<'_>,
    default_line: usize,
) -> Result<Vec<Entry>, Located<TfvarsProblem>> {
    let mut entries: Vec<Entry> = Vec::new();
    for (key, value) in object {
        let line = value.expr().span().map_or(default_line, |span| lines.at(span.start));
        let at = |problem| Located::at_line(line, problem);
        let key = match key {
            ObjectKey::Ident(ident) => ident.as_str(),
            ObjectKey::Expression(Expression::String(text)) => text.as_str(),
            ObjectKey::Expression(other) => {
                return Err(at(TfvarsProblem::ComputedKey(describe(other))));
            }
        };
        if !is_secret_key(key) {
            return Err(at(TfvarsProblem::BadKey(key.to_owned())));
        }
        // Terraform treats `A` and `"A"` as the same key; the parser does not.
        if entries.iter().any(|entry| entry.key == key) {
            return Err(at(TfvarsProblem::Duplicate(key.to_owned())));
        }
        if !is_terraform(value.expr(), lines.0) {
            return Err(at(TfvarsProblem::LineEnd));
        }
        let value = literal(value.expr(), lines.0).map_err(|found| {
            at(match value.expr() {
                Expression::Null(_) | Expression::Array(_) | Expression::Object(_) => {
                    TfvarsProblem::NotAString { key: key.to_owned(), found }
                }
                _ => TfvarsProblem::Computed { key: key.to_owned(), found },
            })
        })?;
        entries.push(Entry {
            key: key.to_owned(),
            value: SecretBytes::new(value.as_bytes().to_vec()),
            line,
        });
    }
    Ok(entries)
}

/// Whether Terraform accepts the line ends in a string or heredoc. The parser accepts more.
fn is_terraform(expression: &Expression, source: &str) -> bool {
    let text = expression.span().and_then(|span| source.get(span)).unwrap_or_default();
    match expression {
        Expression::String(_) | Expression::StringTemplate(_) => !text.contains(['\r', '\n']),
        Expression::HeredocTemplate(heredoc) => !heredoc::source(heredoc, source)
            .is_none_or(|text| text.replace("\r\n", "").contains('\r')),
        _ => true,
    }
}

/// The text of a literal, or the kind of any other expression.
fn literal(expression: &Expression, source: &str) -> Result<Zeroizing<String>, String> {
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
            return heredoc::text(heredoc, source).ok_or_else(|| describe(expression));
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

/// The kind of an expression. Names of functions are code, not secrets.
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

fn syntax(text: &str, error: &parser::Error) -> Located<TfvarsProblem> {
    let location = error.location();
    let message = error.message();
    if message.contains("redefined") {
        let rest = text.get(location.offset()..).unwrap_or_default().trim_start_matches('"');
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
            .unwrap_or(rest.len());
        return Located::at_line(location.line(), TfvarsProblem::Duplicate(rest[..end].to_owned()));
    }
    Located::at_line(location.line(), TfvarsProblem::Syntax(message.to_owned()))
}

struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn at(&self, offset: usize) -> usize {
        1 + self.0.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count()
    }

    fn of_attribute(&self, attribute: &Attribute) -> usize {
        let key: &dyn Span = &attribute.key;
        key.span().map_or(1, |span| self.at(span.start))
    }
}

/// Whether HCL accepts the text as the name of a variable.
pub(crate) fn is_variable(text: &str) -> bool {
    Ident::try_new(text).is_ok()
}

#[cfg(test)]
mod tests;
