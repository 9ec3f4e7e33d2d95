//! Fields: keys of maps.

use super::{Evaluated, raise, walk::Evaluator};
use crate::{error::RenderErrorKind, value::Value};

impl Evaluator<'_, '_> {
    /// `.a.b` of a value.
    pub(super) fn fields(&self, value: Value, names: &[Box<str>], at: u32) -> Evaluated<Value> {
        names.iter().try_fold(value, |value, name| self.field(&value, name, at))
    }

    fn field(&self, value: &Value, name: &str, at: u32) -> Evaluated<Value> {
        let found = match value {
            Value::Missing => None,
            Value::Map(map) => map.get(name.as_bytes()),
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
