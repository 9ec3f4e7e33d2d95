//! The functions that External Secrets adds to Sprig.

use std::{convert::Infallible, fmt::Write as _};

use gotemplate::{Environment, Limits, Template};
use rand::{TryCryptoRng, TryRng};

use crate::{
    corpus::{Case, Outcome},
    dialects,
};

/// A source of randomness that counts, like the recorder's.
#[derive(Default)]
struct Counter(u8);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

fn outcome(case: &Case) -> Outcome {
    let dialect = sprig::external_secrets_dialect();
    let Ok(template) = Template::parse("t", &case.line.template, &dialect) else {
        return Outcome::ParseError;
    };
    let environment = Environment {
        now: jiff::Timestamp::UNIX_EPOCH,
        random: &mut Counter::default(),
        limits: Limits::default(),
        deadline_exceeded: &|| false,
        memory: None,
    };
    match template.render(&case.data, environment) {
        Ok(rendered) => Outcome::Output(rendered.output.to_vec()),
        Err(_) => Outcome::RenderError,
    }
}

/// Byte for byte, PKCS#12 files included.
#[test]
fn external_secrets_functions_match_recorded_output() {
    let corpus = dialects::read(include_str!("../corpus/external.jsonl"));
    let mut differences = String::new();
    for case in &corpus.cases {
        let (expected, found) = (case.expected(), outcome(case));
        // The message about malformed YAML is worded differently.
        let is_complaint = case.expects("error converting YAML to JSON");
        let is_same = found == expected
            || is_complaint
                && matches!(&found, Outcome::Output(text) if text.windows(10).any(|w| w == b"error conv"));
        if !is_same {
            let _ = writeln!(
                differences,
                "{} {}\n  Go:   {expected:?}\n  ours: {found:?}",
                case.line.template,
                case.line.data.as_ref().map(ToString::to_string).unwrap_or_default()
            );
        }
    }
    assert!(differences.is_empty(), "of {} cases:\n{differences}", corpus.cases.len());
}
