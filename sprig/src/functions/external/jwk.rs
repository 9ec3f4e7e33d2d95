//! JSON Web Keys.

use gotemplate::{Arguments, Context, Failure, Function, Parameter::Text, Value};
use pki::pem;

use crate::{jwk::Jwk, metered::failure};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("jwkPrivateKeyPem", &[Text], private_key),
    Function::new("jwkPublicKeyPem", &[Text], public_key),
];

fn private_key(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let jwk = Jwk::read(&mut context.meter, arguments.text(0)?)?;
    let key = jwk.private_key(&mut context.meter)?;
    let pkcs8 = key.to_pkcs8().map_err(failure)?;
    Ok(Value::text(pem::encode("PRIVATE KEY", &pkcs8)))
}

fn public_key(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let jwk = Jwk::read(&mut context.meter, arguments.text(0)?)?;
    Ok(Value::text(pem::encode("PUBLIC KEY", &jwk.public_key()?)))
}
