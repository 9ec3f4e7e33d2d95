//! Reads PEM like Go's `encoding/pem`.

use std::collections::BTreeMap;

use memchr::memmem;
use zeroize::Zeroizing;

use super::encode::write;
use crate::base64;

/// One block.
pub struct Block<'a> {
    /// The words after `BEGIN`.
    pub label: &'a [u8],
    headers: BTreeMap<&'a [u8], &'a [u8]>,
    /// The decoded bytes. They may be a private key.
    pub bytes: Zeroizing<Vec<u8>>,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// The first block of a text. Malformed blocks are skipped.
pub fn first_block(text: &[u8]) -> Option<Block<'_>> {
    blocks(text).next()
}

/// The blocks of a text. Malformed blocks are skipped.
pub fn blocks(text: &[u8]) -> Blocks<'_> {
    Blocks(text)
}

/// The iterator of [`blocks`].
pub struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    /// The text after the blocks read so far.
    pub fn rest(&self) -> &'a [u8] {
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
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        if self.headers.is_empty() {
            return write(self.label, &[], &self.bytes);
        }
        let mut headers = Vec::new();
        let is_first = |key: &[u8]| key == b"Proc-Type";
        let first = self.headers.iter().filter(|(key, _)| is_first(key));
        let others = self.headers.iter().filter(|(key, _)| !is_first(key));
        for (key, value) in first.chain(others) {
            for part in [*key, b": ", *value, b"\n"] {
                headers.extend_from_slice(part);
            }
        }
        headers.push(b'\n');
        write(self.label, &headers, &self.bytes)
    }
}

enum Found<'a> {
    /// A block, and the text after it.
    Block(Block<'a>, &'a [u8]),
    /// No block here. The next may start after this many bytes.
    NoBlock { skip: usize },
    /// No block here or later.
    Nothing,
}

/// The block whose label starts `text`. The next END is at `end`.
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
    // Without headers, the line break of the BEGIN line may also be the one before END.
    if !headers.is_empty() && start > end {
        return no_block;
    }
    let trailer = text.get(skip..skip + label.len() + DASHES.len());
    let ends = trailer.and_then(|trailer| trailer.strip_suffix(DASHES)) == Some(label);
    let behind = text.get(skip + label.len() + DASHES.len()..).unwrap_or_default();
    if !ends || !line(behind).0.is_empty() {
        return no_block;
    }
    let mut body = Zeroizing::new(Vec::with_capacity(end.saturating_sub(start)));
    let text_of_body = text.get(start..end).unwrap_or_default();
    body.extend(text_of_body.iter().filter(|c| !matches!(c, b' ' | b'\t')));
    match base64::decode(&*body) {
        Some(bytes) => Found::Block(Block { label, headers, bytes }, line(&text[skip - 1..]).1),
        None => no_block,
    }
}

/// Without Unicode white space at both ends.
fn trim(bytes: &[u8]) -> &[u8] {
    let (mut start, mut end, mut at) = (None, 0, 0);
    for chunk in bytes.utf8_chunks() {
        for (offset, c) in chunk.valid().char_indices().filter(|(_, c)| !c.is_whitespace()) {
            start.get_or_insert(at + offset);
            end = at + offset + c.len_utf8();
        }
        at += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            start.get_or_insert(at);
            at += chunk.invalid().len();
            end = at;
        }
    }
    &bytes[start.unwrap_or(end)..end]
}

fn starts_line(text: &[u8], at: usize) -> bool {
    at == 0 || text[at - 1] == b'\n'
}

/// The first line without trailing blanks, and the text after it.
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
    fn blocks_match_go() {
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
}
