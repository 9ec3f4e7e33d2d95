//! The functions of a dialect, as documentation lists them.

use std::fmt;

use crate::{
    dialect::Dialect,
    function::{Function, Parameter},
};

/// A function that the templates of a dialect may call.
#[derive(Clone, Copy)]
pub struct Signature {
    /// The name that templates call it by.
    pub name: &'static str,
    /// Whether the same arguments always give the same value.
    pub deterministic: bool,
    function: &'static Function,
}

impl Dialect {
    /// Its functions, sorted by name.
    pub fn functions(&self) -> impl Iterator<Item = Signature> {
        self.names().filter_map(|name| {
            let function = self.function(name)?;
            Some(Signature { name, deterministic: function.deterministic, function })
        })
    }
}

impl Signature {
    /// The smallest number of arguments, and whether the function accepts more.
    pub fn arity(&self) -> (usize, bool) {
        (self.function.parameters.len(), self.function.rest.is_some())
    }
}

/// The name and the types of the parameters: `join string any`. If the last ends in `...`, any
/// number of arguments may follow.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for parameter in self.function.parameters {
            write!(f, " {}", short_name(*parameter))?;
        }
        match self.function.rest {
            Some(parameter) => write!(f, " {}...", short_name(parameter)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn short_name(parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::Any => "any",
        Parameter::Map => "dict",
        Parameter::Object(object) => object.short_name,
        other => other.type_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_lists_parameter_types() {
        let of = |name| {
            let found = Dialect::go().functions().find(|known| known.name == name);
            found.map(|signature| (signature.to_string(), signature.arity()))
        };
        assert_eq!(of("ge"), Some(("ge any any".to_owned(), (2, false))));
        assert_eq!(of("printf"), Some(("printf string any...".to_owned(), (1, true))));
        assert_eq!(of("env"), None);
    }
}
