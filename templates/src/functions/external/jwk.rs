//! JSON Web Keys.

use crate::{
    context::Context,
    error::Failure,
    functions::{Arguments, Function, Parameter::Text},
    jwk::Jwk,
    pem,
    value::Value,
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("jwkPrivateKeyPem", &[Text], private_key),
    Function::new("jwkPublicKeyPem", &[Text], public_key),
];

fn private_key(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let jwk = Jwk::read(&mut context.meter, arguments.text(0)?)?;
    let key = jwk.private_key(&mut context.meter)?;
    Ok(Value::text(pem::encode("PRIVATE KEY", &key.to_pkcs8()?)))
}

fn public_key(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let jwk = Jwk::read(&mut context.meter, arguments.text(0)?)?;
    Ok(Value::text(pem::encode("PUBLIC KEY", &jwk.public_key()?)))
}
