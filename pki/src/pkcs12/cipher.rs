//! Encryption with a password: the ciphers of PKCS#12 (RFC 7292 §C) and AES (RFC 8018 §6.2).

use aes::{
    Aes128, Aes192, Aes256,
    cipher::{BlockCipherDecrypt, KeyInit as _},
};
use des::TdesEde3;
use rc2::Rc2;
use zeroize::Zeroizing;

use super::{
    derive::{Hash, Parameters, Purpose, pbkdf2, pkcs12},
    password::Password,
};
use crate::{
    cipher::{AES_BLOCK_BYTES, aes_256_cbc_encrypt, cbc_decrypt},
    der::{Der, INTEGER, OCTET_STRING, Reader, SEQUENCE, algorithm, integer, sequence, tlv},
    error::{Error, Meter},
    oid,
};

const MALFORMED: Error = Error::Invalid("the parameters of the encryption are malformed");
const UNKNOWN: Error = Error::Invalid("the encryption is not supported");
const FAILED: Error = Error::Invalid("the encrypted content cannot be decrypted");
/// The rounds of the key derivation in new files.
const ROUNDS: u16 = 2048;

/// Decrypts with the content of an `AlgorithmIdentifier`, and removes the padding.
pub(super) fn decrypt(
    meter: &mut dyn Meter,
    algorithm: Reader<'_>,
    password: &Password,
    text: &[u8],
) -> Result<Der, Error> {
    let mut fields = algorithm;
    let id = fields.oid().ok_or(MALFORMED)?;
    meter.bytes(text.len())?;
    meter.steps((text.len() >> 4) as u64)?;
    let bytes = Zeroizing::new(text.to_vec());
    match id {
        oid::PBES2 => decrypt_pbes2(meter, fields, password, bytes),
        oid::TRIPLE_DES_WITH_SHA1 => {
            let (key, iv) = derive_key_and_iv(meter, fields, password, 24)?;
            finish(TdesEde3::new_from_slice(&key).ok(), &iv, bytes)
        }
        oid::RC2_128_WITH_SHA1 => {
            let (key, iv) = derive_key_and_iv(meter, fields, password, 16)?;
            finish(Some(Rc2::new_with_eff_key_len(&key, 128)), &iv, bytes)
        }
        oid::RC2_40_WITH_SHA1 => {
            let (key, iv) = derive_key_and_iv(meter, fields, password, 5)?;
            finish(Some(Rc2::new_with_eff_key_len(&key, 40)), &iv, bytes)
        }
        _ => Err(UNKNOWN),
    }
}

/// The key and the initial value of a cipher of PKCS#12 with blocks of 8 bytes.
fn derive_key_and_iv(
    meter: &mut dyn Meter,
    mut fields: Reader<'_>,
    password: &Password,
    key_len: usize,
) -> Result<(Der, Der), Error> {
    let mut fields = fields.sequence().ok_or(MALFORMED)?;
    let salt = fields.content(OCTET_STRING).ok_or(MALFORMED)?;
    let rounds = fields.small().ok_or(MALFORMED)?;
    let parameters = Parameters { hash: Hash::Sha1, salt, rounds };
    let key = pkcs12(meter, parameters, &password.wide, Purpose::Encryption, key_len)?;
    let iv = pkcs12(meter, parameters, &password.wide, Purpose::InitialValue, 8)?;
    Ok((key, iv))
}

/// PBES2 with PBKDF2 and AES.
fn decrypt_pbes2(
    meter: &mut dyn Meter,
    mut fields: Reader<'_>,
    password: &Password,
    bytes: Der,
) -> Result<Der, Error> {
    let mut fields = fields.sequence().ok_or(MALFORMED)?;
    let (derivation, scheme) = (fields.sequence(), fields.sequence());
    let (derivation, mut scheme) = (derivation.ok_or(MALFORMED)?, scheme.ok_or(MALFORMED)?);
    let (parameters, _) = derivation_parameters(derivation)?;
    let key_len = match scheme.oid().ok_or(MALFORMED)? {
        oid::AES_256_CBC => 32,
        oid::AES_192_CBC => 24,
        oid::AES_128_CBC => 16,
        _ => return Err(UNKNOWN),
    };
    let iv = scheme.element().filter(|iv| iv.content.len() == AES_BLOCK_BYTES);
    let iv = iv.ok_or(MALFORMED)?.content;
    let key = pbkdf2(meter, parameters, &password.narrow, key_len)?;
    match key_len {
        32 => finish(Aes256::new_from_slice(&key).ok(), iv, bytes),
        24 => finish(Aes192::new_from_slice(&key).ok(), iv, bytes),
        _ => finish(Aes128::new_from_slice(&key).ok(), iv, bytes),
    }
}

/// Decrypts in CBC mode, and removes the padding.
fn finish<C: BlockCipherDecrypt>(
    cipher: Option<C>,
    iv: &[u8],
    mut bytes: Der,
) -> Result<Der, Error> {
    cbc_decrypt(cipher.ok_or(MALFORMED)?, iv, &mut bytes).ok_or(FAILED)?;
    unpad(bytes, C::block_size())
}

/// The parameters of a PBKDF2 `AlgorithmIdentifier`, given its content; and the key length if stated.
pub(super) fn derivation_parameters(
    mut derivation: Reader<'_>,
) -> Result<(Parameters<'_>, Option<i64>), Error> {
    if derivation.oid().ok_or(MALFORMED)? != oid::PBKDF2 {
        return Err(UNKNOWN);
    }
    let mut fields = derivation.sequence().ok_or(MALFORMED)?;
    let salt = fields.content(OCTET_STRING).ok_or(MALFORMED)?;
    let rounds = fields.small().ok_or(MALFORMED)?;
    let len = if fields.is_next(INTEGER) { fields.small() } else { None };
    let hash = if fields.is_next(SEQUENCE) {
        match fields.sequence().and_then(|mut prf| prf.oid()).ok_or(MALFORMED)? {
            oid::HMAC_SHA1 => Hash::Sha1,
            oid::HMAC_SHA256 => Hash::Sha256,
            oid::HMAC_SHA512 => Hash::Sha512,
            _ => return Err(UNKNOWN),
        }
    } else {
        Hash::Sha1
    };
    Ok((Parameters { hash, salt, rounds }, len))
}

/// RFC 5652 §6.3.
fn unpad(mut bytes: Der, block: usize) -> Result<Der, Error> {
    let padding = *bytes.last().ok_or(FAILED)?;
    let count = usize::from(padding);
    let is_padded = (1..=block).contains(&count)
        && bytes.len() >= count
        && bytes[bytes.len() - count..].iter().all(|byte| *byte == padding);
    if !is_padded {
        return Err(FAILED);
    }
    let len = bytes.len() - count;
    bytes.truncate(len);
    Ok(bytes)
}

/// Encrypts with PBES2: the `AlgorithmIdentifier` and the ciphertext.
pub(super) fn encrypt(
    meter: &mut dyn Meter,
    salt: &[u8; 16],
    iv: &[u8; AES_BLOCK_BYTES],
    password: &Password,
    bytes: &[u8],
) -> Result<(Der, Vec<u8>), Error> {
    let rounds = integer(&ROUNDS.to_be_bytes());
    let prf = algorithm(oid::HMAC_SHA256, &[]);
    let derivation =
        algorithm(oid::PBKDF2, &sequence(&[&tlv(OCTET_STRING, &[salt]), &rounds, &prf]));
    let scheme = algorithm(oid::AES_256_CBC, &tlv(OCTET_STRING, &[iv]));
    let algorithm = algorithm(oid::PBES2, &sequence(&[&derivation, &scheme]));

    meter.bytes(2 * bytes.len() + AES_BLOCK_BYTES)?;
    meter.steps((bytes.len() >> 6) as u64)?;
    let parameters = Parameters { hash: Hash::Sha256, salt, rounds: ROUNDS.into() };
    let key = pbkdf2(meter, parameters, &password.narrow, 32)?;
    let key: &[u8; 32] = key[..].try_into().map_err(|_| MALFORMED)?;
    Ok((algorithm, aes_256_cbc_encrypt(key, iv, bytes).to_vec()))
}
