//! What documentation says of the functions of a dialect.

use std::fmt;

use crate::{
    dialect::Dialect,
    functions::{Function, Parameter, external_groups, sprig_groups},
};

/// A function that the templates of a dialect may call.
#[derive(Clone, Copy)]
pub struct Signature {
    /// What templates call it by.
    pub name: &'static str,
    /// Whether the same arguments always give the same value.
    pub deterministic: bool,
    /// What documentation lists it under.
    pub group: &'static str,
    function: &'static Function,
}

impl Dialect {
    /// Its functions, sorted by name.
    pub fn functions(&self) -> impl Iterator<Item = Signature> {
        self.names().filter_map(|name| {
            let function = self.function(name)?;
            Some(Signature {
                name,
                deterministic: function.deterministic,
                group: group(name),
                function,
            })
        })
    }
}

/// Where both Go and Sprig have a function, it is Sprig's.
fn group(name: &str) -> &'static str {
    let (sprig, external) = (sprig_groups(), external_groups());
    let mut groups = sprig.iter().chain(&external);
    let found = groups.find(|group| group.1.iter().any(|function| function.name == name));
    found.map_or("Go's own", |group| group.0)
}

impl Signature {
    /// The least number of arguments that it takes, and whether it takes more.
    pub fn arity(&self) -> (usize, bool) {
        (self.function.parameters.len(), self.function.rest.is_some())
    }
}

/// The name and the types of the parameters: `join string any`. Behind `...` any number may follow.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for parameter in self.function.parameters {
            write!(f, " {}", short(*parameter))?;
        }
        match self.function.rest {
            Some(parameter) => write!(f, " {}...", short(parameter)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn short(parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::Any => "any",
        Parameter::Map => "dict",
        Parameter::Time => "time",
        other => other.type_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_tells_the_types_of_its_parameters() {
        let of = |name| {
            let found = Dialect::sealed_secret().functions().find(|known| known.name == name);
            found.map(|signature| (signature.to_string(), signature.arity()))
        };
        assert_eq!(of("substr"), Some(("substr int int string".to_owned(), (3, false))));
        assert_eq!(of("merge"), Some(("merge dict dict...".to_owned(), (1, true))));
        assert_eq!(of("env"), None);
    }
}
