//! Quoting, as Go's `strconv.Quote` does.

use std::fmt::Write as _;

use super::{printable::is_printable, printer::Printer};
use crate::{limits::Limit, rune, text::Buffer};

/// `text` as a string constant.
pub fn quote(buffer: &mut Buffer, text: &[u8], ascii: bool) {
    buffer.push_byte(b'"');
    for (c, read) in rune::runes(text) {
        if c == char::REPLACEMENT_CHARACTER && read.len() == 1 {
            buffer.push(format!("\\x{:02x}", read[0]));
        } else {
            escape(buffer, c, '"', ascii);
        }
    }
    buffer.push_byte(b'"');
}

/// `c` as a character constant.
pub(super) fn quote_char(c: char, ascii: bool) -> String {
    let mut buffer = Buffer::default();
    buffer.push_byte(b'\'');
    escape(&mut buffer, c, '\'', ascii);
    buffer.push_byte(b'\'');
    String::from_utf8_lossy(&buffer).into_owned()
}

fn escape(buffer: &mut Buffer, c: char, quote: char, ascii: bool) {
    let short = match c {
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        '\\' => "\\\\",
        _ => "",
    };
    if !short.is_empty() {
        buffer.push(short);
    } else if c == quote {
        buffer.push_byte(b'\\');
        buffer.push_char(c);
    } else if c.is_ascii_graphic() || c == ' ' || (!ascii && is_printable(c)) {
        buffer.push_char(c);
    } else {
        let mut text = String::new();
        let _ = match u32::from(c) {
            code if c < ' ' || c == '\x7f' => write!(text, "\\x{code:02x}"),
            code @ ..=0xffff => write!(text, "\\u{code:04x}"),
            code => write!(text, "\\U{code:08x}"),
        };
        buffer.push(text);
    }
}

/// Whether a raw string can contain `text`.
fn can_backquote(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok_and(|text| {
        text.chars().all(|c| c == '\t' || (c >= ' ' && !matches!(c, '`' | '\x7f' | '\u{feff}')))
    })
}

impl Printer<'_, '_> {
    /// `%q`
    pub(super) fn quoted(&mut self, text: &[u8]) -> Result<(), Limit> {
        let text = self.truncated(text);
        // A byte takes four at most, as in `\xff`. Longer escapes stand for more bytes.
        self.meter.bytes(text.len() * 4)?;
        let mut quoted = Buffer::with_capacity(text.len() + 2);
        if self.flags.sharp && can_backquote(text) {
            quoted.push_byte(b'`');
            quoted.push(text);
            quoted.push_byte(b'`');
        } else {
            quote(&mut quoted, text, self.flags.plus);
        }
        self.pad(&quoted)
    }

    /// The first characters, limited by the precision.
    pub(super) fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.flags.precision else { return text };
        let mut runes = rune::runes(text);
        let _ = runes.by_ref().take(precision).count();
        &text[..text.len() - runes.rest().len()]
    }

    /// `%x` of a string, where the precision counts bytes.
    pub(super) fn hexadecimal(&mut self, text: &[u8], upper: bool) -> Result<(), Limit> {
        let flags = self.flags;
        let text = &text[..text.len().min(flags.precision.unwrap_or(usize::MAX))];
        self.meter.bytes(text.len() * 5)?;
        let prefix = match (flags.sharp, upper) {
            (false, _) => "",
            (true, false) => "0x",
            (true, true) => "0X",
        };
        let mut hex = Buffer::with_capacity(text.len() * 2);
        for (index, byte) in text.iter().enumerate() {
            if flags.space && index > 0 {
                hex.push_byte(b' ');
            }
            if index == 0 || flags.space {
                hex.push(prefix);
            }
            hex.push(if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        }
        self.pad(&hex)
    }
}
