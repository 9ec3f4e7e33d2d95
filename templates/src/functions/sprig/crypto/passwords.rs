//! `bcrypt` and `htpasswd`.

use bcrypt::bcrypt as hash;
use zeroize::Zeroizing;

use super::told;
use crate::{
    context::Context, error::Failure, functions::Arguments, limits::MILLISECOND, radix::BCRYPT64,
    text::Buffer, value::Value,
};

/// Go's default: 2 to the power of this many rounds.
const COST: u32 = 10;
/// Steps of that many rounds: about 60 ms.
const HASHING: u64 = 60 * MILLISECOND;
/// The longest password. The algorithm would not look at what is behind that.
const MAX_LEN: usize = 72;

pub(super) fn bcrypt(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    Ok(Value::text(hashed(context, arguments.text(0)?)?))
}

pub(super) fn htpasswd(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let (name, password) = (arguments.text(0)?, arguments.text(1)?);
    context.meter.bytes(name.len())?;
    if name.contains(&b':') {
        return Ok(Value::text(told("invalid username: ", name)));
    }
    let hash = hashed(context, password)?;
    let mut line = Buffer::with_capacity(name.len() + 1 + hash.len());
    line.push(name);
    line.push(":");
    line.push(&*hash);
    Ok(Value::text(line))
}

/// The hash in the format of `crypt(3)`.
fn hashed(context: &mut Context<'_>, password: &[u8]) -> Result<Buffer, Failure> {
    let mut text = Buffer::default();
    if password.len() > MAX_LEN {
        text.push("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes");
        return Ok(text);
    }
    context.meter.steps(HASHING)?;
    let mut terminated = Zeroizing::new([0; MAX_LEN]);
    terminated[..password.len()].copy_from_slice(password);
    let len = MAX_LEN.min(password.len() + 1);
    let mut salt = [0; 16];
    context.random.fill_bytes(&mut salt);
    let digest = hash(COST, salt, &terminated[..len]);
    text.push(format!("$2a${COST:02}$"));
    // Both without padding; the last byte of the digest is left out.
    text.push(&BCRYPT64.encode(&salt)[..22]);
    text.push(&BCRYPT64.encode(&digest[..23])[..31]);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{context, text};

    /// The hash of a password with the salt of another hash.
    fn again(password: &[u8], made: &[u8]) -> Buffer {
        let salt = BCRYPT64.decode(&[&made[7..29], b"=="].concat()).expect("a salt");
        let mut terminated = password.to_vec();
        terminated.push(0);
        terminated.truncate(MAX_LEN);
        let salt: [u8; 16] = salt[..].try_into().expect("16 bytes");
        let digest = hash(COST, salt, &terminated);
        let mut text = Buffer::default();
        text.push(&made[..29]);
        text.push(&BCRYPT64.encode(&digest[..23])[..31]);
        text
    }

    /// Made by Go.
    #[test]
    fn hashes_are_those_of_others() {
        for (password, hash) in GO {
            assert_eq!(&*again(password, hash.as_bytes()), hash.as_bytes());
        }
    }

    #[test]
    fn a_hash_has_its_form_and_its_own_salt() {
        context(1, |c| {
            let first = hashed(c, b"secret").expect("a hash");
            let second = hashed(c, b"secret").expect("a hash");
            assert_eq!((first.len(), &first[..7]), (60, &b"$2a$10$"[..]));
            assert_ne!(first[7..29], second[7..29]);
            assert_eq!(*again(b"secret", &first), *first);
            assert_ne!(*again(b"Secret", &first), *first);
        });
    }

    #[test]
    fn a_line_is_a_name_and_a_hash() {
        let line = text(r#"{{ htpasswd "joe" "secret" }}"#, 1);
        let (name, hash) = line.split_once(':').expect("a colon");
        assert_eq!(name, "joe");
        assert_eq!(*again(b"secret", hash.as_bytes()), *hash.as_bytes());
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
