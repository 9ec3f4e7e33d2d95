//! Paths to a mapping: `$.app.secrets.encryptedData`, `$['a.b'][0]`.

use std::str::FromStr;

/// A path from the root of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path {
    text: String,
    pub(crate) steps: Vec<Step>,
}

/// A part of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Path {
    type Err = MalformedPath;

    fn from_str(text: &str) -> Result<Self, MalformedPath> {
        let mut rest = text.strip_prefix('$').ok_or(MalformedPath)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or(MalformedPath)?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return (end > 0).then(|| (Step::Key(rest[..end].to_owned()), &rest[end..]));
    }
    let rest = text.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(rest) = rest.strip_prefix(quote) {
            let (key, rest) = rest.split_once(quote)?;
            return Some((Step::Key(key.to_owned()), rest.strip_prefix(']')?));
        }
    }
    let (index, rest) = rest.split_once(']')?;
    Some((Step::Index(index.parse().ok()?), rest))
}

/// The text is not a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a path such as `$.app.secrets` or `$['a.b'][0]`")]
pub struct MalformedPath;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_keys_and_indexes() {
        let key = |text: &str| Step::Key(text.to_owned());
        let steps = |text: &str| text.parse::<Path>().map(|path| path.steps);
        assert_eq!(steps("$"), Ok(vec![]));
        assert_eq!(steps("$.a.b-c"), Ok(vec![key("a"), key("b-c")]));
        assert_eq!(
            steps("$['a.b'][0][\"c\"].d"),
            Ok(vec![key("a.b"), Step::Index(0), key("c"), key("d")])
        );
        for malformed in
            ["", "a", ".a", "$a", "$.", "$..a", "$.a.", "$[a]", "$['a]", "$[-1]", "$[0"]
        {
            assert_eq!(steps(malformed), Err(MalformedPath), "{malformed}");
        }
    }
}
