//! String and character constants.

/// The bytes of a string constant, its double quotes included.
pub(crate) fn unquote(quoted: &str) -> Option<Vec<u8>> {
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        match unescape(&mut rest, '"')? {
            Escaped::Byte(byte) => bytes.push(byte),
            Escaped::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(bytes)
}

/// The character of a character constant, its single quotes included.
pub(crate) fn unquote_char(quoted: &str) -> Option<char> {
    let mut rest = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
    let c = match unescape(&mut rest, '\'')? {
        Escaped::Byte(byte) => char::from(byte),
        Escaped::Char(c) => c,
    };
    rest.is_empty().then_some(c)
}

enum Escaped {
    Byte(u8),
    Char(char),
}

/// Reads one character or escape from the front of `rest`.
fn unescape(rest: &mut &str, quote: char) -> Option<Escaped> {
    let mut chars = rest.chars();
    let c = chars.next()?;
    if c != '\\' {
        *rest = chars.as_str();
        return (c != quote && c != '\n').then_some(Escaped::Char(c));
    }
    let escape = chars.next()?;
    *rest = chars.as_str();
    Some(match escape {
        'a' => Escaped::Byte(0x07),
        'b' => Escaped::Byte(0x08),
        'f' => Escaped::Byte(0x0c),
        'n' => Escaped::Byte(b'\n'),
        'r' => Escaped::Byte(b'\r'),
        't' => Escaped::Byte(b'\t'),
        'v' => Escaped::Byte(0x0b),
        '\\' => Escaped::Byte(b'\\'),
        '"' | '\'' if escape == quote => Escaped::Char(escape),
        'x' => Escaped::Byte(u8::try_from(digits(rest, 16, 2)?).ok()?),
        'u' => Escaped::Char(char::from_u32(digits(rest, 16, 4)?)?),
        'U' => Escaped::Char(char::from_u32(digits(rest, 16, 8)?)?),
        '0'..='7' => {
            let low = digits(rest, 8, 2)?;
            Escaped::Byte(u8::try_from(escape.to_digit(8)? * 64 + low).ok()?)
        }
        _ => return None,
    })
}

/// Exactly `count` digits.
fn digits(rest: &mut &str, radix: u32, count: usize) -> Option<u32> {
    let text = rest.get(..count).filter(|text| text.chars().all(|c| c.is_digit(radix)))?;
    *rest = &rest[count..];
    u32::from_str_radix(text, radix).ok()
}
