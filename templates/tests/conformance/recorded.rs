//! Templates that were written by hand.

use std::collections::{BTreeMap, BTreeSet};

use templates::Dialect;

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

/// Each function with arguments of its types, of others, and too many: what is random comes to the same
/// in the end. And patterns that people use.
#[test]
fn each_function_does_what_it_does_in_go() {
    Corpus::read(include_str!("../corpus/functions.jsonl")).check_all();
}

#[test]
fn each_function_has_eight_cases() {
    let corpora = [
        include_str!("../corpus/builtin.jsonl"),
        include_str!("../corpus/crypto.jsonl"),
        include_str!("../corpus/external.jsonl"),
        include_str!("../corpus/functions.jsonl"),
        include_str!("../corpus/sprig.jsonl"),
    ];
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in corpora.iter().flat_map(|text| Corpus::read(text).cases) {
        let words = case.line.template.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.collect::<BTreeSet<_>>() {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    let (sealed, external) = (Dialect::sealed_secret(), Dialect::external_secret());
    assert_eq!(external.names().count() - sealed.names().count(), 19);
    let few: Vec<_> = external
        .names()
        .map(|name| (name, counts.get(name).copied().unwrap_or_default()))
        .filter(|(_, count)| *count < 8)
        .collect();
    assert!(few.is_empty(), "{few:?}");
}

#[test]
fn sprig_s_functions_are_sprig_s() {
    Corpus::read(include_str!("../corpus/sprig.jsonl")).check();
}
