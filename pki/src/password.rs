//! Hashing passwords and deriving keys from them.

use base64::{
    Engine as _,
    alphabet::BCRYPT,
    engine::general_purpose::{GeneralPurpose, NO_PAD},
};
use zeroize::Zeroizing;

/// The longest password for bcrypt, which ignores all further bytes.
pub const BCRYPT_MAX_BYTES: usize = 72;

/// The bcrypt hash of a password in the format of `crypt(3)`, with 2 to the power of `cost` rounds.
/// `None` for a password that is longer than [`BCRYPT_MAX_BYTES`].
pub fn bcrypt(password: &[u8], cost: u32, salt: [u8; 16]) -> Option<String> {
    let mut terminated = Zeroizing::new([0; BCRYPT_MAX_BYTES]);
    terminated.get_mut(..password.len())?.copy_from_slice(password);
    let len = BCRYPT_MAX_BYTES.min(password.len() + 1);
    let digest = bcrypt::bcrypt(cost, salt, &terminated[..len]);
    // The format leaves out the last byte of the digest.
    let (salt, digest) = (BASE64.encode(salt), BASE64.encode(&digest[..23]));
    Some(format!("$2a${cost:02}${salt}{digest}"))
}

const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// scrypt (RFC 7914) with 2 to the power of `log_rounds` rounds. `None` for parameters out of range.
pub fn scrypt(
    password: &[u8],
    salt: &[u8],
    log_rounds: u8,
    block_size: u32,
    parallelism: u32,
) -> Option<Zeroizing<[u8; 64]>> {
    let params = scrypt::Params::new(log_rounds, block_size, parallelism).ok()?;
    let mut key = Zeroizing::new([0; 64]);
    scrypt::scrypt(password, salt, &params, &mut *key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Go.
    #[test]
    fn bcrypt_matches_go() {
        for (password, hash) in GO {
            let salt = GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));
            let salt = salt.decode(&hash[7..29]).expect("base64").try_into().expect("16 bytes");
            assert_eq!(bcrypt(password, 10, salt).as_deref(), Some(*hash));
        }
        assert_eq!(bcrypt(&[b'x'; 73], 10, [0; 16]), None);
    }

    /// RFC 7914 §12.
    #[test]
    fn scrypt_matches_rfc_7914() {
        let key = scrypt(b"password", b"NaCl", 10, 8, 16).expect("a key");
        assert_eq!(
            base16ct::lower::encode_string(&*key),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
             2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        );
    }

    const GO: &[(&[u8], &str)] = &[
        (b"", "$2a$10$E1BryGadJskM7dSbCCXbqe88GAOo0sYYHNnk9.T03CNODzaodYCJy"),
        (b"secret", "$2a$10$JRQgC.CKRF7CtC5MBaKs/ubgNjrKeREG7yDn7Wn.UG7.w5E.m6qYS"),
        (b"h\xc3\xa9llo w\0rld", "$2a$10$YteQOVeEHtZlYQ1l5r1C1ueV4sa5aIyOonx0fFlCPzVXUZbfH2u3."),
        (&[b'x'; 72], "$2a$10$0tn.HbvNDwFEjPTlwtpENuFfWuiGKwxz4b9rAbXBIkvciIFyoltt6"),
        (&[b'y'; 71], "$2a$10$qjiZmHcWLIMa1fGGpKLQyeO3oKGE1TjGc26MFz4ygAEor5FmvcG2i"),
        (b"\xff\xa3", "$2a$10$e1SPYvuZzgzIwxI/.d7bsu.bBT0DNijqW8TmOyd7cgeoUjj7p7ADa"),
    ];
}
