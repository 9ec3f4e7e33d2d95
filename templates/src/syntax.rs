//! From a text to a tree.

mod lexer;
mod number;
mod parser;
mod quote;
mod tree;

pub(crate) use self::{
    lexer::Delimiters,
    number::{Ideal, Number, float as parse_float, integer as parse_integer},
    parser::parse,
    tree::{Branch, Command, Name, Node, Operand, Pipeline, Term, Trees},
};
