//! Keys, certificates, hashes and ciphers.

use std::{cell::Cell, convert::Infallible, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gotemplate::{
    Environment, Limit, Limits, RenderError, RenderErrorKind, Rendered, Template, Text, Value,
};
use jiff::Timestamp;
use rand::{CryptoRng, SeedableRng as _, TryCryptoRng, TryRng};

use crate::{corpus::Outcome, dialects};

const NOW: &str = "2026-11-23T22:00:00Z";

fn render(
    text: &str,
    data: &Value,
    random: &mut dyn CryptoRng,
    now: Timestamp,
) -> Result<Rendered, RenderError> {
    let template = Template::parse("t", text, &sprig::dialect()).expect("a template");
    let limits = Limits::default();
    template.render(
        data,
        Environment { now, random, limits, deadline_exceeded: &|| false, memory: None },
    )
}

fn seeded(text: &str, seed: u64) -> Rendered {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let now = NOW.parse().expect("a time");
    render(text, &Value::map([]), &mut random, now).expect("a rendering")
}

/// Many of these use randomness and still have the same output each time: the length of a hash, a
/// decrypted ciphertext, the key of a new certificate.
#[test]
fn deterministic_crypto_functions_match_sprig() {
    let corpus = dialects::read(include_str!("../corpus/crypto.jsonl"));
    let mut differences = String::new();
    for case in &corpus.cases {
        let text = &case.line.template;
        let expected = case.expected();
        if expected == Outcome::ParseError {
            assert!(case.outcome() == Outcome::ParseError, "{text}");
            continue;
        }
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let rendered = render(text, &case.data, &mut random, NOW.parse().expect("a time"));
        let found = match &rendered {
            Ok(rendered) => Outcome::Output(rendered.output.to_vec()),
            Err(_) => Outcome::RenderError,
        };
        if found != expected {
            let why = rendered.err();
            let _ =
                writeln!(differences, "{text}\n  Go:   {expected:?}\n  ours: {found:?} {why:?}");
        }
    }
    assert!(differences.is_empty(), "of {} cases:\n{differences}", corpus.cases.len());
}

/// Returns the same bytes each time.
struct Fixed(Vec<u8>);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

/// Sprig takes all but the serial number and the time from the template. Only ECDSA signs differently
/// each time.
#[test]
fn certificates_match_sprig_byte_for_byte() {
    let corpus = dialects::read(include_str!("../corpus/certificates.jsonl"));
    for case in &corpus.cases {
        let text = &case.line.template;
        let Outcome::Output(expected) = case.expected() else { panic!("{text}") };
        let der = unwrap(&expected);
        // Certificate, TBSCertificate, version; then the serial number.
        let tbs = element(&der, 0).0;
        let fields = element(&der, tbs).0;
        let (start, end) = element(&der, element(&der, fields).1);
        let number = der[start..end].strip_prefix(&[0]).unwrap_or_else(|| &der[start..end]);
        let mut serial = vec![0; 16 - number.len()];
        serial.extend(number);
        let validity = element(&der, element(&der, element(&der, end).1).1).0;
        let (start, end) = element(&der, validity);
        let time = str::from_utf8(&der[start..end]).expect("a time");
        let now = jiff::civil::DateTime::strptime("%y%m%d%H%M%SZ", time).expect("a time");
        let now = now.to_zoned(jiff::tz::TimeZone::UTC).expect("a time").timestamp();

        let rendered = render(text, &case.data, &mut Fixed(serial), now).expect("a rendering");
        let ours = unwrap(&rendered.output);
        let is_ecdsa = der.windows(7).any(|oid| oid == ECDSA_WITH_SHA2);
        if is_ecdsa {
            // The signed part, without its header and the signature.
            let tbs_end = element(&der, tbs).1;
            let our_tbs = element(&ours, 0).0;
            let our_end = element(&ours, our_tbs).1;
            assert_eq!(der[tbs..tbs_end], ours[our_tbs..our_end], "{text}");
        } else {
            assert_eq!(
                String::from_utf8_lossy(&rendered.output),
                String::from_utf8_lossy(&expected)
            );
        }
    }
    assert!(corpus.cases.len() > 30);
}

/// 1.2.840.10045.4.3
const ECDSA_WITH_SHA2: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];

/// The bytes of a PEM text.
fn unwrap(pem: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(pem).expect("UTF-8");
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(base64).expect("base64")
}

/// The start and end of the content of the element at `at`.
fn element(der: &[u8], at: usize) -> (usize, usize) {
    let first = usize::from(der[at + 1]);
    if first < 0x80 {
        return (at + 2, at + 2 + first);
    }
    let start = at + 2 + (first & 0x7f);
    let len = der[at + 2..start].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    (start, start + len)
}

#[test]
fn randomness_comes_from_the_caller_and_marks_the_output() {
    for text in [
        r#"{{ bcrypt "x" }}"#,
        r#"{{ htpasswd "u" "x" }}"#,
        r#"{{ encryptAES "k" "x" }}"#,
        r#"{{ genPrivateKey "ecdsa" }}"#,
        r#"{{ genPrivateKey "ed25519" }}"#,
        r#"{{ genPrivateKey "dsa" }}"#,
        r#"{{ genPrivateKey "rsa" }}"#,
        r#"{{ genCA "x" 1 }}"#,
        r#"{{ genCAWithKey "x" 1 (genPrivateKey "ecdsa") }}"#,
        r#"{{ genSelfSignedCert "x" nil nil 1 }}"#,
        r#"{{ genSelfSignedCertWithKey "x" nil nil 1 (genPrivateKey "ed25519") }}"#,
        r#"{{ genSignedCert "x" nil nil 1 (genCAWithKey "x" 1 (genPrivateKey "ecdsa")) }}"#,
        r#"{{ $k := genPrivateKey "ecdsa" }}
           {{ genSignedCertWithKey "x" nil nil 1 (genCAWithKey "x" 1 $k) $k }}"#,
    ] {
        let (first, second) = (seeded(text, 1), seeded(text, 2));
        assert!(first.non_deterministic && second.non_deterministic, "{text}");
        assert!(first.output != second.output, "{text}");
        assert!(seeded(text, 1).output == first.output, "{text}: the same seed and time");
    }
    for text in [r#"{{ derivePassword 1 "pin" "p" "u" "s" }}"#, r#"{{ decryptAES "k" "" }}"#] {
        assert!(!seeded(text, 1).non_deterministic, "{text}");
    }
}

#[test]
fn slow_functions_are_charged_and_stop_at_the_deadline() {
    let limited = |text: &str, steps: u64, answers: u32| {
        let template = Template::parse("t", text, &sprig::dialect()).expect("a template");
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let asked = Cell::new(0);
        let deadline_exceeded = || {
            asked.set(asked.get() + 1);
            asked.get() > answers
        };
        let environment = Environment {
            now: NOW.parse().expect("a time"),
            random: &mut random,
            limits: Limits { steps, ..Limits::default() },
            deadline_exceeded: &deadline_exceeded,
            memory: None,
        };
        template.render(&Value::map([]), environment).err().map(|error| error.kind)
    };
    for text in [
        r#"{{range 1000}}{{$x := bcrypt "x"}}{{end}}"#,
        r#"{{range 1000}}{{$x := htpasswd "x" "x"}}{{end}}"#,
        r#"{{range 1000}}{{$x := derivePassword 1 "pin" "p" "u" "s"}}{{end}}"#,
        r#"{{range 1000}}{{$x := genPrivateKey "rsa"}}{{end}}"#,
        r#"{{range 1000}}{{$x := genPrivateKey "dsa"}}{{end}}"#,
        r#"{{range 9999}}{{$x := genPrivateKey "ecdsa"}}{{end}}"#,
        r#"{{range 9999}}{{$x := genPrivateKey "ed25519"}}{{end}}"#,
        r#"{{range 1000}}{{$x := genCA "x" 1}}{{end}}"#,
        r#"{{$k := genPrivateKey "ecdsa"}}{{range 9999}}{{$x := genCAWithKey "x" 1 $k}}{{end}}"#,
    ] {
        let steps = limited(text, 100_000, u32::MAX);
        assert_eq!(steps, Some(RenderErrorKind::Limit(Limit::Steps)), "{text}");
        // The second call comes during the search for the first key.
        let time = limited(text, 100_000, 1);
        assert_eq!(time, Some(RenderErrorKind::Limit(Limit::Time)), "{text}");
    }
    let keys = r#"{{$x := genPrivateKey "rsa"}}{{$x := genPrivateKey "dsa"}}{{$x := genCA "x" 1}}"#;
    assert_eq!(limited(keys, Limits::default().steps, u32::MAX), None);
}

/// Part of every value, and of nothing else in the tests.
const CANARY: &str = "canary7f3";

#[test]
fn crypto_errors_contain_no_value() {
    let pem =
        format!("-----BEGIN {CANARY} PRIVATE KEY-----\nAAAA\n-----END {CANARY} PRIVATE KEY-----");
    let data = Value::map([
        (Text::from("s"), Value::text(CANARY)),
        (Text::from("l"), Value::list(vec![Value::text(CANARY)])),
        (Text::from("bad"), Value::text(&b"canary7f3\xff"[..])),
        (Text::from("pem"), Value::text(pem)),
    ]);
    let certificate = r#"(genCAWithKey "x" 1 (genPrivateKey "ecdsa"))"#;
    let mut errors = 0;
    let mut check = |text: &str| {
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let rendered = render(text, &data, &mut random, NOW.parse().expect("a time"));
        let Err(error) = rendered else { panic!("{text}") };
        let told = format!("{error} {error:?}");
        assert!(!told.contains(CANARY), "{text}: {told}");
        errors += 1;
    };
    for value in [".s", ".bad", ".pem", ".l", "(dict .s .s)", certificate] {
        check(&format!("{{{{ derivePassword {value} .s .s .s .s }}}}"));
        check(&format!("{{{{ derivePassword 1 .s .s .s .l {value} }}}}"));
        check(&format!("{{{{ decryptAES .s {value} }}}}"));
        check(&format!("{{{{ bcrypt .s {value} }}}}"));
        check(&format!("{{{{ genCA {value} .s }}}}"));
        check(&format!("{{{{ genCAWithKey \"x\" 1 {value} }}}}"));
        check(&format!("{{{{ buildCustomCert {value} .s }}}}"));
        check(&format!("{{{{ genSelfSignedCert \"x\" (list {value}) nil 1 }}}}"));
        check(&format!("{{{{ genSelfSignedCert .bad nil nil 1 {value} }}}}"));
        check(&format!("{{{{ genSelfSignedCertWithKey .s nil nil 1 {value} }}}}"));
        check(&format!("{{{{ genSignedCert .s .l nil 1 {value} }}}}"));
        check(&format!("{{{{ genSignedCertWithKey .s nil nil 1 {certificate} {value} }}}}"));
        check(&format!("{{{{ range {value} }}}}{{{{ .x.y }}}}{{{{ end }}}}{{{{ fail .s }}}}"));
    }
    for call in ["genCA .bad 1", "buildCustomCert (b64enc .pem) .s", "buildCustomCert .pem .pem"] {
        check(&format!("{{{{ {call} }}}}"));
    }
    for member in ["x", "Cert.x", "Key.Cert", "cert"] {
        check(&format!("{{{{ {certificate}.{member} }}}}"));
    }
    assert!(errors > 80);
}
