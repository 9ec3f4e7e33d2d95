//! Certificates: authorities, self-signed ones, those signed by an authority, and the template's own.

use std::net::IpAddr;

use gotemplate::{Arguments, Context, Failure, Text, Value};
use jiff::SignedDuration;
use pki::{
    keys::PrivateKey,
    pem,
    x509::{self, NewCertificate, Purpose, common_name},
};
use zeroize::Zeroizing;

use crate::{
    certificate::Certificate,
    metered::{Metered, certificate, failure},
    radix::BASE64,
};

/// The bits of a key that comes with a certificate.
const RSA_BITS: u32 = 2048;

const NOT_PEM: Failure = Failure::Because("the certificate is not PEM");
const MALFORMED: Failure = Failure::Because("the certificate is malformed");

/// `genCA`, and `genCAWithKey` with one more argument.
pub(super) fn authority(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let subject = Subject {
        name: common_name(arguments.text(0)?).map_err(failure)?,
        days: arguments.int(1)?,
        ..Subject::default()
    };
    let key = key(context, arguments, 2)?;
    issue(context, &subject, &key, None, true)
}

/// `genSelfSignedCert`, and `genSelfSignedCertWithKey` with one more argument.
pub(super) fn self_signed(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let subject = Subject::new(context, arguments)?;
    let key = key(context, arguments, 4)?;
    issue(context, &subject, &key, None, false)
}

/// `genSignedCert`, and `genSignedCertWithKey` with one more argument.
pub(super) fn signed(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let subject = Subject::new(context, arguments)?;
    let authority = arguments.object::<Certificate>(4)?;
    let block = first_block(context, &authority.cert)?;
    let issuer = certificate(&block).ok_or(MALFORMED)?;
    let issuer_key = read_key(context, &authority.key)?;
    // Check this before generating a key, which is expensive.
    let public = issuer_key.public_key().map_err(failure)?;
    if issuer.key.as_ref().is_some_and(|key| *key != public) {
        return Err("the private key does not match the authority's certificate".into());
    }
    let key = key(context, arguments, 5)?;
    issue(context, &subject, &key, Some((&issuer, &issuer_key)), false)
}

/// `buildCustomCert`: a certificate and a private key, given in base64. They need not belong
/// together.
pub(super) fn custom(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let mut decode = |index| {
        let text = arguments.text(index)?;
        context.meter.bytes(text.len())?;
        BASE64.decode(text).map_err(|_| Failure::Because("an argument is not base64"))
    };
    let (cert, key) = (decode(0)?, decode(1)?);
    let block = first_block(context, &cert)?;
    certificate(&block).ok_or(MALFORMED)?;
    read_key(context, &key)?;
    Ok(pair(cert, key))
}

/// The subject of a certificate, and its validity in days.
#[derive(Default)]
struct Subject {
    /// Encoded.
    name: Vec<u8>,
    addresses: Vec<IpAddr>,
    dns_names: Vec<Text>,
    days: i64,
}

impl Subject {
    /// Arguments: a name, addresses, DNS names, days.
    fn new(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Self, Failure> {
        let mut addresses = Vec::new();
        for address in texts(context, arguments, 1)? {
            let text = str::from_utf8(&address).ok();
            let address = text.and_then(|text| text.parse().ok());
            addresses.push(address.ok_or("an item is not an IP address")?);
        }
        let dns_names = texts(context, arguments, 2)?;
        if dns_names.iter().any(|name| !name.is_ascii()) {
            return Err("a DNS name is not ASCII".into());
        }
        let days = arguments.int(3)?;
        Ok(Self {
            name: common_name(arguments.text(0)?).map_err(failure)?,
            addresses,
            dns_names,
            days,
        })
    }
}

/// The items of a list, which must be strings.
fn texts(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    index: usize,
) -> Result<Vec<Text>, Failure> {
    let items = arguments.list(index)?.to_vec();
    context.meter.items(items.len())?;
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        let Value::Text(text) = item else { return Err("an item is not a string".into()) };
        context.meter.bytes(text.len().saturating_mul(4))?;
        texts.push(text);
    }
    Ok(texts)
}

/// The key at `index`, or a new one if that argument is missing.
fn key(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    index: usize,
) -> Result<PrivateKey, Failure> {
    match arguments.rest(index) {
        [] => {
            let meter = &mut Metered(&mut context.meter);
            PrivateKey::generate_rsa(meter, context.random, RSA_BITS).map_err(failure)
        }
        _ => read_key(context, arguments.text(index)?),
    }
}

fn read_key(context: &mut Context<'_>, pem: &[u8]) -> Result<PrivateKey, Failure> {
    PrivateKey::from_pem(&mut Metered(&mut context.meter), pem).map_err(failure)
}

/// The signer. `None` if the certificate is self-signed.
type Issuer<'a> = Option<(&'a x509::Certificate<'a>, &'a PrivateKey)>;

fn issue(
    context: &mut Context<'_>,
    subject: &Subject,
    key: &PrivateKey,
    issuer: Issuer<'_>,
    is_authority: bool,
) -> Result<Value, Failure> {
    let mut serial = [0; 16];
    context.random.fill_bytes(&mut serial);
    // A day count that is too large wraps around, as Go's nanoseconds do.
    let nanoseconds = subject.days.wrapping_mul(24 * 60 * 60 * 1_000_000_000);
    let not_after = context.now.checked_add(SignedDuration::from_nanos(nanoseconds));
    let dns_names: Vec<&[u8]> = subject.dns_names.iter().map(|name| &**name).collect();
    let mut contents = NewCertificate {
        serial: &serial,
        issuer: &subject.name,
        subject: &subject.name,
        not_before: context.now,
        not_after: not_after.map_err(|_| "the validity leaves the years 0 to 9999")?,
        public_key: &key.public_key().map_err(failure)?.to_der(),
        purpose: Purpose::Tls,
        is_authority,
        authority_key_id: &[],
        dns_names: &dns_names,
        addresses: &subject.addresses,
    };
    let mut signer = key;
    if let Some((certificate, issuer_key)) = issuer {
        contents.issuer = certificate.subject;
        if contents.issuer != contents.subject {
            contents.authority_key_id = certificate.key_id;
        }
        signer = issuer_key;
    }
    let algorithm = signer.signature_algorithm().map_err(failure)?;
    let der =
        contents.sign(&algorithm, |message| signer.sign(&mut Metered(&mut context.meter), message));
    let cert = pem::encode("CERTIFICATE", &der.map_err(failure)?);
    let key = key.to_pem().map_err(failure)?;
    context.meter.bytes(cert.len() + key.len())?;
    Ok(pair(cert.as_bytes(), key.as_bytes()))
}

fn pair(cert: impl Into<Text>, key: impl Into<Text>) -> Value {
    Value::from_object(Certificate { cert: cert.into(), key: key.into() })
}

/// The bytes of the first block of PEM. The label is ignored.
fn first_block(context: &mut Context<'_>, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    context.meter.bytes(text.len())?;
    context.meter.steps((text.len() >> 6) as u64)?;
    Ok(pem::first_block(text).ok_or(NOT_PEM)?.bytes)
}
