//! The formatting half of Go's `fmt`: `Print`, `Println` and `Printf`.

mod directive;
mod float;
mod integer;
mod pad;
mod printable;
mod printer;
mod quote;
mod structure;

use self::printer::Printer;
pub(crate) use self::{
    float::{FloatFormat, format_float},
    printable::is_printable,
    quote::quote,
};
use crate::{
    limits::{Limit, Meter},
    text::Buffer,
    value::Value,
};

/// Writes a value as `fmt.Print` does.
pub(crate) fn value(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    value: &Value,
) -> Result<(), Limit> {
    Printer::new(buffer, meter).argument(value, 'v')
}

/// `fmt.Sprint`: a space stands between two values of which neither is a string.
pub(crate) fn print(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    values: &[Value],
) -> Result<(), Limit> {
    let mut after_string = true;
    for (index, value) in values.iter().enumerate() {
        let is_string = matches!(value, Value::Text(_));
        if index > 0 && !is_string && !after_string {
            buffer.push_byte(b' ');
        }
        self::value(buffer, meter, value)?;
        after_string = is_string;
    }
    Ok(())
}

/// `fmt.Sprintln`: a space stands between all values, and a newline at the end.
pub(crate) fn print_line(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    values: &[Value],
) -> Result<(), Limit> {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            buffer.push_byte(b' ');
        }
        self::value(buffer, meter, value)?;
    }
    buffer.push_byte(b'\n');
    Ok(())
}

/// `fmt.Sprintf`.
pub(crate) fn print_formatted(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    format: &[u8],
    values: &[Value],
) -> Result<(), Limit> {
    directive::print(&mut Printer::new(buffer, meter), format, values)
}

/// The flags, width and precision of a directive.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%#v`: as Go source.
    go_syntax: bool,
    /// `%+v`: with the names of fields.
    field_names: bool,
    width: Option<usize>,
    precision: Option<usize>,
}
