//! No error contains a value.

use gotemplate::{Dialect, Environment, Limits, Template, Text, Value};
use rand::SeedableRng as _;

/// Part of every value, and of nothing else in the tests.
const CANARY: &str = "canary7f3";

/// The errors of all functions with all combinations of these arguments.
#[test]
fn function_errors_contain_no_value() {
    let data = data();
    let operands = [
        ".s",
        ".l",
        ".d",
        ".n",
        ".f",
        "(list .s)",
        "(dict .s .s)",
        ".j",
        ".y",
        ".pem",
        ".b64",
        ".re",
        ".v",
        ".u",
        ".layout",
        "-1",
        "nil",
    ];
    let seconds = [".s", ".l", ".d", ".f", ".j", ".y", ".pem", ".re", "-1", "9"];
    let mut errors = 0;
    for dialect in [Dialect::go(), sprig::dialect(), sprig::external_secrets_dialect()] {
        for function in dialect.functions() {
            let (fixed, more) = function.arity();
            let name = function.name;
            errors += run(&format!("{{{{ {name} }}}}"), &data, &dialect);
            for first in operands {
                errors += run(&format!("{{{{ {name} {first} }}}}"), &data, &dialect);
                errors += run(&format!("{{{{ .s | {name} {first} }}}}"), &data, &dialect);
                for second in seconds {
                    errors += run(&format!("{{{{ {name} {first} {second} }}}}"), &data, &dialect);
                    // A wrong number of arguments fails in the same way for all values.
                    if fixed < 3 && !more {
                        continue;
                    }
                    for third in [".s", ".l", ".d", "9", ".pem"] {
                        let rest = [" .s", " .f", " .l"][..fixed.saturating_sub(3).min(3)].concat();
                        let text = format!("{{{{ {name} {first} {second} {third}{rest} }}}}");
                        errors += run(&text, &data, &dialect);
                    }
                }
            }
        }
    }
    assert!(errors > 30_000, "{errors} errors were looked at");
}

#[test]
fn language_errors_contain_no_value() {
    let (dialect, data) = (sprig::dialect(), data());
    let texts = [
        "{{ fail .s }}",
        "{{ .s | fail }}",
        "{{ .s.x }}",
        "{{ .l.x }}",
        "{{ .d.s.x.y }}",
        "{{ range .s }}{{ end }}",
        "{{ range $a, $b := 3 }}{{ end }}",
        "{{ .s 1 }}",
        "{{ template .s }}",
        "{{ index .d .s .s }}",
        "{{ slice .s 5 1 }}",
        "{{ .s | index .l }}",
        "{{ call .s }}",
        "{{ with .s }}{{ .x }}{{ end }}",
        "{{ printf .f }}",
    ];
    for text in texts {
        assert_eq!(run(text, &data, &dialect), 1, "{text}");
    }
}

/// Three PEM blocks that contain neither a certificate nor a key.
fn pem() -> String {
    let block =
        |label: &str| format!("-----BEGIN {label}-----\nY2FuYXJ5N2Yz\n-----END {label}-----\n");
    block("CERTIFICATE") + &block("PRIVATE KEY") + &block(CANARY)
}

fn data() -> Value {
    let secret = || Value::text(CANARY);
    let json = format!("{{\"{CANARY}\": [\"{CANARY}\", }}");
    Value::map([
        (Text::from("s"), secret()),
        (Text::from("l"), Value::list(vec![secret(), Value::Nil, secret()])),
        (
            Text::from("d"),
            Value::map([(Text::from(CANARY), secret()), (Text::from("s"), secret())]),
        ),
        (Text::from("n"), Value::Nil),
        (Text::from("f"), Value::Float(1.5)),
        (Text::from("j"), Value::text(json)),
        (Text::from("y"), Value::text(format!("{CANARY}: [{CANARY}\n{CANARY}"))),
        (Text::from("pem"), Value::text(pem())),
        (Text::from("b64"), Value::text(format!("{CANARY}!"))),
        (Text::from("re"), Value::text(format!("({CANARY}[{CANARY}"))),
        (Text::from("v"), Value::text(format!("1.{CANARY}.0"))),
        (Text::from("u"), Value::text(format!("http://{CANARY}:{CANARY}@[{CANARY}"))),
        (Text::from("layout"), Value::text(format!("2006-{CANARY}"))),
    ])
}

/// The number of errors, none of which may hold the canary.
fn run(text: &str, data: &Value, dialect: &Dialect) -> usize {
    let told = match Template::parse("t", text, dialect) {
        Err(error) => format!("{error} {error:?}"),
        Ok(template) => {
            let mut random = rand::rngs::StdRng::seed_from_u64(1);
            let environment = Environment {
                now: jiff::Timestamp::UNIX_EPOCH,
                random: &mut random,
                limits: Limits { steps: 100_000, bytes: 1 << 20, ..Limits::default() },
                deadline_exceeded: &|| false,
                memory: None,
            };
            match template.render(data, environment) {
                Ok(_) => return 0,
                Err(error) => format!("{error} {error:?}"),
            }
        }
    };
    assert!(!told.contains(CANARY) && !told.contains("1.5"), "{text}: {told}");
    1
}
