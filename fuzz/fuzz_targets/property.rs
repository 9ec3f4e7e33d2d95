//! A path into a value of AWS: both are anybody's. And the members of the value.

#![no_main]

use libfuzzer_sys::fuzz_target;

// By its path: the controller is a whole client of AWS and of Kubernetes.
#[path = "../../controller/src/external"]
mod external {
    pub mod property;
}

use external::property::{members, property};

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let Ok(path) = str::from_utf8(&bytes[..end]) else { return };
    let json = bytes.get(end + 1..).unwrap_or_default();
    // What a property is can be asked for a property again.
    if let Ok(found) = property(json, path) {
        let _ = property(&found, path);
    }
    let valid = property(json, "@valid").is_ok();
    assert!(members(json).is_none() || valid);
});
