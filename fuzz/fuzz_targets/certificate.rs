//! A certificate from a file, a URL or a key Secret. If it is valid, the target seals with it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealing::{Certificate, Scope};

fuzz_target!(|pem: &[u8]| {
    if let Ok(certificate) = Certificate::from_pem(pem) {
        let again = Certificate::from_pem(certificate.to_pem().as_bytes()).expect("our own PEM");
        assert_eq!(again.fingerprint(), certificate.fingerprint());
        let _ = certificate.seal(&Scope::Strict.label("team", "db"), b"value");
    }
});
