//! Every template ends soon.

use std::time::{Duration, Instant};

use gotemplate::{Environment, Limit, Limits, RenderErrorKind, Template, Value};
use rand::SeedableRng as _;

fn render(
    text: &str,
    limits: Limits,
    deadline_exceeded: &dyn Fn() -> bool,
) -> Option<RenderErrorKind> {
    let template =
        Template::parse("t", text, &sprig::external_secrets_dialect()).expect("a template");
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let random = &mut random;
    let environment = Environment { now, random, limits, deadline_exceeded, memory: None };
    let started = Instant::now();
    let result = template.render(&Value::map([]), environment);
    assert!(started.elapsed() < Duration::from_secs(20), "{text}");
    result.err().map(|error| error.kind)
}

#[test]
fn endless_templates_exhaust_a_limit() {
    use Limit::{Bytes, Depth, Items, Output, Recursion, Steps};
    let doubling = r#"{{$x := list "x"}}{{range until 60}}{{$x = list $x $x}}{{end}}"#;
    for (text, limit) in [
        (r#"{{template "t"}}"#.to_owned(), Recursion),
        ("{{range until 99999}}{{range until 99999}}{{end}}{{end}}".to_owned(), Steps),
        ("{{range 1000000}}{{end}}".to_owned(), Items),
        ("{{until 1000000000}}".to_owned(), Items),
        ("{{seq 1000000000}}".to_owned(), Items),
        ("{{untilStep 0 9000000000000000000 1}}".to_owned(), Items),
        (r#"{{repeat 1000000000 "x"}}"#.to_owned(), Bytes),
        (r#"{{repeat 4000000000000000000 "xxxxxxxx"}}"#.to_owned(), Bytes),
        (r#"{{indent 1000000000 "x"}}"#.to_owned(), Bytes),
        ("{{randAlpha 1000000000}}".to_owned(), Bytes),
        (r#"{{printf "%1000000d" 1 | repeat 100}}"#.to_owned(), Bytes),
        (r#"{{$x := "x"}}{{range until 60}}{{$x = print $x $x}}{{end}}"#.to_owned(), Bytes),
        (r#"{{$x := "x"}}{{range until 60}}{{$x = replace "" $x $x}}{{end}}"#.to_owned(), Bytes),
        (r#"{{range until 9999}}{{print "0123456789" | repeat 100}}{{end}}"#.to_owned(), Output),
        (format!("{doubling}{{{{$x}}}}"), Steps),
        (format!("{doubling}{{{{toJson $x}}}}"), Bytes),
        (format!("{doubling}{{{{deepCopy $x}}}}"), Bytes),
        (format!("{doubling}{{{{deepEqual $x $x}}}}"), Steps),
        (format!("{doubling}{{{{$x | quote}}}}"), Steps),
        (r#"{{$d := dict}}{{$_ := set $d "d" $d}}{{$d}}"#.to_owned(), Depth),
        (r#"{{$d := dict}}{{$_ := set $d "d" $d}}{{toJson $d}}"#.to_owned(), Depth),
        (r#"{{$d := dict}}{{$_ := set $d "d" $d}}{{deepCopy $d}}"#.to_owned(), Depth),
        (r#"{{$d := dict}}{{$_ := set $d "d" $d}}{{deepEqual $d $d}}"#.to_owned(), Depth),
        (r#"{{fromJson (repeat 200 "[")}}"#.to_owned(), Depth),
        // The indentation of each line counts.
        (
            r#"{{$x := repeat 500000 "a\n"}}{{range until 90}}{{$x = list $x}}{{end}}{{toYaml $x}}"#.to_owned(),
            Bytes,
        ),
    ] {
        let kind = render(&text, Limits::default(), &|| false);
        assert_eq!(kind, Some(RenderErrorKind::Limit(limit)), "{text}");
    }
}

#[test]
fn rendering_stops_at_the_deadline() {
    let text = "{{range until 9999}}{{range until 9999}}{{end}}{{end}}";
    let kind = render(text, Limits::default(), &|| true);
    assert_eq!(kind, Some(RenderErrorKind::Limit(Limit::Time)));
}

#[test]
fn slow_regular_expressions_exhaust_the_steps() {
    let text = r#"{{regexMatch "(a|b|ab)*c(x{100}){9}$" (repeat 1000000 "ab")}}"#;
    let kind = render(text, Limits::default(), &|| false);
    assert_eq!(kind, Some(RenderErrorKind::Limit(Limit::Steps)));
}

#[test]
fn hostile_texts_are_parsed_or_refused_at_once() {
    let dialect = sprig::dialect();
    let started = Instant::now();
    for unit in
        ["{{", "{{(", "{{if 1}}", "{{.a", "{{\"", "{{/*", "{{$x := 1}}", "{{. | ", "}}", "-1 "]
    {
        let _ = Template::parse("t", &unit.repeat((1 << 20) / unit.len()), &dialect);
        let _ = Template::parse("t", &format!("{{{{{}}}}}", unit.repeat(100_000)), &dialect);
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// A megabyte of each of these is rendered, refused, or ended by a limit.
#[test]
fn hostile_megabyte_templates_end_soon() {
    const SIZE: usize = 1 << 20;
    let filled = |unit: &str| unit.repeat(SIZE / unit.len());
    let around = |before: &str, unit: &str, after: &str| {
        let count = (SIZE - before.len() - after.len()) / unit.len();
        format!("{before}{}{after}", unit.repeat(count))
    };
    let nested = |open: &str, close: &str| {
        let count = SIZE / (open.len() + close.len());
        format!("{}{}", open.repeat(count), close.repeat(count))
    };
    let texts = [
        filled("{{range until 99999}}{{.}}{{end}}"),
        filled("{{printf \"%99999d\" 1}}"),
        filled("{{genCA \"x\" 1}}"),
        filled("{{bcrypt \"x\"}}"),
        filled("{{genPrivateKey \"rsa\"}}"),
        filled("{{derivePassword 1 \"long\" \"p\" \"u\" \"s\"}}"),
        filled("{{regexMatch \"(a|aa)+$\" (repeat 9999 \"a\")}}"),
        filled("{{repeat 999999 \"x\" | sha512sum}}"),
        filled("{{toYaml (until 9999)}}"),
        filled("{{pkcs12key (repeat 9999 \"0\")}}"),
        nested("{{if 1}}", "{{end}}"),
        nested("{{with 1}}", "{{end}}"),
        nested("{{range until 2}}", "{{end}}"),
        nested("{{(", ")}}"),
        around("{{", "(", ")}}"),
        around("{{1", "|print", "}}"),
        around("{{print", " 1", "}}"),
        around("{{$x := 1}}{{$x", ".a", "}}"),
        around("{{", "9", "}}"),
        around("{{0x", "f", "}}"),
        around("{{1e", "9", "}}"),
        around("{{\"", "\\u00e9", "\"}}"),
        around("{{/*", "*/ /*", "*/}}"),
        around("{{list", " (list)", " | toJson}}"),
        around("{{fromJson `", "[", "`}}"),
        around("{{fromYaml `", "[", "`}}"),
        around("{{fromYaml `a: &a ", "[*a,", "`}}"),
        around("{{fromYaml `", "- ", "`}}"),
        around("{{regexMatch `", "(", "` `x`}}"),
        around("{{regexMatch `", "a?", "` `x`}}"),
        around("{{semverCompare `", ">1 ", "` `1.0.0`}}"),
        around("{{filterPEM `x` `", "-----BEGIN x-----\n", "`}}"),
        around("{{filterCertChain `leaf` `", "-----BEGIN x-----\n\n-----END x-----\n", "`}}"),
        around("{{define `a`}}", "{{template `a`}}", "{{end}}{{template `a`}}"),
        around("{{$d := dict}}", "{{$_ := set $d `d` $d}}", "{{$d}}"),
        around("{{toDate `", "2006", "` `2006`}}"),
        around("{{urlParse `http://", "a:", "`}}"),
        around("{{snakecase `", "aB", "`}}"),
        around("{{wrap 1 `", "ab ", "`}}"),
        around("{{jwkPrivateKeyPem `{\"kty\":\"RSA\",\"n\":\"", "A", "\"}`}}"),
    ];
    let dialect = sprig::external_secrets_dialect();
    for text in texts {
        assert!(text.len() <= SIZE);
        let started = Instant::now();
        if let Ok(template) = Template::parse("t", &text, &dialect) {
            let environment = Environment {
                now: jiff::Timestamp::UNIX_EPOCH,
                random: &mut rand::rngs::StdRng::seed_from_u64(1),
                limits: Limits::default(),
                // The controller allows half a minute.
                deadline_exceeded: &|| started.elapsed() > Duration::from_secs(1),
                memory: None,
            };
            let _ = template.render(&Value::map([]), environment);
        }
        // The time between two checks of the deadline is short.
        assert!(started.elapsed() < Duration::from_secs(60), "{}", &text[..40]);
    }
}

#[test]
fn map_that_contains_itself_is_freed() {
    let text = r#"{{$d := dict}}{{$_ := set $d "d" $d}}{{$_ := set $d "l" (list $d)}}ok"#;
    for _ in 0..1000 {
        assert_eq!(render(text, Limits::default(), &|| false), None);
    }
}
