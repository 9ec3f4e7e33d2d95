//! PEM (RFC 7468), as Go's encoding/pem reads and writes it.

use std::collections::BTreeMap;

use memchr::memmem;

use crate::{radix::BASE64, rune, text::Buffer, unicode};

/// What stands between a `BEGIN` and an `END` line.
pub(crate) struct Block<'a> {
    /// The words behind `BEGIN`.
    pub(crate) label: &'a [u8],
    headers: BTreeMap<&'a [u8], &'a [u8]>,
    /// They may be a private key.
    pub(crate) bytes: Buffer,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// Characters in a line.
const LINE: usize = 64;

/// The first block of a text. What only looks like one is stepped over.
pub(crate) fn first_block(text: &[u8]) -> Option<Block<'_>> {
    blocks(text).next()
}

/// The blocks of a text.
pub(crate) fn blocks(text: &[u8]) -> Blocks<'_> {
    Blocks(text)
}

/// Blocks, and what is behind those that were taken.
pub(crate) struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let mut rest = self.0;
        loop {
            // The last BEGIN before the next END: those before it have no END.
            let end = memmem::find(rest, END)?;
            let after = end + END.len();
            let begin = memmem::rfind(&rest[..end], BEGIN).filter(|at| starts_line(rest, *at));
            let Some(begin) = begin else {
                rest = &rest[after..];
                continue;
            };
            match block(&rest[begin + BEGIN.len()..], end - begin - BEGIN.len()) {
                Found::Block(block, behind) => {
                    self.0 = behind;
                    return Some(block);
                }
                Found::Nothing => return None,
                Found::NoBlock { skip } => rest = rest.get(begin + BEGIN.len() + skip..)?,
            }
        }
    }
}

impl Block<'_> {
    /// The block as Go writes it: `Proc-Type` is the first of its headers.
    pub(crate) fn encode(&self) -> Buffer {
        if self.headers.is_empty() {
            return encode(self.label, &self.bytes);
        }
        let mut headers = Buffer::default();
        let is_first = |key: &[u8]| key == b"Proc-Type";
        let first = self.headers.iter().filter(|(key, _)| is_first(key));
        let others = self.headers.iter().filter(|(key, _)| !is_first(key));
        for (key, value) in first.chain(others) {
            headers.push(key);
            headers.push(": ");
            headers.push(value);
            headers.push("\n");
        }
        headers.push("\n");
        write(self.label, &headers, &self.bytes)
    }
}

/// A block, without headers.
pub(crate) fn encode(label: impl AsRef<[u8]>, bytes: &[u8]) -> Buffer {
    write(label.as_ref(), &[], bytes)
}

fn write(label: &[u8], headers: &[u8], bytes: &[u8]) -> Buffer {
    let base64 = BASE64.encode(bytes);
    let lines = base64.len().div_ceil(LINE);
    let len = base64.len() + lines + headers.len() + 2 * label.len() + 32;
    let mut text = Buffer::with_capacity(len);
    text.push(BEGIN);
    text.push(label);
    text.push("-----\n");
    text.push(headers);
    for line in base64.chunks(LINE) {
        text.push(line);
        text.push("\n");
    }
    text.push(&END[1..]);
    text.push(label);
    text.push("-----\n");
    text
}

enum Found<'a> {
    /// A block, and what is behind it.
    Block(Block<'a>, &'a [u8]),
    /// There is none here, and there may be one behind this many bytes.
    NoBlock { skip: usize },
    /// There is none here nor later.
    Nothing,
}

/// The block whose label begins `text`. The next END is at `end`.
fn block(text: &[u8], end: usize) -> Found<'_> {
    let skip = end + END.len();
    let no_block = Found::NoBlock { skip };
    let (first, mut rest) = line(text);
    let Some(label) = first.strip_suffix(DASHES) else { return no_block };
    let mut headers = BTreeMap::new();
    loop {
        if rest.is_empty() {
            return Found::Nothing;
        }
        let (header, behind) = line(rest);
        let Some(colon) = memchr::memchr(b':', header) else { break };
        headers.insert(trim(&header[..colon]), trim(&header[colon + 1..]));
        rest = behind;
    }
    let start = text.len() - rest.len();
    if start > skip {
        return Found::Nothing;
    }
    // Without headers the line break before END may be that of the BEGIN line.
    if !headers.is_empty() && start > end {
        return no_block;
    }
    let trailer = text.get(skip..skip + label.len() + DASHES.len());
    let ends = trailer.and_then(|trailer| trailer.strip_suffix(DASHES)) == Some(label);
    let behind = text.get(skip + label.len() + DASHES.len()..).unwrap_or_default();
    if !ends || !line(behind).0.is_empty() {
        return no_block;
    }
    let mut body = Buffer::with_capacity(end.saturating_sub(start));
    for part in text.get(start..end).unwrap_or_default().split(|c| matches!(c, b' ' | b'\t')) {
        body.push(part);
    }
    match BASE64.decode(&body) {
        Ok(bytes) => Found::Block(Block { label, headers, bytes }, line(&text[skip - 1..]).1),
        Err(_) => no_block,
    }
}

/// Without the white space at both ends.
fn trim(bytes: &[u8]) -> &[u8] {
    let is_space = |c: &char| unicode::is_space(*c);
    let start: usize =
        rune::runes(bytes).take_while(|(c, _)| is_space(c)).map(|(_, bytes)| bytes.len()).sum();
    let mut end = start;
    let mut at = start;
    for (c, bytes) in rune::runes(&bytes[start..]) {
        at += bytes.len();
        if !is_space(&c) {
            end = at;
        }
    }
    &bytes[start..end]
}

fn starts_line(text: &[u8], at: usize) -> bool {
    at == 0 || text[at - 1] == b'\n'
}

/// The first line, without blanks at its end, and what is behind it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr::memchr(b'\n', text) {
        Some(at) => (text[..at].strip_suffix(b"\r").unwrap_or(&text[..at]), &text[at + 1..]),
        None => (text, &[][..]),
    };
    let len = line.iter().rposition(|c| !matches!(c, b' ' | b'\t')).map_or(0, |at| at + 1);
    (&line[..len], rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Vec<u8>)> {
        let block = first_block(text.as_bytes())?;
        Some((String::from_utf8_lossy(block.label).into_owned(), block.bytes.to_vec()))
    }

    /// Each answer is Go's.
    #[test]
    fn blocks_are_read_as_go_reads_them() {
        let hello = Some(("X".to_owned(), b"hello".to_vec()));
        for text in [
            "-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
            "-----BEGIN X-----\naGVsbG8=\n-----END X-----",
            "-----BEGIN X-----\r\naGVs\r\nbG8=\r\n-----END X-----\r\n",
            "text\n-----BEGIN X-----  \naG Vs\n\n\tbG8=\n-----END X----- \ntext",
            "-----BEGIN X-----\nA: b\n\naGVsbG8=\n-----END X-----\n",
            "-----BEGIN Y-----\n-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
            "-----BEGIN Y-----\n!\n-----END Y-----\n-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
            "-----BEGIN Y-----\n\n-----END Z-----\n-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
            "x-----BEGIN Y-----\n\n-----END Y-----\n-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
        ] {
            assert_eq!(read(text), hello, "{text:?}");
        }
        for text in [
            "",
            "aGVsbG8=",
            "-----BEGIN X-----",
            "-----BEGIN X-----\naGVsbG8=\n",
            "-----BEGIN X-----\naGVsbG8=\n-----END Y-----\n",
            "-----BEGIN X-----\naGVsbG8\n-----END X-----\n",
            "-----BEGIN X-----\naGVsbG8=\n-----END X-----x\n",
            " -----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
            "-----BEGIN X-----\naGVsbG8=\n  -----END X-----\n",
            "-----BEGIN X----\naGVsbG8=\n-----END X-----\n",
            "-----BEGIN X-----\nA: b\n-----END X-----:\n",
            "-----BEGIN Y-----\n:\n-----END :\n-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
        let empty = |label: &str| Some((label.to_owned(), Vec::new()));
        assert_eq!(read("-----BEGIN X-----\n-----END X-----\n"), empty("X"));
        assert_eq!(read("-----BEGIN X-----\n\n-----END X-----\n"), empty("X"));
        assert_eq!(read("-----BEGIN -----\n-----END -----\n"), empty(""));
    }

    #[test]
    fn lines_have_64_characters() {
        let text = encode("X", &[0; 49]);
        let a = "A".repeat(64);
        let expected = format!("-----BEGIN X-----\n{a}\nAA==\n-----END X-----\n");
        assert_eq!(String::from_utf8_lossy(&text), expected);
        assert_eq!(first_block(&text).map(|block| block.bytes.to_vec()), Some(vec![0; 49]));
        assert_eq!(&*encode("X", b""), b"-----BEGIN X-----\n-----END X-----\n");
    }
}
