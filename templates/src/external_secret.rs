//! The data, labels and annotations of the Secret that an ExternalSecret describes: the values of the
//! provider, and what the templates of `spec.target.template` make of them, as External Secrets does
//! with its engine `v2`.
//!
//! A template sees the values, and no other template. A key that they have not is an error. What stands
//! in `data` wins over what comes from elsewhere, of which the later wins; the values themselves are in
//! the Secret if no template makes data, or if they are to be merged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use zeroize::Zeroizing;

use crate::{
    Dialect, Environment, Limit, ParseError, RenderError, RenderErrorKind, Template, Text, Value,
    context::Context, error::Failure, radix::BASE64, sealed_secret::Values, yaml,
};

/// What `spec.target.template` says, with the texts it refers to.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// `mergePolicy: Merge`
    pub merge: bool,
    /// `templateFrom`, in its order.
    pub from: Vec<Source>,
    /// `data`
    pub data: BTreeMap<String, String>,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`
    pub annotations: BTreeMap<String, String>,
}

/// Templates of one ConfigMap, one Secret or one literal.
#[derive(Clone, Debug)]
pub struct Source {
    /// The templates, in their order: of the same key, the later counts.
    pub templates: Vec<SourceTemplate>,
    /// `target`
    pub field: Field,
    /// `valuesDecodingStrategy`
    pub decoding: Decoding,
}

/// A template of a [`Source`].
#[derive(Clone, Debug)]
pub struct SourceTemplate {
    /// Its key there.
    pub key: String,
    /// The template.
    pub text: String,
    /// How it is meant.
    pub scope: Scope,
}

/// What a template of a [`Source`] makes (`templateAs`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    /// A value.
    #[default]
    Values,
    /// YAML: a map of keys to values.
    KeysAndValues,
}

/// Where rendered values go.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Field {
    /// `data`
    #[default]
    Data,
    /// `metadata.annotations`
    Annotations,
    /// `metadata.labels`
    Labels,
}

impl Field {
    /// By its name, in upper or lower case. Nothing means `Data`.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "" | "data" => Some(Self::Data),
            "annotations" => Some(Self::Annotations),
            "labels" => Some(Self::Labels),
            _ => None,
        }
    }
}

/// How a value is decoded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Decoding {
    /// Not at all.
    #[default]
    None,
    /// RFC 4648 §4.
    Base64,
    /// RFC 4648 §5.
    Base64Url,
    /// One of both if it can be, else not at all.
    Auto,
}

impl Decoding {
    /// By its name. Nothing means `None`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "None" => Some(Self::None),
            "Base64" => Some(Self::Base64),
            "Base64URL" => Some(Self::Base64Url),
            "Auto" => Some(Self::Auto),
            _ => None,
        }
    }

    /// Decodes a value. None if it is not what it should be.
    pub fn decode(self, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let standard = |value: &[u8]| Some(BASE64.decode(value).ok()?.into_bytes());
        let url = |value: &[u8]| {
            if value.iter().any(|byte| b"+/".contains(byte)) {
                return None;
            }
            let swapped = value.iter().map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            });
            standard(&Zeroizing::new(swapped.collect::<Vec<_>>()))
        };
        match self {
            Self::None => Some(Zeroizing::new(value.to_vec())),
            Self::Base64 => standard(value),
            Self::Base64Url => url(value),
            Self::Auto => standard(value)
                .or_else(|| url(value))
                .or_else(|| Some(Zeroizing::new(value.to_vec()))),
        }
    }
}

/// What the Secret gets.
pub struct Rendered {
    /// Its data.
    pub data: Values,
    /// Its labels. They need not be valid.
    pub labels: BTreeMap<String, Zeroizing<String>>,
    /// Its annotations.
    pub annotations: BTreeMap<String, Zeroizing<String>>,
    /// The fields and keys of what would be something else the next time.
    pub random: BTreeSet<(Field, String)>,
}

/// Why there is nothing for the Secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub struct Error {
    /// Which template is at fault.
    pub place: Place,
    /// What is wrong with it.
    pub cause: Cause,
}

/// Where a template stands in `spec.target.template`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// `data`, `metadata.labels` or `metadata.annotations`, and the key.
    Key(Field, String),
    /// `templateFrom`: its index, and the key within.
    From(usize, String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(Field::Data, key) => write!(f, "data[{key}]"),
            Self::Key(Field::Labels, key) => write!(f, "metadata.labels[{key}]"),
            Self::Key(Field::Annotations, key) => write!(f, "metadata.annotations[{key}]"),
            Self::From(index, key) => write!(f, "templateFrom[{index}], {key}"),
        }
    }
}

/// What is wrong with a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cause {
    /// It is none.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It cannot be rendered with these values.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// What it renders to is not a map of keys to values.
    #[error("it should render to keys and values in YAML: {0}")]
    NotKeysAndValues(&'static str),
    /// What it renders to cannot be decoded.
    #[error("what it renders to is not encoded as its decoding strategy says")]
    NotEncoded,
    /// A label or an annotation that is not UTF-8.
    #[error("what it renders to is not UTF-8")]
    NotText,
    /// A limit that is not of one template.
    #[error("{0}")]
    Limit(Limit),
}

impl Error {
    /// Whether a limit was exhausted.
    pub fn is_limit(&self) -> bool {
        match &self.cause {
            Cause::Limit(_) => true,
            Cause::Render(error) => matches!(error.kind, RenderErrorKind::Limit(_)),
            _ => false,
        }
    }
}

/// Renders the templates of one object with the delimiters of `dialect`. Of the limits, `output` is for
/// all of them together.
///
/// # Errors
/// That of the first template that cannot be rendered. It tells no value.
pub fn render(
    target: &Target,
    values: Values,
    dialect: &Dialect,
    environment: Environment<'_>,
) -> Result<Rendered, Error> {
    let strings = values.iter().map(|(key, value)| (Text::from(&**key), Text::from(&***value)));
    let mut renderer = Renderer {
        dialect,
        context: Value::strings(strings),
        environment,
        fields: BTreeMap::new(),
        random: BTreeSet::new(),
    };
    if target.merge || target.data.is_empty() && target.from.is_empty() {
        renderer.fields.insert(Field::Data, values);
    }
    for (index, source) in target.from.iter().enumerate() {
        for SourceTemplate { key, text, scope } in &source.templates {
            let place = Place::From(index, key.clone());
            renderer.source(key, text, *scope, source, &place)?;
        }
    }
    for (field, templates) in [
        (Field::Data, &target.data),
        (Field::Labels, &target.labels),
        (Field::Annotations, &target.annotations),
    ] {
        for (key, text) in templates {
            let place = Place::Key(field, key.clone());
            let (value, random) = renderer.render(key, text, &place)?;
            renderer.set(field, key.clone(), value, random, &place)?;
        }
    }
    let mut field = |field| renderer.fields.remove(&field).unwrap_or_default();
    let (data, labels, annotations) =
        (field(Field::Data), field(Field::Labels), field(Field::Annotations));
    let text = |values: Values| values.into_iter().map(|(key, value)| (key, to_text(value)));
    Ok(Rendered {
        data,
        labels: text(labels).collect(),
        annotations: text(annotations).collect(),
        random: renderer.random,
    })
}

struct Renderer<'d, 'e> {
    dialect: &'d Dialect,
    context: Value,
    environment: Environment<'e>,
    fields: BTreeMap<Field, Values>,
    random: BTreeSet<(Field, String)>,
}

impl Renderer<'_, '_> {
    fn source(
        &mut self,
        key: &str,
        text: &str,
        scope: Scope,
        source: &Source,
        place: &Place,
    ) -> Result<(), Error> {
        let raise = |cause| Error { place: place.clone(), cause };
        let decode =
            |value: &[u8]| source.decoding.decode(value).ok_or_else(|| raise(Cause::NotEncoded));
        let (output, random) = self.render(key, text, place)?;
        if scope == Scope::Values {
            return self.set(source.field, key.to_owned(), decode(&output)?, random, place);
        }
        let entries = {
            let mut context = Context::new(self.environment());
            yaml::decode_strings(&mut context.meter, &output)
        };
        let entries = entries.map_err(|error| {
            raise(match error {
                Failure::Because(reason) => Cause::NotKeysAndValues(reason),
                Failure::Limit(limit) => Cause::Limit(limit),
            })
        })?;
        for (key, value) in entries {
            self.set(source.field, key, decode(&value)?, random, place)?;
        }
        Ok(())
    }

    /// The output of a template, and whether it is another one each time.
    fn render(
        &mut self,
        name: &str,
        text: &str,
        place: &Place,
    ) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
        let raise = |cause| Error { place: place.clone(), cause };
        let template =
            Template::parse(name, text, self.dialect).map_err(|error| raise(error.into()))?;
        let context = self.context.clone();
        let rendered =
            template.render(&context, self.environment()).map_err(|error| raise(error.into()))?;
        self.environment.limits.output -= rendered.output.len();
        Ok((rendered.output, rendered.non_deterministic))
    }

    fn environment(&mut self) -> Environment<'_> {
        let Environment { now, random, limits, interrupted } = &mut self.environment;
        Environment { now: *now, random: &mut **random, limits: *limits, interrupted: *interrupted }
    }

    fn set(
        &mut self,
        field: Field,
        key: String,
        value: Zeroizing<Vec<u8>>,
        random: bool,
        place: &Place,
    ) -> Result<(), Error> {
        if field != Field::Data && str::from_utf8(&value).is_err() {
            return Err(Error { place: place.clone(), cause: Cause::NotText });
        }
        let mark = (field, key.clone());
        if random {
            self.random.insert(mark);
        } else {
            self.random.remove(&mark);
        }
        self.fields.entry(field).or_default().insert(key, value);
        Ok(())
    }
}

/// The text of bytes that are known to be UTF-8.
fn to_text(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::Limits;

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
            interrupted: &|| false,
        };
        render(target, values, &Dialect::external_secret(), environment)
    }

    fn data(target: &Target, values: &[(&str, &str)]) -> Vec<String> {
        let rendered = rendered(target, values).unwrap();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        rendered.data.iter().map(|(key, value)| format!("{key}={}", text(value))).collect()
    }

    fn template(key: &str, text: &str, scope: Scope) -> SourceTemplate {
        SourceTemplate { key: key.to_owned(), text: text.to_owned(), scope }
    }

    /// They were rendered by the alphabet, and of two of the same key only one was.
    #[test]
    fn the_items_of_a_source_are_rendered_in_their_order() {
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

    /// Recorded, x46 and x47.
    #[test]
    fn templates_replace_the_values_unless_they_are_merged() {
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

    /// Recorded, x45 and x50.
    #[test]
    fn annotations_are_templates_and_so_is_what_a_config_map_holds() {
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

    /// Recorded, x51.
    #[test]
    fn keys_and_values_come_from_one_template() {
        let text = "{{ range $k, $v := . }}p_{{ $k }}: {{ $v | quote }}\n{{ end }}";
        let target = Target { from: vec![literal(text)], ..Target::default() };
        assert_eq!(data(&target, &[("A", "hunter2"), ("B", "v2")]), ["p_A=hunter2", "p_B=v2"]);
    }

    #[test]
    fn numbers_and_booleans_among_them_become_strings() {
        let text = "a: 1\nb: yes\nc: 1.50\nd:\ne: 0x10\nf: 3.14159265\n7: x";
        let target = Target { from: vec![literal(text)], ..Target::default() };
        assert_eq!(
            data(&target, &[]),
            ["7=x", "a=1", "b=true", "c=1.5", "d=", "e=16", "f=3.1415927"]
        );
    }

    #[test]
    fn what_stands_in_data_wins_and_of_the_others_the_later() {
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

    /// Recorded, x48 and x49: the peer tells the value.
    #[test]
    fn an_error_tells_the_place_and_no_value() {
        let error = |key: &str, text: &str| {
            let target = Target { data: strings(&[(key, text)]), ..Target::default() };
            rendered(&target, &[("A", "canary")]).err().unwrap()
        };
        let missing = error("u", "{{ .nope }}");
        assert_eq!(missing.place.to_string(), "data[u]");
        assert_eq!(missing.to_string(), "line 1, column 4: no entry has the key \"nope\"");
        let failed = error("u", "{{ fail .A }}");
        assert!(!format!("{failed} {failed:?}").contains("canary"));
        let target = Target { from: vec![literal("{{ .A }}")], ..Target::default() };
        let error = rendered(&target, &[("A", "canary")]).err().unwrap();
        assert_eq!(error.place.to_string(), "templateFrom[0], literal");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }

    #[test]
    fn what_is_random_is_named() {
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
    fn other_delimiters_leave_braces_alone() {
        let target = Target { data: strings(&[("a", "{{ <<.A>> }}")]), ..Target::default() };
        let environment = Environment {
            now: jiff::Timestamp::UNIX_EPOCH,
            random: &mut StdRng::seed_from_u64(1),
            limits: Limits::default(),
            interrupted: &|| false,
        };
        let values = [("A".to_owned(), Zeroizing::new(b"x".to_vec()))].into();
        let dialect = Dialect::external_secret().with_delimiters("<<", ">>");
        let rendered = render(&target, values, &dialect, environment).unwrap();
        assert_eq!(**rendered.data["a"], *b"{{ x }}");
    }
}
