//! Random functions mark the output as random.

use gotemplate::{Environment, Limits, Template, Value};
use rand::SeedableRng as _;

fn render(text: &str, seed: u64) -> (String, bool) {
    let template = Template::parse("t", text, &sprig::dialect()).expect("a template");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let environment = Environment {
        now: jiff::Timestamp::from_second(1_700_000_000 + seed.cast_signed()).expect("a time"),
        random: &mut random,
        limits: Limits::default(),
        deadline_exceeded: &|| false,
        memory: None,
    };
    let rendered = template.render(&Value::map([]), environment).expect("a rendering");
    let output = String::from_utf8(rendered.output.to_vec()).expect("UTF-8");
    (output, rendered.non_deterministic)
}

#[test]
fn random_functions_differ_and_mark_the_output() {
    for text in [
        "{{ randAlphaNum 20 }}",
        "{{ randAlpha 20 }}",
        "{{ randNumeric 20 }}",
        "{{ randAscii 20 }}",
        "{{ randBytes 20 }}",
        "{{ randInt 0 1000000000 }}",
        "{{ uuidv4 }}",
        r#"{{ shuffle "abcdefghijklmnopqrstuvwxyz" }}"#,
        "{{ now }}",
        "{{ now | unixEpoch }}",
        r#"{{ date "15:04:05" "what is no time" }}"#,
        "{{ ago 0 }}",
        r#"{{ durationRound (toDate "2006-01-02 15:04:05" "2023-11-14 22:13:20") }}"#,
    ] {
        let ((first, first_says), (second, second_says)) = (render(text, 1), render(text, 2));
        assert!(first_says && second_says, "{text}");
        assert_ne!(first, second, "{text}");
        assert_eq!(render(text, 1).0, first, "{text}: the same seed and time");
    }
}

#[test]
fn deterministic_functions_repeat_their_output() {
    for text in ["{{ upper \"a\" }}", "{{ date \"2006\" 0 }}", "{{ if false }}{{ now }}{{ end }}"] {
        assert!(!render(text, 1).1, "{text}");
    }
}

#[test]
fn random_values_have_the_expected_form() {
    for seed in 0..200 {
        let is = |text: &str, valid: fn(u8) -> bool, len: usize| {
            let output = render(text, seed).0;
            assert_eq!(output.len(), len, "{text}");
            assert!(output.bytes().all(valid), "{text}: {output}");
        };
        is("{{ randAlphaNum 40 }}", |c| c.is_ascii_alphanumeric(), 40);
        is("{{ randAlpha 40 }}", |c| c.is_ascii_alphabetic(), 40);
        is("{{ randNumeric 40 }}", |c| c.is_ascii_digit(), 40);
        is("{{ randAscii 40 }}", |c| (b' '..=b'~').contains(&c), 40);
        is("{{ randBytes 30 }}", |c| c.is_ascii_alphanumeric() || b"+/=".contains(&c), 40);
        let number: i64 = render("{{ randInt 5 8 }}", seed).0.parse().expect("a number");
        assert!((5..8).contains(&number));
        let uuid = render("{{ uuidv4 }}", seed).0;
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
    }
}
