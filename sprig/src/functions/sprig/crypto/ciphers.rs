//! `encryptAES` and `decryptAES`: AES-256 in CBC, without authentication.

use gotemplate::{Arguments, Context, Failure, Text, Value};
use pki::cipher::{AES_BLOCK_BYTES, aes_256_cbc_decrypt, aes_256_cbc_encrypt};
use zeroize::Zeroizing;

use crate::radix::BASE64;

const MALFORMED: Failure = Failure::Because("the ciphertext is malformed");

/// A random block, then the padded text (RFC 5652 §6.3), in base64. An empty text stays empty.
pub(super) fn encrypt(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let (password, text) = (arguments.text(0)?, arguments.text(1)?);
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    context.meter.bytes(text.len().saturating_mul(3) + 64)?;
    let mut iv = [0; AES_BLOCK_BYTES];
    context.random.fill_bytes(&mut iv);
    let encrypted = aes_256_cbc_encrypt(&key(password), &iv, text);
    Ok(Value::text(BASE64.encode(&[&iv[..], &encrypted].concat())))
}

/// The last byte is the length of the padding. As in Sprig, the other bytes of the padding are not
/// checked.
pub(super) fn decrypt(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let (password, text) = (arguments.text(0)?, arguments.text(1)?);
    if text.is_empty() {
        return Ok(Value::text(""));
    }
    context.meter.bytes(text.len().saturating_mul(2))?;
    let bytes = BASE64.decode(text).map_err(|_| MALFORMED)?;
    let (iv, rest) = bytes.split_first_chunk::<AES_BLOCK_BYTES>().ok_or(MALFORMED)?;
    let plain = aes_256_cbc_decrypt(&key(password), iv, rest).ok_or(MALFORMED)?;
    let padding = usize::from(*plain.last().ok_or(MALFORMED)?);
    let len = plain.len().checked_sub(padding).ok_or(MALFORMED)?;
    Ok(Value::text(Text::from(&plain[..len])))
}

/// The password as a key: truncated, or padded with zeros.
fn key(password: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let len = password.len().min(key.len());
    key[..len].copy_from_slice(&password[..len]);
    key
}

#[cfg(test)]
mod tests {
    use crate::testing::text;

    #[test]
    fn decryption_restores_the_text() {
        for len in [1, 15, 16, 17, 100] {
            let plain = "é".repeat(len);
            let template = format!(r#"{{{{ encryptAES "key" "{plain}" | decryptAES "key" }}}}"#);
            assert_eq!(text(&template, 1), plain);
        }
    }

    #[test]
    fn ciphertext_differs_each_time() {
        let first = text(r#"{{ encryptAES "key" "text" }}"#, 1);
        assert_eq!(first.len(), 44);
        assert_ne!(first, text(r#"{{ encryptAES "key" "text" }}"#, 2));
    }
}
