//! Recorded templates.

use std::collections::{BTreeMap, BTreeSet};

use crate::dialects;

/// Each function with arguments of its types, of other types, and too many, and common patterns.
/// Random functions are used so that the output is the same each time.
#[test]
fn functions_match_go_for_all_argument_types() {
    dialects::read(include_str!("../corpus/functions.jsonl")).check();
}

#[test]
fn each_function_has_eight_cases() {
    let corpora = [
        include_str!("../../../gotemplate/tests/corpus/builtin.jsonl"),
        include_str!("../corpus/crypto.jsonl"),
        include_str!("../corpus/external.jsonl"),
        include_str!("../corpus/functions.jsonl"),
        include_str!("../corpus/sprig.jsonl"),
    ];
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in corpora.iter().flat_map(|text| dialects::read(text).cases) {
        let words = case.line.template.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.collect::<BTreeSet<_>>() {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    let (sealed, external) = (sprig::dialect(), sprig::external_secrets_dialect());
    assert_eq!(external.names().count() - sealed.names().count(), 19);
    let few: Vec<_> = external
        .names()
        .map(|name| (name, counts.get(name).copied().unwrap_or_default()))
        .filter(|(_, count)| *count < 8)
        .collect();
    assert!(few.is_empty(), "{few:?}");
}

#[test]
fn sprig_functions_match_sprig() {
    dialects::read(include_str!("../corpus/sprig.jsonl")).check();
}
