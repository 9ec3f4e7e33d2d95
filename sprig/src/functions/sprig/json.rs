//! JSON.

use gotemplate::{
    Buffer, Context, Failure, Function,
    Parameter::{Any, Text},
    Value,
};

use crate::json::{Style, decode, encode};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("fromJson", &[Text], |c, a| or(decode(&mut c.meter, a.text(0)?), Value::Nil)),
    Function::new("mustFromJson", &[Text], |c, a| decode(&mut c.meter, a.text(0)?)),
    Function::new("mustToJson", &[Any], |c, a| to(c, a.any(0)?, Style::Escaped)),
    Function::new("mustToPrettyJson", &[Any], |c, a| to(c, a.any(0)?, Style::Pretty)),
    Function::new("mustToRawJson", &[Any], |c, a| to(c, a.any(0)?, Style::Raw)),
    Function::new("toJson", &[Any], |c, a| or_nothing(to(c, a.any(0)?, Style::Escaped))),
    Function::new("toPrettyJson", &[Any], |c, a| or_nothing(to(c, a.any(0)?, Style::Pretty))),
    Function::new("toRawJson", &[Any], |c, a| to(c, a.any(0)?, Style::Raw)),
];

fn to(context: &mut Context<'_>, value: &Value, style: Style) -> Result<Value, Failure> {
    let mut buffer = Buffer::default();
    encode(&mut buffer, &mut context.meter, value, style)?;
    Ok(Value::text(buffer))
}

/// A failure returns an empty value, unless a limit is exhausted.
fn or_nothing(result: Result<Value, Failure>) -> Result<Value, Failure> {
    or(result, Value::text(""))
}

fn or(result: Result<Value, Failure>, default: Value) -> Result<Value, Failure> {
    match result {
        Err(Failure::Because(_)) => Ok(default),
        other => other,
    }
}
