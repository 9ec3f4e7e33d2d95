//! Templates that were written by hand.

use crate::corpus::Corpus;

#[test]
fn the_built_ins_are_go_s() {
    let corpus = Corpus::read(include_str!("../corpus/builtin.jsonl"));
    assert_eq!(corpus.cases.len(), 2_866);
    // `%p` prints the addresses of maps and lists.
    let (addresses, cases): (Vec<_>, Vec<_>) =
        corpus.cases.into_iter().partition(|case| case.expects("3ec9bc"));
    assert_eq!(addresses.len(), 12);
    Corpus { cases }.check();
}

/// What Go parses and what it refuses, scopes, loops, constants, verbs.
#[test]
fn the_language_is_go_s() {
    Corpus::read(include_str!("../corpus/language.jsonl")).check();
}

#[test]
fn sprig_s_functions_are_sprig_s() {
    Corpus::read(include_str!("../corpus/sprig.jsonl")).check();
}
