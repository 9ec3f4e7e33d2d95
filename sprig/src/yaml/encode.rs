//! Writes a value as YAML like `sigs.k8s.io/yaml`: through JSON, whose text is read as YAML.

use std::collections::BTreeMap;

use gotemplate::{Buffer, Failure, Meter, Value, parse_integer};
use zeroize::Zeroizing;

use super::{
    emit::{Emitter, Node},
    order,
    scalar::{Scalar, resolve},
};
use crate::json::{self, Style};

/// The longest quoted key that go-yaml reads, in characters. The key has to be on one line.
const MAX_KEY: usize = 1024;

const NOT_YAML: Failure = Failure::Because("go-yaml refuses to read the JSON of the value");

/// Writes a value as a YAML document that ends with a line break.
pub fn encode(meter: &mut Meter<'_>, value: &Value) -> Result<Buffer, Failure> {
    let mut json = Buffer::default();
    json::encode(&mut json, meter, value, Style::Escaped)?;
    meter.bytes(json.len())?;
    let text = str::from_utf8(&json).map_err(|_| NOT_YAML)?;
    if !text.chars().all(is_allowed) {
        return Err(NOT_YAML);
    }
    let node = Reader { rest: text, meter }.node()?;
    let mut emitter = Emitter::new(meter);
    emitter.document(&node)?;
    Ok(emitter.into_text())
}

/// Whether go-yaml allows a character in a document.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// The last of equal keys counts. Keys that differ in JSON may be equal in YAML.
fn distinct(entries: Vec<(String, Node)>) -> Vec<(String, Node)> {
    entries.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// Reads JSON from the encoder of this crate.
struct Reader<'a, 'm, 'e> {
    rest: &'a str,
    meter: &'m mut Meter<'e>,
}

impl Reader<'_, '_, '_> {
    fn node(&mut self) -> Result<Node, Failure> {
        self.meter.items(1)?;
        match self.rest.as_bytes().first() {
            Some(b'{') => {
                let mut entries = Vec::new();
                self.skip(1);
                while !self.ends(b'}') {
                    let before = self.rest;
                    let key = self.text()?;
                    let quoted = &before[..before.len() - self.rest.len()];
                    if quoted.chars().count() > MAX_KEY || quoted.contains('\u{85}') {
                        return Err(NOT_YAML);
                    }
                    self.skip(1);
                    entries.push((String::clone(&key), self.node()?));
                }
                Ok(Node::Map(order::sort(distinct(entries))))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.skip(1);
                while !self.ends(b']') {
                    items.push(self.node()?);
                }
                Ok(Node::List(items))
            }
            Some(b'"') => self.text().map(Node::Text),
            _ => {
                let len = self.rest.find([',', ']', '}']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(len);
                self.rest = rest;
                Ok(match resolve(word) {
                    Scalar::Bool(value) => Node::Bool(value),
                    Scalar::Int(number) => Node::Int(number),
                    Scalar::Float(number) => Node::Float(number),
                    _ => Node::Null,
                })
            }
        }
    }

    /// Skips known text.
    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Skips the end of a list or map, or a comma. Returns whether it was the end.
    fn ends(&mut self, closing: u8) -> bool {
        let first = self.rest.as_bytes().first().copied();
        if first == Some(closing) || first == Some(b',') {
            self.skip(1);
        }
        first == Some(closing) || first.is_none()
    }

    /// A string, as YAML reads it: U+0085 is a line break, which is folded.
    fn text(&mut self) -> Result<Zeroizing<String>, Failure> {
        self.skip(1);
        let mut text = Zeroizing::new(String::with_capacity(self.quoted()));
        loop {
            let at = self.rest.find(['"', '\\', '\u{85}']).ok_or(NOT_YAML)?;
            text.push_str(&self.rest[..at]);
            self.skip(at);
            match self.rest.as_bytes()[0] {
                b'"' => {
                    self.skip(1);
                    return Ok(text);
                }
                b'\\' => {
                    let escape = self.rest.as_bytes().get(1).copied().ok_or(NOT_YAML)?;
                    let (c, len) = match escape {
                        b'b' => ('\u{8}', 2),
                        b'f' => ('\u{c}', 2),
                        b'n' => ('\n', 2),
                        b'r' => ('\r', 2),
                        b't' => ('\t', 2),
                        b'u' => {
                            let digits = self.rest.get(2..6).ok_or(NOT_YAML)?;
                            let code = parse_integer(&format!("0x{digits}")).ok_or(NOT_YAML)?;
                            (char::from_u32(code as u32).ok_or(NOT_YAML)?, 6)
                        }
                        other => (char::from(other), 2),
                    };
                    text.push(c);
                    self.skip(len);
                }
                _ => self.fold(&mut text),
            }
        }
    }

    /// The number of bytes up to the closing quote. The string is not longer.
    fn quoted(&self) -> usize {
        let mut escaped = false;
        let mut closes = |byte: &u8| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        };
        self.rest.bytes().position(|byte| closes(&byte)).unwrap_or(self.rest.len())
    }

    /// One line break becomes a space. Of several line breaks, one is dropped. Blanks around them
    /// are dropped.
    fn fold(&mut self, text: &mut String) {
        let trimmed = text.trim_end_matches(' ').len();
        text.truncate(trimmed);
        let len = self.rest.len() - self.rest.trim_start_matches([' ', '\u{85}']).len();
        let breaks = self.rest[..len].matches('\u{85}').count();
        if breaks == 1 {
            text.push(' ');
        }
        (1..breaks).for_each(|_| text.push('\n'));
        self.skip(len);
    }
}
