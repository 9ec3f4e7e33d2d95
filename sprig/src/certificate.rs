//! Sprig's certificates: a structure of two strings.

use std::{any::Any, fmt};

use gotemplate::{Field, Kind, Member, Object, ObjectType, Parameter, Text, Value};

/// The type of a parameter that takes a certificate.
pub(crate) const CERTIFICATE: Parameter =
    Parameter::Object(ObjectType { name: "sprig.certificate", short_name: "sprig.certificate" });

/// A certificate and its private key, both in PEM.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Certificate {
    pub(crate) cert: Text,
    pub(crate) key: Text,
}

impl Certificate {
    /// The fields by their names in Go, in order.
    pub(crate) fn texts(&self) -> [(&'static str, Value); 2] {
        [("Cert", Value::Text(self.cert.clone())), ("Key", Value::Text(self.key.clone()))]
    }
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn kind(&self) -> Kind {
        Kind::Structure
    }

    fn equals(&self, other: &dyn Object) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        self.texts().into_iter().map(|(name, text)| (name, Field::Value(text))).collect()
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        match self.texts().into_iter().find(|(field, _)| *field == name) {
            Some((_, text)) if arguments.is_empty() => Member::Value(text),
            Some((field, _)) => Member::WrongArguments(field),
            None => Member::Unknown,
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}
