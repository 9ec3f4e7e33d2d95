//! Label selectors in the notation of kubectl, such as `team=a,tier in (web,db),!old`.

use std::collections::BTreeSet;

use kube::core::{Expression, Selector};

/// An empty text selects everything.
pub(super) fn parse_selector(text: &str) -> Result<Selector, &'static str> {
    let mut selector = Selector::default();
    if !text.trim().is_empty() {
        for requirement in requirements(text) {
            selector.extend([expression(requirement.trim()).ok_or(INVALID)?]);
        }
    }
    Ok(selector)
}

const INVALID: &str = "not a label selector such as `team=a,tier in (web,db),!old`";

/// The parts between commas that are in no parentheses.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    })
}

fn expression(text: &str) -> Option<Expression> {
    if let Some((name, value)) = text.split_once("!=") {
        return Some(Expression::NotEqual(key(name)?, value_of(value)?));
    }
    if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Expression::Equal(key(name)?, value_of(value)?));
    }
    if let Some(name) = text.strip_prefix('!') {
        return Some(Expression::DoesNotExist(key(name)?));
    }
    let Some((words, set)) = text.split_once('(') else {
        return Some(Expression::Exists(key(text)?));
    };
    let values =
        set.strip_suffix(')')?.split(',').map(value_of).collect::<Option<BTreeSet<_>>>()?;
    let (name, operator) = words.trim_end().rsplit_once(char::is_whitespace)?;
    match operator {
        "in" => Some(Expression::In(key(name)?, values)),
        "notin" => Some(Expression::NotIn(key(name)?, values)),
        _ => None,
    }
}

/// The name of a label, perhaps with a domain and `/` before it.
fn key(text: &str) -> Option<String> {
    let text = text.trim();
    let (domain, name) = match text.rsplit_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, text),
    };
    let is_valid = domain.is_none_or(|domain| is_word(domain, 253)) && is_word(name, 63);
    is_valid.then(|| text.to_owned())
}

fn value_of(text: &str) -> Option<String> {
    let text = text.trim();
    (text.is_empty() || is_word(text, 63)).then(|| text.to_owned())
}

/// Letters and digits, with `-`, `_` and `.` between them.
fn is_word(text: &str, max_bytes: usize) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    bytes.len() <= max_bytes
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes.iter().all(is_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kube::core::SelectorExt as _;

    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels: BTreeMap<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        parse_selector(selector).unwrap().matches(&labels)
    }

    #[test]
    fn every_operator_selects_as_kubectl_does() {
        let (a, none) = ([("team", "a"), ("x.org/tier", "web")], []);
        for selector in [
            "team=a",
            "team == a",
            "team",
            "!old",
            "team in (a, b),x.org/tier=web",
            "team notin (b)",
            "",
        ] {
            assert!(selects(selector, &a), "{selector}");
        }
        for selector in ["team=b", "team!=a", "!team", "team in (b)", "team,old", "team notin (a)"]
        {
            assert!(!selects(selector, &a), "{selector}");
        }
        for selector in ["team!=a", "team notin (a)", "!team"] {
            assert!(selects(selector, &none), "{selector}");
        }
    }

    #[test]
    fn text_for_the_api_server_has_the_same_meaning() {
        let text = "a=1,b!=2,c in (x,y),d notin (z),e,!f";
        assert_eq!(parse_selector(text).unwrap().to_string(), text);
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            ",", "a=1,", "=", "a=b=c", "a b", "a in b", "a in (b", "a of (b)", "-a", "/a", "a/",
            "a=é", "(a)",
        ] {
            assert!(parse_selector(text).is_err(), "{text}");
        }
    }
}
