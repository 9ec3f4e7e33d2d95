//! An item from an untrusted SealedSecret: parsed as text, otherwise as bytes, and opened.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealing::{Item, Scope, SealingKey, open};

static KEY: LazyLock<SealingKey> = LazyLock::new(|| {
    let pem = include_bytes!("../../sealing/tests/vectors/keys/rsa2048.key");
    SealingKey::from_pem(pem, None).expect("a test key")
});

fuzz_target!(|bytes: &[u8]| {
    let text = str::from_utf8(bytes).ok().and_then(|text| Item::parse(text).ok());
    if let Some(item) = text.or_else(|| Item::from_bytes(bytes.to_vec()).ok()) {
        let _ = open(&item, &Scope::Strict.label("team", "db"), [&*KEY]);
    }
});
