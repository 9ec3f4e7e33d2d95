//! Creates certificates, byte for byte like Go's `x509.CreateCertificate`.
//!
//! This module uses the types of `x509-cert`, but not its builder. The builder parses names, but an
//! issuer's name must be copied byte for byte. Its dates start in 1970, but Go's do not. It requires
//! signers with the traits of `signature`, which aws-lc-rs does not implement.

use std::net::IpAddr;

use der::{
    Encode as _, Sequence, Tag,
    asn1::{AnyRef, BitStringRef, Ia5String, ObjectIdentifier, OctetString, UintRef},
    oid::{
        AssociatedOid,
        db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH},
    },
};
use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest as _, Sha256};
use x509_cert::{
    Version,
    ext::{
        Extension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
            SubjectAltName, SubjectKeyIdentifier, name::GeneralName,
        },
    },
    spki::SubjectPublicKeyInfoRef,
};

use crate::error::Error;

/// The content of a new certificate.
pub struct NewCertificate<'a> {
    /// Big-endian.
    pub serial: &'a [u8],
    /// In DER: see [`common_name`](super::common_name).
    pub issuer: &'a [u8],
    /// In DER: see [`common_name`](super::common_name).
    pub subject: &'a [u8],
    /// Fractions of a second are dropped.
    pub not_before: Timestamp,
    /// Fractions of a second are dropped.
    pub not_after: Timestamp,
    /// `SubjectPublicKeyInfo` in DER.
    pub public_key: &'a [u8],
    /// The permitted uses of the key.
    pub purpose: Purpose,
    /// Whether the key may sign other certificates.
    pub is_authority: bool,
    /// The identifier of the issuer's key. Empty for none.
    pub authority_key_id: &'a [u8],
    /// DNS names, in ASCII.
    pub dns_names: &'a [&'a [u8]],
    /// IP addresses.
    pub addresses: &'a [IpAddr],
}

/// The permitted uses of a certificate's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// `encipherOnly`, as Bitnami's controller sets it for sealing keys.
    Sealing,
    /// `digitalSignature` and `keyEncipherment`; `serverAuth` and `clientAuth`.
    Tls,
}

impl NewCertificate<'_> {
    /// The certificate in DER. `algorithm` is the `AlgorithmIdentifier` of the signature in DER, and
    /// `sign` signs the encoded `TBSCertificate`.
    pub fn sign<E: From<Error>>(
        &self,
        algorithm: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        let tbs = self.to_be_signed(algorithm)?;
        let signature = sign(&tbs)?;
        let certificate = SignedCertificate {
            tbs: any(&tbs)?,
            algorithm: any(algorithm)?,
            signature: BitStringRef::from_bytes(&signature).map_err(|_| NOT_ENCODED)?,
        };
        Ok(certificate.to_der().map_err(|_| NOT_ENCODED)?)
    }

    fn to_be_signed(&self, algorithm: &[u8]) -> Result<Vec<u8>, Error> {
        let (not_before, not_after) = (Time::new(self.not_before)?, Time::new(self.not_after)?);
        let tbs = TbsCertificate {
            version: Version::V3,
            serial: UintRef::new(self.serial).map_err(|_| NOT_ENCODED)?,
            algorithm: any(algorithm)?,
            issuer: any(self.issuer)?,
            validity: Validity { not_before: not_before.any()?, not_after: not_after.any()? },
            subject: any(self.subject)?,
            public_key: any(self.public_key)?,
            extensions: self.extensions()?,
        };
        tbs.to_der().map_err(|_| NOT_ENCODED)
    }

    /// In Go's order.
    fn extensions(&self) -> Result<Vec<Extension>, Error> {
        let mut usage = match self.purpose {
            Purpose::Sealing => KeyUsages::EncipherOnly.into(),
            Purpose::Tls => KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
        };
        if self.is_authority && self.purpose == Purpose::Tls {
            usage |= KeyUsages::KeyCertSign;
        }
        let mut all = vec![extension(true, &KeyUsage(usage))?];
        if self.purpose == Purpose::Tls {
            let usages = ExtendedKeyUsage(vec![ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH]);
            all.push(extension(false, &usages)?);
        }
        let constraints = BasicConstraints { ca: self.is_authority, path_len_constraint: None };
        all.push(extension(true, &constraints)?);
        if self.is_authority {
            all.push(extension(false, &SubjectKeyIdentifier(self.key_id()?))?);
        }
        if !self.authority_key_id.is_empty() {
            let id = AuthorityKeyIdentifier {
                key_identifier: Some(octets(self.authority_key_id)?),
                ..AuthorityKeyIdentifier::default()
            };
            all.push(extension(false, &id)?);
        }
        if !self.dns_names.is_empty() || !self.addresses.is_empty() {
            // RFC 5280 §4.2.1.6: critical if the subject is empty.
            let is_critical = any(self.subject)?.value().is_empty();
            all.push(extension(is_critical, &SubjectAltName(self.alternative_names()?))?);
        }
        Ok(all)
    }

    /// RFC 7093 §2 method 1, Go's choice since 1.25: the left 160 bits of the key's SHA-256.
    fn key_id(&self) -> Result<OctetString, Error> {
        let key = SubjectPublicKeyInfoRef::try_from(self.public_key).map_err(|_| NOT_ENCODED)?;
        octets(&Sha256::digest(key.subject_public_key.raw_bytes())[..20])
    }

    fn alternative_names(&self) -> Result<Vec<GeneralName>, Error> {
        let dns_names = self.dns_names.iter().map(|name| {
            let name = Ia5String::new(*name);
            name.map(GeneralName::DnsName).map_err(|_| Error::Invalid("a DNS name is not ASCII"))
        });
        let addresses = self.addresses.iter().map(|address| match address.to_canonical() {
            IpAddr::V4(address) => octets(&address.octets()).map(GeneralName::IpAddress),
            IpAddr::V6(address) => octets(&address.octets()).map(GeneralName::IpAddress),
        });
        dns_names.chain(addresses).collect()
    }
}

/// RFC 5280 §4.1.
#[derive(Sequence)]
struct SignedCertificate<'a> {
    tbs: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

/// RFC 5280 §4.1.2.
#[derive(Sequence)]
struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial: UintRef<'a>,
    algorithm: AnyRef<'a>,
    issuer: AnyRef<'a>,
    validity: Validity<'a>,
    subject: AnyRef<'a>,
    public_key: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Validity<'a> {
    not_before: AnyRef<'a>,
    not_after: AnyRef<'a>,
}

/// A time from the year 0 to 9999. The types of `der` start in 1970.
struct Time {
    tag: Tag,
    digits: String,
}

impl Time {
    /// `UTCTime` from 1950 to 2049, else `GeneralizedTime` (RFC 5280 §4.1.2.5).
    fn new(time: Timestamp) -> Result<Self, Error> {
        let time = time.to_zoned(TimeZone::UTC);
        let (tag, format) = match time.year() {
            1950..2050 => (Tag::UtcTime, "%y%m%d%H%M%SZ"),
            0..=9999 => (Tag::GeneralizedTime, "%Y%m%d%H%M%SZ"),
            _ => return Err("the validity leaves the years 0 to 9999".into()),
        };
        Ok(Self { tag, digits: time.strftime(format).to_string() })
    }

    fn any(&self) -> Result<AnyRef<'_>, Error> {
        AnyRef::new(self.tag, self.digits.as_bytes()).map_err(|_| NOT_ENCODED)
    }
}

fn extension<T: AssociatedOid + der::Encode>(
    critical: bool,
    value: &T,
) -> Result<Extension, Error> {
    let extn_id: ObjectIdentifier = T::OID;
    Ok(Extension {
        extn_id,
        critical,
        extn_value: octets(&value.to_der().map_err(|_| NOT_ENCODED)?)?,
    })
}

fn any(der: &[u8]) -> Result<AnyRef<'_>, Error> {
    AnyRef::try_from(der).map_err(|_| NOT_ENCODED)
}

fn octets(bytes: &[u8]) -> Result<OctetString, Error> {
    OctetString::new(bytes).map_err(|_| NOT_ENCODED)
}

const NOT_ENCODED: Error = Error::Invalid("the certificate could not be encoded");
