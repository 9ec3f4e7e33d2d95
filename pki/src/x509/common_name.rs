//! Names with at most one attribute.

use der::{
    Encode as _, Tag,
    asn1::{Any, SetOfVec},
    oid::db::rfc4519,
};
use x509_cert::attr::AttributeTypeAndValue;

use crate::error::Error;

/// A name with one attribute, the common name, in DER. Without an attribute if `value` is empty.
pub fn common_name(value: &[u8]) -> Result<Vec<u8>, Error> {
    let text = str::from_utf8(value).map_err(|_| Error::Invalid("the common name is not UTF-8"))?;
    let mut name: Vec<SetOfVec<AttributeTypeAndValue>> = Vec::new();
    if !text.is_empty() {
        let value = Any::new(directory_string_tag(text), value).map_err(|_| NOT_ENCODED)?;
        let attribute = AttributeTypeAndValue { oid: rfc4519::CN, value };
        name.push(SetOfVec::try_from([attribute]).map_err(|_| NOT_ENCODED)?);
    }
    name.to_der().map_err(|_| NOT_ENCODED)
}

/// The type of string that Go chooses.
pub(super) fn directory_string_tag(value: &str) -> Tag {
    let is_printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    if value.bytes().all(is_printable) { Tag::PrintableString } else { Tag::Utf8String }
}

const NOT_ENCODED: Error = Error::Invalid("the common name is too long");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_type_depends_on_the_characters() {
        assert_eq!(common_name(b"").expect("a name"), [0x30, 0]);
        let printable = common_name(b"a").expect("a name");
        assert_eq!(printable, [0x30, 12, 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x13, 1, b'a']);
        let other = common_name(b"*").expect("a name");
        assert_eq!(other[11..], [0x0c, 1, b'*']);
        assert!(common_name(b"\xff").is_err());
    }
}
