//! Object identifiers, as the content of their DER encoding.

use der::asn1::ObjectIdentifier;

macro_rules! identifiers {
    ($($name:ident = $dotted:literal;)*) => {
        $(pub(crate) const $name: &[u8] = {
            const ID: ObjectIdentifier = ObjectIdentifier::new_unwrap($dotted);
            ID.as_bytes()
        };)*
    };
}

// Keys and signatures.
identifiers! {
    DSA = "1.2.840.10040.4.1";
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
    ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3";
    ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4";
    ED25519 = "1.3.101.112";
    P224 = "1.3.132.0.33";
    P256 = "1.2.840.10045.3.1.7";
    P384 = "1.3.132.0.34";
    P521 = "1.3.132.0.35";
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
    X25519 = "1.3.101.110";
}

// Extensions of certificates.
identifiers! {
    AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1";
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    BASIC_CONSTRAINTS = "2.5.29.19";
    CERTIFICATE_POLICIES = "2.5.29.32";
    CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    EXTENDED_KEY_USAGE = "2.5.29.37";
    INHIBIT_ANY_POLICY = "2.5.29.54";
    KEY_USAGE = "2.5.29.15";
    NAME_CONSTRAINTS = "2.5.29.30";
    POLICY_CONSTRAINTS = "2.5.29.36";
    POLICY_MAPPINGS = "2.5.29.33";
    SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
}

// PKCS#7 and PKCS#12.
identifiers! {
    ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";
    CERTIFICATE_BAG = "1.2.840.113549.1.12.10.1.3";
    DATA = "1.2.840.113549.1.7.1";
    ENCRYPTED_DATA = "1.2.840.113549.1.7.6";
    FRIENDLY_NAME = "1.2.840.113549.1.9.20";
    JAVA_TRUST_STORE = "2.16.840.1.113894.746875.1.1";
    KEY_BAG = "1.2.840.113549.1.12.10.1.1";
    LOCAL_KEY_ID = "1.2.840.113549.1.9.21";
    SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2";
    X509_CERTIFICATE = "1.2.840.113549.1.9.22.1";
}

// Encryption and authentication by a password.
identifiers! {
    AES_128_CBC = "2.16.840.1.101.3.4.1.2";
    AES_192_CBC = "2.16.840.1.101.3.4.1.22";
    AES_256_CBC = "2.16.840.1.101.3.4.1.42";
    HMAC_SHA1 = "1.2.840.113549.2.7";
    HMAC_SHA256 = "1.2.840.113549.2.9";
    HMAC_SHA512 = "1.2.840.113549.2.11";
    PBES2 = "1.2.840.113549.1.5.13";
    PBKDF2 = "1.2.840.113549.1.5.12";
    PBMAC1 = "1.2.840.113549.1.5.14";
    RC2_128_WITH_SHA1 = "1.2.840.113549.1.12.1.5";
    RC2_40_WITH_SHA1 = "1.2.840.113549.1.12.1.6";
    SHA1 = "1.3.14.3.2.26";
    SHA256 = "2.16.840.1.101.3.4.2.1";
    SHA512 = "2.16.840.1.101.3.4.2.3";
    TRIPLE_DES_WITH_SHA1 = "1.2.840.113549.1.12.1.3";
}
