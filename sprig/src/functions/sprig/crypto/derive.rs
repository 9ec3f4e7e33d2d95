//! `derivePassword`: the first version of the algorithm of Master Password.

use gotemplate::{Arguments, Buffer, Context, Failure, MILLISECOND, Value};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pki::password::scrypt;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::message::about;

const SCOPE: &[u8] = b"com.lyndir.masterpassword";

/// Parameters of scrypt: the binary logarithm of N, r and p.
const SCRYPT: (u8, u32, u32) = (15, 8, 2);
/// The cost in steps: about 150 ms.
const DERIVING: u64 = 150 * MILLISECOND;
const SCRYPT_BYTES: usize = 33 << 20;

const IMPOSSIBLE: Failure = Failure::Because("the password could not be derived");

pub(super) fn password(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    // As in Go, bits above 32 are lost.
    let counter = arguments.unsigned(0)? as u32;
    let [kind, password] = [arguments.text(1)?, arguments.text(2)?];
    let [user, site] = [arguments.text(3)?, arguments.text(4)?];
    let Some(forms) = forms(kind) else {
        context.meter.bytes(kind.len())?;
        return Ok(Value::text(about("cannot find password template ", kind)));
    };
    context.meter.steps(DERIVING)?;
    context.meter.bytes(password.len() + user.len() + site.len())?;

    let (log_rounds, block, parallel) = SCRYPT;
    let mut salt = Buffer::default();
    salt.push(SCOPE);
    salt.push((user.len() as u32).to_be_bytes());
    salt.push(user);
    let derive = || scrypt(password, &salt, log_rounds, block, parallel);
    let key = context.meter.scratch(SCRYPT_BYTES, derive)?.ok_or(IMPOSSIBLE)?;

    let mut mac = Hmac::<Sha256>::new_from_slice(&*key).map_err(|_| IMPOSSIBLE)?;
    mac.update(SCOPE);
    mac.update(&(site.len() as u32).to_be_bytes());
    mac.update(site);
    mac.update(&counter.to_be_bytes());
    let seed = Zeroizing::new(mac.finalize().into_bytes().to_vec());

    let form = forms[usize::from(seed[0]) % forms.len()];
    let mut derived = Buffer::with_capacity(form.len());
    for (class, byte) in form.bytes().zip(&seed[1..]) {
        let set = characters(class);
        derived.push_byte(set[usize::from(*byte) % set.len()]);
    }
    Ok(Value::text(derived))
}

/// The forms of a kind of password: a letter for each character, see [`characters`].
fn forms(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters of a class, by the letter of the class.
fn characters(class: u8) -> &'static [u8] {
    match class {
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}
