//! Parses a text into a tree.

mod lexer;
mod number;
mod parser;
mod quote;
mod tree;

pub use self::number::{parse_float, parse_integer};
pub(crate) use self::{
    number::Ideal,
    parser::parse,
    tree::{Branch, Command, Name, Node, Operand, Pipeline, Term, Trees},
};
