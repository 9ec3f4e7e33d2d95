//! A private key from a file or a key Secret. If it is valid, the target opens an item with it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealing::{Item, Scope, SealingKey, open};

fuzz_target!(|pem: &[u8]| {
    if let Ok(key) =
        SealingKey::from_pem(pem, Some(pem)).or_else(|_| SealingKey::from_pem(pem, None))
    {
        let again =
            SealingKey::from_pem(key.private_key_pem().as_bytes(), None).expect("our own PEM");
        assert_eq!(again.fingerprint(), key.fingerprint());
        let wrapped = key.modulus_bits().div_ceil(8);
        let header = u16::try_from(wrapped).expect("at most 1024 bytes").to_be_bytes();
        let item = [&header[..], &vec![0x11; wrapped], &[0; 16]].concat();
        let item = Item::from_bytes(item).expect("well formed");
        let _ = open(&item, &Scope::Strict.label("team", "db"), [&key]);
    }
});
