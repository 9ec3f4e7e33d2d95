//! PKCS#12. Functions that read a file take the optional password first. Functions that write a
//! file take it last.

use gotemplate::{Arguments, Context, Failure, Function, Parameter::Text, Value};
use pki::{
    keys::PrivateKey,
    pem,
    pkcs12::{self, Contents},
};

use super::pem::{MALFORMED, encode, order, read};
use crate::{
    metered::{Metered, certificate, failure},
    radix::BASE64,
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("fullPemToPkcs12", &[Text, Text], with_issuers).random(),
    Function::new("fullPemToPkcs12Pass", &[Text, Text, Text], with_issuers).random(),
    Function::new("pemToPkcs12", &[Text, Text], alone).random(),
    Function::new("pemToPkcs12Pass", &[Text, Text, Text], alone).random(),
    Function::new("pemTruststoreToPKCS12", &[Text], trust_store).random(),
    Function::new("pemTruststoreToPKCS12Pass", &[Text, Text], trust_store).random(),
    Function::new("pkcs12cert", &[Text], certificates),
    Function::new("pkcs12certPass", &[Text, Text], certificates),
    Function::new("pkcs12key", &[Text], key),
    Function::new("pkcs12keyPass", &[Text, Text], key),
];

const NOT_PEM: Failure = Failure::Because("a certificate or the private key is not PEM");

fn open(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Contents, Failure> {
    let (password, file): (&[u8], _) = match arguments.all() {
        [_] => (&[], arguments.text(0)?),
        _ => (arguments.text(0)?, arguments.text(1)?),
    };
    // The password is converted to UTF-16.
    context.meter.bytes(file.len() + 4 * password.len())?;
    let contents = pkcs12::read(&mut Metered(&mut context.meter), file, password);
    let contents = contents.map_err(failure)?;
    if contents.certificates.iter().any(|der| certificate(der).is_none()) {
        return Err(MALFORMED);
    }
    Ok(contents)
}

fn key(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let contents = open(context, arguments)?;
    let pkcs8 = contents.key.to_pkcs8().map_err(failure)?;
    Ok(Value::text(pem::encode("PRIVATE KEY", &pkcs8)))
}

/// In the order of the chain if they form one, otherwise in the order of the file.
fn certificates(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let contents = open(context, arguments)?;
    let parsed = contents.certificates.iter().map(|der| certificate(der).ok_or(MALFORMED));
    let parsed: Vec<_> = parsed.collect::<Result<_, _>>()?;
    Ok(Value::text(match order(&mut context.meter, &parsed) {
        Ok(chain) => encode(chain.into_iter().map(|certificate| certificate.der)),
        Err(Failure::Because(_)) => encode(parsed.iter().map(|certificate| certificate.der)),
        Err(limit) => return Err(limit),
    }))
}

/// Certificate, private key.
fn alone(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    write(context, arguments, false)
}

/// The certificate and those of its issuers, then the private key.
fn with_issuers(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    write(context, arguments, true)
}

fn write(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    with_issuers: bool,
) -> Result<Value, Failure> {
    let (text, key) = (arguments.text(0)?, arguments.text(1)?);
    let password: &[u8] = if arguments.all().len() > 2 { arguments.text(2)? } else { &[] };
    read(&mut context.meter, text)?;
    read(&mut context.meter, key)?;
    let mut blocks = pem::blocks(text);
    let own = blocks.next().ok_or(NOT_PEM)?;
    certificate(&own.bytes).ok_or(MALFORMED)?;
    let issuers = if with_issuers { all(blocks)? } else { Vec::new() };
    let issuers: Vec<&[u8]> = issuers.iter().map(|block| &**block.bytes).collect();
    if issuers.iter().any(|issuer| certificate(issuer).is_none()) {
        return Err(MALFORMED);
    }
    let key = pem::first_block(key).ok_or(NOT_PEM)?;
    let meter = &mut Metered(&mut context.meter);
    let key = PrivateKey::from_der(meter, &key.bytes).map_err(failure)?;
    let file = pkcs12::write(meter, context.random, &key, &own.bytes, &issuers, password);
    let file = file.map_err(failure)?;
    Ok(Value::text(BASE64.encode(&file)))
}

fn trust_store(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let text = arguments.text(0)?;
    let password: &[u8] = if arguments.all().len() > 1 { arguments.text(1)? } else { &[] };
    read(&mut context.meter, text)?;
    let blocks = all(pem::blocks(text))?;
    let certificates = blocks.iter().map(|block| certificate(&block.bytes).ok_or(MALFORMED));
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>()?;
    let meter = &mut Metered(&mut context.meter);
    let file = pkcs12::write_trust_store(meter, context.random, &certificates, password);
    let file = file.map_err(failure)?;
    Ok(Value::text(BASE64.encode(&file)))
}

/// All blocks. No text may follow them, not even an empty line.
fn all(mut blocks: pem::Blocks<'_>) -> Result<Vec<pem::Block<'_>>, Failure> {
    let all = blocks.by_ref().collect();
    if blocks.rest().is_empty() { Ok(all) } else { Err("text follows the last block".into()) }
}
