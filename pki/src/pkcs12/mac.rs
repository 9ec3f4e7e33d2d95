//! Authentication of the file with the password (RFC 7292 §4, RFC 9579).

use subtle::ConstantTimeEq as _;

use super::{
    cipher::derivation_parameters,
    derive::{Hash, Parameters, Purpose, pbkdf2, pkcs12},
    password::Password,
};
use crate::{
    der::{Der, INTEGER, OCTET_STRING, Reader, algorithm, integer, sequence, tlv},
    error::{Error, Meter},
    oid,
};

const MALFORMED: Error = Error::Invalid("the authentication of the PKCS#12 file is malformed");
const UNKNOWN: Error = Error::Invalid("the authentication of the PKCS#12 file is not supported");
/// The rounds of the key derivation in new files.
const ROUNDS: u16 = 2048;
/// The longest key of PBMAC1. Longer keys only cost CPU time.
const MAX_KEY_BYTES: usize = 1 << 10;

/// `MacData`.
pub(super) struct Mac<'a> {
    algorithm: &'a [u8],
    parameters: Reader<'a>,
    digest: &'a [u8],
    salt: &'a [u8],
    rounds: i64,
}

impl<'a> Mac<'a> {
    pub(super) fn read(mut fields: Reader<'a>) -> Option<Self> {
        let mut info = fields.sequence()?;
        let mut identifier = info.sequence()?;
        let (algorithm, parameters) = (identifier.oid()?, identifier);
        let digest = info.content(OCTET_STRING)?;
        let salt = fields.content(OCTET_STRING)?;
        let rounds = if fields.is_next(INTEGER) { fields.small()? } else { 1 };
        Some(Self { algorithm, parameters, digest, salt, rounds })
    }

    /// Whether this password authenticates the message.
    pub(super) fn verifies(
        &self,
        meter: &mut dyn Meter,
        message: &[u8],
        password: &Password,
    ) -> Result<bool, Error> {
        meter.steps((message.len() >> 6) as u64)?;
        let hash = match self.algorithm {
            oid::PBMAC1 => return self.verifies_pbmac1(meter, message, password),
            oid::SHA1 => Hash::Sha1,
            oid::SHA256 => Hash::Sha256,
            oid::SHA512 => Hash::Sha512,
            _ => return Err(UNKNOWN),
        };
        let parameters = Parameters { hash, salt: self.salt, rounds: self.rounds };
        let key = pkcs12(meter, parameters, &password.wide, Purpose::Authentication, hash.len())?;
        Ok(self.is_digest(&hash.authenticate(&key, &[message])))
    }

    fn verifies_pbmac1(
        &self,
        meter: &mut dyn Meter,
        message: &[u8],
        password: &Password,
    ) -> Result<bool, Error> {
        let mut fields = self.parameters;
        let mut fields = fields.sequence().ok_or(MALFORMED)?;
        let derivation = fields.sequence().ok_or(MALFORMED)?;
        let hash = match fields.sequence().and_then(|mut mac| mac.oid()).ok_or(MALFORMED)? {
            oid::HMAC_SHA1 => Hash::Sha1,
            oid::HMAC_SHA256 => Hash::Sha256,
            oid::HMAC_SHA512 => Hash::Sha512,
            _ => return Err(UNKNOWN),
        };
        let (parameters, len) = derivation_parameters(derivation)?;
        let len = len.and_then(|len| usize::try_from(len).ok());
        let len = len.filter(|len| (1..=MAX_KEY_BYTES).contains(len)).ok_or(MALFORMED)?;
        let key = pbkdf2(meter, parameters, &password.narrow, len)?;
        Ok(self.is_digest(&hash.authenticate(&key, &[message])))
    }
    fn is_digest(&self, computed: &[u8]) -> bool {
        computed.ct_eq(self.digest).into()
    }
}

/// The `MacData` of a message.
pub(super) fn write(
    meter: &mut dyn Meter,
    salt: &[u8; 16],
    message: &[u8],
    password: &Password,
) -> Result<Der, Error> {
    let hash = Hash::Sha256;
    let parameters = Parameters { hash, salt, rounds: ROUNDS.into() };
    let key = pkcs12(meter, parameters, &password.wide, Purpose::Authentication, hash.len())?;
    let digest = hash.authenticate(&key, &[message]);
    let info = sequence(&[&algorithm(oid::SHA256, &[]), &tlv(OCTET_STRING, &[&digest])]);
    let rounds = integer(&ROUNDS.to_be_bytes());
    Ok(sequence(&[&info, &tlv(OCTET_STRING, &[salt]), &rounds]))
}
