//! From JSON to a value.

use gotemplate::{Buffer, Failure, Limit, Meter, Text, Value, parse_float, rune};

/// Reads one JSON document. All numbers are floats. The last of equal keys counts. Bytes that are not
/// UTF-8 become U+FFFD.
pub fn decode(meter: &mut Meter<'_>, text: &[u8]) -> Result<Value, Failure> {
    meter.bytes(text.len())?;
    let mut decoder = Decoder { rest: text, meter, depth: 0 };
    let value = decoder.value()?;
    if decoder.peek().is_some() {
        return Err(MALFORMED);
    }
    Ok(value)
}

const MALFORMED: Failure = Failure::Because("the text is not JSON");

/// The memory that a key needs beside its bytes.
const KEY_BYTES: usize = 64;

struct Decoder<'a, 'e> {
    rest: &'a [u8],
    meter: &'a mut Meter<'e>,
    depth: usize,
}

impl Decoder<'_, '_> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let skipped = self.rest.iter().take_while(|byte| space(byte)).count();
        self.rest = &self.rest[skipped..];
        self.rest.first().copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.rest = &self.rest[usize::from(taken)..];
        taken
    }

    fn expect(&mut self, byte: u8) -> Result<(), Failure> {
        if self.take(byte) { Ok(()) } else { Err(MALFORMED) }
    }

    fn value(&mut self) -> Result<Value, Failure> {
        self.meter.items(1)?;
        match self.peek().ok_or(MALFORMED)? {
            b'"' => Ok(Value::Text(self.string()?)),
            b'[' => self.nested(Self::list),
            b'{' => self.nested(Self::map),
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let words = [
                    ("null", Value::Nil),
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                ];
                for (word, value) in words {
                    if let Some(rest) = self.rest.strip_prefix(word.as_bytes()) {
                        self.rest = rest;
                        return Ok(value);
                    }
                }
                Err(MALFORMED)
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Failure>) -> Result<Value, Failure> {
        self.depth += 1;
        if self.depth > self.meter.limits.depth {
            return Err(Limit::Depth.into());
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, Failure> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::json_list(items));
        }
        loop {
            items.push(self.value()?);
            if self.take(b']') {
                return Ok(Value::json_list(items));
            }
            self.expect(b',')?;
        }
    }

    fn map(&mut self) -> Result<Value, Failure> {
        self.expect(b'{')?;
        self.meter.map()?;
        let mut entries = Vec::new();
        if self.take(b'}') {
            return Ok(Value::map(entries));
        }
        loop {
            self.peek();
            let key = self.string()?;
            self.meter.bytes(KEY_BYTES)?;
            self.expect(b':')?;
            entries.push((key, self.value()?));
            if self.take(b'}') {
                return Ok(Value::map(entries));
            }
            self.expect(b',')?;
        }
    }

    fn number(&mut self) -> Result<Value, Failure> {
        let start = self.rest;
        let digits = |this: &mut Self| {
            let len = this.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            this.rest = &this.rest[len..];
            if len == 0 { Err(MALFORMED) } else { Ok(len) }
        };
        let skip = |this: &mut Self, set: &[u8]| {
            let found = this.rest.first().is_some_and(|byte| set.contains(byte));
            this.rest = &this.rest[usize::from(found)..];
            found
        };
        skip(self, b"-");
        let leading_zero = self.rest.first() == Some(&b'0');
        if digits(self)? > 1 && leading_zero {
            return Err(MALFORMED);
        }
        if skip(self, b".") {
            digits(self)?;
        }
        if skip(self, b"eE") {
            skip(self, b"+-");
            digits(self)?;
        }
        let text = str::from_utf8(&start[..start.len() - self.rest.len()]).unwrap_or_default();
        parse_float(text).map(Value::Float).ok_or(Failure::Because("a number is too large"))
    }

    fn string(&mut self) -> Result<Text, Failure> {
        self.rest = self.rest.strip_prefix(b"\"").ok_or(MALFORMED)?;
        let mut text = Buffer::default();
        loop {
            let (c, width) = rune::first(self.rest);
            let start = self.rest.first().copied().ok_or(MALFORMED)?;
            self.rest = &self.rest[width..];
            match start {
                b'"' => return Ok(text.into()),
                b'\\' => self.escape(&mut text)?,
                0..b' ' => return Err(MALFORMED),
                _ => text.push_char(c),
            }
        }
    }

    /// The backslash has been read.
    fn escape(&mut self, text: &mut Buffer) -> Result<(), Failure> {
        let (escape, rest) = self.rest.split_first().ok_or(MALFORMED)?;
        self.rest = rest;
        text.push_char(match escape {
            b'"' | b'\\' | b'/' => char::from(*escape),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.code_unit()?;
                self.surrogates(first)
            }
            _ => return Err(MALFORMED),
        });
        Ok(())
    }

    fn code_unit(&mut self) -> Result<u16, Failure> {
        let digits = self.rest.get(..4).ok_or(MALFORMED)?;
        let digits = str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
        let unit = u16::from_str_radix(digits.ok_or(MALFORMED)?, 16).map_err(|_| MALFORMED)?;
        self.rest = &self.rest[4..];
        Ok(unit)
    }

    /// The character of a code unit or, for a surrogate, of a pair of them.
    fn surrogates(&mut self, first: u16) -> char {
        if let Some(c) = char::from_u32(u32::from(first)) {
            return c;
        }
        let rest = self.rest;
        if let Some(after) = self.rest.strip_prefix(b"\\u") {
            self.rest = after;
            if let Ok(second) = self.code_unit()
                && let Some(Ok(c)) = char::decode_utf16([first, second]).next()
            {
                return c;
            }
        }
        self.rest = rest;
        char::REPLACEMENT_CHARACTER
    }
}
