//! JSON into a tree: documents one after another.

use serde::de::IgnoredAny;

use crate::{
    error::{EditError, MAX_DEPTH, Problem},
    tree::{Id, Kind, Node, Style, Tree},
};

/// Whether the text starts like JSON.
pub(crate) fn is_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The documents of a text of JSON.
pub(crate) fn parse(text: &str) -> Result<Tree, EditError> {
    // From here on, only the nesting can be wrong.
    for document in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        document.map_err(|error| EditError::at(error.line(), syntax(&error)))?;
    }
    let mut scanner = Scanner { text, at: 0, line: 1, tree: Tree::default() };
    scanner.skip_blanks();
    while scanner.peek().is_some() {
        let id = scanner.value(0)?;
        scanner.tree.documents.push(id);
        scanner.skip_blanks();
    }
    Ok(scanner.tree)
}

/// Reads valid JSON.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    tree: Tree,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    /// Whether the next byte is this one. If so, it is read.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Id, EditError> {
        self.skip_blanks();
        let (start, line) = (self.at, self.line);
        if depth > MAX_DEPTH {
            return Err(EditError::at(line, Problem::TooDeep));
        }
        let kind = match self.peek() {
            Some(b'{') => Kind::Map { flow: true, entries: self.entries(depth)? },
            Some(b'[') => Kind::List { flow: true, items: self.items(depth)? },
            Some(b'"') => self.string()?,
            _ => self.plain(),
        };
        let node = Node { span: start..self.at, line, anchor: None, tag: None, kind };
        self.tree.add(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Id, Id)>, EditError> {
        let mut entries = Vec::new();
        self.at += 1;
        while !self.take(b'}') {
            let key = self.value(depth + 1)?;
            self.take(b':');
            entries.push((key, self.value(depth + 1)?));
            self.take(b',');
        }
        Ok(entries)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Id>, EditError> {
        let mut items = Vec::new();
        self.at += 1;
        while !self.take(b']') {
            items.push(self.value(depth + 1)?);
            self.take(b',');
        }
        Ok(items)
    }

    fn string(&mut self) -> Result<Kind, EditError> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek().filter(|byte| *byte != b'"') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        let text = serde_json::from_str(&self.text[start..self.at])
            .map_err(|error| EditError::at(self.line, syntax(&error)))?;
        Ok(Kind::Scalar { text, style: Style::Double })
    }

    fn plain(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let end = rest.find([',', ']', '}', ' ', '\t', '\r', '\n', ':', '[', '{', '"']);
        let text = &rest[..end.unwrap_or(rest.len())];
        self.at += text.len();
        Kind::Scalar { text: text.to_owned(), style: Style::Plain }
    }
}

fn syntax(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text).to_owned();
    Problem::Syntax { language: "JSON", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_the_source_of_each_value() {
        let text = " {\"a\\\"b\": [1, -2.5e3,true] ,\n\"c\":{}}\n{\"é\":null}";
        let tree = parse(text).unwrap();
        let spans = |id: Id| &text[tree.node(id).span.clone()];
        let first = tree.documents[0];
        let entries = tree.entries(first).unwrap();
        assert_eq!(spans(entries[0].0), "\"a\\\"b\"");
        assert_eq!(tree.text(entries[0].0), Some("a\"b"));
        let items = tree.items(entries[0].1).unwrap();
        let items: Vec<_> = items.iter().map(|id| spans(*id)).collect();
        assert_eq!(items, ["1", "-2.5e3", "true"]);
        assert_eq!((spans(entries[1].1), tree.node(entries[1].1).line), ("{}", 2));
        assert_eq!(spans(tree.documents[1]), "{\"é\":null}");
    }

    #[test]
    fn malformed_and_deep_json_is_an_error() {
        for text in ["{", "{\"a\" 1}", "[1,]", "{\"a\":1,}", "[01]", "{\"a\":\"\u{1}\"}"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = "[".repeat(65) + &"]".repeat(65);
        assert_eq!(parse(&deep).err().map(|error| error.problem), None);
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(parse(&deep).err().map(|error| error.problem), Some(Problem::TooDeep));
    }
}
