//! Fields: keys of maps, and the fields and methods of objects.

use super::{
    raised::{Evaluated, raise},
    walk::Evaluator,
};
use crate::{
    error::RenderErrorKind,
    value::{Member, Object, Value},
};

impl Evaluator<'_, '_> {
    /// `.a.b` of a value. Only the last may be a method with arguments.
    pub(super) fn fields(
        &self,
        value: Value,
        names: &[Box<str>],
        arguments: Option<&[Value]>,
        at: u32,
    ) -> Evaluated<Value> {
        let Some((last, names)) = names.split_last() else { return Ok(value) };
        let value =
            names.iter().try_fold(value, |value, name| self.field(&value, name, None, at))?;
        self.field(&value, last, arguments, at)
    }

    fn field(
        &self,
        value: &Value,
        name: &str,
        arguments: Option<&[Value]>,
        at: u32,
    ) -> Evaluated<Value> {
        let found = match value {
            Value::Map(_) | Value::Missing if arguments.is_some() => {
                return raise(at, RenderErrorKind::NotAFunction);
            }
            Value::Missing => None,
            Value::Map(map) => map.get(name.as_bytes()),
            Value::Object(object) => return member(&**object, name, arguments, at),
            other => {
                let (found, field) = (other.type_name(), name.into());
                return raise(at, RenderErrorKind::NoField { found, field });
            }
        };
        match found {
            Some(value) => Ok(value),
            None if self.template.missing_key_fails => {
                raise(at, RenderErrorKind::MissingKey(name.into()))
            }
            None => Ok(Value::Missing),
        }
    }
}

fn member(
    object: &dyn Object,
    name: &str,
    arguments: Option<&[Value]>,
    at: u32,
) -> Evaluated<Value> {
    match object.member(name, arguments.unwrap_or_default()) {
        Member::Value(value) => Ok(value),
        Member::Unknown => {
            let (found, field) = (object.type_name(), name.into());
            raise(at, RenderErrorKind::NoField { found, field })
        }
        Member::WrongArguments(method) => raise(at, RenderErrorKind::ArgumentCount(method)),
        Member::Failed(function, reason) => {
            raise(at, RenderErrorKind::Function { function, reason })
        }
    }
}
