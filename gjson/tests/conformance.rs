//! Compares the crate with the answers of Go: the recorded ones in `tests/corpus`, and generated
//! ones.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gjson::{Error, get_name_or_path, members};
use serde::Deserialize;

#[test]
fn paths_return_what_gjson_returns() {
    assert_eq!(compare(include_str!("corpus/cases.jsonl")), 6_902);
}

#[test]
fn members_are_decoded_as_by_encoding_json() {
    assert_eq!(compare(include_str!("corpus/members.jsonl")), 461);
}

#[test]
#[ignore = "conformance/generated runs it"]
#[expect(clippy::print_stdout, reason = "the script shows the count")]
fn generated_paths_return_what_gjson_returns() {
    let answers = std::env::var("COMPARE").expect("COMPARE is the file with the answers of Go");
    println!("{} compared", compare(&fs::read_to_string(answers).unwrap()));
}

/// A line of the corpus.
#[derive(Deserialize)]
struct Case {
    json: Option<String>,
    json_bytes: Option<String>,
    path: Option<String>,
    result: Option<String>,
    result_bytes: Option<String>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    missing: bool,
}

#[derive(Deserialize)]
struct Member {
    name: String,
    value: Option<String>,
    value_bytes: Option<String>,
}

/// Fails with all differences. Returns the number of cases.
fn compare(corpus: &str) -> usize {
    let (mut differences, mut count) = (String::new(), 0);
    let mut json = Vec::new();
    for line in corpus.lines() {
        let case: Case = serde_json::from_str(line).expect("a line of the corpus");
        if let Some(next) = bytes(case.json.clone(), case.json_bytes.clone()) {
            json = next;
        }
        count += 1;
        let is_same = match case.path.clone() {
            Some(path) => is_same_value(&json, &path, case),
            None => are_same_members(&json, case),
        };
        if !is_same {
            writeln!(differences, "{} of {line}", String::from_utf8_lossy(&json))
                .expect("writing to a string cannot fail");
        }
    }
    assert!(differences.is_empty(), "different from Go:\n{differences}");
    count
}

fn is_same_value(json: &[u8], path: &str, case: Case) -> bool {
    let expected = bytes(case.result, case.result_bytes).ok_or(Error::Missing);
    get_name_or_path(json, path).map(|found| found.to_vec()) == expected
}

fn are_same_members(json: &[u8], case: Case) -> bool {
    let value =
        |member: Member| bytes(member.value, member.value_bytes).expect("a value for each member");
    let expected: BTreeMap<_, _> =
        case.members.into_iter().map(|member| (member.name.clone(), value(member))).collect();
    // The map keeps the last member of a repeated name, as Go does.
    let found = members(json)
        .map(|members| members.into_iter().map(|(name, value)| (name, value.to_vec())).collect());
    found == (!case.missing).then_some(expected)
}

fn bytes(text: Option<String>, base64: Option<String>) -> Option<Vec<u8>> {
    let decoded = base64.map(|base64| STANDARD.decode(base64).expect("base64"));
    text.map(String::into_bytes).or(decoded)
}
