//! Generated templates.

use std::{env, fs, io::Write as _};

use sha2::{Digest as _, Sha256};

use crate::{
    corpus::{Outcome, json},
    dialects,
    generate::{DATA, Generator},
};

/// The seed of the templates whose answers are recorded.
const SEED: u64 = 1;

/// Four bytes of the digest of each of Go's answers, in the order of the generator.
const ANSWERS: &[u8] = include_bytes!("../corpus/generated.digests");

#[test]
fn ten_thousand_generated_templates_match_go() {
    let data = json(&serde_json::from_str(DATA).expect("the context"));
    let mut generator = Generator::new(SEED);
    assert_eq!(ANSWERS.len(), 4 * 10_000);
    let mut incomparable = 0;
    for answer in ANSWERS.chunks(4) {
        let template = generator.template();
        let outcome = Outcome::of(&template.text, &data, &template.dialect());
        incomparable += usize::from(is_incomparable(&outcome));
        let is_go_s = digest(&outcome) == answer || is_incomparable(&outcome);
        assert!(is_go_s, "{}\n  ours: {outcome:?}", template.text);
    }
    assert!(incomparable < 100, "{incomparable} could not be compared");
}

/// Writes `GENERATE=SEED,COUNT,FILE` templates as a corpus for Go to answer.
#[test]
#[ignore = "one step of sprig/conformance/generated"]
fn write() {
    let wanted = env::var("GENERATE").expect("GENERATE=SEED,COUNT,FILE");
    let parts: Vec<&str> = wanted.split(',').collect();
    let mut generator = Generator::new(parts[0].parse().expect("a seed"));
    let mut file = std::io::BufWriter::new(fs::File::create(parts[2]).expect("a file"));
    let data: serde_json::Value = serde_json::from_str(DATA).expect("the context");
    writeln!(file, "{}", serde_json::json!({ "data": data })).expect("written");
    for _ in 0..parts[1].parse().expect("a count") {
        let template = generator.template();
        let line = serde_json::json!({
            "dialect": template.dialect_name(),
            "template": template.text,
        });
        writeln!(file, "{line}").expect("written");
    }
}

/// Compares with the answers in `COMPARE=FILE`, and writes their digests to `DIGESTS=FILE`.
#[test]
#[ignore = "one step of sprig/conformance/generated"]
#[expect(clippy::print_stdout, reason = "a step of a script tells what it did")]
fn compare() {
    let text = fs::read_to_string(env::var("COMPARE").expect("COMPARE=FILE")).expect("a corpus");
    let corpus = dialects::read(&text);
    if let Ok(file) = env::var("DIGESTS") {
        let digests = corpus.cases.iter().flat_map(|case| digest(&case.expected()));
        fs::write(file, digests.collect::<Vec<u8>>()).expect("written");
    }
    let mut incomparable = 0;
    for case in &corpus.cases {
        let outcome = case.outcome();
        incomparable += usize::from(is_incomparable(&outcome));
        let is_go_s = is_incomparable(&outcome) || outcome.is(&case.expected());
        assert!(is_go_s, "{}\n  ours: {outcome:?}", case.line.template);
    }
    println!("{} templates, of which {incomparable} could not be compared", corpus.cases.len());
}

/// Whether it differs each time, or a limit ended it.
fn is_incomparable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Changing(_) | Outcome::Limited)
}

fn digest(outcome: &Outcome) -> [u8; 4] {
    let digest = match outcome {
        Outcome::Output(bytes) => Sha256::digest([b"output ", bytes.as_slice()].concat()),
        Outcome::ParseError => Sha256::digest(b"parse error"),
        Outcome::Changing(_) | Outcome::Limited => Sha256::digest(b"incomparable"),
        Outcome::RenderError => Sha256::digest(b"render error"),
    };
    [digest[0], digest[1], digest[2], digest[3]]
}
