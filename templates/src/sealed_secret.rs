//! Renders the data of the Secret of a SealedSecret, from its unsealed items and the templates of
//! `spec.template.data`, as sealed-secrets 0.40 does.
//!
//! A template sees the items, and the other templates as unrendered text. An item replaces a template of
//! the same key. A null hides the item of its key from the Secret, but not from templates.

use std::collections::{BTreeMap, BTreeSet};

use gotemplate::{
    Environment, Limit, ParseError, ParseErrorKind, RenderError, RenderErrorKind, Template, Text,
    Value,
};
use zeroize::Zeroizing;

/// The start of an action. A text without actions renders to itself.
const ACTION: &str = "{{";

/// Values by their key. They need not be UTF-8, and are wiped when dropped.
pub type Values = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// The values of the Secret.
pub struct Rendered {
    /// All values, by key.
    pub data: Values,
    /// The keys whose values differ each time.
    pub random: BTreeSet<String>,
}

/// Why the templates of an object could not be rendered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub struct Error {
    /// The key of the template.
    pub key: String,
    /// The kind of error.
    pub cause: Cause,
}

/// The kinds of errors of a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cause {
    /// It cannot be parsed.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It cannot be rendered with these items.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A limit was exhausted outside a template.
    #[error("{0}")]
    Limit(Limit),
}

/// Whether any template has actions. Without actions, rendering only copies text.
pub fn has_actions(template: &BTreeMap<String, Option<String>>, items: &Values) -> bool {
    texts(template).any(|(key, text)| text.contains(ACTION) && !items.contains_key(key))
}

/// Renders the templates of one object. The limit `output` applies to all of them together.
///
/// # Errors
/// The error of the first template, by key, that cannot be rendered. It contains no value.
pub fn render(
    template: &BTreeMap<String, Option<String>>,
    mut items: Values,
    environment: Environment<'_>,
) -> Result<Rendered, Error> {
    let mut environment = environment;
    // The values and the output are held until the last template is rendered.
    let mut account = environment.meter();
    let mut held: usize = items.iter().map(|(key, value)| key.len() + value.len()).sum();
    held += texts(template).map(|(key, text)| key.len() + text.len()).sum::<usize>();
    let dialect = crate::dialect::sealed_secret();
    let mut context = None;
    let mut data = Values::new();
    let mut non_deterministic = BTreeSet::new();
    for (key, text) in texts(template).filter(|(key, _)| !items.contains_key(*key)) {
        if !text.contains(ACTION) {
            data.insert(key.clone(), Zeroizing::new(text.as_bytes().to_vec()));
            continue;
        }
        let raise = |cause| Error { key: key.clone(), cause };
        account.bytes(held).map_err(|limit| raise(Cause::Limit(limit)))?;
        let mut parsing = environment.meter();
        let parsed = Template::parse_within(&mut parsing, key, text, &dialect);
        let parsed = parsed.map_err(|error| raise(error.into()))?;
        let context = context.get_or_insert_with(|| self::context(template, &items));
        let rendered = parsed.render(context, environment.reborrow());
        let rendered = rendered.map_err(|error| raise(error.into()))?;
        held = rendered.output.len();
        environment.limits.output -= held;
        if rendered.non_deterministic {
            non_deterministic.insert(key.clone());
        }
        data.insert(key.clone(), rendered.output);
    }
    items.retain(|key, _| template.get(key).is_none_or(Option::is_some));
    data.append(&mut items);
    Ok(Rendered { data, random: non_deterministic })
}

/// The keys that have a template.
fn texts(template: &BTreeMap<String, Option<String>>) -> impl Iterator<Item = (&String, &String)> {
    template.iter().filter_map(|(key, text)| Some((key, text.as_ref()?)))
}

/// The data of all templates.
fn context(template: &BTreeMap<String, Option<String>>, items: &Values) -> Value {
    let texts = texts(template).map(|(key, text)| (Text::from(&**key), Text::from(&**text)));
    let items = items.iter().map(|(key, value)| (Text::from(&**key), Text::from(&***value)));
    let all: BTreeMap<_, _> = texts.chain(items).collect();
    Value::strings(all)
}

impl Error {
    /// The limit that was exhausted.
    pub fn limit(&self) -> Option<Limit> {
        match &self.cause {
            Cause::Parse(ParseError { kind: ParseErrorKind::Limit(limit), .. })
            | Cause::Render(RenderError { kind: RenderErrorKind::Limit(limit), .. })
            | Cause::Limit(limit) => Some(*limit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use gotemplate::Limits;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn rendered(
        template: &[(&str, Option<&str>)],
        items: &[(&str, &str)],
    ) -> Result<Rendered, Error> {
        let template = template
            .iter()
            .map(|(key, text)| ((*key).to_owned(), text.map(ToOwned::to_owned)))
            .collect();
        let items = items
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
        render(&template, items, environment)
    }

    fn data(template: &[(&str, Option<&str>)], items: &[(&str, &str)]) -> Vec<String> {
        let rendered = rendered(template, items).unwrap();
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        rendered.data.iter().map(|(key, value)| format!("{key}={}", text(value))).collect()
    }

    /// Case g34 of `e2e/golden`.
    #[test]
    fn template_reads_an_item() {
        let template = [("url", Some("postgres://u:{{ .PW }}@h/db"))];
        assert_eq!(data(&template, &[("PW", "p")]), ["PW=p", "url=postgres://u:p@h/db"]);
    }

    /// Cases g43 and g44 of `e2e/golden`.
    #[test]
    fn template_sees_unrendered_text_of_other_templates() {
        let template = [("P", Some("plain")), ("Q", Some("{{ .P }}-{{ .A }}-{{ .Q }}"))];
        assert_eq!(
            data(&template, &[("A", "1")]),
            ["A=1", "P=plain", "Q=plain-1-{{ .P }}-{{ .A }}-{{ .Q }}"]
        );
    }

    /// Case g35 of `e2e/golden`.
    #[test]
    fn item_replaces_template_of_the_same_key() {
        let template = [("A", Some("{{ fail .A }}")), ("B", Some("{{ .A }}"))];
        assert_eq!(data(&template, &[("A", "1")]), ["A=1", "B=1"]);
    }

    #[test]
    fn null_template_hides_item_from_secret_but_not_from_templates() {
        let template = [("A", None), ("B", Some("{{ .A }}")), ("C", None)];
        assert_eq!(data(&template, &[("A", "1")]), ["B=1"]);
    }

    #[test]
    fn random_keys_are_listed() {
        let template = [
            ("d", Some("{{ .A }}")),
            ("r", Some("{{ randAlphaNum 8 }}")),
            ("t", Some("{{ now }}")),
        ];
        let random = rendered(&template, &[("A", "1")]).unwrap().random;
        assert_eq!(random.into_iter().collect::<Vec<_>>(), ["r", "t"]);
    }

    #[test]
    fn error_names_key_and_place_without_value() {
        let error = |text| rendered(&[("c", Some(text))], &[("A", "canary")]).err().unwrap();
        let failed = error("x\n{{ fail .A }}");
        assert_eq!(failed.key, "c");
        assert!(failed.to_string().starts_with("line 2, column 4: fail: "), "{failed}");
        assert!(!format!("{failed:?} {failed}").contains("canary"));
        assert_eq!(
            error("{{ env `HOME` }}").to_string(),
            "line 1, column 4: function \"env\" is not defined"
        );
    }

    /// A thousand templates of a megabyte each would be a gigabyte.
    #[test]
    fn output_limit_covers_all_templates() {
        let text = format!("{{{{ repeat {} \"x\" }}}}", 3 << 20);
        let both = [("a", Some(&*text)), ("b", Some(&*text))];
        assert!(rendered(&both[..1], &[]).is_ok());
        let error = rendered(&both, &[]).err().unwrap();
        assert_eq!((error.key.as_str(), error.limit()), ("b", Some(Limit::Output)));
    }

    #[test]
    fn binary_value_passes_unchanged() {
        let items = [("A".to_owned(), Zeroizing::new(vec![0xff, 0]))].into();
        let environment = Environment {
            now: jiff::Timestamp::UNIX_EPOCH,
            random: &mut StdRng::seed_from_u64(1),
            limits: Limits::default(),
            deadline_exceeded: &|| false,
            memory: None,
        };
        let template = [("B".to_owned(), Some("{{ .A }}".to_owned()))].into();
        let rendered = render(&template, items, environment).unwrap();
        assert_eq!(**rendered.data["B"], [0xff, 0]);
    }
}
