//! Rewrites keys and values as `dataFrom[].rewrite` of an ExternalSecret describes. External Secrets
//! does this with Go's `regexp`, `text/template` and `encoding/json`.
//!
//! Two keys that are rewritten to the same key need equal values, otherwise they are an error. External
//! Secrets keeps one of them at random.

use std::collections::{BTreeMap, BTreeSet};

use gotemplate::{
    Buffer, Context, Dialect, Environment, Failure, Limit, Limits, Meter, ParseError,
    ParseErrorKind, RenderError, RenderErrorKind, Template, Text, Value,
    fmt::{FloatFormat, format_float},
};
use sprig::{
    json::{self, Style},
    regex::{Haystack, Pattern},
};

use crate::sealed_secret::Values;

/// One step of rewriting.
#[derive(Clone, Debug)]
pub enum Rewrite {
    /// Replaces the matches of a regular expression in each key.
    Regexp {
        /// The expression.
        source: String,
        /// The replacement, with `$1` and `${name}`.
        target: String,
    },
    /// Renders each key with a template that sees it as `.value`.
    Transform {
        /// The template.
        template: String,
    },
    /// Merges the members of all values, each a JSON object.
    Merge(Merge),
}

/// How to merge values.
#[derive(Clone, Debug, Default)]
pub struct Merge {
    /// The key of the result, which is added to the values. `None` replaces the values by the members.
    pub into: Option<String>,
    /// Keys whose members win. Later keys win over earlier ones.
    pub priority: Vec<String>,
    /// Whether keys of `priority` may be missing.
    pub ignores_missing: bool,
    /// Whether two values may have the same member.
    pub ignores_conflicts: bool,
}

/// Why keys cannot be rewritten. Errors contain keys but no values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RewriteError {
    /// Not a regular expression.
    #[error("the regular expression is malformed")]
    Regexp,
    /// Not a template.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// It cannot be rendered.
    #[error("{0}")]
    Render(#[from] RenderError),
    /// A rewritten key is not UTF-8.
    #[error("a rewritten key is not UTF-8")]
    NotText,
    /// Two keys with different values are rewritten to the same key.
    #[error("two keys are rewritten to `{0}`")]
    Collision(String),
    /// A key of `priority` is missing.
    #[error("the key `{0}` of `priority` is missing")]
    Missing(String),
    /// A value is not a JSON object.
    #[error("the value of `{0}` is not a JSON object")]
    NotAnObject(String),
    /// Two values have the same member.
    #[error("several values have the member `{0}`")]
    Conflict(String),
    /// There is no key for the result.
    #[error("the strategy JSON needs `into`")]
    NoInto,
    /// A limit was exhausted.
    #[error("{0}")]
    Limit(#[from] Limit),
}

impl RewriteError {
    /// The limit that was exhausted.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::Parse(ParseError { kind: ParseErrorKind::Limit(limit), .. })
            | Self::Render(RenderError { kind: RenderErrorKind::Limit(limit), .. })
            | Self::Limit(limit) => Some(*limit),
            _ => None,
        }
    }
}

impl Rewrite {
    /// Rewrites `values`.
    pub fn apply(
        &self,
        values: Values,
        dialect: &Dialect,
        environment: Environment<'_>,
    ) -> Result<Values, RewriteError> {
        match self {
            Self::Regexp { source, target } => {
                let mut context = Context::new(environment);
                let meter = &mut context.meter;
                let pattern = Pattern::new(meter, source.as_bytes()).map_err(malformed)?;
                renamed(values, |key| {
                    let text = Haystack::new(meter, &Text::from(key))?;
                    let key = pattern.replace_all(meter, &text, target.as_bytes(), false)?;
                    Ok(key.into_bytes().to_vec())
                })
            }
            Self::Transform { template } => {
                let mut environment = environment;
                let mut parsing = environment.meter();
                let template =
                    Template::parse_within(&mut parsing, "transform", template, dialect)?;
                renamed(values, |key| {
                    let context = Value::strings([(Text::from("value"), Text::from(key))]);
                    let rendered = template.render(&context, environment.reborrow())?;
                    environment.limits.output -= rendered.output.len();
                    Ok(rendered.output.to_vec())
                })
            }
            Self::Merge(merge) => merged(merge, values, &mut Context::new(environment)),
        }
    }
}

/// A regular expression in Go's syntax.
pub struct Matcher(Pattern);

impl Matcher {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is malformed or too large.
    pub fn new(pattern: &str) -> Result<Self, RewriteError> {
        let mut meter = Meter::new(Limits::default(), &|| false);
        Ok(Self(Pattern::new(&mut meter, pattern.as_bytes()).map_err(malformed)?))
    }

    /// Whether the expression matches somewhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        let mut meter = Meter::new(Limits::default(), &|| false);
        let text = Haystack::new(&mut meter, &Text::from(text));
        text.is_ok_and(|text| self.0.is_match(&mut meter, &text).unwrap_or(false))
    }
}

fn malformed(failure: Failure) -> RewriteError {
    match failure {
        Failure::Because(_) => RewriteError::Regexp,
        Failure::Limit(limit) => RewriteError::Limit(limit),
    }
}

fn renamed(
    values: Values,
    mut rename: impl FnMut(&str) -> Result<Vec<u8>, RewriteError>,
) -> Result<Values, RewriteError> {
    let mut renamed = Values::new();
    for (key, value) in values {
        let key = String::from_utf8(rename(&key)?).map_err(|_| RewriteError::NotText)?;
        // Values with an empty key are left out, so collisions among them do not matter.
        if !key.is_empty() && renamed.get(&key).is_some_and(|other| *other != value) {
            return Err(RewriteError::Collision(key));
        }
        renamed.insert(key, value);
    }
    Ok(renamed)
}

fn merged(
    merge: &Merge,
    values: Values,
    context: &mut Context<'_>,
) -> Result<Values, RewriteError> {
    if merge.into.as_deref() == Some("") {
        return Err(RewriteError::NoInto);
    }
    let priority: BTreeSet<&String> = merge.priority.iter().collect();
    let others = values.keys().filter(|key| !priority.contains(key));
    let order: Vec<&String> = others.chain(&merge.priority).collect();
    let mut members = BTreeMap::new();
    for key in order {
        let Some(value) = values.get(key) else {
            if merge.ignores_missing {
                continue;
            }
            return Err(RewriteError::Missing(key.clone()));
        };
        let decoded = json::decode(&mut context.meter, value);
        let Ok(Value::Map(map)) = decoded else {
            return Err(RewriteError::NotAnObject(key.clone()));
        };
        for (name, member) in map.entries().iter() {
            if members.insert(name.clone(), member.clone()).is_some() && !merge.ignores_conflicts {
                let name = String::from_utf8_lossy(name).into_owned();
                return Err(RewriteError::Conflict(name));
            }
        }
    }
    if let Some(into) = &merge.into {
        let mut values = values;
        let text = encoded(context, &Value::map(members), Style::Raw)?;
        values.insert(into.clone(), text);
        return Ok(values);
    }
    let mut merged = Values::new();
    for (name, member) in members {
        let name =
            String::from_utf8(name.as_bytes().to_vec()).map_err(|_| RewriteError::NotText)?;
        let value = match &member {
            Value::Text(text) => text.as_bytes().to_vec().into(),
            Value::Missing | Value::Nil => Vec::new().into(),
            Value::Float(number) => {
                format_float(*number, FloatFormat::Plain, None).into_bytes().into()
            }
            other => encoded(context, other, Style::Escaped)?,
        };
        merged.insert(name, value);
    }
    Ok(merged)
}

fn encoded(
    context: &mut Context<'_>,
    value: &Value,
    style: Style,
) -> Result<zeroize::Zeroizing<Vec<u8>>, RewriteError> {
    let mut buffer = Buffer::default();
    json::encode(&mut buffer, &mut context.meter, value, style).map_err(
        |failure| match failure {
            Failure::Limit(limit) => RewriteError::Limit(limit),
            Failure::Because(_) => RewriteError::NotText,
        },
    )?;
    Ok(buffer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        let pair =
            |(key, value): &(&str, &str)| ((*key).to_owned(), value.as_bytes().to_vec().into());
        pairs.iter().map(pair).collect()
    }

    fn apply(
        rewrite: &Rewrite,
        pairs: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, RewriteError> {
        let environment = Environment {
            now: jiff::Timestamp::UNIX_EPOCH,
            random: &mut rand::rng(),
            limits: Limits::default(),
            deadline_exceeded: &|| false,
            memory: None,
        };
        let rewritten =
            rewrite.apply(values(pairs), &crate::dialect::external_secret(), environment)?;
        let pair = |(key, value): (String, zeroize::Zeroizing<Vec<u8>>)| {
            (key, String::from_utf8(value.to_vec()).unwrap())
        };
        Ok(rewritten.into_iter().map(pair).collect())
    }

    fn regexp(source: &str, target: &str) -> Rewrite {
        Rewrite::Regexp { source: source.into(), target: target.into() }
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    /// Cases x34 and x35 of `e2e/golden`.
    #[test]
    fn keys_are_rewritten_by_regular_expressions() {
        let dupes = [("a-b", "1"), ("a_b", "2"), ("a.b", "3")];
        let expected = pairs(&[("k---", "1"), ("k-.-", "3"), ("k-_-", "2")]);
        assert_eq!(apply(&regexp("a(.)b", "k-$1-"), &dupes).unwrap(), expected);
        let named = regexp("(?P<all>.*)", "pre_${all}");
        assert_eq!(apply(&named, &[("x", "y")]).unwrap(), pairs(&[("pre_x", "y")]));
        assert_eq!(apply(&regexp("(", ""), &[]), Err(RewriteError::Regexp));
    }

    #[test]
    fn colliding_keys_need_equal_values() {
        let all = regexp(".+", "k");
        assert_eq!(apply(&all, &[("a", "1"), ("b", "1")]).unwrap(), pairs(&[("k", "1")]));
        let collision = apply(&all, &[("a", "1"), ("b", "2")]);
        assert_eq!(collision, Err(RewriteError::Collision("k".into())));
    }

    /// Case x36 of `e2e/golden`.
    #[test]
    fn keys_are_rewritten_by_templates() {
        let transform = Rewrite::Transform { template: "{{ .value | upper }}_K".into() };
        assert_eq!(apply(&transform, &[("x", "y")]).unwrap(), pairs(&[("X_K", "y")]));
    }

    #[test]
    fn members_of_values_are_merged_by_priority() {
        let merge = |change: fn(&mut Merge)| {
            let mut merge = Merge::default();
            change(&mut merge);
            Rewrite::Merge(merge)
        };
        let two = [("a", r#"{"x":1,"s":"t"}"#), ("b", r#"{"x":[1,"<"],"n":null,"f":1.50}"#)];
        assert_eq!(apply(&merge(|_| {}), &two), Err(RewriteError::Conflict("x".into())));
        let last = apply(&merge(|m| m.ignores_conflicts = true), &two).unwrap();
        let expected = [("f", "1.5"), ("n", ""), ("s", "t"), ("x", "[1,\"\\u003c\"]")];
        assert_eq!(last, pairs(&expected));
        let first = merge(|m| {
            m.ignores_conflicts = true;
            m.priority = vec!["a".into()];
        });
        assert_eq!(apply(&first, &two).unwrap()[3], ("x".to_owned(), "1".to_owned()));
        let into = merge(|m| {
            m.ignores_conflicts = true;
            m.into = Some("all".into());
        });
        let merged = apply(&into, &two).unwrap();
        assert_eq!(merged[1].1, r#"{"f":1.5,"n":null,"s":"t","x":[1,"<"]}"#);
        assert_eq!(merged.len(), 3);
        let missing = merge(|m| m.priority = vec!["z".into()]);
        assert_eq!(apply(&missing, &two[..1]), Err(RewriteError::Missing("z".into())));
        let plain = apply(&merge(|_| {}), &[("p", "plain")]);
        assert_eq!(plain, Err(RewriteError::NotAnObject("p".into())));
    }
}
