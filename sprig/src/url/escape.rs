//! Percent signs.

use gotemplate::Buffer;

/// A part of a URL. Each part may contain some characters unescaped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    User,
    Host,
    /// The zone of an IPv6 address.
    Zone,
    Path,
    Fragment,
}

fn is_escaped(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let plain: &[u8] = match part {
        Part::User => b"$&+,;=",
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::Path => b"$&+,/:;=@",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    !plain.contains(&byte)
}

pub(super) fn escape(buffer: &mut Buffer, text: &[u8], part: Part) {
    for byte in text {
        if is_escaped(*byte, part) {
            buffer.push(format!("%{byte:02X}"));
        } else {
            buffer.push_byte(*byte);
        }
    }
}

/// Returns `None` if a percent sign is not part of an escape, or a host has a forbidden character.
pub(super) fn unescape(text: &[u8], part: Part) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            if matches!(part, Part::Host | Part::Zone) && byte.is_ascii() && is_escaped(*byte, part)
            {
                return None;
            }
            bytes.push(*byte);
            continue;
        }
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        let byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        let is_bad = match part {
            Part::Host => byte.is_ascii() && byte != b'%',
            Part::Zone => !matches!(byte, b'%' | b' ') && is_escaped(byte, Part::Host),
            _ => false,
        };
        if is_bad {
            return None;
        }
        bytes.push(byte);
        rest = &after[2..];
    }
    Some(bytes)
}
