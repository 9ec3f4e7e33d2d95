//! `@pretty` and `@ugly`: change the white space of a document, as Go's `pretty` does.

use crate::{
    error::Error,
    limits::{Bytes, Output, Work, deeper},
    scan::string_end,
    sort::{self, Member},
    text::unquoted,
    value::RawValue,
};

/// Removes white space outside strings.
pub(crate) fn ugly(json: &[u8]) -> Result<Bytes, Error> {
    let mut output = Output::new(b"");
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        let end = match byte {
            b'"' => string_end(json, at).unwrap_or(json.len()),
            _ => at + 1,
        };
        if *byte > b' ' {
            output.push(&json[at..end]);
        }
        at = end;
    }
    output.finish()
}

/// Puts each member and element on its own line, but an array on a single line if it fits. The
/// argument is an object with `indent`, `prefix`, `sortKeys` and `width`.
pub(crate) fn pretty(
    json: &[u8],
    argument: &[u8],
    depth: usize,
    work: &Work,
) -> Result<Bytes, Error> {
    let mut printer = Printer {
        json,
        output: Output::new(b""),
        line_start: 0,
        width: 80,
        prefix: Vec::new(),
        indent: b"  ".to_vec(),
        is_sorted: false,
        work,
    };
    for (name, value) in RawValue::parse(argument).entries() {
        match name.map(unquoted).as_ref().map_or(&b""[..], |name| name.as_slice()) {
            b"sortKeys" => printer.is_sorted = value.bool(),
            b"indent" => printer.indent = white_space(value),
            b"prefix" => printer.prefix = white_space(value),
            b"width" => printer.width = value.int(),
            _ => {}
        }
    }
    printer.output.push(&printer.prefix);
    printer.value(0, 0, depth)?;
    if !printer.output.as_slice().is_empty() {
        printer.output.push(b"\n");
    }
    printer.output.finish()
}

/// The white space of an argument, without all other characters.
fn white_space(value: RawValue<'_>) -> Vec<u8> {
    let text = value.text();
    text.as_slice().iter().copied().filter(|byte| b" \t\n\r".contains(byte)).collect()
}

struct Printer<'j, 'w> {
    json: &'j [u8],
    output: Output,
    /// The start of the current line in the output.
    line_start: usize,
    width: i64,
    prefix: Vec<u8>,
    indent: Vec<u8>,
    is_sorted: bool,
    work: &'w Work,
}

impl Printer<'_, '_> {
    /// Prints the next value at or after `from`. Returns its end, which may lie beyond the
    /// document.
    fn value(&mut self, from: usize, tabs: usize, depth: usize) -> Result<usize, Error> {
        for at in from..self.json.len() {
            let end = match self.json[at] {
                b'{' => Some(self.container(at, b'}', tabs, depth)?),
                b'[' => match self.single_line(at, depth)? {
                    Some(end) => Some(end),
                    None => Some(self.container(at, b']', tabs, depth)?),
                },
                _ => self.scalar(at),
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
        Ok(from.max(self.json.len()))
    }

    /// Prints the string, number or keyword at `at` and returns its end.
    fn scalar(&mut self, at: usize) -> Option<usize> {
        let json = self.json;
        let word: &[u8] = match json[at] {
            b'"' => {
                let end = string_end(json, at).unwrap_or(json.len());
                self.output.push(&json[at..end]);
                return Some(end);
            }
            b't' => b"true",
            b'f' => b"false",
            b'n' if json.get(at + 1).is_none_or(|byte| *byte == b'u') => b"null",
            b'0'..=b'9' | b'-' | b'+' | b'i' | b'I' | b'n' | b'N' => {
                let ends = |byte: &u8| *byte <= b' ' || b",:]}".contains(byte);
                let len = json[at + 1..].iter().position(ends);
                let end = len.map_or(json.len(), |len| at + 1 + len);
                self.output.push(&json[at..end]);
                return Some(end);
            }
            _ => return None,
        };
        self.output.push(word);
        Some(at + word.len())
    }

    /// Prints the array at `at` on a single line, if it contains no objects and fits.
    fn single_line(&mut self, at: usize, depth: usize) -> Result<Option<usize>, Error> {
        let start = self.output.as_slice().len();
        let used = i64::try_from(start.saturating_sub(self.line_start)).unwrap_or(i64::MAX);
        let room = self.width.wrapping_sub(used);
        if self.width <= 0 || room <= 3 {
            return Ok(None);
        }
        let end = self.elements(at, start, room, depth)?;
        if end.is_none() {
            self.output.truncate(start);
        }
        Ok(end)
    }

    /// Prints the elements of an array on a single line. Returns `None` if they need more than
    /// `room`.
    fn elements(
        &mut self,
        mut at: usize,
        start: usize,
        room: i64,
        depth: usize,
    ) -> Result<Option<usize>, Error> {
        let depth = deeper(depth)?;
        self.output.push(b"[");
        at += 1;
        let mut is_first = true;
        while let Some(byte) = self.json.get(at) {
            self.work.spend(1)?;
            match byte {
                0..=b' ' => {
                    at += 1;
                    continue;
                }
                b']' => {
                    self.output.push(b"]");
                    at += 1;
                    break;
                }
                _ if is_first => is_first = false,
                _ => self.output.push(b", "),
            }
            let mut end = None;
            while end.is_none() && at < self.json.len() {
                end = match self.json[at] {
                    b'{' => return Ok(None),
                    b'[' => match self.elements(at, start, room, depth)? {
                        None => return Ok(None),
                        end => end,
                    },
                    _ => self.scalar(at),
                };
                at = end.unwrap_or(at + 1);
            }
            if !fits(&self.output, start, room) {
                return Ok(None);
            }
        }
        Ok(fits(&self.output, start, room).then_some(at))
    }

    /// Prints the object or array at `start` with one line per member or element. If it is not
    /// closed in the document, it is not closed in the output.
    fn container(
        &mut self,
        start: usize,
        closing: u8,
        tabs: usize,
        depth: usize,
    ) -> Result<usize, Error> {
        let depth = deeper(depth)?;
        let json = self.json;
        let is_object = closing == b'}';
        let mut members = Vec::new();
        self.output.push(&json[start..=start]);
        let mut at = start + 1;
        let mut is_first = true;
        while let Some(byte) = json.get(at) {
            if *byte == closing {
                if is_object && self.is_sorted {
                    self.work.spend(self.output.as_slice().len())?;
                    sort::sort(&mut self.output, &members, self.work)?;
                }
                if !is_first {
                    self.new_line(tabs);
                }
                self.output.push(&[closing]);
                return Ok(at + 1);
            }
            if *byte <= b' ' || is_object && *byte != b'"' {
                at += 1;
                continue;
            }
            if !is_first {
                let is_spaced = !is_object && self.width != -1;
                self.output.push(if is_spaced { b", " } else { b"," });
            }
            is_first = false;
            let begin = self.new_line(tabs + 1);
            let mut name = &json[at..at];
            if is_object {
                let end = string_end(json, at).unwrap_or(json.len());
                name = &json[at..end];
                self.output.push(name);
                self.output.push(b": ");
                at = end;
            }
            at = self.value(at, tabs + 1, depth)?;
            self.output.check()?;
            members.push(Member { name, start: begin, end: self.output.as_slice().len() });
        }
        Ok(at.max(json.len()))
    }

    /// Starts a new line, which replaces a trailing space. Returns its start.
    fn new_line(&mut self, tabs: usize) -> usize {
        self.line_start = self.output.as_slice().len();
        match self.output.last_mut() {
            Some(space @ b' ') => *space = b'\n',
            _ => self.output.push(b"\n"),
        }
        let begin = self.output.as_slice().len();
        self.output.push(&self.prefix);
        for _ in 0..tabs {
            self.output.push(&self.indent);
        }
        begin
    }
}

fn fits(output: &Output, start: usize, room: i64) -> bool {
    let taken = output.as_slice().len().saturating_sub(start);
    i64::try_from(taken).is_ok_and(|taken| taken <= room)
}
