//! The language: what Go parses and what it refuses, scopes, loops, constants, verbs.

mod corpus;

use corpus::{Corpus, Outcome};
use templates::Dialect;

#[test]
fn the_language_is_go_s() {
    let corpus = Corpus::read(include_str!("corpus/language.jsonl"));
    corpus.check(|case| Outcome::of(case, &Dialect::go()));
}
