//! YAML and hexadecimal digits.

use gotemplate::{
    Arguments, Buffer, Context, Failure, Function,
    Parameter::{Any, Text},
    Value,
};

use crate::yaml;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("fromYaml", &[Text], from_yaml),
    Function::new("hexdec", &[Text], hexadecimal),
    Function::new("toYaml", &[Any], to_yaml),
];

/// A map. If the text is not a map in YAML, the result has only the key `Error`.
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

/// The name that Go's encoding/json gives to the type of a value.
fn json_type(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "array",
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        _ => "string",
    }
}

/// The text without the line break at its end. Values that cannot be written become empty.
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
        bytes.push_byte(number.ok_or("the text is not pairs of hexadecimal digits")? as u8);
    }
    Ok(Value::text(bytes))
}
