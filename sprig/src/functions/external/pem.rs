//! PEM texts and chains of certificates.

use std::collections::HashMap;

use gotemplate::{
    Arguments, Buffer, Context, Element, Failure, Function, List, Meter,
    Parameter::Text,
    Text as Bytes, Value,
    rune::runes,
    unicode::{to_lower, to_upper},
};
use pki::{
    pem,
    x509::{AlternativeName, Certificate},
};

use crate::{metered::certificate, url};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("certSANs", &[Text], alternative_names),
    Function::new("filterCertChain", &[Text, Text], filter_chain),
    Function::new("filterPEM", &[Text, Text], filter),
];

const NOT_PEM: Failure = Failure::Because("the text is not PEM");
pub(super) const MALFORMED: Failure = Failure::Because("a certificate is malformed");

/// Arguments: label, text. Returns the blocks with this label. Case is ignored.
fn filter(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (label, text) = (arguments.text(0)?, without_junk(arguments.text(1)?));
    read(&mut context.meter, text)?;
    let mut found = Buffer::default();
    let mut blocks = pem::blocks(text);
    for block in &mut blocks {
        if is_same(block.label, label) {
            found.push(&**block.encode());
        }
    }
    if found.is_empty() && !blocks.rest().is_empty() {
        return Err("no block has this label, and other text remains".into());
    }
    Ok(Value::text(found))
}

/// Arguments: part, text. Returns the leaf, the intermediates or the root of a chain.
fn filter_chain(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (part, text) = (arguments.text(0)?, arguments.text(1)?);
    read(&mut context.meter, text)?;
    let blocks: Vec<_> = pem::blocks(text).collect();
    let certificates = blocks.iter().map(|block| certificate(&block.bytes).ok_or(MALFORMED));
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>()?;
    let chain = order(&mut context.meter, &certificates)?;
    let (Some(leaf), Some(last)) = (chain.first(), chain.last()) else { return Err(NO_LEAF) };
    let part = match &**part {
        b"leaf" if !is_root(leaf) => vec![*leaf],
        b"intermediate" => chain[1..].iter().copied().take_while(|c| !is_root(c)).collect(),
        b"root" if is_root(last) => vec![*last],
        _ => Vec::new(),
    };
    Ok(Value::text(encode(part.into_iter().map(|certificate| certificate.der))))
}

/// The names of the first certificate.
fn alternative_names(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let text = without_junk(arguments.text(0)?);
    read(&mut context.meter, text)?;
    let block = pem::first_block(text).ok_or(NOT_PEM)?;
    let names = certificate(&block.bytes).ok_or(MALFORMED)?.alternative_names();
    context.meter.items(names.len())?;
    let names = names.into_iter().map(|name| Value::Text(name_text(name))).collect();
    Ok(Value::List(List::new(Element::Text, names)))
}

/// A name as Go prints it.
fn name_text(name: AlternativeName<'_>) -> Bytes {
    match name {
        AlternativeName::Dns(text) | AlternativeName::Email(text) => Bytes::from(text),
        AlternativeName::Ip(address) => Bytes::from(address.to_string()),
        AlternativeName::Uri(uri) => {
            let mut text = Buffer::default();
            // `certificate` has checked that it parses.
            if let Some(url) = url::parse(uri) {
                url.write(&mut text);
            }
            text.into()
        }
    }
}

/// Charges the meter for reading a text.
pub(super) fn read(meter: &mut Meter<'_>, text: &[u8]) -> Result<(), Failure> {
    meter.bytes(text.len().saturating_mul(2))?;
    Ok(meter.steps((text.len() >> 4) as u64)?)
}

/// Certificates in PEM.
pub(super) fn encode<'a>(certificates: impl Iterator<Item = &'a [u8]>) -> Buffer {
    let mut text = Buffer::default();
    for der in certificates {
        text.push(&**pem::encode("CERTIFICATE", der));
    }
    text
}

/// The memory that ordering needs for a certificate, in bytes.
const ORDER_BYTES: usize = 256;

const NO_LEAF: Failure = Failure::Because("the chain has no leaf certificate");

/// From the leaf to its issuers, by the identifiers of their keys.
pub(super) fn order<'c, 'd>(
    meter: &mut Meter<'_>,
    certificates: &'c [Certificate<'d>],
) -> Result<Vec<&'c Certificate<'d>>, Failure> {
    meter.bytes(certificates.len() * ORDER_BYTES)?;
    meter.steps(certificates.len() as u64)?;
    // The first two certificates of each key: one of them may be the certificate whose issuer is
    // searched for.
    let mut holders: HashMap<&[u8], [Option<usize>; 2]> = HashMap::new();
    for (index, certificate) in certificates.iter().enumerate() {
        let known = holders.entry(certificate.key_id).or_default();
        if let Some(free) = known.iter_mut().find(|holder| holder.is_none()) {
            *free = Some(index);
        }
    }
    let issuer = |index: usize| {
        let id = certificates[index].authority_key_id.unwrap_or_default();
        let known = holders.get(id)?;
        known.iter().flatten().copied().find(|other| *other != index)
    };
    let issuers: Vec<_> = (0..certificates.len()).map(issuer).collect();
    let mut is_issuer = vec![false; certificates.len()];
    issuers.iter().flatten().for_each(|index| is_issuer[*index] = true);
    let mut leaves = is_issuer.iter().enumerate().filter(|(_, is_issuer)| !**is_issuer);
    let (leaf, _) = leaves.next().ok_or(NO_LEAF)?;
    if leaves.next().is_some() {
        return Err("the chain has more than one leaf certificate".into());
    }
    let mut chain = vec![&certificates[leaf]];
    let mut next = issuers[leaf];
    while let Some(index) = next {
        if chain.len() == certificates.len() {
            return Err("the certificates form a cycle".into());
        }
        chain.push(&certificates[index]);
        next = issuers[index];
    }
    Ok(chain)
}

fn is_root(certificate: &Certificate<'_>) -> bool {
    certificate.authority_key_id.is_none_or(|id| id == certificate.key_id)
}

/// The text from the first `-----BEGIN`.
fn without_junk(text: &[u8]) -> &[u8] {
    let start = memchr::memmem::find(text, b"-----BEGIN").unwrap_or(0);
    &text[start..]
}

/// Whether two texts are equal except for case.
fn is_same(first: &[u8], second: &[u8]) -> bool {
    let fold = |c| to_lower(to_upper(c));
    runes(first).map(|(c, _)| fold(c)).eq(runes(second).map(|(c, _)| fold(c)))
}
