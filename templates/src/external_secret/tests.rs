use gotemplate::Limits;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

fn strings(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

fn rendered(target: &Target, values: &[(&str, &str)]) -> Result<Rendered, Error> {
    let values = values
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Zeroizing::new(value.as_bytes().to_vec())))
        .collect();
    let environment = Environment {
        now: jiff::Timestamp::UNIX_EPOCH,
        random: &mut StdRng::seed_from_u64(1),
        limits: Limits::default(),
        deadline_exceeded: &|| false,
        memory: None,
    };
    render(target, values, &crate::dialect::external_secret(), environment)
}

fn data(target: &Target, values: &[(&str, &str)]) -> Vec<String> {
    let rendered = rendered(target, values).unwrap();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    rendered.data.iter().map(|(key, value)| format!("{key}={}", text(value))).collect()
}

fn template(key: &str, text: &str, scope: Scope) -> SourceTemplate {
    SourceTemplate { key: key.to_owned(), text: text.to_owned(), scope }
}

/// Not in alphabetical order, and the later of two with the same key counts.
#[test]
fn source_templates_are_rendered_in_order() {
    let templates = vec![
        template("values", "PORT: 1", Scope::KeysAndValues),
        template("override", "PORT: 2", Scope::KeysAndValues),
        template("override", "{{ .A }}", Scope::Values),
    ];
    let from = vec![Source { templates, field: Field::Data, decoding: Decoding::None }];
    let target = Target { from, ..Target::default() };
    assert_eq!(data(&target, &[("A", "1")]), ["PORT=2", "override=1"]);
}

fn literal(text: &str) -> Source {
    let templates = vec![template("literal", text, Scope::KeysAndValues)];
    Source { templates, field: Field::Data, decoding: Decoding::None }
}

/// Cases x46 and x47 of `e2e/golden`.
#[test]
fn templates_replace_values_unless_merged() {
    let mut target = Target {
        data: strings(&[("url", "pg://{{ .user }}:{{ .pass | urlquery }}@h")]),
        ..Target::default()
    };
    let values = [("user", "bob"), ("pass", "p@ss")];
    assert_eq!(data(&target, &values), ["url=pg://bob:p%40ss@h"]);
    target.merge = true;
    assert_eq!(data(&target, &values), ["pass=p@ss", "url=pg://bob:p%40ss@h", "user=bob"]);
    target = Target { labels: strings(&[("l", "{{ .user }}")]), ..Target::default() };
    assert_eq!(data(&target, &values), ["pass=p@ss", "user=bob"]);
}

/// Cases x45 and x50 of `e2e/golden`.
#[test]
fn annotations_and_config_maps_are_templates() {
    let templates = vec![template("t", "x: {{ .A }}", Scope::Values)];
    let target = Target {
        annotations: strings(&[("p", "{{ .A }}")]),
        from: vec![Source { templates, field: Field::Data, decoding: Decoding::None }],
        ..Target::default()
    };
    let values = [("A", "hunter2")];
    assert_eq!(data(&target, &values), ["t=x: hunter2"]);
    assert_eq!(*rendered(&target, &values).unwrap().annotations["p"], "hunter2");
}

/// Case x51 of `e2e/golden`.
#[test]
fn keys_and_values_come_from_one_template() {
    let text = "{{ range $k, $v := . }}p_{{ $k }}: {{ $v | quote }}\n{{ end }}";
    let target = Target { from: vec![literal(text)], ..Target::default() };
    assert_eq!(data(&target, &[("A", "hunter2"), ("B", "v2")]), ["p_A=hunter2", "p_B=v2"]);
}

#[test]
fn numbers_and_booleans_become_strings() {
    let text = "a: 1\nb: yes\nc: 1.50\nd:\ne: 0x10\nf: 3.14159265\n7: x";
    let target = Target { from: vec![literal(text)], ..Target::default() };
    assert_eq!(data(&target, &[]), ["7=x", "a=1", "b=true", "c=1.5", "d=", "e=16", "f=3.1415927"]);
}

#[test]
fn data_wins_over_sources_and_later_sources_over_earlier() {
    let target = Target {
        merge: true,
        data: strings(&[("a", "data")]),
        from: vec![literal("a: one\nb: one\nc: one"), literal("b: two")],
        ..Target::default()
    };
    let values = [("a", "value"), ("b", "value"), ("c", "value"), ("d", "value")];
    assert_eq!(data(&target, &values), ["a=data", "b=two", "c=one", "d=value"]);
}

#[test]
fn rendered_values_are_decoded() {
    let mut source = literal("a: '{{ .A | b64enc }}'");
    source.decoding = Decoding::Base64;
    let target = Target { from: vec![source], ..Target::default() };
    assert_eq!(data(&target, &[("A", "x")]), ["a=x"]);
    assert_eq!(Decoding::Base64.decode(b"a-_b"), None);
    assert_eq!(Decoding::Base64Url.decode(b"_w==").as_deref(), Some(&vec![0xff]));
    assert_eq!(Decoding::Base64Url.decode(b"/w=="), None);
    assert_eq!(Decoding::Auto.decode(b"_w==").as_deref(), Some(&vec![0xff]));
    assert_eq!(Decoding::Auto.decode(b"%%%").as_deref(), Some(&b"%%%".to_vec()));
}

/// Cases x48 and x49 of `e2e/golden`, where External Secrets prints the value.
#[test]
fn error_names_the_place_without_value() {
    let error = |key: &str, text: &str| {
        let target = Target { data: strings(&[(key, text)]), ..Target::default() };
        rendered(&target, &[("A", "canary")]).err().unwrap()
    };
    let missing = error("u", "{{ .nope }}");
    assert_eq!(missing.place.to_string(), "data[u]");
    assert_eq!(missing.to_string(), "line 1, column 4: the map has no key \"nope\"");
    let failed = error("u", "{{ fail .A }}");
    assert!(!format!("{failed} {failed:?}").contains("canary"));
    let target = Target { from: vec![literal("{{ .A }}")], ..Target::default() };
    let error = rendered(&target, &[("A", "canary")]).err().unwrap();
    assert_eq!(error.place.to_string(), "templateFrom[0], literal");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn random_fields_and_keys_are_listed() {
    let target = Target {
        data: strings(&[("a", "{{ uuidv4 }}"), ("b", "x")]),
        annotations: strings(&[("t", "{{ now }}")]),
        ..Target::default()
    };
    let random = rendered(&target, &[]).unwrap().random;
    let expected = [(Field::Data, "a".to_owned()), (Field::Annotations, "t".to_owned())];
    assert_eq!(random, expected.into());
}

#[test]
fn other_delimiters_keep_braces_as_text() {
    let target = Target { data: strings(&[("a", "{{ <<.A>> }}")]), ..Target::default() };
    let environment = Environment {
        now: jiff::Timestamp::UNIX_EPOCH,
        random: &mut StdRng::seed_from_u64(1),
        limits: Limits::default(),
        deadline_exceeded: &|| false,
        memory: None,
    };
    let values = [("A".to_owned(), Zeroizing::new(b"x".to_vec()))].into();
    let dialect = crate::dialect::external_secret().with_delimiters("<<", ">>");
    let rendered = render(&target, values, &dialect, environment).unwrap();
    assert_eq!(**rendered.data["a"], *b"{{ x }}");
}
