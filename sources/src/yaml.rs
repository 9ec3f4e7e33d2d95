//! YAML documents as trees that keep the source's text.
//!
//! Anchors and aliases work as in YAML. Merge keys (`<<`) are errors, because readers disagree about
//! them, and so are duplicate keys. Messages never quote the source: text that looks like a tag, an
//! anchor or a directive may be a password without quotes.
//!
//! The reader is recursive, because YAML is.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{
    ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag, options,
};
use zeroize::Zeroizing;

use crate::{
    located::Located,
    node::{Key, Node, Value},
};

/// Deeper nesting than any Secret has. The limit protects the stack.
const MAX_DEPTH: usize = 64;
/// The most nodes that aliases may expand to. The limit stops a "billion laughs" attack.
const MAX_NODES: usize = 1_000_000;

/// The documents of a YAML stream, without empty ones.
///
/// # Errors
/// If the text is not YAML, or uses what this reader rejects.
pub fn parse(text: &str) -> Result<Vec<Node>, Located<YamlProblem>> {
    let options = options! {
        emit_comments: false,
        // As in go-yaml: the last line of a block scalar ends with a line feed only if the text has one.
        block_scalar_eof_without_line_feed: true,
    };
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        expanded: 0,
    };
    reader.stream()
}

/// Why a text cannot be read as YAML.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum YamlProblem {
    /// The text is not YAML. The message comes from the parser and quotes no part of the source.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// A mapping has a key twice.
    #[error("the key `{key}` is already on line {first}")]
    Duplicate {
        /// The key.
        key: String,
        /// The line of the first.
        first: usize,
    },
    /// A list, a mapping, or a scalar with a tag as a key.
    #[error("a key that is not a plain string")]
    ComplexKey,
    /// A merge key, `<<`.
    #[error("a merge key (`<<`) is not supported")]
    MergeKey,
    /// Nested too deeply.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// Aliases expand to too many nodes.
    #[error("aliases expand to more than {MAX_NODES} values")]
    TooManyNodes,
}

impl YamlProblem {
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Syntax(_) => {
                "quote values that contain `: ` or ` #`, or start with one of @ ` % & * ! | > [ ] { } \" '"
            }
            Self::Duplicate { .. } => "remove one of the two",
            Self::MergeKey => "write the keys out; an alias (`key: *name`) works",
            Self::ComplexKey | Self::TooDeep | Self::TooManyNodes => return None,
        })
    }
}

struct Reader<I> {
    events: I,
    anchors: HashMap<usize, Node>,
    expanded: usize,
}

impl<'a, I: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Reader<I> {
    fn stream(&mut self) -> Result<Vec<Node>, Located<YamlProblem>> {
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

    fn next(&mut self) -> Result<Option<(Event<'a>, usize)>, Located<YamlProblem>> {
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
                Err(Located::at_line(error.marker().line(), YamlProblem::Syntax(describe(&error))))
            }
        }
    }

    /// The next event, where the grammar requires one.
    fn expect(&mut self) -> Result<(Event<'a>, usize), Located<YamlProblem>> {
        self.next()?
            .ok_or_else(|| Located::whole_text(YamlProblem::Syntax("unexpected end".to_owned())))
    }

    fn node(
        &mut self,
        event: Event<'a>,
        line: usize,
        depth: usize,
    ) -> Result<Node, Located<YamlProblem>> {
        if depth > MAX_DEPTH {
            return Err(Located::at_line(line, YamlProblem::TooDeep));
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
                return Err(Located::at_line(
                    line,
                    YamlProblem::Syntax("unexpected content".to_owned()),
                ));
            }
        };
        let node = Node { line, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, line: usize) -> Result<Node, Located<YamlProblem>> {
        let unknown = || Located::at_line(line, YamlProblem::Syntax("unknown anchor".to_owned()));
        let target = self.anchors.get(&id).ok_or_else(unknown)?;
        self.expanded = self.expanded.saturating_add(target.count());
        if self.expanded > MAX_NODES {
            return Err(Located::at_line(line, YamlProblem::TooManyNodes));
        }
        Ok(Node { line, value: target.value.clone() })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Located<YamlProblem>> {
        let mut items = Vec::new();
        loop {
            match self.expect()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(
        &mut self,
        style: StructureStyle,
        depth: usize,
    ) -> Result<Vec<(Key, Node)>, Located<YamlProblem>> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (key, at) = match self.expect()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(key, ScalarStyle::Plain, ..), at) if key == "<<" => {
                    return Err(Located::at_line(at, YamlProblem::MergeKey));
                }
                (Event::Scalar(key, style, _, tag), at) if is_core(tag.as_deref(), "str") => {
                    let is_plain = style == ScalarStyle::Plain && tag.is_none();
                    let key = key.into_owned();
                    (if is_plain { Key::plain(key) } else { Key::text(key) }, at)
                }
                (_, at) => return Err(Located::at_line(at, YamlProblem::ComplexKey)),
            };
            if let Some(first) = lines.insert(key.as_str().to_owned(), at) {
                let key = key.as_str().to_owned();
                return Err(Located::at_line(at, YamlProblem::Duplicate { key, first }));
            }
            let (event, line) = self.expect()?;
            let mut value = self.node(event, line, depth + 1)?;
            // YAML reads `{password}` as a key, but the user probably meant a value.
            if style == StructureStyle::Flow
                && matches!(&value.value, Value::Plain(text) if text.is_empty())
            {
                return Err(Located::at_line(
                    at,
                    YamlProblem::Syntax("a key without a value".to_owned()),
                ));
            }
            // Errors name the line of the key, because a block scalar starts below it.
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

/// The parser's message, unless it quotes a character of the source.
fn describe(error: &ScanError) -> String {
    match error.kind() {
        ErrorKind::UnexpectedCharacter { .. } => "unexpected character".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests;
