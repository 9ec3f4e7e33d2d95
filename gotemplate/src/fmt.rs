//! The formatting half of Go's `fmt`: `Print`, `Println` and `Printf`.

mod directive;
mod flags;
mod float;
mod integer;
mod pad;
mod print;
mod print_float;
mod printable;
mod printer;
mod quote;
mod radix;
mod structure;

pub use self::{
    float::{FloatFormat, format_float},
    print::{print, print_formatted, print_line, print_value},
    printable::is_printable,
    quote::quote,
};
