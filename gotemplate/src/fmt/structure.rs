//! Objects: by their methods, or field by field.

use super::printer::Printer;
use crate::{
    limits::Limit,
    value::{Field, Kind, Object, Value},
};

impl Printer<'_, '_> {
    /// `value` is `object`.
    pub(super) fn object(
        &mut self,
        value: &Value,
        object: &dyn Object,
        verb: char,
    ) -> Result<(), Limit> {
        if !self.complaining {
            let is_text = matches!(verb, 'v' | 's' | 'q' | 'x' | 'X');
            let printed = match (self.flags.go_syntax, verb) {
                (true, 'v') => object.go_string(),
                (false, _) if is_text => object.string(),
                _ => None,
            };
            match printed {
                Some(text) if self.flags.go_syntax => return self.pad(text.as_bytes()),
                Some(text) => return self.text(text.as_bytes(), verb),
                None => {}
            }
        }
        match object.kind() {
            Kind::Integer(number) => self.number(value, i128::from(number), verb),
            Kind::Structure if verb == 'p' => self.bad(value, verb),
            Kind::Structure => self.structure(object.type_name(), &object.fields(), verb),
            Kind::Pointer => {
                self.buffer.push("&");
                let type_name = object.type_name().trim_start_matches('*');
                self.structure(type_name, &object.fields(), verb)
            }
        }
    }

    fn structure(
        &mut self,
        type_name: &str,
        fields: &[(&str, Field)],
        verb: char,
    ) -> Result<(), Limit> {
        let (go_syntax, separator, close) = self.brackets(type_name, ("{", " ", "}"), verb);
        self.buffer.push("{");
        for (index, (name, field)) in fields.iter().enumerate() {
            if index > 0 {
                self.buffer.push(separator);
            }
            if go_syntax || self.flags.field_names {
                self.buffer.push(name);
                self.buffer.push(":");
            }
            match field {
                Field::Value(value) => self.inner(value, verb, false)?,
                Field::Pointer(description) => self.pointer(description, verb)?,
            }
        }
        self.buffer.push(close);
        Ok(())
    }

    /// A pointer within a structure. It is 0 here, like a nil pointer in Go.
    fn pointer(&mut self, description: &str, verb: char) -> Result<(), Limit> {
        match verb {
            'b' | 'o' | 'd' | 'x' | 'X' => self.inner(&Value::Uint64(0), verb, false),
            'v' | 's' => self.pad(b"<nil>"),
            _ => {
                self.complain(verb, description);
                Ok(())
            }
        }
    }
}
