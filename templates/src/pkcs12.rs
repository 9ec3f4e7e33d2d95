//! PKCS#12 (RFC 7292): one private key and its certificates, or certificates that are trusted.
//!
//! Read as `software.sslmate.com/src/go-pkcs12` reads it, old ciphers included; written with its "modern"
//! parameters, from the randomness it would draw in the same order, byte for byte.

mod cipher;
mod derive;
mod mac;
mod read;
mod write;

pub(crate) use self::{
    read::{Contents, read},
    write::{write, write_trust_store},
};
use crate::{error::Failure, rune};

/// A password as PKCS#12 has it: two bytes a character and two zeros behind them.
struct Password {
    wide: zeroize::Zeroizing<Vec<u8>>,
    /// The same in UTF-8, for what is newer than PKCS#12.
    narrow: zeroize::Zeroizing<Vec<u8>>,
}

const NOT_UCS2: Failure =
    Failure::Because("a character of the password or of a name does not fit into two bytes");

impl Password {
    fn new(password: &[u8]) -> Result<Self, Failure> {
        let mut wide = zeroize::Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
        push_wide(&mut wide, password)?;
        wide.extend([0, 0]);
        // What is not UTF-8 has become U+FFFD, and remains so.
        let mut narrow = zeroize::Zeroizing::new(Vec::with_capacity(3 * password.len()));
        for (c, _) in rune::runes(password) {
            narrow.extend(c.encode_utf8(&mut [0; 4]).bytes());
        }
        Ok(Self { wide, narrow })
    }

    fn is_empty(&self) -> bool {
        self.wide[..] == [0, 0]
    }

    /// Some programs take nothing at all for the empty password.
    fn nothing() -> Self {
        Self { wide: zeroize::Zeroizing::default(), narrow: zeroize::Zeroizing::default() }
    }
}

/// UCS-2, big-endian.
fn push_wide(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(), Failure> {
    for (c, _) in rune::runes(text) {
        let unit = u16::try_from(u32::from(c)).map_err(|_| NOT_UCS2)?;
        bytes.extend(unit.to_be_bytes());
    }
    Ok(())
}

/// Object identifiers, encoded.
mod oid {
    /// 1.2.840.113549.1.7.1
    pub(super) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    /// 1.2.840.113549.1.7.6
    pub(super) const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
    /// 1.2.840.113549.1.12.10.1.1
    pub(super) const KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 1];
    /// 1.2.840.113549.1.12.10.1.2
    pub(super) const SHROUDED_KEY_BAG: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 2];
    /// 1.2.840.113549.1.12.10.1.3
    pub(super) const CERTIFICATE_BAG: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 3];
    /// 1.2.840.113549.1.9.22.1
    pub(super) const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];
    /// 1.2.840.113549.1.9.20
    pub(super) const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 20];
    /// 1.2.840.113549.1.9.21
    pub(super) const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 21];
    /// 2.16.840.1.113894.746875.1.1
    pub(super) const JAVA_TRUST_STORE: &[u8] =
        &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 1, 1];
    /// 2.5.29.37.0
    pub(super) const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0];
    /// 1.2.840.113549.1.5.12
    pub(super) const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
    /// 1.2.840.113549.1.5.13
    pub(super) const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
    /// 1.2.840.113549.1.5.14
    pub(super) const PBMAC1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 14];
    /// 1.2.840.113549.1.12.1.3
    pub(super) const TRIPLE_DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 3];
    /// 1.2.840.113549.1.12.1.5
    pub(super) const RC2_128: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 5];
    /// 1.2.840.113549.1.12.1.6
    pub(super) const RC2_40: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 6];
    /// 1.2.840.113549.2.7
    pub(super) const HMAC_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 7];
    /// 1.2.840.113549.2.9
    pub(super) const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 9];
    /// 1.2.840.113549.2.11
    pub(super) const HMAC_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 11];
    /// 1.3.14.3.2.26
    pub(super) const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
    /// 2.16.840.1.101.3.4.2.1
    pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 2, 1];
    /// 2.16.840.1.101.3.4.2.3
    pub(super) const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 2, 3];
    /// 2.16.840.1.101.3.4.1.2
    pub(super) const AES_128_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 1, 2];
    /// 2.16.840.1.101.3.4.1.22
    pub(super) const AES_192_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 1, 22];
    /// 2.16.840.1.101.3.4.1.42
    pub(super) const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 1, 42];
}
