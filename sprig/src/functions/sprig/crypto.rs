//! Passwords, ciphers, keys and certificates.
//!
//! Unlike Sprig, the functions refuse RSA keys of more than 8192 bits, and certificates for keys on the
//! curve P-224 or for RSA keys of more than two primes.

mod certificates;
mod ciphers;
mod derive;
mod message;
mod passwords;

use gotemplate::{
    Arguments, Context, Failure, Function,
    Parameter::{Int, List, Text, Uint32},
    Value,
};
use pki::keys::{PrivateKey, generate_dsa_pem};

use self::message::about;
use crate::{
    certificate::CERTIFICATE,
    metered::{Metered, failure},
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("bcrypt", &[Text], passwords::bcrypt).random(),
    Function::new("buildCustomCert", &[Text, Text], certificates::custom),
    Function::new("decryptAES", &[Text, Text], ciphers::decrypt),
    Function::new("derivePassword", &[Uint32, Text, Text, Text, Text], derive::password),
    Function::new("encryptAES", &[Text, Text], ciphers::encrypt).random(),
    Function::new("genCA", &[Text, Int], certificates::authority).random(),
    Function::new("genCAWithKey", &[Text, Int, Text], certificates::authority).random(),
    Function::new("genPrivateKey", &[Text], private_key).random(),
    Function::new("genSelfSignedCert", &[Text, List, List, Int], certificates::self_signed)
        .random(),
    Function::new(
        "genSelfSignedCertWithKey",
        &[Text, List, List, Int, Text],
        certificates::self_signed,
    )
    .random(),
    Function::new("genSignedCert", &[Text, List, List, Int, CERTIFICATE], certificates::signed)
        .random(),
    Function::new(
        "genSignedCertWithKey",
        &[Text, List, List, Int, CERTIFICATE, Text],
        certificates::signed,
    )
    .random(),
    Function::new("htpasswd", &[Text, Text], passwords::htpasswd).random(),
];

/// The bits of an RSA key without a certificate.
const RSA_BITS: u32 = 4096;

fn private_key(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let kind = arguments.text(0)?;
    let (meter, random) = (&mut Metered(&mut context.meter), &mut *context.random);
    let key = match &**kind {
        b"" | b"rsa" => PrivateKey::generate_rsa(meter, random, RSA_BITS),
        b"ecdsa" => PrivateKey::generate_p256(meter, random),
        b"ed25519" => PrivateKey::generate_ed25519(meter, random),
        b"dsa" => return generate_dsa_pem(meter, random).map(Value::text).map_err(failure),
        other => {
            context.meter.bytes(other.len())?;
            return Ok(Value::text(about("Unknown type ", other)));
        }
    };
    let pem = key.and_then(|key| key.to_pem()).map_err(failure)?;
    context.meter.bytes(pem.len())?;
    Ok(Value::text(pem))
}
