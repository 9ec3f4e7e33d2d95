//! YAML and hexadecimal digits.

use crate::{
    context::Context,
    error::Failure,
    functions::{
        Arguments, Function,
        Parameter::{Any, Text},
    },
    text::Buffer,
    value::Value,
    yaml,
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("fromYaml", &[Text], from_yaml),
    Function::new("hexdec", &[Text], hexadecimal),
    Function::new("toYaml", &[Any], to_yaml),
];

/// A map. Where the text is none, it has a key `Error` and nothing else.
fn from_yaml(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let words = match yaml::decode(&mut context.meter, arguments.text(0)?) {
        Ok(map @ Value::Map(_)) => return Ok(map),
        Ok(Value::Nil) => return Ok(Value::map([])),
        Err(limit @ Failure::Limit(_)) => return Err(limit),
        Ok(value) => format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of \
             type map[string]interface {{}}",
            json_type(&value)
        ),
        Err(Failure::Because(_)) => "error converting YAML to JSON".to_owned(),
    };
    Ok(Value::map([("Error".into(), Value::text(words))]))
}

/// What Go's encoding/json calls a value that is not a map.
fn json_type(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "array",
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        _ => "string",
    }
}

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
