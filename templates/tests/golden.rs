//! Templates of Go's built-ins alone, with what Go 1.26 rendered.

mod corpus;

use corpus::{Corpus, Outcome};
use templates::Dialect;

#[test]
fn the_built_ins_render_as_go_does() {
    let corpus = Corpus::read(include_str!("corpus/builtin.jsonl"));
    assert_eq!(corpus.cases.len(), 2_866);
    // `%p` prints the addresses of maps and lists.
    let (addresses, cases): (Vec<_>, Vec<_>) =
        corpus.cases.into_iter().partition(|case| case.expects("3ec9bc"));
    assert_eq!(addresses.len(), 12);
    Corpus { cases }.check(|case| Outcome::of(case, &Dialect::go()));
}
