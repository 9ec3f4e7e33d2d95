//! Sprig's certificates: a structure of two strings.

use std::fmt;

use super::Value;
use crate::text::Text;

/// A certificate and its private key, both in PEM.
#[derive(Clone, Eq, PartialEq)]
pub struct Certificate {
    pub(crate) cert: Text,
    pub(crate) key: Text,
}

impl Certificate {
    /// The fields by their names in Go, in order.
    pub(crate) fn fields(&self) -> [(&'static str, Value); 2] {
        [("Cert", Value::Text(self.cert.clone())), ("Key", Value::Text(self.key.clone()))]
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}
