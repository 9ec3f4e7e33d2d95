//! Sprig's functions, group by group.

mod corpus;

use corpus::{Corpus, Outcome};
use templates::Dialect;

#[test]
fn sprig_is_sprig() {
    let corpus = Corpus::read(include_str!("corpus/sprig.jsonl"));
    corpus.check(|case| Outcome::of(case, &Dialect::sealed_secret()));
}
