//! `Print`, `Println` and `Printf`.

use super::{directive, printer::Printer};
use crate::{
    limits::{Limit, Meter},
    text::Buffer,
    value::Value,
};

/// Writes a value as `fmt.Print` does.
pub fn print_value(buffer: &mut Buffer, meter: &mut Meter<'_>, value: &Value) -> Result<(), Limit> {
    Printer::new(buffer, meter).argument(value, 'v')
}

/// `fmt.Sprint`: adds a space between two values if neither is a string.
pub fn print(buffer: &mut Buffer, meter: &mut Meter<'_>, values: &[Value]) -> Result<(), Limit> {
    let mut after_string = true;
    for (index, value) in values.iter().enumerate() {
        let is_string = matches!(value, Value::Text(_));
        if index > 0 && !is_string && !after_string {
            buffer.push_byte(b' ');
        }
        print_value(buffer, meter, value)?;
        after_string = is_string;
    }
    Ok(())
}

/// `fmt.Sprintln`: puts a space between all values, and a newline at the end.
pub fn print_line(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    values: &[Value],
) -> Result<(), Limit> {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            buffer.push_byte(b' ');
        }
        print_value(buffer, meter, value)?;
    }
    buffer.push_byte(b'\n');
    Ok(())
}

/// `fmt.Sprintf`.
pub fn print_formatted(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    format: &[u8],
    values: &[Value],
) -> Result<(), Limit> {
    directive::print(&mut Printer::new(buffer, meter), format, values)
}
