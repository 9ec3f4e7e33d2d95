//! No error tells a value.

use rand::SeedableRng as _;
use templates::{Dialect, Environment, Limits, Template, Text, Value};

/// Stands in every value; nothing else of the tests has it.
const CANARY: &str = "canary7f3";

/// Every error of calling every function with every mix of these, in every place.
#[test]
fn no_function_s_error_holds_a_value() {
    let dialect = Dialect::sealed_secret();
    let data = data();
    let operands = [".s", ".l", ".d", ".n", ".f", "(list .s)", "(dict .s .s)", ".j", "-1", "nil"];
    let mut errors = 0;
    for function in dialect.names() {
        for first in operands {
            errors += run(&format!("{{{{ {function} {first} }}}}"), &data, &dialect);
            for second in operands {
                errors += run(&format!("{{{{ {function} {first} {second} }}}}"), &data, &dialect);
                for third in [".s", ".l", ".d", "9"] {
                    let text = format!("{{{{ {function} {first} {second} {third} }}}}");
                    errors += run(&text, &data, &dialect);
                }
            }
        }
    }
    assert!(errors > 10_000, "{errors} errors were looked at");
}

#[test]
fn nor_does_the_language_s() {
    let (dialect, data) = (Dialect::sealed_secret(), data());
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
                interrupted: &|| false,
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
