//! YAML into a tree. Merge keys, tags and keys of any kind are allowed: files hold other data too.

use serde_saphyr::granit_parser::{
    Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag, options,
};

use crate::{
    error::{EditError, MAX_DEPTH, Problem},
    tree::{Id, Kind, Node, Style, Tree},
};

/// The documents of a YAML stream, without empty ones.
pub(crate) fn parse(text: &str) -> Result<Tree, EditError> {
    let options = options! {
        emit_comments: false,
        // As in go-yaml: the last line of a block scalar ends with a line feed only if the text has one.
        block_scalar_eof_without_line_feed: true,
    };
    let mut reader =
        Reader { events: Parser::new_from_str_with_options(text, options), tree: Tree::default() };
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => {
                let id = reader.node(event, span, 0)?;
                if !reader.tree.is_null(id) {
                    reader.tree.documents.push(id);
                }
            }
        }
    }
    Ok(reader.tree)
}

struct Reader<I> {
    events: I,
    tree: Tree,
}

impl<'a, I: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Reader<I> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, EditError> {
        let next = self.events.next().transpose();
        next.map_err(|error| EditError::at(error.marker().line(), syntax(&error)))
    }

    /// The next event, where the grammar requires one.
    fn expect(&mut self) -> Result<(Event<'a>, Span), EditError> {
        let message = "unexpected end".to_owned();
        let end = EditError::whole(Problem::Syntax { language: "YAML", message });
        self.next()?.ok_or(end)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Id, EditError> {
        let line = span.start.line();
        if depth > MAX_DEPTH {
            return Err(EditError::at(line, Problem::TooDeep));
        }
        let start = offset(span.start.byte_offset());
        let mut node = Node {
            span: start..offset(span.end.byte_offset()).max(start),
            line,
            anchor: None,
            tag: None,
            kind: Kind::Alias(0),
        };
        match event {
            Event::Alias(anchor) => node.kind = Kind::Alias(anchor),
            Event::Scalar(text, style, anchor, tag) => {
                node.anchor = Some(anchor).filter(|anchor| *anchor != 0);
                node.tag = other_tag(tag.as_deref(), "str");
                node.kind = scalar(&text, style, span.is_empty(), tag.is_some());
            }
            Event::SequenceStart(style, anchor, tag) => {
                node.tag = other_tag(tag.as_deref(), "seq");
                let flow = style == StructureStyle::Flow;
                node.kind = Kind::List { flow, items: Vec::new() };
                let id = self.collection(node, anchor)?;
                return self.list(id, flow, depth);
            }
            Event::MappingStart(style, anchor, tag) => {
                node.tag = other_tag(tag.as_deref(), "map");
                let flow = style == StructureStyle::Flow;
                node.kind = Kind::Map { flow, entries: Vec::new() };
                let id = self.collection(node, anchor)?;
                return self.map(id, flow, depth);
            }
            _ => {
                let message = "unexpected content".to_owned();
                return Err(EditError::at(line, Problem::Syntax { language: "YAML", message }));
            }
        }
        self.tree.add(node)
    }

    /// Adds the node of a collection before its children, which may have aliases to it.
    fn collection(&mut self, mut node: Node, anchor: usize) -> Result<Id, EditError> {
        node.anchor = Some(anchor).filter(|anchor| *anchor != 0);
        self.tree.add(node)
    }

    fn list(&mut self, id: Id, flow: bool, depth: usize) -> Result<Id, EditError> {
        let mut items = Vec::new();
        loop {
            match self.expect()? {
                (Event::SequenceEnd, span) => {
                    self.end(id, flow, span);
                    self.tree.node_mut(id).kind = Kind::List { flow, items };
                    return Ok(id);
                }
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, id: Id, flow: bool, depth: usize) -> Result<Id, EditError> {
        let mut entries = Vec::new();
        loop {
            match self.expect()? {
                (Event::MappingEnd, span) => {
                    self.end(id, flow, span);
                    self.tree.node_mut(id).kind = Kind::Map { flow, entries };
                    return Ok(id);
                }
                (event, span) => {
                    let key = self.node(event, span, depth + 1)?;
                    let (event, span) = self.expect()?;
                    entries.push((key, self.node(event, span, depth + 1)?));
                }
            }
        }
    }

    fn end(&mut self, id: Id, flow: bool, span: Span) {
        if flow {
            let node = self.tree.node_mut(id);
            node.span.end = offset(span.end.byte_offset()).max(node.span.start);
        }
    }
}

/// The parser knows the offset of every event of a text in memory.
fn offset(offset: Option<usize>) -> usize {
    offset.unwrap_or_default()
}

fn scalar(text: &str, style: ScalarStyle, is_empty: bool, is_tagged: bool) -> Kind {
    let style = match style {
        // The parser writes an absent value as `~`.
        ScalarStyle::Plain if is_empty => {
            return Kind::Scalar { text: String::new(), style: Style::Absent };
        }
        // `!!str 1` is a string.
        ScalarStyle::Plain if is_tagged => Style::Single,
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    Kind::Scalar { text: text.to_owned(), style }
}

/// The tag, unless it is that of the core schema with this name.
fn other_tag(tag: Option<&Tag>, name: &str) -> Option<String> {
    tag.filter(|tag| !tag.is_yaml_core_schema_tag(name))
        .map(|tag| format!("{}{}", tag.handle(), tag.suffix()))
}

/// The parser's message, unless it quotes a character of the source.
fn syntax(error: &ScanError) -> Problem {
    use serde_saphyr::granit_parser::ErrorKind;
    let message = match error.kind() {
        ErrorKind::UnexpectedCharacter { .. } => "unexpected character".to_owned(),
        kind => kind.to_string(),
    };
    Problem::Syntax { language: "YAML", message }
}
