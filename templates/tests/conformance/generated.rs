//! Templates that a generator made.

use std::{env, fs, io::Write as _};

use sha2::{Digest as _, Sha256};

use crate::{
    corpus::{Corpus, Outcome, json},
    generate::{DATA, Generator},
};

/// The seed of the templates whose answers are recorded.
const SEED: u64 = 1;

/// Of what Go made of each template: four bytes of its digest, in the order of the generator.
const ANSWERS: &[u8] = include_bytes!("../corpus/generated.digests");

#[test]
fn ten_thousand_templates_render_as_go_renders_them() {
    let data = json(&serde_json::from_str(DATA).expect("the context"));
    let mut generator = Generator::new(SEED);
    assert_eq!(ANSWERS.len(), 4 * 10_000);
    let mut incomparable = 0;
    for answer in ANSWERS.chunks(4) {
        let template = generator.template();
        let outcome = Outcome::of(&template.text, &data, &template.dialect());
        incomparable += usize::from(outcome.is_incomparable());
        let is_go_s = digest(&outcome) == answer || outcome.is_incomparable();
        assert!(is_go_s, "{}\n  ours: {outcome:?}", template.text);
    }
    assert!(incomparable < 100, "{incomparable} could not be compared");
}

/// Writes `GENERATE=SEED,COUNT,FILE` templates as a corpus for Go to answer.
#[test]
#[ignore = "one step of templates/conformance/generated"]
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
#[ignore = "one step of templates/conformance/generated"]
#[expect(clippy::print_stdout, reason = "a step of a script tells what it did")]
fn compare() {
    let text = fs::read_to_string(env::var("COMPARE").expect("COMPARE=FILE")).expect("a corpus");
    let corpus = Corpus::read(&text);
    if let Ok(file) = env::var("DIGESTS") {
        let digests = corpus.cases.iter().flat_map(|case| digest(&case.expected()));
        fs::write(file, digests.collect::<Vec<u8>>()).expect("written");
    }
    let incomparable = corpus.check_comparable();
    println!("{} templates, of which {incomparable} could not be compared", corpus.cases.len());
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
