//! Inputs of any length, in shapes that are costly for one function or another.

use std::collections::HashMap;

use gotemplate::{Element, List, Map, MapKind, Parameter, Text, Value};

/// The start of a text, the repeated part, and the end. A `#` is a number that differs each time.
const TEXTS: &[(&str, &str, &str)] = &[
    ("", "A", ""),
    ("", "a", ""),
    ("", "aB", ""),
    ("", "aB9", ""),
    ("", "é", ""),
    ("", " a", ""),
    ("", "a, ", ""),
    ("", " ", ""),
    ("", "\n", ""),
    ("a", "-", "a"),
    ("", "a/", ""),
    ("/", "../", ""),
    ("", "ff", ""),
    // Numbers, versions and dates.
    ("", "9", ""),
    ("1.", "0", ""),
    ("1e", "9", ""),
    ("1.0.0-", "a.", "a"),
    ("", "1.0.# - 2.0.# ", ">1"),
    ("", "1.0.0 || ", "1"),
    ("", ">1 ", ">1"),
    ("", "1h", ""),
    ("", "2006", ""),
    ("", "Jan ", ""),
    // Formats, expressions, and what replaces matches.
    ("", "%d", ""),
    ("", "%v%s", ""),
    ("%", "9", "d"),
    ("", "a?", ""),
    ("", "a|", "b"),
    ("", "(", ""),
    ("", "{", ""),
    ("", "[a-z]", ""),
    ("", "\\pL", ""),
    ("", "(?P<g#>a)", ""),
    ("", "(?i:k)", ""),
    ("", "$1", ""),
    ("", "${g", ""),
    // URLs, HTML.
    ("http://", "a:", ""),
    ("http://[", "%25", "]"),
    ("http://a/?", "a=%41&", ""),
    ("", "<&\"'", ""),
    // JSON and YAML.
    ("[", "1,", "1]"),
    ("[", "{},", "1]"),
    ("{", "\"k#\":1,", "\"z\":1}"),
    ("{\"a\":\"", "\\u00e9", "\"}"),
    ("{\"kty\":\"RSA\",\"n\":\"", "AQAB", "\",\"e\":\"AQAB\"}"),
    ("", "k#: x\n", ""),
    ("", "- a\n", ""),
    ("a: [", "&a# x, ", "x]"),
    ("a: &a x\nb: [", "*a, ", "x]"),
    ("a: \"", "\\x41", "\""),
    ("a: |\n", " a\n", ""),
    ("a: >\n", " a\n", ""),
    ("a: ", "# ", ""),
    // PEM.
    ("", "-----BEGIN x-----\n", ""),
    ("", "-----BEGIN x-----\n\n-----END x-----\n", ""),
    ("-----BEGIN CERTIFICATE-----\n", "MIIB\n", "-----END CERTIFICATE-----\n"),
    ("", "MIIB", ""),
    ("", "A", "="),
];

/// Parts of templates.
pub(crate) const TEMPLATES: &[(&str, &str, &str)] = &[
    ("", "a", ""),
    ("", "{", ""),
    ("", "{{1}}", ""),
    ("", "{{$x# := 1}}", ""),
    ("{{$x := 1}}", "{{$x}}", ""),
    ("{{$x := 1}}", "{{$x := $x}}", ""),
    ("", "{{define `a#`}}{{end}}", ""),
    ("", "{{define `a`}}{{end}}", ""),
    ("", "{{- /* a */ -}} ", ""),
    ("", "{{/*", ""),
    ("{{", ".a", "}}"),
    ("{{", "1 |", "print}}"),
    ("{{print ", "1 ", "}}"),
    ("{{`", "a", "`}}"),
    ("{{\"", "\\u00e9", "\"}}"),
    ("{{\"", "\\", "\"}}"),
    ("{{", "9", "}}"),
    ("{{0x", "f", "}}"),
    ("{{1e", "9", "}}"),
    ("{{1", " ", "}}"),
    ("", "}}", ""),
    ("", "{{if 1}}a{{else if 2}}b{{end}}", ""),
    ("{{if 1}}", "{{break}}", "{{end}}"),
];

/// A text of this length, in a shape of `TEXTS` or `TEMPLATES`.
pub(crate) fn filled((start, unit, end): (&str, &str, &str), length: usize) -> String {
    let mut text = start.to_owned();
    for number in 0.. {
        if text.len() + unit.len() + end.len() > length {
            break;
        }
        if unit.contains('#') {
            text.push_str(&unit.replace('#', &number.to_string()));
        } else {
            text.push_str(unit);
        }
    }
    text + end
}

/// A kind of input.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Shape {
    /// One of `TEXTS`.
    Text(usize),
    /// Bytes that are not UTF-8.
    Bytes,
    /// Digits of an integer of this fraction of the length.
    Number(i64),
    List(Items),
    Map(Items),
    /// Lists in lists.
    Nested,
    /// Maps in maps.
    NestedMaps,
}

/// The items of a list or of a map.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Items {
    Nil,
    Zeros,
    Numbers,
    Floats,
    EqualTexts,
    Texts,
    LongTexts,
    Lists,
    Maps,
    Times,
}

const ITEMS: [Items; 10] = [
    Items::Nil,
    Items::Zeros,
    Items::Numbers,
    Items::Floats,
    Items::EqualTexts,
    Items::Texts,
    Items::LongTexts,
    Items::Lists,
    Items::Maps,
    Items::Times,
];

/// How many bytes of an input's length make an item.
pub(crate) const ITEM: usize = 16;

/// Makes inputs, and keeps them.
pub(crate) struct Inputs {
    kept: std::cell::RefCell<HashMap<(Shape, usize), Value>>,
    time: Value,
}

impl Inputs {
    /// `time` is a `time.Time`.
    pub(crate) fn new(time: Value) -> Self {
        Self { kept: std::cell::RefCell::default(), time }
    }

    /// The shapes that an argument of this type may have.
    pub(crate) fn shapes(parameter: Parameter) -> Vec<Shape> {
        let texts = (0..TEXTS.len()).map(Shape::Text).chain([Shape::Bytes]);
        let numbers = [1, 8].map(Shape::Number);
        let lists = ITEMS.into_iter().map(Shape::List).chain([Shape::Nested]);
        let maps = [Items::Nil, Items::Texts, Items::Lists, Items::Maps];
        let maps = maps.into_iter().map(Shape::Map).chain([Shape::NestedMaps]);
        match parameter {
            Parameter::Text => texts.collect(),
            Parameter::Int => numbers.to_vec(),
            Parameter::List => lists.collect(),
            Parameter::Map => maps.collect(),
            Parameter::Any => texts.chain(numbers).chain(lists).chain(maps).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn get(&self, shape: Shape, length: usize) -> Value {
        let mut kept = self.kept.borrow_mut();
        kept.entry((shape, length)).or_insert_with(|| self.make(shape, length)).clone()
    }

    fn make(&self, shape: Shape, length: usize) -> Value {
        let count = length / ITEM;
        match shape {
            Shape::Text(index) => Value::text(filled(TEXTS[index], length)),
            Shape::Bytes => Value::text(vec![0xff; length]),
            Shape::Number(part) => Value::Int(signed(length) / part),
            Shape::List(Items::Texts) => {
                Value::List(List::new(Element::Text, self.items(Items::Texts, count)))
            }
            Shape::List(items) => Value::list(self.items(items, count)),
            Shape::Map(items) => {
                let keys = (0..count).map(|number| Text::from(format!("k{number:06}")));
                let kind = MapKind::Any;
                Value::Map(Map::new(kind, keys.zip(self.items(items, count)).collect()))
            }
            Shape::Nested => nested(count, |inner| Value::list(vec![Value::Int(1), inner])),
            Shape::NestedMaps => nested(count, |inner| Value::map([("k".into(), inner)])),
        }
    }

    fn items(&self, items: Items, count: usize) -> Vec<Value> {
        let item = |number: usize| match items {
            Items::Nil => Value::Nil,
            Items::Zeros => Value::Int(0),
            Items::Numbers => Value::Int(signed(number)),
            Items::Floats => Value::Float(small_float(number)),
            Items::EqualTexts => Value::text("a"),
            Items::Texts => Value::text(format!("text {number:06}")),
            Items::LongTexts => Value::text(format!("{}{number:06}", "a".repeat(ITEM))),
            Items::Lists => Value::list(vec![Value::Int(signed(number))]),
            Items::Maps => Value::map([("a".into(), Value::Int(signed(number)))]),
            Items::Times => self.time.clone(),
        };
        // Callers who get the same list twice compare all items.
        (0..count).rev().map(item).collect()
    }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).expect("lengths are small")
}

fn small_float(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("lengths are small")) * 0.1
}

/// Many lists or maps, in stacks as high as limits allow.
fn nested(count: usize, wrap: impl Fn(Value) -> Value) -> Value {
    const HEIGHT: usize = 50;
    let stack = |_| (0..HEIGHT).fold(Value::text("a"), |inner, _| wrap(inner));
    let stacks = (0..count.div_ceil(HEIGHT)).map(stack);
    let keys = (0..).map(|number| Text::from(format!("k{number:06}")));
    match wrap(Value::Nil) {
        Value::Map(_) => Value::map(keys.zip(stacks)),
        _ => Value::list(stacks.collect()),
    }
}
