//! The ciphers that a password encrypts with: those of PKCS#12 (RFC 7292 §C), and AES (RFC 8018 §6.2).

use aes::{
    Aes128, Aes192, Aes256,
    cipher::{
        Block, BlockCipherDecrypt, BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _,
        KeyInit as _, KeyIvInit as _,
    },
};
use des::TdesEde3;
use rc2::Rc2;
use zeroize::Zeroizing;

use super::{
    Password,
    derive::{Hash, Parameters, Purpose, pbkdf2, pkcs12},
    oid,
};
use crate::{
    der::{Der, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, integer, sequence, tlv},
    error::Failure,
    limits::Meter,
};

const MALFORMED: Failure = Failure::Because("the parameters of the encryption are malformed");
const UNKNOWN: Failure = Failure::Because("the encryption is not supported");
const FAILED: Failure = Failure::Because("what is encrypted cannot be decrypted");
/// The size of AES's blocks.
const BLOCK: usize = 16;
/// How often the password is hashed in what is written.
const ROUNDS: u16 = 2048;

/// Decrypts with an `AlgorithmIdentifier` (its content), and takes the padding off.
pub(super) fn decrypt(
    meter: &mut Meter<'_>,
    algorithm: Reader<'_>,
    password: &Password,
    text: &[u8],
) -> Result<Der, Failure> {
    let mut fields = algorithm;
    let id = fields.oid().ok_or(MALFORMED)?;
    meter.bytes(text.len())?;
    meter.steps((text.len() >> 4) as u64)?;
    let mut bytes = Zeroizing::new(text.to_vec());
    let (hash, key_len) = (
        Hash::Sha1,
        match id {
            oid::PBES2 => return pbes2(meter, fields, password, bytes),
            oid::TRIPLE_DES => 24,
            oid::RC2_128 => 16,
            oid::RC2_40 => 5,
            _ => return Err(UNKNOWN),
        },
    );
    let mut fields = fields.sequence().ok_or(MALFORMED)?;
    let salt = fields.content(OCTET_STRING).ok_or(MALFORMED)?;
    let rounds = fields.small().ok_or(MALFORMED)?;
    let parameters = Parameters { hash, salt, rounds };
    let wide = &password.wide;
    let key = pkcs12(meter, parameters, wide, Purpose::Encryption, key_len)?;
    let iv = pkcs12(meter, parameters, wide, Purpose::InitialValue, 8)?;
    if id == oid::TRIPLE_DES {
        let cipher = TdesEde3::new_from_slice(&key).map_err(|_| MALFORMED)?;
        chain(cipher, &iv, &mut bytes)?;
    } else {
        chain(Rc2::new_with_eff_key_len(&key, 8 * key_len), &iv, &mut bytes)?;
    }
    unpad(bytes, 8)
}

/// PBES2 with PBKDF2 and AES.
fn pbes2(
    meter: &mut Meter<'_>,
    mut fields: Reader<'_>,
    password: &Password,
    mut bytes: Der,
) -> Result<Der, Failure> {
    let mut fields = fields.sequence().ok_or(MALFORMED)?;
    let (derivation, scheme) = (fields.sequence(), fields.sequence());
    let (derivation, mut scheme) = (derivation.ok_or(MALFORMED)?, scheme.ok_or(MALFORMED)?);
    let (parameters, _) = derivation_parameters(derivation)?;
    let len = match scheme.oid().ok_or(MALFORMED)? {
        oid::AES_256_CBC => 32,
        oid::AES_192_CBC => 24,
        oid::AES_128_CBC => 16,
        _ => return Err(UNKNOWN),
    };
    let iv = scheme.element().filter(|iv| iv.content.len() == BLOCK).ok_or(MALFORMED)?.content;
    let key = pbkdf2(meter, parameters, &password.narrow, len)?;
    match len {
        32 => chain(Aes256::new_from_slice(&key).map_err(|_| MALFORMED)?, iv, &mut bytes)?,
        24 => chain(Aes192::new_from_slice(&key).map_err(|_| MALFORMED)?, iv, &mut bytes)?,
        _ => chain(Aes128::new_from_slice(&key).map_err(|_| MALFORMED)?, iv, &mut bytes)?,
    }
    unpad(bytes, BLOCK)
}

/// The content of an `AlgorithmIdentifier` that is PBKDF2: how to derive, and the length if it is told.
pub(super) fn derivation_parameters(
    mut derivation: Reader<'_>,
) -> Result<(Parameters<'_>, Option<i64>), Failure> {
    if derivation.oid().ok_or(MALFORMED)? != oid::PBKDF2 {
        return Err(UNKNOWN);
    }
    let mut fields = derivation.sequence().ok_or(MALFORMED)?;
    let salt = fields.content(OCTET_STRING).ok_or(MALFORMED)?;
    let rounds = fields.small().ok_or(MALFORMED)?;
    let len = if fields.is_next(crate::der::INTEGER) { fields.small() } else { None };
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

/// CBC.
fn chain<C: BlockCipherDecrypt>(cipher: C, iv: &[u8], bytes: &mut [u8]) -> Result<(), Failure> {
    let mut decryptor = cbc::Decryptor::inner_iv_slice_init(cipher, iv).map_err(|_| MALFORMED)?;
    let mut blocks = bytes.chunks_exact_mut(C::block_size());
    for block in &mut blocks {
        let block: &mut Block<C> = block.try_into().map_err(|_| FAILED)?;
        decryptor.decrypt_block(block);
    }
    if blocks.into_remainder().is_empty() { Ok(()) } else { Err(FAILED) }
}

/// RFC 5652 §6.3.
fn unpad(mut bytes: Der, block: usize) -> Result<Der, Failure> {
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

/// Encrypts with PBES2: the `AlgorithmIdentifier`, and what is encrypted.
pub(super) fn encrypt(
    meter: &mut Meter<'_>,
    salt: &[u8; 16],
    iv: &[u8; BLOCK],
    password: &Password,
    bytes: &[u8],
) -> Result<(Der, Vec<u8>), Failure> {
    let id = |id: &[u8]| tlv(OBJECT_IDENTIFIER, &[id]);
    let rounds = integer(&ROUNDS.to_be_bytes());
    let prf = sequence(&[&id(oid::HMAC_SHA256)]);
    let parameters = sequence(&[&tlv(OCTET_STRING, &[salt]), &rounds, &prf]);
    let derivation = sequence(&[&id(oid::PBKDF2), &parameters]);
    let scheme = sequence(&[&id(oid::AES_256_CBC), &tlv(OCTET_STRING, &[iv])]);
    let algorithm = sequence(&[&id(oid::PBES2), &sequence(&[&derivation, &scheme])]);

    meter.bytes(2 * bytes.len() + BLOCK)?;
    meter.steps((bytes.len() >> 6) as u64)?;
    let parameters = Parameters { hash: Hash::Sha256, salt, rounds: ROUNDS.into() };
    let key = pbkdf2(meter, parameters, &password.narrow, 32)?;
    let padding = BLOCK - bytes.len() % BLOCK;
    let mut text = vec![padding as u8; bytes.len() + padding];
    text[..bytes.len()].copy_from_slice(bytes);
    let mut cipher = cbc::Encryptor::<Aes256>::new_from_slices(&key, iv).map_err(|_| MALFORMED)?;
    for block in text.chunks_exact_mut(BLOCK) {
        cipher.encrypt_block(block.try_into().map_err(|_| MALFORMED)?);
    }
    Ok((algorithm, text))
}
