//! The counter of private-key operations. This is the only test of its process, since all tests of
//! a process share the counter.

use std::fs;

use sealing::{Item, Scope, SealingKey, diagnose, open, private_key_operations};

#[test]
fn only_keys_that_could_open_an_item_cost_an_operation() {
    let key = |path: &str| {
        let file = format!("{}/tests/{path}", env!("CARGO_MANIFEST_DIR"));
        SealingKey::from_pem(&fs::read(file).unwrap(), None).unwrap()
    };
    let certificate = format!("{}/tests/vectors/keys/rsa2048.crt", env!("CARGO_MANIFEST_DIR"));
    let certificate = sealing::Certificate::from_pem(&fs::read(certificate).unwrap()).unwrap();
    let ring = [
        key("vectors/keys/rsa4096.key"),
        key("vectors/keys/rsa3072.key"),
        key("pem/peer.key"),
        key("vectors/keys/rsa2048.key"),
    ];
    let label = Scope::NamespaceWide.label("team", "db");
    let item = Item::parse(&certificate.seal(&label, b"value").unwrap()).unwrap();
    let cost = |work: &dyn Fn()| {
        let before = private_key_operations();
        work();
        private_key_operations() - before
    };
    assert_eq!(private_key_operations(), 0, "loading and sealing are free");

    assert_eq!(cost(&|| drop(open(&item, &label, &ring))), 2, "both keys of 2048 bits");
    assert_eq!(cost(&|| drop(open(&item, &label, ring.iter().rev()))), 1, "the right one first");
    assert_eq!(cost(&|| drop(open(&item, &label, &ring[..2]))), 0, "no key of this size");

    let mut bytes = item.as_bytes().to_vec();
    bytes[2..258].fill(0xff);
    let beyond = Item::from_bytes(bytes).unwrap();
    assert_eq!(cost(&|| drop(open(&beyond, &label, &ring))), 0, "no modulus is so large");

    let asked = || assert_eq!(diagnose(&item, "x", "db", Scope::Strict, &ring), None);
    assert_eq!(cost(&asked), 4, "two scopes for two keys");
}
