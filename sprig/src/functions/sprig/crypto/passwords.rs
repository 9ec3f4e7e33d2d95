//! `bcrypt` and `htpasswd`.

use gotemplate::{Arguments, Buffer, Context, Failure, MILLISECOND, Value};
use pki::password::{self, BCRYPT_MAX_BYTES};

use super::message::about;

/// Go's default: 2 to the power of this many rounds.
const COST: u32 = 10;
/// Steps of that many rounds: about 60 ms.
const HASHING: u64 = 60 * MILLISECOND;

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
        return Ok(Value::text(about("invalid username: ", name)));
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
    if password.len() > BCRYPT_MAX_BYTES {
        text.push("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes");
        return Ok(text);
    }
    context.meter.steps(HASHING)?;
    let mut salt = [0; 16];
    context.random.fill_bytes(&mut salt);
    let hash = password::bcrypt(password, COST, salt);
    text.push(hash.ok_or(Failure::Because("the password could not be hashed"))?);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{context, text};

    #[test]
    fn hash_has_bcrypt_format_and_fresh_salt() {
        context(1, |c| {
            let first = hashed(c, b"secret").expect("a hash");
            let second = hashed(c, b"secret").expect("a hash");
            assert_eq!((first.len(), &first[..7]), (60, &b"$2a$10$"[..]));
            assert_ne!(first[7..29], second[7..29]);
        });
    }

    #[test]
    fn htpasswd_line_has_name_and_hash() {
        let line = text(r#"{{ htpasswd "joe" "secret" }}"#, 1);
        let (name, hash) = line.split_once(':').expect("a colon");
        assert_eq!((name, hash.len()), ("joe", 60));
    }
}
