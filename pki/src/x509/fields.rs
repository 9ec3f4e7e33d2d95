//! The fields of a certificate, with the same checks as in Go.

use jiff::civil::Date;

use crate::{
    der::{
        BMP_STRING, Element, GENERALIZED_TIME, IA5_STRING, NULL, NUMERIC_STRING, PRINTABLE_STRING,
        Reader, SET, T61_STRING, UTC_TIME, UTF8_STRING,
    },
    keys::{Curve, PublicKey},
    oid,
};

/// An `AlgorithmIdentifier`: the algorithm, and its parameters with their tag.
pub(super) fn identifier(mut fields: Reader<'_>) -> Option<(&[u8], Option<&[u8]>)> {
    let algorithm = fields.oid()?;
    let parameters = if fields.is_empty() { None } else { Some(fields.element()?.whole) };
    Some((algorithm, parameters))
}

/// Checks a name: sets of attributes whose values are strings.
pub(super) fn name(mut sets: Reader<'_>) -> Option<()> {
    while !sets.is_empty() {
        let mut set = sets.within(SET)?;
        while !set.is_empty() {
            let mut attribute = set.sequence()?;
            attribute.oid()?;
            is_string(&attribute.element()?).then_some(())?;
        }
    }
    Some(())
}

/// Checks two times.
pub(super) fn validity(mut times: Reader<'_>) -> Option<()> {
    for _ in 0..2 {
        let time = times.element()?;
        let text = str::from_utf8(time.content).ok()?;
        match time.tag {
            UTC_TIME => {
                // Go checks the day in the century that it tries first.
                let year: i16 = text.get(..2)?.parse().ok()?;
                let year = if year < 69 { 2000 + year } else { 1900 + year };
                moment(year, text.get(2..)?, true)?;
            }
            GENERALIZED_TIME => moment(text.get(..4)?.parse().ok()?, text.get(4..)?, false)?,
            _ => return None,
        }
    }
    Some(())
}

/// The key of a certificate.
pub(super) enum Key {
    Known(PublicKey),
    /// A key of an algorithm that Go does not know. Go does not check such keys.
    Unknown,
}

/// The key of a `SubjectPublicKeyInfo`.
pub(super) fn public_key(mut fields: Reader<'_>) -> Option<Key> {
    let (algorithm, parameters) = identifier(fields.sequence()?)?;
    let (bytes, unused_bits) = fields.bits()?;
    let read: fn(&[u8], Option<&[u8]>) -> Option<PublicKey> = match algorithm {
        oid::RSA_ENCRYPTION => rsa,
        oid::EC_PUBLIC_KEY => ec,
        oid::DSA => dsa,
        oid::ED25519 => ed25519,
        _ => return Some(Key::Unknown),
    };
    if unused_bits == 0 { read(bytes, parameters).map(Key::Known) } else { None }
}

fn rsa(bytes: &[u8], parameters: Option<&[u8]>) -> Option<PublicKey> {
    let mut numbers = Reader::new(bytes).sequence().filter(|_| parameters == Some(NULL))?;
    let modulus = numbers.positive()?;
    let exponent = numbers.small().filter(|exponent| *exponent > 0)?;
    Some(PublicKey::rsa(modulus, &exponent.to_be_bytes()))
}

fn ec(bytes: &[u8], parameters: Option<&[u8]>) -> Option<PublicKey> {
    let curve = Curve::from_oid(Reader::new(parameters?).oid()?)?;
    PublicKey::ec(curve, bytes)
}

/// Only for comparison with other keys: this crate does not use DSA keys of certificates.
fn dsa(bytes: &[u8], parameters: Option<&[u8]>) -> Option<PublicKey> {
    Reader::new(bytes).positive()?;
    let mut numbers = Reader::new(parameters?).sequence()?;
    for _ in 0..3 {
        numbers.positive()?;
    }
    Some(PublicKey::new(oid::DSA, bytes))
}

fn ed25519(bytes: &[u8], parameters: Option<&[u8]>) -> Option<PublicKey> {
    (parameters.is_none() && bytes.len() == 32).then(|| PublicKey::ed25519(bytes))
}

/// Whether the characters are valid for the type of string. Go accepts `*` and `&` as printable.
fn is_string(string: &Element<'_>) -> bool {
    let content = string.content;
    match string.tag {
        T61_STRING => true,
        PRINTABLE_STRING => {
            content.iter().all(|c| c.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(c))
        }
        UTF8_STRING => str::from_utf8(content).is_ok(),
        BMP_STRING => {
            let content = content.strip_suffix(&[0, 0]).unwrap_or(content);
            content.len().is_multiple_of(2)
                && content.chunks(2).all(|pair| {
                    !matches!((pair[0], pair[1]), (0xff, 0xfe | 0xff) | (0xfd, 0xd0..=0xef))
                        && !matches!(pair[0], 0xd8..=0xdf)
                })
        }
        IA5_STRING => content.is_ascii(),
        NUMERIC_STRING => content.iter().all(|c| c.is_ascii_digit() || *c == b' '),
        _ => false,
    }
}

/// Checks month to second, then `Z` or an offset from UTC. Go accepts UTC times without seconds.
fn moment(year: i16, text: &str, seconds_are_optional: bool) -> Option<()> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (fields, zone) = text.split_at(digits);
    if digits != 10 && !(seconds_are_optional && digits == 8) {
        return None;
    }
    let field = |at: usize| fields.get(at..at + 2).map_or(Some(0), |two| two.parse::<i8>().ok());
    Date::new(year, field(0)?, field(2)?).ok()?;
    let in_range = field(4)? < 24 && field(6)? < 60 && field(8)? < 60;
    (in_range && is_zone(zone)).then_some(())
}

fn is_zone(zone: &str) -> bool {
    if zone == "Z" {
        return true;
    }
    let Some(offset) = zone.strip_prefix(['+', '-']) else { return false };
    let is_digits = offset.len() == 4 && offset.bytes().all(|c| c.is_ascii_digit());
    // Go writes a zero offset as `Z`.
    is_digits && offset != "0000" && offset[..2] <= *"24" && offset[2..] < *"60"
}
