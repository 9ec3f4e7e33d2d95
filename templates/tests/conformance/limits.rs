//! Whatever a template does, it ends, and soon.

use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use templates::{Dialect, Environment, Limit, Limits, RenderErrorKind, Template, Value};

fn render(text: &str, limits: Limits, interrupted: &dyn Fn() -> bool) -> Option<RenderErrorKind> {
    let template = Template::parse("t", text, &Dialect::sealed_secret()).expect("a template");
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let environment = Environment { now, random: &mut random, limits, interrupted };
    let started = Instant::now();
    let result = template.render(&Value::map([]), environment);
    assert!(started.elapsed() < Duration::from_secs(20), "{text}");
    result.err().map(|error| error.kind)
}

#[test]
fn what_does_not_end_is_ended() {
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
    ] {
        let kind = render(&text, Limits::default(), &|| false);
        assert_eq!(kind, Some(RenderErrorKind::Limit(limit)), "{text}");
    }
}

#[test]
fn time_is_up_when_the_caller_says_so() {
    let text = "{{range until 9999}}{{range until 9999}}{{end}}{{end}}";
    let kind = render(text, Limits::default(), &|| true);
    assert_eq!(kind, Some(RenderErrorKind::Limit(Limit::Time)));
}

#[test]
fn a_slow_expression_is_paid_for() {
    let text = r#"{{regexMatch "(a|b|ab)*c(x{100}){9}$" (repeat 1000000 "ab")}}"#;
    let kind = render(text, Limits::default(), &|| false);
    assert_eq!(kind, Some(RenderErrorKind::Limit(Limit::Steps)));
}

#[test]
fn hostile_texts_are_read_or_refused_at_once() {
    let dialect = Dialect::sealed_secret();
    let started = Instant::now();
    for unit in
        ["{{", "{{(", "{{if 1}}", "{{.a", "{{\"", "{{/*", "{{$x := 1}}", "{{. | ", "}}", "-1 "]
    {
        let _ = Template::parse("t", &unit.repeat((1 << 20) / unit.len()), &dialect);
        let _ = Template::parse("t", &format!("{{{{{}}}}}", unit.repeat(100_000)), &dialect);
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_map_that_holds_itself_is_freed() {
    let text = r#"{{$d := dict}}{{$_ := set $d "d" $d}}{{$_ := set $d "l" (list $d)}}ok"#;
    for _ in 0..1000 {
        assert_eq!(render(text, Limits::default(), &|| false), None);
    }
}
