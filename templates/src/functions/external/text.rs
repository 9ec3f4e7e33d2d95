//! YAML and hexadecimal digits.

use crate::{
    context::Context,
    error::Failure,
    functions::{
        Arguments, Function,
        Parameter::{Any, Text},
    },
    text::Buffer,
    value::{Map, MapKind, Value},
    yaml,
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("fromYaml", &[Text], from_yaml),
    Function::new("hexdec", &[Text], hexadecimal),
    Function::new("toYaml", &[Any], to_yaml),
];

/// A map. Where the text is none, it has a key `Error` and nothing else.
fn from_yaml(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let words: &[u8] = match yaml::decode(&mut context.meter, arguments.text(0)?) {
        Ok(map @ Value::Map(_)) => return Ok(map),
        Ok(Value::Nil) => return Ok(Value::map([])),
        Err(limit @ Failure::Limit(_)) => return Err(limit),
        Ok(Value::List(_)) => NOT_A_MAP[0],
        Ok(Value::Text(_)) => NOT_A_MAP[1],
        Ok(Value::Float(_)) => NOT_A_MAP[2],
        Ok(Value::Bool(_)) => NOT_A_MAP[3],
        Ok(_) | Err(Failure::Because(_)) => b"error converting YAML to JSON",
    };
    let entries = [("Error".into(), Value::text(words))];
    Ok(Value::Map(Map::new(MapKind::Any, entries.into())))
}

/// Go's words about a document that is not a map: a list, a string, a number, a boolean.
const NOT_A_MAP: [&[u8]; 4] = [
    b"error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
    b"error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type map[string]interface {}",
    b"error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go value of type map[string]interface {}",
    b"error unmarshaling JSON: while decoding JSON: json: cannot unmarshal bool into Go value of type map[string]interface {}",
];

/// Without the line break at its end. What cannot be written is nothing.
fn to_yaml(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    match yaml::encode(&mut context.meter, arguments.any(0)?) {
        Ok(mut text) => {
            if text.last() == Some(&b'\n') {
                text.truncate(text.len() - 1);
            }
            Ok(Value::text(text))
        }
        Err(Failure::Because(_)) => Ok(Value::text("")),
        Err(limit) => Err(limit),
    }
}

fn hexadecimal(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let text = arguments.text(0)?;
    context.meter.bytes(text.len() / 2)?;
    let mut bytes = Buffer::with_capacity(text.len() / 2);
    let digit = |byte: u8| char::from(byte).to_digit(16);
    for pair in text.chunks(2) {
        let number = match pair {
            [high, low] => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push_byte(number.ok_or("the text is not of hexadecimal digits, two a byte")? as u8);
    }
    Ok(Value::text(bytes))
}
