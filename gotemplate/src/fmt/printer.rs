//! Values, by type and verb.

use super::{flags::Flags, float::FloatFormat, radix::Radix};
use crate::{
    limits::{Limit, Meter},
    text::Buffer,
    value::{Element, List, Map, MapKind, Value},
};

pub(super) struct Printer<'p, 'e> {
    pub(super) buffer: &'p mut Buffer,
    pub(super) meter: &'p mut Meter<'e>,
    pub(super) flags: Flags,
    depth: usize,
    /// Whether this is within `%!d(…)`, where methods do not print values.
    pub(super) complaining: bool,
}

impl<'p, 'e> Printer<'p, 'e> {
    pub(super) fn new(buffer: &'p mut Buffer, meter: &'p mut Meter<'e>) -> Self {
        Self { buffer, meter, flags: Flags::default(), depth: 0, complaining: false }
    }

    /// Prints a value. The output shows a verb that does not suit the value, as in Go.
    pub(super) fn argument(&mut self, value: &Value, verb: char) -> Result<(), Limit> {
        self.meter.step()?;
        match (value, verb) {
            (Value::Missing | Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (_, 'T') => self.text(value.type_name().as_bytes(), 's'),
            (Value::Bool(true), 't' | 'v') => self.pad(b"true"),
            (Value::Bool(false), 't' | 'v') => self.pad(b"false"),
            (Value::Int(number) | Value::Int64(number), _) => {
                self.number(value, i128::from(*number), verb)
            }
            (Value::Uint8(number), _) => self.unsigned(value, u64::from(*number), verb),
            (Value::Uint64(number), _) => self.unsigned(value, *number, verb),
            (Value::Float(number), _) => match float_verb(verb) {
                Some((format, precision, upper)) => self.float(*number, format, precision, upper),
                None => self.bad(value, verb),
            },
            (Value::Complex(real, imaginary), _) => match float_verb(verb) {
                Some((format, precision, upper)) => {
                    self.complex((*real, *imaginary), format, precision, upper)
                }
                None => self.bad(value, verb),
            },
            (Value::Object(object), _) => self.object(value, &**object, verb),
            (Value::Text(text), 'v' | 's' | 'q' | 'x' | 'X') => self.text(text, verb),
            (Value::List(list), _) => self.list(list, verb),
            (Value::Map(map), _) => self.map(map, verb),
            (Value::Missing | Value::Nil | Value::Bool(_) | Value::Text(_), _) => {
                self.bad(value, verb)
            }
        }
    }

    /// `int=3`: a value with its type.
    pub(super) fn typed(&mut self, value: &Value) -> Result<(), Limit> {
        self.buffer.push(value.type_name());
        if value.is_nil() {
            return Ok(());
        }
        self.buffer.push("=");
        self.argument(value, 'v')
    }

    /// `%!d(MISSING)` and the like.
    pub(super) fn complain(&mut self, verb: char, what: &str) {
        self.buffer.push("%!");
        self.buffer.push_char(verb);
        self.buffer.push("(");
        self.buffer.push(what);
        self.buffer.push(")");
    }

    /// `%!d(string=text)`: the verb does not suit the value.
    pub(super) fn bad(&mut self, value: &Value, verb: char) -> Result<(), Limit> {
        self.complain(verb, "");
        self.buffer.truncate(self.buffer.len() - 1);
        self.complaining = true;
        self.typed(value)?;
        self.complaining = false;
        self.buffer.push(")");
        Ok(())
    }

    fn unsigned(&mut self, value: &Value, number: u64, verb: char) -> Result<(), Limit> {
        if verb != 'v' || !self.flags.go_syntax {
            return self.number(value, i128::from(number), verb);
        }
        let sharp = std::mem::replace(&mut self.flags.sharp, true);
        let result = self.integer(i128::from(number), Radix::new(16));
        self.flags.sharp = sharp;
        result
    }

    pub(super) fn number(&mut self, value: &Value, number: i128, verb: char) -> Result<(), Limit> {
        let radix = match verb {
            'v' | 'd' => Radix::DECIMAL,
            'b' => Radix::new(2),
            'o' => Radix::new(8),
            'O' => Radix { octal_prefix: true, ..Radix::new(8) },
            'x' => Radix::new(16),
            'X' => Radix { upper: true, ..Radix::new(16) },
            'c' => return self.character(number),
            'q' => return self.quoted_character(number),
            'U' => return self.unicode(number),
            _ => return self.bad(value, verb),
        };
        self.integer(number, radix)
    }

    pub(super) fn text(&mut self, text: &[u8], verb: char) -> Result<(), Limit> {
        match verb {
            'q' => self.quoted(text),
            'v' if self.flags.go_syntax => self.quoted(text),
            'x' | 'X' => self.hexadecimal(text, verb == 'X'),
            _ => self.pad(self.truncated(text)),
        }
    }

    fn list(&mut self, list: &List, verb: char) -> Result<(), Limit> {
        let (open, separator, close) = self.brackets(list.type_name(), ("[", " ", "]"), verb);
        if open && list.is_nil() {
            self.buffer.push("(nil)");
            return Ok(());
        }
        self.buffer.push(if open { "{" } else { "[" });
        for (index, item) in list.to_vec().iter().enumerate() {
            if index > 0 {
                self.buffer.push(separator);
            }
            self.inner(item, verb, list.element() == Element::Any)?;
        }
        self.buffer.push(close);
        Ok(())
    }

    fn map(&mut self, map: &Map, verb: char) -> Result<(), Limit> {
        let type_name = map.kind().type_name();
        let (open, separator, close) = self.brackets(type_name, ("map[", " ", "]"), verb);
        if open && map.is_nil() {
            self.buffer.push("(nil)");
            return Ok(());
        }
        self.buffer.push(if open { "{" } else { "map[" });
        for (index, (key, item)) in map.entries().iter().enumerate() {
            if index > 0 {
                self.buffer.push(separator);
            }
            self.inner(&Value::Text(key.clone()), verb, false)?;
            self.buffer.push(":");
            self.inner(item, verb, map.kind() == MapKind::Any)?;
        }
        self.buffer.push(close);
        Ok(())
    }

    /// Writes the type if the flags ask for Go syntax. Returns whether they do, the separator and the
    /// closing bracket.
    pub(super) fn brackets(
        &mut self,
        type_name: &str,
        plain: (&str, &'static str, &'static str),
        verb: char,
    ) -> (bool, &'static str, &'static str) {
        let go_syntax = self.flags.go_syntax && verb == 'v';
        if go_syntax {
            self.buffer.push(type_name);
            return (true, ", ", "}");
        }
        (false, plain.1, plain.2)
    }

    /// A value within another one.
    pub(super) fn inner(
        &mut self,
        value: &Value,
        verb: char,
        is_interface: bool,
    ) -> Result<(), Limit> {
        if value.is_nil() && is_interface {
            self.meter.step()?;
            let go_syntax = self.flags.go_syntax;
            self.buffer.push(if go_syntax { "interface {}(nil)" } else { "<nil>" });
            return Ok(());
        }
        if self.depth >= self.meter.limits.depth {
            return Err(Limit::Depth);
        }
        self.depth += 1;
        self.argument(value, verb)?;
        self.depth -= 1;
        Ok(())
    }
}

/// The format, its default precision, and whether letters are upper case.
fn float_verb(verb: char) -> Option<(FloatFormat, Option<usize>, bool)> {
    Some(match verb {
        'v' | 'g' => (FloatFormat::General, None, false),
        'G' => (FloatFormat::General, None, true),
        'e' => (FloatFormat::Exponent, Some(6), false),
        'E' => (FloatFormat::Exponent, Some(6), true),
        'f' | 'F' => (FloatFormat::Plain, Some(6), false),
        'x' => (FloatFormat::Hexadecimal, None, false),
        'X' => (FloatFormat::Hexadecimal, None, true),
        'b' => (FloatFormat::Binary, None, false),
        _ => return None,
    })
}
