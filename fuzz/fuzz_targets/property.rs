//! A path into a value from AWS, and the value's members. Path and value are both untrusted.

#![no_main]

use gjson::{get_name_or_path, members};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let Ok(path) = str::from_utf8(&bytes[..end]) else { return };
    let json = bytes.get(end + 1..).unwrap_or_default();
    // A path also applies to the result of a path.
    if let Ok(found) = get_name_or_path(json, path) {
        let _ = get_name_or_path(&found, path);
    }
    let valid = get_name_or_path(json, "@valid").is_ok();
    assert!(members(json).is_none() || valid);
});
