//! Checksums.

use gotemplate::{Buffer, Function, Parameter::Text, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("adler32sum", &[Text], |c, a| {
        c.meter.steps(1 + (a.text(0)?.len() >> 10) as u64)?;
        Ok(Value::text(adler32(a.text(0)?).to_string()))
    }),
    Function::new("sha1sum", &[Text], |c, a| {
        c.meter.steps(1 + (a.text(0)?.len() >> 8) as u64)?;
        Ok(digest::<Sha1>(a.text(0)?))
    }),
    Function::new("sha256sum", &[Text], |c, a| {
        c.meter.steps(1 + (a.text(0)?.len() >> 8) as u64)?;
        Ok(digest::<Sha256>(a.text(0)?))
    }),
    Function::new("sha512sum", &[Text], |c, a| {
        c.meter.steps(1 + (a.text(0)?.len() >> 8) as u64)?;
        Ok(digest::<Sha512>(a.text(0)?))
    }),
];

fn digest<D: Digest>(text: &[u8]) -> Value {
    let mut hex = Buffer::default();
    for byte in D::digest(text) {
        hex.push(format!("{byte:02x}"));
    }
    Value::text(hex)
}

/// RFC 1950 §8.
fn adler32(text: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in text {
        low = (low + u32::from(*byte)) % MODULUS;
        high = (high + low) % MODULUS;
    }
    high << 16 | low
}
