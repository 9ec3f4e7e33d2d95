//! AES and other block ciphers in CBC mode. CBC does not authenticate: a changed ciphertext decrypts to
//! other bytes.

use aes::{
    Aes256,
    cipher::{
        Block, BlockCipherDecrypt, BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _,
        KeyInit as _, KeyIvInit as _,
    },
};
use zeroize::Zeroizing;

/// The block size of AES.
pub const AES_BLOCK_BYTES: usize = 16;

/// Encrypts with AES-256 in CBC mode and the padding of RFC 5652 §6.3.
pub fn aes_256_cbc_encrypt(
    key: &[u8; 32],
    iv: &[u8; AES_BLOCK_BYTES],
    plaintext: &[u8],
) -> Zeroizing<Vec<u8>> {
    let padding = AES_BLOCK_BYTES - plaintext.len() % AES_BLOCK_BYTES;
    let pad_byte = u8::try_from(padding).expect("at most a block");
    let mut bytes = Zeroizing::new(vec![pad_byte; plaintext.len() + padding]);
    bytes[..plaintext.len()].copy_from_slice(plaintext);
    let mut cipher = cbc::Encryptor::<Aes256>::new(key.into(), iv.into());
    for block in bytes.chunks_exact_mut(AES_BLOCK_BYTES) {
        cipher.encrypt_block(block.try_into().expect("a whole block"));
    }
    bytes
}

/// Decrypts AES-256 in CBC mode, and keeps the padding. `None` if the length is not a whole number
/// of blocks.
pub fn aes_256_cbc_decrypt(
    key: &[u8; 32],
    iv: &[u8; AES_BLOCK_BYTES],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(ciphertext.to_vec());
    cbc_decrypt(Aes256::new(key.into()), iv, &mut bytes)?;
    Some(bytes)
}

/// Decrypts in place. `None` if the vector or the text has a wrong size.
pub(crate) fn cbc_decrypt<C: BlockCipherDecrypt>(
    cipher: C,
    iv: &[u8],
    bytes: &mut [u8],
) -> Option<()> {
    let mut decryptor = cbc::Decryptor::inner_iv_slice_init(cipher, iv).ok()?;
    let mut blocks = bytes.chunks_exact_mut(C::block_size());
    for block in &mut blocks {
        let block: &mut Block<C> = block.try_into().ok()?;
        decryptor.decrypt_block(block);
    }
    blocks.into_remainder().is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cbc_survives_a_round_trip() {
        let (key, iv) = ([7; 32], [9; AES_BLOCK_BYTES]);
        for len in [0, 1, 15, 16, 17, 100] {
            let text = aes_256_cbc_encrypt(&key, &iv, &vec![5; len]);
            let plain = aes_256_cbc_decrypt(&key, &iv, &text).expect("whole blocks");
            let padding = AES_BLOCK_BYTES - len % AES_BLOCK_BYTES;
            assert_eq!(&plain[..len], vec![5; len]);
            assert_eq!(plain[len..], vec![u8::try_from(padding).expect("a byte"); padding]);
        }
        assert!(aes_256_cbc_decrypt(&key, &iv, &[0; 17]).is_none());
    }

    /// NIST SP 800-38A, F.2.5.
    #[test]
    fn cbc_matches_nist() {
        let hex = |text: &str| base16ct::lower::decode_vec(text).expect("hexadecimal digits");
        let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let iv = hex("000102030405060708090a0b0c0d0e0f");
        let text = hex("6bc1bee22e409f96e93d7e117393172a");
        let (key, iv) = (key[..].try_into().expect("32 bytes"), iv[..].try_into().expect("16"));
        let encrypted = aes_256_cbc_encrypt(key, iv, &text);
        assert_eq!(encrypted[..16], hex("f58c4c04d6e5f1ba779eabfb5f7bfbd6"));
    }
}
