//! YAML documents as trees that keep the source's text.
//!
//! Anchors and aliases mean what they mean in YAML; merge keys (`<<`) are refused, since readers
//! disagree about them. Duplicate keys are refused. Error texts never quote the source: what looks
//! like a tag, an anchor or a directive may be a password that somebody forgot to quote.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{
    ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag, options,
};
use zeroize::Zeroizing;

use super::{At, Problem};
use crate::source::node::{Node, Value};

/// Nesting that no Secret has: beyond it the input is an attack on the stack.
const MAX_DEPTH: usize = 64;
/// Nodes that aliases may expand to ("billion laughs").
const MAX_NODES: usize = 1_000_000;

/// The documents of a YAML stream. Empty documents are left out.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, At<YamlProblem>> {
    let options = options! {
        emit_comments: false,
        // As go-yaml reads it: the last line of a block scalar has a line feed only if it has one.
        block_scalar_eof_without_line_feed: true,
    };
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        expanded: 0,
    };
    reader.stream()
}

/// Why a text is not YAML that we read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum YamlProblem {
    /// Not YAML. The text is the parser's and names no part of the source.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// The same key twice in one mapping.
    #[error("the key `{key}` is already on line {first}")]
    Duplicate {
        /// The key.
        key: String,
        /// The line of the first.
        first: usize,
    },
    /// A list or mapping as a key.
    #[error("a key that is not a plain string")]
    ComplexKey,
    /// `<<`.
    #[error("a merge key (`<<`) is not supported")]
    MergeKey,
    /// Too deep.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// Aliases of aliases.
    #[error("aliases expand to more than {MAX_NODES} values")]
    TooManyNodes,
}

impl Problem for YamlProblem {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Syntax(_) => {
                "quote values that hold `: `, ` #`, or that start with one of @ ` % & * ! | > [ ] { } \" '"
            }
            Self::Duplicate { .. } => "remove one of the two",
            Self::MergeKey => "write the keys out; an alias (`key: *name`) works",
            Self::ComplexKey | Self::TooDeep | Self::TooManyNodes => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

type Result1<T> = Result<T, At<YamlProblem>>;

struct Reader<I> {
    events: I,
    anchors: HashMap<usize, Node>,
    expanded: usize,
}

impl<'a, I: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Reader<I> {
    fn stream(&mut self) -> Result1<Vec<Node>> {
        let mut documents = Vec::new();
        while let Some((event, line)) = self.next()? {
            match event {
                Event::DocumentStart(..) => self.anchors.clear(),
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                event => {
                    let node = self.node(event, line, 0)?;
                    if !node.is_null() {
                        documents.push(node);
                    }
                }
            }
        }
        Ok(documents)
    }

    fn next(&mut self) -> Result1<Option<(Event<'a>, usize)>> {
        match self.events.next() {
            None => Ok(None),
            // The parser writes an absent value as `~`.
            Some(Ok((Event::Scalar(_, ScalarStyle::Plain, anchor, tag), span)))
                if span.is_empty() =>
            {
                let absent = Event::Scalar("".into(), ScalarStyle::Plain, anchor, tag);
                Ok(Some((absent, span.start.line())))
            }
            Some(Ok((event, span))) => Ok(Some((event, span.start.line()))),
            Some(Err(error)) => {
                Err(At::line(error.marker().line(), YamlProblem::Syntax(describe(&error))))
            }
        }
    }

    /// The next event, where the grammar promises one.
    fn expect(&mut self) -> Result1<(Event<'a>, usize)> {
        self.next()?.ok_or_else(|| At::nowhere(YamlProblem::Syntax("unexpected end".to_owned())))
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result1<Node> {
        if depth > MAX_DEPTH {
            return Err(At::line(line, YamlProblem::TooDeep));
        }
        let (anchor, value) = match event {
            Event::Alias(id) => return self.alias(id, line),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(_, anchor, tag) => {
                let list = self.list(depth)?;
                (
                    anchor,
                    if is_core(tag.as_deref(), "seq") { Value::List(list) } else { Value::Tagged },
                )
            }
            Event::MappingStart(style, anchor, tag) => {
                let map = self.map(style, depth)?;
                (
                    anchor,
                    if is_core(tag.as_deref(), "map") { Value::Map(map) } else { Value::Tagged },
                )
            }
            _ => {
                return Err(At::line(line, YamlProblem::Syntax("unexpected content".to_owned())));
            }
        };
        let node = Node { line, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, line: usize) -> Result1<Node> {
        let unknown = || At::line(line, YamlProblem::Syntax("unknown anchor".to_owned()));
        let target = self.anchors.get(&id).ok_or_else(unknown)?;
        self.expanded = self.expanded.saturating_add(target.count());
        if self.expanded > MAX_NODES {
            return Err(At::line(line, YamlProblem::TooManyNodes));
        }
        Ok(Node { line, value: target.value.clone() })
    }

    fn list(&mut self, depth: usize) -> Result1<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.expect()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, style: StructureStyle, depth: usize) -> Result1<Vec<(String, Node)>> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (key, at) = match self.expect()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(key, ScalarStyle::Plain, ..), at) if key == "<<" => {
                    return Err(At::line(at, YamlProblem::MergeKey));
                }
                (Event::Scalar(key, ..), at) => (key.into_owned(), at),
                (_, at) => return Err(At::line(at, YamlProblem::ComplexKey)),
            };
            if let Some(first) = lines.insert(key.clone(), at) {
                return Err(At::line(at, YamlProblem::Duplicate { key, first }));
            }
            let (event, line) = self.expect()?;
            let mut value = self.node(event, line, depth + 1)?;
            // `{password}` is a key to YAML, and a value to whoever forgot the quotes.
            if style == StructureStyle::Flow
                && matches!(&value.value, Value::Plain(text) if text.is_empty())
            {
                return Err(At::line(at, YamlProblem::Syntax("a key without a value".to_owned())));
            }
            // People look for a key, and a block scalar starts below its own.
            value.line = at;
            entries.push((key, value));
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let text = Zeroizing::new(text.to_owned());
    match (tag, style) {
        (None, ScalarStyle::Plain) => Value::Plain(text),
        (None, _) => Value::Text(text),
        (Some(_), _) if is_core(tag, "str") => Value::Text(text),
        (Some(_), _) => Value::Tagged,
    }
}

/// No tag, or the core schema's tag of this name.
fn is_core(tag: Option<&Tag>, name: &str) -> bool {
    tag.is_none_or(|tag| tag.is_yaml_core_schema_tag(name))
}

/// The parser's words, less those that quote a character of the source.
fn describe(error: &ScanError) -> String {
    match error.kind() {
        ErrorKind::UnexpectedCharacter { .. } => "unexpected character".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
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
                Value::Text(text) => (key.clone(), text.to_string(), true),
                Value::Plain(text) => (key.clone(), text.to_string(), false),
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
    fn a_duplicate_key_names_both_lines() {
        let duplicate = YamlProblem::Duplicate { key: "a".to_owned(), first: 1 };
        assert_eq!(problem("a: 1\nb: 2\na: 3\n"), (Some(3), duplicate));
    }

    #[test]
    fn an_alias_is_its_anchors_value_and_a_merge_key_is_refused() {
        assert_eq!(texts("a: &x v\nb: *x\n")[1], ("b".to_owned(), "v".to_owned(), false));
        assert_eq!(problem("a: &x {k: v}\nb:\n  <<: *x\n"), (Some(3), YamlProblem::MergeKey));
    }

    #[test]
    fn a_key_without_a_value_is_null_and_in_braces_an_error() {
        let documents = parse("a:\nb: ~\n").ok().unwrap();
        assert!(documents[0].entries().unwrap().iter().all(|(_, node)| node.is_null()));
        assert!(matches!(problem("a: {hunter2}\n"), (Some(1), YamlProblem::Syntax(_))));
    }

    #[test]
    fn anchors_end_with_their_document() {
        assert!(matches!(problem("a: &x v\n---\nb: *x\n"), (Some(3), YamlProblem::Syntax(_))));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..9 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(",");
            text = format!("{text}a{i}: &a{i} [{aliases}]\n");
        }
        assert_eq!(problem(&text).1, YamlProblem::TooManyNodes);
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(problem(&text).1, YamlProblem::TooDeep);
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn empty_documents_are_left_out() {
        assert_eq!(parse("---\n---\na: 1\n---\n# nothing\n").ok().unwrap().len(), 1);
    }

    #[test]
    fn an_unquoted_password_is_not_quoted_in_the_error() {
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
}
