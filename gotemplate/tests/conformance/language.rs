//! Templates that call only Go's own functions.

use gotemplate::Dialect;

use crate::corpus::Corpus;

fn read(text: &str) -> Corpus {
    Corpus::read(text, |_| Dialect::go())
}

#[test]
fn builtin_functions_match_go() {
    let corpus = read(include_str!("../corpus/builtin.jsonl"));
    assert_eq!(corpus.cases.len(), 2_866);
    // `%p` prints the addresses of maps and lists.
    let (addresses, cases): (Vec<_>, Vec<_>) =
        corpus.cases.into_iter().partition(|case| case.expects("3ec9bc"));
    assert_eq!(addresses.len(), 12);
    Corpus { cases }.check();
}

/// Texts that Go parses or refuses, scopes, loops, constants, verbs.
#[test]
fn syntax_and_control_structures_match_go() {
    read(include_str!("../corpus/language.jsonl")).check();
}
