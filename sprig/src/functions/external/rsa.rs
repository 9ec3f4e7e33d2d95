//! RSA.

use gotemplate::{Arguments, Context, Failure, Function, Parameter::Text, Value};
use pki::{
    keys::{OaepDigest, PrivateKey},
    pem,
};

use crate::metered::{Metered, failure};

pub(super) static FUNCTIONS: &[Function] =
    &[Function::new("rsaDecrypt", &[Text, Text, Text, Text], decrypt)];

/// Arguments: scheme, hash, ciphertext, private key. An unknown hash means SHA-256.
fn decrypt(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (scheme, hash, text) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    match &**scheme {
        b"None" => return Ok(Value::Text(text.clone())),
        b"RSA-OAEP" => {}
        _ => return Err("the scheme is neither None nor RSA-OAEP".into()),
    }
    let key = arguments.text(3)?;
    context.meter.bytes(key.len())?;
    let block = pem::first_block(key).ok_or(Failure::Because("the private key is not PEM"))?;
    let meter = &mut Metered(&mut context.meter);
    let key = PrivateKey::from_der(meter, &block.bytes).map_err(failure)?;
    let digest = match &**hash {
        b"SHA1" => OaepDigest::Sha1,
        b"SHA512" => OaepDigest::Sha512,
        _ => OaepDigest::Sha256,
    };
    Ok(Value::text(key.decrypt_oaep(meter, digest, text).map_err(failure)?))
}
