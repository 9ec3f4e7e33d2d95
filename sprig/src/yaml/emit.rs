//! The part of libyaml's emitter that go-yaml 2 uses: block style, two spaces, lines folded at 80
//! characters.

use gotemplate::{
    Buffer, Limit, Meter,
    fmt::{FloatFormat, format_float},
};
use zeroize::Zeroizing;

use super::style::{Style, is_break, is_printable, style};

/// The node to write.
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Zeroizing<String>),
    List(Vec<Node>),
    /// In the order in which it is written.
    Map(Vec<(String, Node)>),
}

/// The longest key that shares a line with its value, in bytes.
const MAX_SIMPLE_KEY: usize = 128;
const INDENT: usize = 2;
/// Lines with more characters are folded at the next space.
const WIDTH: usize = 80;

pub(super) struct Emitter<'m, 'e> {
    text: Buffer,
    meter: &'m mut Meter<'e>,
    column: usize,
    /// `None` outside all lists and maps.
    indent: Option<usize>,
    /// Whether this line is empty or ends with a blank.
    whitespace: bool,
    /// Whether this line contains only indentation.
    indention: bool,
}

/// The place of a node.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Key,
    Value,
    Elsewhere,
}

impl<'m, 'e> Emitter<'m, 'e> {
    pub(super) fn new(meter: &'m mut Meter<'e>) -> Self {
        let text = Buffer::default();
        Self { text, meter, column: 0, indent: None, whitespace: true, indention: true }
    }

    pub(super) fn into_text(self) -> Buffer {
        self.text
    }

    pub(super) fn document(&mut self, root: &Node) -> Result<(), Limit> {
        self.node(root, Place::Elsewhere)?;
        self.line();
        Ok(())
    }

    fn node(&mut self, node: &Node, place: Place) -> Result<(), Limit> {
        self.meter.step()?;
        // A line, and its indentation twice.
        self.meter.bytes(WIDTH + 2 * self.indent.unwrap_or(0))?;
        match node {
            Node::Null => self.plain("null"),
            Node::Bool(value) => self.plain(if *value { "true" } else { "false" }),
            Node::Int(number) => self.plain(&number.to_string()),
            Node::Float(number) => self.plain(&float(*number)),
            Node::Text(text) => self.scalar(text, place)?,
            Node::List(items) if items.is_empty() => self.empty("[", "]"),
            Node::Map(entries) if entries.is_empty() => self.empty("{", "}"),
            Node::List(items) => {
                let outer = self.indent;
                // A list that is the value of a key stands right below it.
                if place != Place::Value || self.indention {
                    self.indent = Some(self.indent.map_or(0, |indent| indent + INDENT));
                }
                for item in items {
                    self.line();
                    self.indicator("-", true, false, true);
                    self.node(item, Place::Elsewhere)?;
                }
                self.indent = outer;
            }
            Node::Map(entries) => {
                let outer = self.indent;
                self.indent = Some(self.indent.map_or(0, |indent| indent + INDENT));
                for (key, value) in entries {
                    self.entry(key, value)?;
                }
                self.indent = outer;
            }
        }
        Ok(())
    }

    fn entry(&mut self, key: &str, value: &Node) -> Result<(), Limit> {
        self.line();
        if key.len() <= MAX_SIMPLE_KEY && !key.contains(is_break) {
            self.scalar(key, Place::Key)?;
            self.indicator(":", false, false, false);
        } else {
            self.indicator("?", true, false, true);
            self.scalar(key, Place::Value)?;
            self.line();
            self.indicator(":", true, false, true);
        }
        self.node(value, Place::Value)
    }

    fn empty(&mut self, opening: &str, closing: &str) {
        self.indicator(opening, true, true, false);
        self.indicator(closing, false, false, false);
    }

    fn scalar(&mut self, text: &str, place: Place) -> Result<(), Limit> {
        let outer = self.indent;
        let indent = self.indent.map_or(INDENT, |indent| indent + INDENT);
        self.indent = Some(indent);
        // An escape is up to four times as long as its character.
        let lines = text.matches(is_break).count() + text.len() / WIDTH;
        self.meter.bytes(text.len().saturating_mul(4) + lines.saturating_mul(indent + 1))?;
        let folds = place != Place::Key;
        match style(text, !folds) {
            Style::Plain => self.plain_text(text, folds),
            Style::Single => self.single(text, folds),
            Style::Double => self.double(text, folds),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
        Ok(())
    }

    /// A word or a number.
    fn plain(&mut self, text: &str) {
        self.plain_text(text, false);
    }

    fn plain_text(&mut self, text: &str, folds: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        let mut after_space = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let is_full = folds && self.column > WIDTH;
            if c == ' ' && is_full && !after_space && chars.peek() != Some(&' ') {
                self.line();
            } else {
                self.put(c);
            }
            self.indention &= c == ' ';
            after_space = c == ' ';
        }
        (self.whitespace, self.indention) = (false, false);
    }

    fn single(&mut self, text: &str, folds: bool) {
        self.indicator("'", true, false, false);
        let (mut broken, mut after_space, mut is_first) = (false, false, true);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let is_full = folds && self.column > WIDTH;
            let is_inner = !is_first && chars.peek().is_some_and(|next| *next != ' ');
            is_first = false;
            if c == ' ' && is_full && is_inner && !after_space {
                self.line();
                after_space = true;
                continue;
            }
            after_space = c == ' ' || after_space && is_break(c);
            if is_break(c) {
                if !broken && c == '\n' {
                    self.line_break('\n');
                }
                self.line_break(c);
                (self.indention, broken) = (true, true);
                continue;
            }
            if c != ' ' {
                if broken {
                    self.line();
                }
                (self.indention, broken) = (false, false);
            }
            if c == '\'' {
                self.put(c);
            }
            self.put(c);
        }
        self.indicator("'", false, false, false);
        (self.whitespace, self.indention) = (false, false);
    }

    fn double(&mut self, text: &str, folds: bool) {
        self.indicator("\"", true, false, false);
        let (mut after_space, mut is_first) = (false, true);
        // After a byte order mark, go-yaml treats every character as special.
        let is_marked = text.starts_with('\u{feff}');
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let is_full = folds && self.column > WIDTH;
            let next = chars.peek().copied();
            if c == ' ' && is_full && !after_space && !is_first && !is_marked && next.is_some() {
                self.line();
                if next == Some(' ') {
                    self.put('\\');
                }
                after_space = true;
                continue;
            }
            (after_space, is_first) = (c == ' ', false);
            if is_printable(c) && !is_break(c) && !matches!(c, '"' | '\\') && !is_marked {
                self.put(c);
                continue;
            }
            let escaped = match c {
                '\0' => "\\0".to_owned(),
                '\u{7}' => "\\a".to_owned(),
                '\u{8}' => "\\b".to_owned(),
                '\t' => "\\t".to_owned(),
                '\n' => "\\n".to_owned(),
                '\u{b}' => "\\v".to_owned(),
                '\u{c}' => "\\f".to_owned(),
                '\r' => "\\r".to_owned(),
                '\u{1b}' => "\\e".to_owned(),
                '"' | '\\' => format!("\\{c}"),
                '\u{85}' => "\\N".to_owned(),
                '\u{a0}' => "\\_".to_owned(),
                '\u{2028}' => "\\L".to_owned(),
                '\u{2029}' => "\\P".to_owned(),
                '\0'..='\u{ff}' => format!("\\x{:02X}", u32::from(c)),
                '\0'..='\u{ffff}' => format!("\\u{:04X}", u32::from(c)),
                _ => format!("\\U{:08X}", u32::from(c)),
            };
            escaped.chars().for_each(|c| self.put(c));
        }
        self.indicator("\"", false, false, false);
        (self.whitespace, self.indention) = (false, false);
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false, false, false);
        }
        let mut ends = text.chars().rev();
        let chomping = match (ends.next().is_some_and(is_break), ends.next().map(is_break)) {
            (false, _) => "-",
            (true, None | Some(true)) => "+",
            (true, Some(false)) => "",
        };
        self.indicator(chomping, false, false, false);
        self.line_break('\n');
        (self.whitespace, self.indention) = (true, true);
        let mut broken = true;
        for c in text.chars() {
            if is_break(c) {
                self.line_break(c);
                (self.indention, broken) = (true, true);
            } else {
                if broken {
                    self.line();
                }
                self.put(c);
                (self.indention, broken) = (false, false);
            }
        }
    }

    /// Writes the indentation of a line, on a new line unless this one is empty.
    fn line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.line_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        (self.whitespace, self.indention) = (true, true);
    }

    fn indicator(&mut self, text: &str, blank_before: bool, is_blank: bool, is_indention: bool) {
        if text.is_empty() {
            return;
        }
        if blank_before && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = is_blank;
        self.indention &= is_indention;
    }

    fn put(&mut self, c: char) {
        self.text.push_char(c);
        self.column += 1;
    }

    fn line_break(&mut self, c: char) {
        self.text.push_char(c);
        self.column = 0;
    }
}

fn float(number: f64) -> String {
    match format_float(number, FloatFormat::General, None).as_str() {
        "+Inf" => ".inf".to_owned(),
        "-Inf" => "-.inf".to_owned(),
        "NaN" => ".nan".to_owned(),
        text => text.to_owned(),
    }
}
