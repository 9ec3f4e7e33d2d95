//! PEM (RFC 7468), as Go's encoding/pem reads and writes it.

use memchr::memmem;

use crate::{radix::BASE64, text::Buffer};

/// What stands between a `BEGIN` and an `END` line.
pub(crate) struct Block<'a> {
    /// The words behind `BEGIN`.
    pub(crate) label: &'a [u8],
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
    let mut rest = text;
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
            Found::Block(block) => return Some(block),
            Found::Nothing => return None,
            Found::NoBlock { skip } => rest = rest.get(begin + BEGIN.len() + skip..)?,
        }
    }
}

/// A block, without headers.
pub(crate) fn encode(label: &str, bytes: &[u8]) -> Buffer {
    let base64 = BASE64.encode(bytes);
    let lines = base64.len().div_ceil(LINE);
    let mut text = Buffer::with_capacity(base64.len() + lines + 2 * label.len() + 32);
    text.push(BEGIN);
    text.push(label);
    text.push("-----\n");
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
    Block(Block<'a>),
    /// There is none here, and there may be one behind this many bytes.
    NoBlock {
        skip: usize,
    },
    /// There is none here nor later.
    Nothing,
}

/// The block whose label begins `text`. The next END is at `end`.
fn block(text: &[u8], end: usize) -> Found<'_> {
    let skip = end + END.len();
    let no_block = Found::NoBlock { skip };
    let (first, mut rest) = line(text);
    let Some(label) = first.strip_suffix(DASHES) else { return no_block };
    let mut has_headers = false;
    loop {
        if rest.is_empty() {
            return Found::Nothing;
        }
        let (header, behind) = line(rest);
        if !header.contains(&b':') {
            break;
        }
        (has_headers, rest) = (true, behind);
    }
    let start = text.len() - rest.len();
    if start > skip {
        return Found::Nothing;
    }
    // Without headers the line break before END may be that of the BEGIN line.
    if has_headers && start > end {
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
        Ok(bytes) => Found::Block(Block { label, bytes }),
        Err(_) => no_block,
    }
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
