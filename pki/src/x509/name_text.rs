//! The text of a name, as Go's `pkix.Name` prints it.

use der::{Encode as _, asn1::AnyRef};

use super::common_name::directory_string_tag;
use crate::der::{BMP_STRING, Element, Reader, SET, T61_STRING};

/// An attribute of 2.5.4 and its short name.
struct Known {
    number: u8,
    letters: &'static str,
}

/// In Go's order, which it reverses for printing. Attributes of one kind stay together.
const KNOWN: [Known; 9] = [
    Known { number: 6, letters: "C" },
    Known { number: 10, letters: "O" },
    Known { number: 11, letters: "OU" },
    Known { number: 7, letters: "L" },
    Known { number: 8, letters: "ST" },
    Known { number: 9, letters: "STREET" },
    Known { number: 17, letters: "POSTALCODE" },
    Known { number: 3, letters: "CN" },
    Known { number: 5, letters: "SERIALNUMBER" },
];

/// Go keeps only the last attribute of these kinds.
const SINGLE: [u8; 2] = [3, 5];

struct Attribute<'a> {
    /// Encoded.
    id: &'a [u8],
    value: String,
}

/// The parts of a name that was checked, last first, separated by commas.
pub(super) fn to_text(mut sets: Reader<'_>) -> Option<String> {
    let mut attributes = Vec::new();
    while !sets.is_empty() {
        let mut set = sets.within(SET)?;
        while !set.is_empty() {
            let mut attribute = set.sequence()?;
            let id = attribute.oid()?;
            attributes.push(Attribute { id, value: string(&attribute.element()?)? });
        }
    }
    let mut parts: Vec<String> = Vec::new();
    let number = |attribute: &Attribute<'_>| match attribute.id {
        [0x55, 4, number] => KNOWN.iter().any(|known| known.number == *number).then_some(*number),
        _ => None,
    };
    for attribute in attributes.iter().filter(|attribute| number(attribute).is_none()) {
        parts.push(format!("{}=#{}", dotted(attribute.id), hexadecimal(&attribute.value)?));
    }
    for known in KNOWN {
        let values = attributes.iter().filter(|attribute| number(attribute) == Some(known.number));
        let mut values: Vec<_> = values.map(|attribute| attribute.value.as_str()).collect();
        if SINGLE.contains(&known.number) {
            values = values.last().filter(|value| !value.is_empty()).copied().into_iter().collect();
        }
        let texts: Vec<_> =
            values.iter().map(|value| format!("{}={}", known.letters, escaped(value))).collect();
        if !texts.is_empty() {
            parts.push(texts.join("+"));
        }
    }
    parts.reverse();
    Some(parts.join(","))
}

/// The value of an attribute.
fn string(element: &Element<'_>) -> Option<String> {
    Some(match element.tag {
        T61_STRING => element.content.iter().copied().map(char::from).collect(),
        BMP_STRING => {
            let content = element.content.strip_suffix(&[0, 0]).unwrap_or(element.content);
            let units = content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()?
        }
        _ => str::from_utf8(element.content).ok()?.to_owned(),
    })
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    // Go compares offsets in bytes.
    for (at, c) in value.char_indices() {
        let escape = match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => at == 0 || at + 1 == value.len(),
            '#' => at == 0,
            _ => false,
        };
        if escape {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// A string in DER, of the type that Go chooses, in hexadecimal digits.
fn hexadecimal(value: &str) -> Option<String> {
    let der = AnyRef::new(directory_string_tag(value), value.as_bytes()).and_then(|s| s.to_der());
    Some(base16ct::lower::encode_string(&der.ok()?))
}

fn dotted(id: &[u8]) -> String {
    let mut numbers = Vec::new();
    for digits in id.split_inclusive(|byte| byte & 0x80 == 0) {
        let number = digits.iter().fold(0_u64, |n, byte| (n << 7) | u64::from(byte & 0x7f));
        if numbers.is_empty() {
            let first = (number / 40).min(2);
            numbers.extend([first.to_string(), (number - first * 40).to_string()]);
        } else {
            numbers.push(number.to_string());
        }
    }
    numbers.join(".")
}
