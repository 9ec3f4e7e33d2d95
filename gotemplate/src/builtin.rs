//! The built-in functions of Go's text/template.

mod compare;
mod escape;
mod index;
mod print;

use crate::function::{
    Body, Function,
    Parameter::{Any, Text},
};

/// The functions of Go's text/template, sorted by name.
pub static BUILTIN_FUNCTIONS: [&Function; 19] = [
    &Function { body: Body::And, ..Function::new("and", &[Any], print::len).rest(Any) },
    &Function::new("call", &[Any], index::call).rest(Any),
    &Function::new("eq", &[Any], compare::eq).rest(Any),
    &Function::new("ge", &[Any, Any], compare::ge),
    &Function::new("gt", &[Any, Any], compare::gt),
    &Function::new("html", &[], escape::html).rest(Any),
    &Function::new("index", &[Any], index::index).rest(Any),
    &Function::new("js", &[], escape::js).rest(Any),
    &Function::new("le", &[Any, Any], compare::le),
    &Function::new("len", &[Any], print::len),
    &Function::new("lt", &[Any, Any], compare::lt),
    &Function::new("ne", &[Any, Any], compare::ne),
    &Function::new("not", &[Any], compare::not),
    &Function { body: Body::Or, ..Function::new("or", &[Any], print::len).rest(Any) },
    &Function::new("print", &[], print::print).rest(Any),
    &Function::new("printf", &[Text], print::printf).rest(Any),
    &Function::new("println", &[], print::println).rest(Any),
    &Function::new("slice", &[Any], index::slice).rest(Any),
    &Function::new("urlquery", &[], escape::urlquery).rest(Any),
];
