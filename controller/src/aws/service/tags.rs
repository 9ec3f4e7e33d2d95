//! Tags as a value.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::aws::read::{ReadResponse, Value};

/// Tags as Go encodes a map: sorted, and without white space.
pub(super) fn as_json<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>) -> ReadResponse {
    let tags: BTreeMap<_, _> = tags.collect();
    let bytes = serde_json::to_vec(&tags).expect("strings are JSON");
    ReadResponse::Value(Value { bytes: Zeroizing::new(bytes), version: None })
}
