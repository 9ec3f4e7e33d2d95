//! What gjson gives, ours gives: the corpus is in `tests/gjson`, with its answers. And what gjson would
//! take any time and space for.

use std::{collections::BTreeMap, fmt::Write as _, fs, iter};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::*;

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

/// Fails with all that come out differently from Go's. How many there were.
fn compare(corpus: &str) -> usize {
    let (mut differences, mut count) = (String::new(), 0);
    let mut json = Vec::new();
    for line in corpus.lines() {
        let case: Case = serde_json::from_str(line).expect("a line of the corpus");
        if let Some(next) = bytes(case.json, case.json_bytes) {
            json = next;
        }
        count += 1;
        let is_same = if let Some(path) = &case.path {
            let expected = bytes(case.result, case.result_bytes).ok_or(PropertyError::Missing);
            property(&json, path).map(|found| found.to_vec()) == expected
        } else {
            let value = |member: Member| bytes(member.value, member.value_bytes).unwrap();
            let expected: BTreeMap<_, _> = case
                .members
                .into_iter()
                .map(|member| (member.name.clone(), value(member)))
                .collect();
            // Of a name that is there twice, the last counts.
            let found = members(&json).map(|members| {
                members.into_iter().map(|(name, value)| (name, value.to_vec())).collect()
            });
            found == (!case.missing).then_some(expected)
        };
        if !is_same {
            writeln!(differences, "{} of {line}", String::from_utf8_lossy(&json)).unwrap();
        }
    }
    assert!(differences.is_empty(), "different from Go:\n{differences}");
    count
}

fn bytes(text: Option<String>, base64: Option<String>) -> Option<Vec<u8>> {
    let decoded = base64.map(|base64| STANDARD.decode(base64).expect("base64"));
    text.map(String::into_bytes).or(decoded)
}

#[test]
fn paths_give_what_gjson_gives() {
    assert_eq!(compare(include_str!("../../../tests/gjson/cases.jsonl")), 6_902);
}

#[test]
fn members_are_what_go_decodes() {
    assert_eq!(compare(include_str!("../../../tests/gjson/members.jsonl")), 461);
}

#[test]
#[ignore = "tests/gjson/generated runs it"]
#[expect(clippy::print_stdout, reason = "a count is for whoever compares")]
fn generated_paths_give_what_gjson_gives() {
    let answers = std::env::var("COMPARE").expect("COMPARE names the answers of Go");
    println!("{} compared", compare(&fs::read_to_string(answers).unwrap()));
}

fn repeated(before: &str, times: usize, middle: &str, after: &str) -> String {
    format!("{}{middle}{}", before.repeat(times), after.repeat(times))
}

fn at(json: &str, path: &str) -> Result<String, PropertyError> {
    property(json.as_bytes(), path).map(|found| String::from_utf8(found.to_vec()).unwrap())
}

#[test]
fn what_nests_deeper_than_it_may_is_an_error() {
    let depth = limits::DEPTH;
    let json = |before, after| repeated(before, depth + 9, "1", after);
    let (objects, arrays) = (json("{\"a\":", "}"), json("[", "]"));
    for (json, before, middle, after) in [
        (&objects, "a.", "a", ""),
        (&arrays, "0.", "0", ""),
        (&arrays, "#.", "#", ""),
        (&arrays, "#(", "#", ")"),
        (&arrays, "[", "@this", "]"),
        (&"1".to_owned(), "@dig:", "@this", ""),
    ] {
        let path = |times| repeated(before, times, middle, after);
        let error = Err(PropertyError::TooComplex);
        assert_ne!(at(json, &path(depth - 1)), error, "{before}");
        assert_eq!(at(json, &path(depth + 1)), error, "{before}");
    }
    for path in ["@pretty", "@pretty:{\"width\":0}", "@flatten:{\"deep\":true}"] {
        let json = |times| repeated("[", times, "1", "]");
        assert!(at(&json(depth - 1), path).is_ok(), "{path}");
        assert_eq!(at(&json(depth + 2), path), Err(PropertyError::TooComplex), "{path}");
    }
    // What does not go into it does not care.
    let json = repeated("[", 10_000, "1", "]");
    for path in ["@valid", "@ugly", "@this", "0", "@reverse"] {
        assert!(at(&json, path).is_ok(), "{path}");
    }
}

#[test]
fn what_becomes_larger_than_a_secret_is_an_error() {
    let json = format!("{{\"a\":[{}1],\"\\\"\":1}}", "1,".repeat(30_000));
    let indent = format!("@pretty:{{\"indent\":\"{}\"}}", " ".repeat(4_096));
    let each = format!("a.#.!\"{}\"", "x".repeat(4_000));
    let row = format!("{{\"{}\":[{}1]}}", "k".repeat(30_000), "1,".repeat(15_000));
    for (json, path) in [
        (&json, "@tostr|".repeat(30)),
        (&json, "[@this,@this]|".repeat(30)),
        (&json, indent),
        (&json, each),
        (&row, "@group".to_owned()),
    ] {
        assert_eq!(at(json, &path), Err(PropertyError::TooComplex), "{path}");
    }
    assert!(at(&json, "@tostr|@tostr|@tostr").is_ok());
}

#[test]
fn what_looks_at_too_much_is_an_error() {
    let same: Vec<_> = (0..6_000).rev().map(|number| format!("\"a\":{number:05}")).collect();
    let same = format!("{{{}}}", same.join(","));
    let text = format!("{{\"a\":\"{}\"}}", "a".repeat(65_000));
    let many = format!("[{}{{}}]", "{\"a\":1},".repeat(8_000));
    for (json, path) in [
        (&text, format!("[{}a]", "a,".repeat(2_000))),
        (&text, format!("[@this].#(a%\"*{}b*\")", "a".repeat(2_000))),
        (&many, format!("#.{}", "a.".repeat(2_000))),
        (&many, format!("#(a=={})#", "1".repeat(4_000))),
        (&repeated("[", 30_000, "1", "]"), "@dig:x".to_owned()),
        (&same, "@pretty:{\"sortKeys\":true}".to_owned()),
    ] {
        let found = at(json, &path);
        assert_eq!(found, Err(PropertyError::TooComplex), "{} {path:.40}", &json[..9]);
    }
}

/// Whatever is asked of whatever: it ends, and without a panic.
#[test]
fn hostile_paths_end() {
    let size = 2_048;
    let open = |pattern: &str| pattern.repeat(size / pattern.len());
    let documents = [
        open("["),
        open("\""),
        open("\\"),
        open(" "),
        open("{\"a\":"),
        open("{\"a\":[1,"),
        open("[]"),
        format!("{{\"a\":\"{}", open("\\\"")),
        format!("[{}", open("n,")),
        format!("{{\"a\":{}}}", open("1")),
        repeated("[", size / 2, "", "]"),
        repeated("{\"a\":[", 60, &open("1,"), "]}"),
    ];
    let long = |pattern: &str| pattern.repeat(256 / pattern.len());
    let paths = "a. 0. #. *. * ? #( #()#. [ { [a, \\ | . ! !{ @ : ( \" ..#. #(a%\"* @dig: @dig:#. @flatten| \
                 @group| @join| @keys| @pretty| @reverse| @tostr| @pretty:{\"sortKeys\":true}| \
                 @flatten:{\"deep\":true}|";
    let whole = ["@dig:a", "@pretty", "@ugly", "..#", "#.#", "@fromstr", "{a,0,#}"];
    let paths = paths.split(' ').map(long).chain(whole.map(str::to_owned));
    for path in paths {
        for json in &documents {
            let _ = property(json.as_bytes(), &path);
        }
    }
}

/// Go's matcher gives up on these, and finds nothing.
#[test]
fn a_pattern_fits_however_much_there_is_to_try() {
    let text = "ab".repeat(400);
    let json = format!("{{\"{text}c\":1}}");
    let pattern: String = iter::repeat_n("*a", 40).chain(["*c"]).collect();
    assert_eq!(at(&json, &pattern).as_deref(), Ok("1"));
    assert_eq!(at(&json, &pattern.replace('c', "d")), Err(PropertyError::Missing));
}

#[test]
fn errors_say_nothing_of_values() {
    let error = property(b"{\"a\":\"hunter2\"}", "b").unwrap_err();
    assert_eq!(format!("{error:?}"), "Missing");
}
