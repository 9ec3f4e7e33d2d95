//! The functions of both dialects, group by group, and the dialects themselves.

mod external;
mod listing;
mod sprig;

use std::sync::LazyLock;

use gotemplate::{BUILTIN_FUNCTIONS, Dialect, Function};

/// Go's functions and Sprig's, except those that access the environment or the network.
pub fn dialect() -> Dialect {
    Dialect::new(&SPRIG)
}

/// The functions of [`dialect`] and those that External Secrets adds. A key that a map does not have is
/// an error.
pub fn external_secrets_dialect() -> Dialect {
    Dialect::new(&EXTERNAL).with_missing_key_error()
}

/// The heading under which documentation lists a function. If both Go and Sprig have a function of
/// that name, Sprig's counts.
pub fn group(name: &str) -> &'static str {
    let (sprig, external) = (sprig::groups(), external::groups());
    let mut groups = sprig.iter().chain(&external);
    let found = groups.find(|(_, functions)| functions.iter().any(|known| known.name == name));
    found.map_or("Go's own", |(group, _)| *group)
}

/// Go's built-in functions and Sprig's, sorted by name. If both have a function of the same name,
/// Sprig's counts.
static SPRIG: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions: Vec<_> = sprig::groups().iter().flat_map(|group| group.1).collect();
    let is_free = |function: &&&Function| functions.iter().all(|own| own.name != function.name);
    let built_in: Vec<_> = BUILTIN_FUNCTIONS.iter().filter(is_free).copied().collect();
    functions.extend(built_in);
    functions.sort_by_key(|function| function.name);
    functions
});

/// Go's, Sprig's and those of External Secrets, sorted by name.
static EXTERNAL: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions = SPRIG.clone();
    functions.extend(external::groups().iter().flat_map(|group| group.1));
    functions.sort_by_key(|function| function.name);
    functions
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_lists_parameter_types() {
        let of = |name| {
            let found = dialect().functions().find(|known| known.name == name);
            found.map(|signature| (signature.to_string(), signature.arity()))
        };
        assert_eq!(of("substr"), Some(("substr int int string".to_owned(), (3, false))));
        assert_eq!(of("merge"), Some(("merge dict dict...".to_owned(), (1, true))));
        assert_eq!(of("dateModify"), Some(("dateModify string time".to_owned(), (2, false))));
        assert_eq!(of("env"), None);
    }
}
