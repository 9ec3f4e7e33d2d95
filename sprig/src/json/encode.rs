//! From a value to JSON.

use gotemplate::{
    Buffer, Failure, Kind, Limit, Meter, Object, Value,
    fmt::{FloatFormat, format_float},
    rune,
};

use crate::{certificate::Certificate, time::Time};

/// The layout of JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// On one line; `<`, `>` and `&` are escaped.
    Escaped,
    /// With two spaces of indentation.
    Pretty,
    /// On one line, without escapes for `<`, `>` and `&`.
    Raw,
}

/// Writes `value` as JSON. Numbers that JSON cannot express are an error.
pub fn encode(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    value: &Value,
    style: Style,
) -> Result<(), Failure> {
    Encoder { buffer, meter, style, depth: 0 }.value(value)
}

struct Encoder<'a, 'e> {
    buffer: &'a mut Buffer,
    meter: &'a mut Meter<'e>,
    style: Style,
    depth: usize,
}

impl Encoder<'_, '_> {
    fn value(&mut self, value: &Value) -> Result<(), Failure> {
        self.meter.items(1)?;
        match value {
            Value::Missing | Value::Nil => self.buffer.push("null"),
            Value::Bool(value) => self.buffer.push(if *value { "true" } else { "false" }),
            Value::Int(value) | Value::Int64(value) => self.buffer.push(value.to_string()),
            Value::Uint64(value) => self.buffer.push(value.to_string()),
            Value::Uint8(value) => self.buffer.push(value.to_string()),
            Value::Float(value) if value.is_finite() => self.buffer.push(number(*value)),
            Value::Float(_) | Value::Complex(..) => {
                return Err("JSON cannot express the number".into());
            }
            Value::Text(text) => self.text(text)?,
            Value::List(list) if list.is_nil() => self.buffer.push("null"),
            Value::List(list) => {
                let items = list.to_vec();
                self.nested(*b"[]", items.iter(), Self::value)?;
            }
            Value::Map(map) if map.is_nil() => self.buffer.push("null"),
            Value::Map(map) => {
                self.nested(*b"{}", map.entries().iter(), |this, (key, item)| {
                    this.entry(key, item)
                })?;
            }
            Value::Object(object) => self.object(value, &**object)?,
        }
        Ok(())
    }

    /// `value` is `object`. Objects are written by their method `MarshalJSON`, or field by field.
    fn object(&mut self, value: &Value, object: &dyn Object) -> Result<(), Failure> {
        if let Kind::Integer(number) = object.kind() {
            self.buffer.push(number.to_string());
        } else if let Some(time) = value.as_object::<Time>() {
            self.text(time.format("2006-01-02T15:04:05.999999999Z07:00").as_bytes())?;
        } else if let Some(certificate) = value.as_object::<Certificate>() {
            let fields = certificate.texts();
            self.nested(*b"{}", fields.iter(), |this, (name, field)| {
                this.entry(name.as_bytes(), field)
            })?;
        } else {
            self.text(object.string().unwrap_or_default().as_bytes())?;
        }
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &Value) -> Result<(), Failure> {
        self.text(key)?;
        self.buffer.push(if self.style == Style::Pretty { ": " } else { ":" });
        self.value(value)
    }

    fn nested<T>(
        &mut self,
        brackets: [u8; 2],
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let is_empty = items.len() == 0;
        self.buffer.push_byte(brackets[0]);
        self.depth += 1;
        if self.depth > self.meter.limits.depth {
            return Err(Limit::Depth.into());
        }
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.buffer.push_byte(b',');
            }
            self.line()?;
            write(self, item)?;
        }
        self.depth -= 1;
        if !is_empty {
            self.line()?;
        }
        self.buffer.push_byte(brackets[1]);
        Ok(())
    }

    fn line(&mut self) -> Result<(), Limit> {
        if self.style == Style::Pretty {
            self.meter.bytes(1 + 2 * self.depth)?;
            self.buffer.push_byte(b'\n');
            self.buffer.repeat(b' ', 2 * self.depth);
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Limit> {
        // A character takes six bytes at most.
        self.meter.bytes(text.len() * 6 + 2)?;
        self.buffer.push_byte(b'"');
        for (c, read) in rune::runes(text) {
            match c {
                '"' => self.buffer.push("\\\""),
                '\\' => self.buffer.push("\\\\"),
                '\n' => self.buffer.push("\\n"),
                '\r' => self.buffer.push("\\r"),
                '\t' => self.buffer.push("\\t"),
                '\x08' => self.buffer.push("\\b"),
                '\x0c' => self.buffer.push("\\f"),
                '<' | '>' | '&' if self.style == Style::Raw => self.buffer.push(read),
                '<' | '>' | '&' | '\0'..' ' | '\u{2028}' | '\u{2029}' => {
                    self.buffer.push(format!("\\u{:04x}", u32::from(c)));
                }
                char::REPLACEMENT_CHARACTER if read.len() == 1 => self.buffer.push("\\ufffd"),
                _ => self.buffer.push(read),
            }
        }
        self.buffer.push_byte(b'"');
        Ok(())
    }
}

/// As JavaScript writes numbers.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return format_float(value, FloatFormat::Plain, None);
    }
    // Without the zero that Go puts before a single digit of a negative exponent.
    format_float(value, FloatFormat::Exponent, None).replace("e-0", "e-")
}
