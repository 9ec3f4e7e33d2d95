//! What proves the password, and that nothing was changed (RFC 7292 §4, RFC 9579).

use super::{
    Password,
    cipher::derivation_parameters,
    derive::{Hash, Parameters, Purpose, pbkdf2, pkcs12},
    oid,
};
use crate::{
    der::{Der, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, integer, sequence, tlv},
    error::Failure,
    limits::Meter,
};

const MALFORMED: Failure = Failure::Because("the authentication of the PKCS#12 file is malformed");
const UNKNOWN: Failure =
    Failure::Because("the authentication of the PKCS#12 file is not supported");
const ROUNDS: u16 = 2048;
/// The longest key of PBMAC1. Longer ones serve only to burn the CPU.
const MAX_KEY: i64 = 1 << 10;

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

    /// Whether the message was authenticated with this password.
    pub(super) fn verifies(
        &self,
        meter: &mut Meter<'_>,
        message: &[u8],
        password: &Password,
    ) -> Result<bool, Failure> {
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
        Ok(is_equal(&hash.authenticate(&key, &[message]), self.digest))
    }

    fn verifies_pbmac1(
        &self,
        meter: &mut Meter<'_>,
        message: &[u8],
        password: &Password,
    ) -> Result<bool, Failure> {
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
        let len = len.filter(|len| (1..=MAX_KEY).contains(len)).ok_or(MALFORMED)?;
        let key = pbkdf2(meter, parameters, &password.narrow, len as usize)?;
        Ok(is_equal(&hash.authenticate(&key, &[message]), self.digest))
    }
}

/// In a time that does not depend on where they differ.
fn is_equal(first: &[u8], second: &[u8]) -> bool {
    let differences = first.iter().zip(second).fold(0, |bits, (a, b)| bits | (a ^ b));
    first.len() == second.len() && differences == 0
}

/// The `MacData` of a message.
pub(super) fn write(
    meter: &mut Meter<'_>,
    salt: &[u8; 16],
    message: &[u8],
    password: &Password,
) -> Result<Der, Failure> {
    let hash = Hash::Sha256;
    let parameters = Parameters { hash, salt, rounds: ROUNDS.into() };
    let key = pkcs12(meter, parameters, &password.wide, Purpose::Authentication, hash.len())?;
    let digest = hash.authenticate(&key, &[message]);
    let algorithm = sequence(&[&tlv(OBJECT_IDENTIFIER, &[oid::SHA256])]);
    let info = sequence(&[&algorithm, &tlv(OCTET_STRING, &[&digest])]);
    let rounds = integer(&ROUNDS.to_be_bytes());
    Ok(sequence(&[&info, &tlv(OCTET_STRING, &[salt]), &rounds]))
}
