//! Reading. It is strict about encodings, and ignores elements after the last requested one.

use super::tag::{BIT_STRING, BOOLEAN, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};

/// Reads one element after the other. Returns `None` for an element that is malformed or has
/// another type.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

/// One element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    pub(crate) content: &'a [u8],
}

struct Header {
    tag: u8,
    /// The offset of the content.
    start: usize,
    len: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next element has this tag.
    pub(crate) fn is_next(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next element.
    pub(crate) fn element(&mut self) -> Option<Element<'a>> {
        let Header { tag, start, len } = self.header()?;
        let whole = self.0.get(..start.checked_add(len)?)?;
        self.0 = &self.0[whole.len()..];
        Some(Element { tag, whole, content: &whole[start..] })
    }

    /// The tag and the length of the next element, whose content may be truncated. Tags of more than
    /// one byte and lengths that are not minimal are rejected.
    fn header(&self) -> Option<Header> {
        let (tag, length) = (*self.0.first()?, *self.0.get(1)?);
        if tag & 0x1f == 0x1f {
            return None;
        }
        if length < 0x80 {
            return Some(Header { tag, start: 2, len: usize::from(length) });
        }
        let count = usize::from(length & 0x7f);
        let digits = self.0.get(2..2 + count).filter(|_| (1..=4).contains(&count))?;
        let len = digits.iter().fold(0, |len, byte| (len << 8) | usize::from(*byte));
        (digits[0] != 0 && len >= 0x80).then_some(Header { tag, start: 2 + count, len })
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.is_next(tag) { Some(self.element()?.content) } else { None }
    }

    /// A reader of the content of the next element, which must have this tag.
    pub(crate) fn within(&mut self, tag: u8) -> Option<Self> {
        self.content(tag).map(Self)
    }

    pub(crate) fn sequence(&mut self) -> Option<Self> {
        self.within(SEQUENCE)
    }

    /// The content of the next element if it has this tag, else empty.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.is_next(tag) { self.content(tag) } else { Some(&[]) }
    }

    /// An optional element after an explicit tag. Like Go's `encoding/asn1`, this ignores the
    /// length of the explicit tag, and another type inside is not an error. Empty if the element is
    /// missing.
    pub(crate) fn explicit(&mut self, explicit: u8, tag: u8) -> Option<&'a [u8]> {
        if self.is_empty() {
            return Some(&[]);
        }
        let Header { tag: found, start, len } = self.header()?;
        let mut inner = Self(self.0.get(start..).filter(|inner| !inner.is_empty())?);
        if found != explicit {
            return Some(&[]);
        }
        if len == 0 || inner.header()?.tag != tag {
            return (len > 0).then_some(&[]);
        }
        let element = inner.element()?;
        *self = inner;
        Some(element.whole)
    }

    /// Whether the rest is empty or starts with a well-formed header.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.is_empty() || self.header().is_some()
    }

    /// The two's complement of an integer.
    pub(crate) fn integer(&mut self) -> Option<&'a [u8]> {
        let number = self.content(INTEGER)?;
        match number {
            [] => None,
            [0, second, ..] if second & 0x80 == 0 => None,
            [0xff, second, ..] if second & 0x80 != 0 => None,
            _ => Some(number),
        }
    }

    /// An integer above zero, big-endian without leading zeros.
    pub(crate) fn positive(&mut self) -> Option<&'a [u8]> {
        match self.integer()? {
            [0] => None,
            [0, rest @ ..] => Some(rest),
            [first, ..] if first & 0x80 != 0 => None,
            number => Some(number),
        }
    }

    /// An integer of 64 bits.
    pub(crate) fn small(&mut self) -> Option<i64> {
        let number = self.integer().filter(|number| number.len() <= 8)?;
        let sign = if number[0] & 0x80 == 0 { 0 } else { -1 };
        Some(number.iter().fold(sign, |value, byte| (value << 8) | i64::from(*byte)))
    }

    pub(crate) fn boolean(&mut self) -> Option<bool> {
        match self.content(BOOLEAN)? {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// The content of an object identifier. Its numbers have 31 bits, as in Go.
    pub(crate) fn oid(&mut self) -> Option<&'a [u8]> {
        let oid = self.content(OBJECT_IDENTIFIER)?;
        let numbers = oid.split_inclusive(|byte| byte & 0x80 == 0);
        let is_small = |number: &[u8]| {
            number[0] != 0x80 && (number.len() < 5 || number.len() == 5 && number[0] & 0x7f < 0x08)
        };
        let ends = oid.last().is_some_and(|byte| byte & 0x80 == 0);
        (ends && numbers.into_iter().all(is_small)).then_some(oid)
    }

    /// A bit string: its bytes, and the number of unused bits in the last byte.
    pub(crate) fn bits(&mut self) -> Option<(&'a [u8], u8)> {
        let (unused, bytes) = self.content(BIT_STRING)?.split_first()?;
        let is_padded = match bytes.last() {
            _ if *unused > 7 => return None,
            Some(last) => last & ((1 << unused) - 1) == 0,
            None => *unused == 0,
        };
        is_padded.then_some((bytes, *unused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_be_minimal() {
        let element = |bytes: &[u8]| Reader::new(bytes).element().map(|e| e.content.to_vec());
        assert_eq!(element(&[4, 1, 7]), Some(vec![7]));
        let long = [&[4, 0x81, 0x80][..], &[0; 0x80]].concat();
        assert_eq!(element(&long), Some(vec![0; 0x80]));
        for bytes in [
            &[4_u8][..],
            &[4, 2, 7],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 7],
            &[4, 0x82, 0, 1, 7],
            &[4, 0x85, 0, 0, 0, 0, 1, 7],
            &[0x1f, 1, 7],
        ] {
            assert_eq!(element(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn integers_are_minimal_and_signed() {
        let small = |bytes: &[u8]| Reader::new(bytes).small();
        assert_eq!(small(&[2, 1, 0]), Some(0));
        assert_eq!(small(&[2, 1, 0xff]), Some(-1));
        assert_eq!(small(&[2, 2, 0, 0x80]), Some(128));
        assert_eq!(small(&[2, 8, 0x80, 0, 0, 0, 0, 0, 0, 0]), Some(i64::MIN));
        assert_eq!(small(&[2, 2, 0, 0x7f]), None);
        assert_eq!(small(&[2, 2, 0xff, 0x80]), None);
        assert_eq!(small(&[2, 0]), None);
        assert_eq!(small(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Reader::new(&[2, 1, 0]).positive(), None);
        assert_eq!(Reader::new(&[2, 1, 0x80]).positive(), None);
        assert_eq!(Reader::new(&[2, 2, 0, 0x80]).positive(), Some(&[0x80][..]));
    }

    #[test]
    fn identifiers_are_complete_and_small() {
        let oid = |bytes: &[u8]| Reader::new(bytes).oid().is_some();
        assert!(oid(&[6, 3, 0x55, 4, 3]));
        assert!(oid(&[6, 6, 0x2a, 0x87, 0xff, 0xff, 0xff, 0x7f]));
        assert!(!oid(&[6, 6, 0x2a, 0x88, 0x80, 0x80, 0x80, 0x00]));
        assert!(!oid(&[6, 0]) && !oid(&[6, 2, 0x2a, 0x80]) && !oid(&[6, 3, 0x2a, 0x80, 1]));
    }

    #[test]
    fn unused_bits_must_be_zero() {
        let bits =
            |bytes: &[u8]| Reader::new(bytes).bits().map(|(bytes, unused)| (bytes.len(), unused));
        assert_eq!(bits(&[3, 1, 0]), Some((0, 0)));
        assert_eq!(bits(&[3, 2, 4, 0xf0]), Some((1, 4)));
        assert_eq!(bits(&[3, 2, 4, 0xf8]), None);
        assert_eq!(bits(&[3, 1, 1]), None);
        assert_eq!(bits(&[3, 2, 8, 0]), None);
        assert_eq!(bits(&[3, 0]), None);
    }
}
