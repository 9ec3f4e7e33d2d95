//! Reads YAML into a value.

use std::{borrow::Cow, collections::BTreeMap};

use gotemplate::{
    Failure, Limit, Map, Meter, Text, Value,
    fmt::{FloatFormat, format_float},
};
use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalar::{Scalar, resolve};
use crate::radix::BASE64;

const MALFORMED: Failure = Failure::Because("the text is not YAML");
const NO_KEY: Failure = Failure::Because("a key is neither a string nor a number");
const NO_NUMBER: Failure = Failure::Because("a number is infinite or NaN");

/// Reads the first document of a text, as Go's JSON decoder does: all numbers are floats. An empty
/// document is nil.
pub fn decode(meter: &mut Meter<'_>, text: &[u8]) -> Result<Value, Failure> {
    let root = Decoder::read(meter, text)?;
    to_value(meter, &root)
}

/// A document that is a map of strings, or nil. Numbers and booleans in it become strings.
pub fn decode_strings(
    meter: &mut Meter<'_>,
    text: &[u8],
) -> Result<BTreeMap<String, Text>, Failure> {
    let entries = match Decoder::read(meter, text)? {
        Node::Null => return Ok(BTreeMap::new()),
        Node::Map(entries) => entries,
        _ => return Err("the text is not a map".into()),
    };
    let mut strings = BTreeMap::new();
    for (key, value) in entries {
        let value = match value {
            Node::Null => Text::default(),
            Node::Bool(value) => Text::from(if value { "true" } else { "false" }),
            Node::Int(number) => Text::from(number.to_string()),
            Node::Float(number) => Text::from(short(number)),
            Node::Text(text) => text,
            Node::List(_) | Node::Map(_) => return Err("a value of the map is not a string".into()),
        };
        strings.insert(key, value);
    }
    Ok(strings)
}

/// A node of the document. Go reads it into maps whose keys become strings.
#[derive(Clone)]
enum Node {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Text),
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
}

fn to_value(meter: &mut Meter<'_>, node: &Node) -> Result<Value, Failure> {
    meter.items(1)?;
    Ok(match node {
        Node::Null => Value::Nil,
        Node::Bool(value) => Value::Bool(*value),
        Node::Int(number) => Value::Float(*number as f64),
        Node::Float(number) if number.is_finite() => Value::Float(*number),
        Node::Float(_) => return Err(NO_NUMBER),
        Node::Text(text) => Value::Text(text.clone()),
        Node::List(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| to_value(meter, item)).collect();
            Value::json_list(items?)
        }
        Node::Map(entries) => {
            meter.map()?;
            let map = Map::new(gotemplate::MapKind::Any, BTreeMap::new());
            for (key, value) in entries {
                map.insert(Text::from(key.as_str()), to_value(meter, value)?);
            }
            Value::Map(map)
        }
    })
}

/// `sigs.k8s.io/yaml` formats a float in a string as if it had 32 bits.
fn short(number: f64) -> String {
    let rounded = number as f32;
    // The fewest digits that identify the number as one of 32 bits.
    let digits: f64 = rounded.to_string().parse().unwrap_or_else(|_| f64::from(rounded));
    format_float(digits, FloatFormat::General, None)
}

struct Decoder<'a, 'm, 'e> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    meter: &'m mut Meter<'e>,
    anchors: BTreeMap<usize, Node>,
    depth: usize,
}

impl<'a, 'm, 'e> Decoder<'a, 'm, 'e> {
    fn read(meter: &'m mut Meter<'e>, text: &'a [u8]) -> Result<Node, Failure> {
        // The parser needs memory for its tokens.
        meter.bytes(text.len().saturating_mul(8))?;
        let text = str::from_utf8(text).map_err(|_| MALFORMED)?;
        let parser = Parser::new_from_str(text);
        let mut decoder = Self { parser, meter, anchors: BTreeMap::new(), depth: 0 };
        loop {
            match decoder.next()? {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => return Ok(Node::Null),
                event => return decoder.node(event),
            }
        }
    }

    fn next(&mut self) -> Result<Event<'a>, Failure> {
        loop {
            self.meter.steps(4)?;
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, _))) => return Ok(event),
                _ => return Err(MALFORMED),
            }
        }
    }

    fn node(&mut self, event: Event<'a>) -> Result<Node, Failure> {
        if self.depth >= self.meter.limits.depth {
            return Err(Limit::Depth.into());
        }
        self.meter.items(1)?;
        self.depth += 1;
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).ok_or(MALFORMED)?;
                charge(self.meter, node)?;
                (node.clone(), 0)
            }
            Event::Scalar(text, style, anchor, tag) => (scalar(&text, style, tag)?, anchor),
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event)?),
                    }
                }
                (Node::List(items), anchor)
            }
            Event::MappingStart(_, anchor, _) => (self.map()?, anchor),
            _ => return Err(MALFORMED),
        };
        self.depth -= 1;
        if anchor > 0 {
            charge(self.meter, &node)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The last of equal keys wins. Merged keys have the position of their merge.
    fn map(&mut self) -> Result<Node, Failure> {
        self.meter.map()?;
        let mut entries = BTreeMap::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Ok(Node::Map(entries)),
                Event::Scalar(text, ScalarStyle::Plain, 0, None) if text == "<<" => {
                    let event = self.next()?;
                    merge(&mut entries, self.node(event)?)?;
                    continue;
                }
                event => self.node(event)?,
            };
            let event = self.next()?;
            let value = self.node(event)?;
            entries.insert(key_text(key)?, value);
        }
    }
}

/// Charges the meter for copies of an alias's target.
fn charge(meter: &mut Meter<'_>, node: &Node) -> Result<(), Limit> {
    meter.items(1)?;
    match node {
        Node::List(items) => items.iter().try_for_each(|item| charge(meter, item)),
        Node::Map(entries) => entries.iter().try_for_each(|(key, value)| {
            meter.bytes(key.len())?;
            charge(meter, value)
        }),
        _ => Ok(()),
    }
}

fn merge(entries: &mut BTreeMap<String, Node>, node: Node) -> Result<(), Failure> {
    match node {
        Node::Map(merged) => entries.extend(merged),
        // The first of them wins.
        Node::List(maps) => {
            for map in maps.into_iter().rev() {
                let Node::Map(merged) = map else { return Err(MALFORMED) };
                entries.extend(merged);
            }
        }
        _ => return Err("a merged value is not a map".into()),
    }
    Ok(())
}

fn key_text(key: Node) -> Result<String, Failure> {
    Ok(match key {
        Node::Bool(value) => if value { "true" } else { "false" }.to_owned(),
        Node::Int(number) => i64::try_from(number).map_err(|_| NO_KEY)?.to_string(),
        Node::Float(number) => match short(number).as_str() {
            "+Inf" => ".inf".to_owned(),
            "-Inf" => "-.inf".to_owned(),
            "NaN" => ".nan".to_owned(),
            text => text.to_owned(),
        },
        Node::Text(text) => String::from_utf8_lossy(&text).into_owned(),
        Node::Null | Node::List(_) | Node::Map(_) => return Err(NO_KEY),
    })
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<Cow<'_, Tag>>) -> Result<Node, Failure> {
    let string = || Node::Text(Text::from(text));
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain { plain(text) } else { string() });
    };
    let is_core = matches!(tag.handle(), "tag:yaml.org,2002:" | "!!");
    Ok(match (is_core.then(|| tag.suffix()), plain(text)) {
        (Some("bool"), node @ Node::Bool(_))
        | (Some("null"), node @ Node::Null)
        | (Some("int"), node @ Node::Int(_))
        | (Some("float"), node @ Node::Float(_)) => node,
        (Some("float"), Node::Int(number)) => Node::Float(number as f64),
        (Some("timestamp"), node) if matches!(resolve(text), Scalar::Timestamp) => node,
        (Some("bool" | "null" | "int" | "float" | "timestamp"), _) => {
            return Err("a value does not have the type of its tag".into());
        }
        (Some("binary"), _) => {
            let bytes = BASE64.decode(text.as_bytes());
            let bytes = bytes.map_err(|_| Failure::Because("a binary value is not base64"))?;
            Node::Text(Text::from(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => string(),
    })
}

fn plain(text: &str) -> Node {
    match resolve(text) {
        Scalar::Null => Node::Null,
        Scalar::Bool(value) => Node::Bool(value),
        Scalar::Int(number) => Node::Int(number),
        Scalar::Float(number) => Node::Float(number),
        Scalar::Timestamp | Scalar::Text(_) => Node::Text(Text::from(text)),
    }
}
