//! Private keys that OpenSSL and Go wrote.

use pki::{Unlimited, keys::PrivateKey, pem};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recording {
    name: String,
    pem: String,
}

#[test]
fn recorded_keys_survive_a_round_trip_through_each_container() {
    let recordings: Vec<Recording> = super::read_lines("keys.jsonl");
    assert_eq!(recordings.len(), 13);
    for Recording { name, pem } in recordings {
        let key = PrivateKey::from_pem(&mut Unlimited, pem.as_bytes()).expect(&name);
        let written = key.to_pem().expect(&name);
        let pkcs8 = key.to_pkcs8().expect(&name);
        let der = pem::first_block(written.as_bytes()).expect(&name).bytes;
        for read in [
            PrivateKey::from_pem(&mut Unlimited, written.as_bytes()),
            PrivateKey::from_pkcs8(&mut Unlimited, &pkcs8),
            PrivateKey::from_der(&mut Unlimited, &pkcs8),
            PrivateKey::from_der(&mut Unlimited, &der),
        ] {
            assert_eq!(*read.expect(&name).to_pem().expect(&name), *written, "{name}");
        }
    }
}
