//! Every template ends within the limits.

use std::time::{Duration, Instant};

use gotemplate::{Dialect, Environment, Limit, Limits, RenderErrorKind, Template, Value};
use rand::SeedableRng as _;

fn render(
    text: &str,
    limits: Limits,
    deadline_exceeded: &dyn Fn() -> bool,
) -> Option<RenderErrorKind> {
    let template = Template::parse("t", text, &Dialect::go()).expect("a template");
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
    use Limit::{Bytes, Items, Output, Recursion, Steps};
    for (text, limit) in [
        (r#"{{template "t"}}"#, Recursion),
        ("{{range 99999}}{{range 99999}}{{end}}{{end}}", Steps),
        ("{{range 1000000}}{{end}}", Items),
        (r#"{{$x := "x"}}{{range 60}}{{$x = print $x $x}}{{end}}"#, Bytes),
        (r#"{{range 9999}}{{printf "%1000d" 1}}{{end}}"#, Output),
    ] {
        let kind = render(text, Limits::default(), &|| false);
        assert_eq!(kind, Some(RenderErrorKind::Limit(limit)), "{text}");
    }
}

#[test]
fn rendering_stops_at_the_deadline() {
    let text = "{{range 9999}}{{range 9999}}{{end}}{{end}}";
    let kind = render(text, Limits::default(), &|| true);
    assert_eq!(kind, Some(RenderErrorKind::Limit(Limit::Time)));
}

#[test]
fn hostile_texts_are_parsed_or_refused_at_once() {
    let dialect = Dialect::go();
    let started = Instant::now();
    for unit in
        ["{{", "{{(", "{{if 1}}", "{{.a", "{{\"", "{{/*", "{{$x := 1}}", "{{. | ", "}}", "-1 "]
    {
        let _ = Template::parse("t", &unit.repeat((1 << 20) / unit.len()), &dialect);
        let _ = Template::parse("t", &format!("{{{{{}}}}}", unit.repeat(100_000)), &dialect);
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}
